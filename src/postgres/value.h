// What a column of PostgreSQL holds, as the JSON that facts are read from. Each type is one kind of JSON, by
// what PostgreSQL says of the prepared statement, so that a text that looks like a number is a text:
//
//   boolean                       true, false
//   smallint, integer, bigint     an integer
//   text, varchar, uuid, an enum  a text
//   numeric                       a decimal, with at most four places behind the point
//   date, timestamptz             a datetime, to the millisecond
//   inet, cidr                    an ipaddr
//   arrays of those but the last three lines, of one dimension and without NULL   a list
//
// No other type is read: of floating-point numbers nobody knows whether they were rounded, and of a timestamp
// without a zone when it was. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace writ::postgres {

enum class ColumnKind : std::uint8_t { kBool, kInteger, kText, kDecimal, kDate, kInstant, kAddress };

struct ColumnType {
  ColumnKind kind;
  bool is_array = false;
  bool operator==(const ColumnType&) const = default;
};

// Of PostgreSQL's own types, by its number (pg_type.oid). Nothing: it is not read.
std::optional<ColumnType> builtin_type(std::uint32_t oid) noexcept;

// `text` as PostgreSQL writes it, with DateStyle ISO and in UTC. kInvalid.
Result<codec::Json> value_of(ColumnType type, std::string_view text);

}  // namespace writ::postgres
