// Coverage: what of the policies the tests of a run have looked at.
//
//   a policy is seen when it applied; an atomic condition (cedar/coverage.h) when it was true, and when it
//   was false; a kind of party when one was permitted, and when one was refused; an action (of Writ's own
//   API, one that a policy names) when it was asked
//
// Counted are the questions of all parties, as a decision asks them that is to give all reasons (`refused`
// and `reasons` of an expectation look at the same). Each of these sides counts once for the percentage,
// however often it is seen. Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cedar/coverage.h"
#include "codec/json.h"
#include "policytest/suite.h"
#include "policytest/world.h"

namespace writ::policytest {

class Coverage {
 public:
  // Something that can be seen from one or more sides.
  struct Item {
    enum class Kind : std::uint8_t { kPolicy, kCondition, kParty, kAction };
    struct Side {
      std::string_view name;  // "applied"; "true", "false"; "permitted", "refused"; "asked"
      std::size_t times = 0;
    };
    Kind kind;
    files::Place place;  // of policies and conditions
    std::string policy;  // of a condition
    std::string what;    // "customers-use-their-own-invoices", "context has user", "service", an action
    std::vector<Side> sides;
    std::size_t failed = 0;  // could not be evaluated
  };

  // Of the policies in force, and the kinds of party and the actions of the suites. `loaded` is not kept.
  static Result<Coverage> make(const policy::Loaded& loaded, std::span<const Suite> suites);

  void see(const Asked& asked);

  // Policies with their conditions first, then kinds of party, then actions.
  const std::vector<Item>& items() const noexcept { return items_; }
  std::size_t sides() const noexcept;
  std::size_t seen() const noexcept;
  // Is it so much, in per cent? Nothing to see is not enough.
  bool at_least(unsigned percent) const noexcept;

 private:
  explicit Coverage(cedar::CoverageProbe probe) : probe_(std::move(probe)) {}
  Item* find(Item::Kind kind, std::string_view what);

  cedar::CoverageProbe probe_;
  std::vector<Item> items_;
  std::vector<std::size_t> policies_, conditions_;  // where they are in items_
};

// What was not seen, with its place, and the sum; with `all`, how often the rest was seen, too.
std::string to_text(const Coverage& coverage, bool all);
// {"percent", "sides", "seen", "items": [{"kind", "what", "file", "line", "policy", "sides": {...}}]}
codec::Json to_json(const Coverage& coverage);

}  // namespace writ::policytest
