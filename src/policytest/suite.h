// The tests of one *.test.yaml file as plain values (docs/testing.md describes the file).
//
// A suite has a world of its own, laid over the configuration's: an instant, identities, entities and tasks.
// A test is a list of steps in a fresh copy of that world: requests, each with what must come out, and
// changes in between, such as the end of a task. Read by policytest/reader.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/denial.h"
#include "cedar/ast.h"
#include "cedar/entities.h"
#include "codec/json.h"
#include "files/issue.h"
#include "inventory/directory.h"
#include "simulate/stated_token.h"
#include "sources/told.h"
#include "task/task.h"

namespace writ::policytest {

// The token that a request brings, as far as it is not the usual one.
struct TokenSpec : simulate::StatedToken {
  bool present = true;
};

// How a token that is bound to a key is presented.
enum class Proof : std::uint8_t { kRight, kNone, kOtherKey, kOtherRequest, kReplayed };

// What a request is about. With a method and a path alone, the configured routes say it.
struct Target {
  std::string method;
  std::string path;  // as sent, with the query
  std::string body;  // as far as the route looks at it
  // Empty: what the route says.
  std::string api;
  cedar::EntityUid action;
  cedar::EntityUid resource;
  codec::Json attributes;  // of the resource, an object or null
  bool issue = false;      // a token for the API is asked for, not used

  bool routed() const noexcept { return api.empty(); }
};

struct RequestSpec {
  Target target;
  TokenSpec token;
  Proof proof = Proof::kRight;
  bool approved = false;  // people approve this very call, if that is what it needs
  Instant time;
  std::string ip;
};

// What must come out. A permit, or a refusal with its reason; or no answer of a decision at all, because no
// route leads there.
struct Expectation {
  files::Place place;
  std::string code;  // "permit", a reason code, "not_found", "method_not_allowed" or "invalid_request"
  // Absent: not looked at.
  std::optional<std::string> party;                  // as Cedar writes it
  std::optional<std::string> path;                   // of context_missing
  std::optional<std::vector<std::string>> policies;  // exactly these, sorted
  std::vector<std::string> reasons;                  // all of these are among all reasons
  // Exactly these parties are refused by the policies, as Cedar writes them, sorted.
  std::optional<std::vector<std::string>> refused;
};

struct Ask {
  files::Place place;
  RequestSpec request;
  std::int64_t times = 1;
  Expectation expect;
};

// Something that happens between requests.
struct Change {
  enum class Kind : std::uint8_t { kEndTask, kRevokeTask, kSuspend, kRetire, kActivate, kRevokeToken };
  files::Place place;
  Kind kind;
  std::string id;       // of the task or identity
  RequestSpec request;  // kRevokeToken: whose token
};

using Step = std::variant<Ask, Change>;

struct Test {
  std::string name;
  files::Place place;
  std::vector<Step> steps;
};

struct TaskFixture {
  task::Task task;
  task::State state = task::State::kActive;
  std::vector<std::pair<cedar::EntityUid, std::int64_t>> used;  // calls, by action
};

struct Suite {
  std::string file;
  std::string about;
  Instant now;
  inventory::Change world;  // the configuration's, with the fixtures
  std::shared_ptr<const cedar::Entities> entities;
  std::vector<TaskFixture> tasks;
  // What sources of facts say, by resource: nobody is asked in a test.
  std::map<cedar::EntityUid, std::shared_ptr<const sources::ToldFacts>> answers;
  codec::Json fixtures;  // as they are written; null: none
  std::vector<Test> tests;
  bool recorded = false;  // from an audit log: what cannot be reproduced is left out, and is no mistake
};

}  // namespace writ::policytest
