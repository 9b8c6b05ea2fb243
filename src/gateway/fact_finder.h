// FactFinder: what a route finds in a request beside its amounts, typed: attributes of the resource, and
// entries of `context.input` (docs/facts.md).
//
//   amount: {from: body /amount, type: decimal}      →  resource.amount
//
// Found is what every reader of the request finds (gateway/one_reading.h). What is absent, given twice, of
// another type, or too long is not told, and a note says why: what needs it then refuses; nothing is guessed.
// A request whose GraphQL operation is looked for, and cannot be read, is not passed on (gateway/graphql.h).
// Immutable and thread-safe.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/schema_type.h"
#include "cedar/value.h"
#include "codec/json.h"
#include "context/context.h"
#include "http/request.h"

namespace writ::gateway {

inline constexpr std::size_t kMaxFactBytes = 1024;   // of a text
inline constexpr std::size_t kMaxFactElements = 64;  // of a set
inline constexpr std::size_t kMaxFacts = 16;         // of a route

// One fact as the configuration says it.
struct FactSpec {
  enum class Of : std::uint8_t { kResource, kInput };
  Of of = Of::kResource;
  std::string name;  // "amount"
  std::string from;  // "body /amount"
  std::string type;  // "decimal", "set of string", "Billing::Team"
};

// `string`, `long`, `bool`, `decimal`, the type of an entity, or `set of` one of them. Fails with kInvalid.
Result<cedar::Type> parse_fact_type(std::string_view text);
// Attributes that guards or the task's labels go by: a request that leaves one out must not get past them.
bool is_guarded_attribute(std::string_view name) noexcept;

// What was found in one request.
struct FoundFacts {
  cedar::Arena arena;
  std::vector<cedar::Field> attributes, input;  // the names are the route's
  std::vector<context::FactNote> notes;         // one for each that the route declares
  std::string unreadable = {};                  // why the request is not passed on; empty: it may be
};

inline std::span<const context::FactNote> notes_of(const FoundFacts* found) noexcept {
  return found != nullptr ? std::span<const context::FactNote>(found->notes)
                          : std::span<const context::FactNote>();
}

class FactFinder {
 public:
  // Parameters are named as in the path's template. Fails with kInvalid: which fact, and why.
  static Result<FactFinder> make(const std::vector<FactSpec>& specs,
                                 const std::vector<std::string>& parameters);

  bool empty() const noexcept { return facts_.empty(); }
  bool read_body() const noexcept;
  bool read_query() const noexcept;
  bool read_graphql() const noexcept;
  // The fields of the header that some are found in.
  std::vector<std::string_view> header_names() const;
  // `values` are the path's. `body` is all of it, or null: it was not read. Null: the route declares none.
  std::unique_ptr<FoundFacts> find(const http::Request& request, const std::vector<std::string_view>& values,
                                   std::optional<std::string_view> body) const;

 private:
  enum class Where : std::uint8_t { kPath, kQuery, kHeader, kBody, kGraphql };
  struct Fact {
    FactSpec::Of of;
    Where where;
    std::string name, path, from;  // "amount", "resource.amount", "body /amount"
    std::string place;             // of the parameter or field; or the pointer
    std::string member;            // of the body: the pointer's last name
    std::size_t parameter = 0;     // of the path
    cedar::Type type;
  };
  class Body;
  using Found = std::expected<cedar::Value, std::string_view>;
  static Result<Fact> parse(const FactSpec& spec, const std::vector<std::string>& parameters);
  static Found find(const Fact& fact, const http::Request& request,
                    const std::vector<std::string_view>& values, Body& body, cedar::Arena& arena);

  std::vector<Fact> facts_;
};

}  // namespace writ::gateway
