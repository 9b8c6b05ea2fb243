// Deciding on the API's own answer, in two steps. Some facts about a resource only the API knows: whose the
// invoice is, of which tenant.
//
//   Enforcer::ask(question)          guards, and the policies that need no such fact; the budget is taken,
//   and
//                                    that the API is asked is on record. ApiAsked, or Refused.
//   Enforcer::answer(asked, answer)  all of it again with what the API told. Permit, or Refused, on record.
//
// An ApiAsked lets nobody have anything: it says that the API may be asked what a safe request reads (GET).
// What it answers is passed on only with a Permit, and as it was decided on.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cedar/value.h"
#include "enforce/outcome.h"
#include "enforce/question.h"

namespace writ::enforce {

// What the enforcer keeps between the steps.
struct AskedState {
  explicit AskedState(Parties of) : parties(std::move(of)) {}
  virtual ~AskedState() = default;
  const Parties parties;
};

class ApiAsked {
 public:
  const Parties& parties() const noexcept { return state_->parties; }

 private:
  friend class Enforcer;
  explicit ApiAsked(std::unique_ptr<AskedState> state) noexcept;
  std::unique_ptr<AskedState> state_;
};

using AskedOutcome = std::expected<ApiAsked, Refused>;
using AskedCallback = std::move_only_function<void(AskedOutcome&&)>;

// Makes a resource's attributes, a record, from what was answered: those that were awaited and what the route
// says. Fails where a value is missing, or is of another type than the schema says (null: there is none).
using AnswerFacts = std::function<Result<cedar::Value>(cedar::Arena&, const cedar::Schema*)>;

// One of a list.
struct Element {
  std::string id;          // of the resource
  AnswerFacts facts;       // empty: it cannot be read, and is taken out
  bool permitted = false;  // Enforcer::answer() says so
  // And what is left out of it; null: nothing.
  std::shared_ptr<const codec::JsonCut> obligations = {};
};

// What the API answered.
struct ApiAnswer {
  std::string unreadable = {};  // why nothing can be read of it; empty: it can
  AnswerFacts facts = {};       // of the resource; not of a list
  // Of a list: each is a resource of its own.
  bool is_list = false;
  EntityName action = {};              // on each
  std::string_view element_type = {};  // of each
  std::vector<Element> elements = {};
};

}  // namespace writ::enforce
