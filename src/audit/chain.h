// The hash chain of the audit log, line by line (docs/audit-format.md). Pure.
//
//   {"seq":1,"prev":"00..","time":..,...,"hash":"ab.."}
//
// `hash` is the SHA-256 of the line's bytes before `,"hash":`; `prev` is the hash of the line before, and 64
// zeros in the first line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/record.h"

namespace writ::audit {

inline constexpr std::size_t kMaxLineBytes = 256 * 1024;
// Of what a record says; the rest of the line is its number and two hashes.
inline constexpr std::size_t kMaxRecordBytes = kMaxLineBytes - 256;

// The end of a chain: how many records, and the hash of the last one.
struct Head {
  std::uint64_t seq = 0;
  std::string hash = std::string(64, '0');
  friend bool operator==(const Head&, const Head&) = default;
};

// "12:ab34...": a head as text.
std::string head_text(const Head& head);
std::optional<Head> head_from_text(std::string_view text);

// Appends the next line, with its line break, and moves the head on.
void append_line(std::string& out, Head& head, std::string_view members);

// A line taken apart; nothing when it has not the form of one.
struct Line {
  std::uint64_t seq;
  std::string_view prev;
  std::string_view hashed;  // the bytes that `hash` is of
  std::string_view hash;
};
std::optional<Line> take_apart(std::string_view line);
bool hash_matches(const Line& line);

}  // namespace writ::audit
