// For tests of what enforces: Acme's parties and an API in a real inventory, real keys and tokens, policies,
// tasks, and an audit that keeps its lines in memory and fails when told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cedar/compile.h"
#include "cedar/parse.h"
#include "codec/json.h"
#include "crypto/random.h"
#include "decision/obligations.h"
#include "enforce/enforcer.h"
#include "enforce/testing/current.h"
#include "http/headers.h"
#include "inventory/testing/memory_store.h"
#include "task/testing/memory_call_store.h"
#include "task/testing/memory_store.h"
#include "task/testing/write_at_once.h"
#include "token/testing/world.h"

namespace writ::enforce::testing {

using codec::Json;
using token::testing::kNow;
using namespace std::chrono_literals;

inline constexpr std::string_view kIssuer = "https://writ.example";
inline constexpr std::string_view kInvoices = "https://invoices.acme.example";
inline constexpr std::string_view kOrigin = "https://api.acme.example";

inline constexpr std::string_view kPolicies = R"(
@id("users") permit (principal is Writ::User, action, resource is Billing::Invoice);
@id("portal") permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice)
when { context has purpose && context.purpose == "support" };
@id("agents")
permit (principal is Writ::Agent, action == Billing::Action::"read", resource is Billing::Invoice);
@id("sealed") forbid (principal, action, resource == Billing::Invoice::"sealed");
)";

// Thread-safe.
class MemoryAudit {
 public:
  std::atomic<bool> broken = false;
  std::atomic<bool> held = false;  // records wait until release()

  void append(audit::Record record, audit::Log::Done done) {
    if (held) {
      const std::lock_guard lock(mutex_);
      waiting_.emplace_back(std::move(record), std::move(done));
      return;
    }
    done(write(std::move(record)));
  }
  // Writes what waits, on the caller's thread.
  void release() {
    held = false;
    for (auto& [record, done] : take_waiting()) done(write(std::move(record)));
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  std::vector<Json> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::size_t size() const { return lines().size(); }
  // "permit", or "deny/task_ended", of each line in turn.
  std::vector<std::string> effects() const {
    std::vector<std::string> all;
    for (const Json& line : lines()) {
      const auto* reason = line.find_string("reason");
      all.push_back(*line.find_string("effect") + (reason != nullptr ? "/" + *reason : ""));
    }
    return all;
  }

 private:
  using Waiting = std::vector<std::pair<audit::Record, audit::Log::Done>>;

  Result<void> write(audit::Record record) {
    if (broken) return failure(ErrorCode::kIo, "the disk is full");
    const std::lock_guard lock(mutex_);
    lines_.push_back(codec::parse_json("{" + record.members + "}").value());
    return {};
  }
  Waiting take_waiting() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

  mutable std::mutex mutex_;
  std::vector<Json> lines_;
  Waiting waiting_;
};

inline std::shared_ptr<const decision::PolicySnapshot> compiled(std::string_view text) {
  auto set = cedar::parse_policies(text).value();
  decision::Obligations::ByPolicy obligations;
  for (auto& policy : set.policies) {
    policy.id = policy.annotation("id")->value.value();
    if (auto obligation = decision::obligation_of(policy).value()) obligations[policy.id] = *obligation;
  }
  return std::make_shared<decision::PolicySnapshot>(decision::PolicySnapshot{
      .policies = cedar::CompiledPolicySet::compile(set).value(),
      .entities = cedar::Entities::empty(),
      .revision = "r1",
      .obligations =
          obligations.empty() ? nullptr : std::make_shared<const decision::Obligations>(obligations)});
}

struct World {
  World() {
    using inventory::Kind;
    add({.id = "nora", .kind = Kind::kUser, .tenant = "north"});
    add({.id = "sofia", .kind = Kind::kUser, .tenant = "south"});
    add({.id = "support-portal",
         .kind = Kind::kApplication,
         .environment = "production",
         .acts_for = {"users"},
         .purposes = {"support"}});
    add({.id = "marketing-app", .kind = Kind::kApplication, .acts_for = {"users"}});
    add({.id = "support-agent", .kind = Kind::kAgent, .acts_for = {"users", "support-portal"}});
    const auto created = directory.create(inventory::Api{.id = "invoices",
                                                         .audience = std::string(kInvoices),
                                                         .name_space = "Billing",
                                                         .actions = {"read", "refund"}});
    WRIT_CHECK(created.has_value());
  }

  void add(inventory::Identity identity) { WRIT_CHECK(directory.create(std::move(identity)).has_value()); }

  // The portal's claims for nora. Each has a jti of its own.
  token::AccessClaims claims() const {
    auto made = token::testing::valid_claims(clock.now());
    made.jti = crypto::random_id();
    made.purpose = "support";
    made.tenant = "north";
    return made;
  }
  std::string token(const token::AccessClaims& claims) const { return tokens.mint(claims); }
  std::string token() const { return token(claims()); }

  // The agent's claims for nora, from the portal and inside the task.
  token::AccessClaims claims_in(const task::LiveTask& task) const {
    auto made = claims();
    made.client_id = "support-agent";
    made.actors = {{"support-agent", std::nullopt}, {"support-portal", std::nullopt}};
    made.task = task->id;
    return made;
  }
  std::shared_ptr<task::LiveTask> open_task(std::optional<std::int64_t> calls = std::nullopt,
                                            std::vector<task::AmountTotal> amounts = {}) {
    task::Task opened;
    opened.id = "task-" + std::to_string(tasks.size() + 1);
    opened.purpose = "support";
    opened.subject = "nora";
    opened.client = "support-portal";
    opened.agents = {"support-agent"};
    opened.actions = {{"Billing::Action", "read"}};
    opened.resources = {{"Billing::Invoice", std::nullopt}};
    opened.not_before = opened.opened_at = clock.now();
    opened.expires_at = clock.now() + 10min;
    opened.budget.calls = calls;
    opened.budget.amounts = std::move(amounts);
    opened.opened_by = "ops-console";
    return tasks.open(std::move(opened)).value();
  }

  // A DPoP proof of this key for this token and request, and the fields they come in.
  http::Headers bound_headers(const jose::PrivateJwk& key, std::string_view token, std::string_view method,
                              std::string_view uri) const {
    const auto proof = token::testing::sign_proof(
        key, token::testing::proof_header(key),
        token::testing::proof_claims({method, uri}, token, clock.now(), crypto::random_id()));
    return {{"Authorization", "DPoP " + std::string(token)}, {"DPoP", proof}};
  }

  token::testing::World tokens;
  ManualClock clock{kNow};
  inventory::testing::MemoryStore inventory_store;
  inventory::Directory directory{inventory_store};
  task::testing::MemoryStore task_store;
  task::Registry tasks{task_store};
  task::testing::MemoryCallStore call_store;
  task::CallApprovals call_approvals{call_store};
  task::testing::WriteAtOnce writer{task_store, call_store};
  Current current{{directory.snapshot(), compiled(kPolicies)}};
  Followed followed{directory, current};
  Policies policies{current};
  MemoryAudit audit;
  // Takes the records; a test may put another audit in its place before the first request.
  std::function<void(audit::Record, audit::Log::Done)> record =
      [this](audit::Record line, audit::Log::Done done) { audit.append(std::move(line), std::move(done)); };
  Enforcer enforcer{{.clock = clock,
                     .verifier = tokens.verifier,
                     .current = current,
                     .tasks = tasks,
                     .record = [this](audit::Record line,
                                      audit::Log::Done done) { record(std::move(line), std::move(done)); },
                     .writer = writer,
                     .calls = &call_approvals}};
};

}  // namespace writ::enforce::testing
