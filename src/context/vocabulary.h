// Vocabulary: every path of `context` that policies can read, with its type, whether it may be absent, and
// where it comes from. The base schema's `Writ::Context` is made from it; the record that requests get and
// the table in docs/policy-context.md are checked against it by tests.
//
// A new path is added here first, then built in context.cc. Constant data.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace writ::context {

// In the order in which they are asked: where the first says nothing, the next is.
enum class FactSource : std::uint8_t {
  kToken,          // a claim of the token, or that it is bound
  kInventory,      // what the inventory says of the parties
  kTask,           // the token's task
  kRequest,        // what Writ saw of the request with its own eyes
  kConfiguration,  // the operator's file
  kPeople,         // an approval of this call
};
std::string_view source_name(FactSource source) noexcept;  // "token", "inventory", ...

struct PathEntry {
  // Below `context`: "token.acr". One that ends with `.*` is whatever the configuration names there.
  std::string_view path;
  std::string_view type;  // as Cedar's schema syntax writes it, within namespace Writ; of a `.*` in words
  bool optional;
  std::span<const FactSource> sources;
  std::string_view what;  // for people
};

// In the order of docs/policy-context.md. The parts of a record follow one another.
std::span<const PathEntry> vocabulary() noexcept;
const PathEntry* find_path(std::string_view path) noexcept;  // null: policies cannot read it

// What the configuration names below `context.amounts` and `context.input`, with types in the schema's
// syntax.
struct OwnPaths {
  using Types = std::map<std::string, std::string, std::less<>>;
  Types amounts, input;
};

// The members of `Writ::Context` in Cedar's schema syntax, one for each line.
std::string context_members(const OwnPaths& own = {});

}  // namespace writ::context
