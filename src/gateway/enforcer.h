// Enforcer: the one place that walks a request from its token to an answer:
//
//   extract → verify → context → decide → consume budget and approval → audit → permit or refusal
//
// It never waits for a disk. Where budget, labels or approval have to be written before the request may pass,
// the request is put aside with all that it was decided on, and goes on when they are (task/write.h). It is
// refused then when what decided it has changed meanwhile, or its token or task is over.
//
// Whatever breaks on the way, also for want of memory, refuses this one request.
//
// The gateway's proxy, Writ's own API and AuthZEN all come through here; they say which API, action and
// resource the request is about. The outcome is given only after its audit record is written, permits and
// refusals alike, so the caller's effect can never be without its record; when the record cannot be written
// the outcome is a refusal (503 `audit_unavailable`). A budget that is found used up at the last moment turns
// the permit into that denial.
//
// Refusals are ready-made answers. RFC 6750 §3, RFC 9449 §7.1: a token that is no good is 401 with
// WWW-Authenticate; an access that is not granted 403; what could not be decided 503.
//
// A use of the budget that is taken stays taken when the record then fails. Thread-safe. The workspaces that
// decisions need are kept per thread, and a warm permit allocates little more than its record.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "audit/log.h"
#include "base/denial.h"
#include "base/times.h"
#include "cedar/value.h"
#include "decision/decision.h"
#include "gateway/forwarded_headers.h"
#include "http/request.h"
#include "http/response.h"
#include "inventory/directory.h"
#include "task/call_approvals.h"
#include "task/registry.h"
#include "token/verifier.h"

namespace writ::gateway {

struct EntityName {
  std::string_view type;  // "Billing::Invoice"
  std::string_view id;
};

// What is asked. What it views lives until the callback is called: a callback that owns it is best.
struct Asked {
  std::string_view point;  // for the audit: "gateway", "api", "authzen"
  const http::Request& request;
  std::string_view api;  // its id in the inventory
  EntityName action;
  EntityName resource;
  // Makes what the caller knows of the resource, a record; it fills in where the entities say nothing.
  std::function<cedar::Value(cedar::Arena&)> attributes = {};
  // What the request spends, as far as it tells, and the labels that the token's task earns by it, beside
  // those of the resource's attribute `taskLabels`.
  std::span<const task::NamedAmount> amounts = {};
  std::span<const std::string> labels = {};
  // False: the caller writes the record of a permit itself, with what it did (AuthZEN's evaluations).
  // Refusals are recorded always.
  bool record_permit = true;
  // The caller's token, by whoever made it for this caller a moment ago (the token endpoint). Null: the
  // request's headers carry one.
  const token::Verified* token = nullptr;
  // All of the request's body, where an approval of this call may be used. Absent: it was not read, or no
  // approvals of calls are taken here.
  std::optional<std::string_view> body = {};
  // Scheme and authority under which callers reach this server, "https://api.acme.example": DPoP proofs are
  // for it. Empty: no proof can be checked, and sender-bound tokens are refused.
  std::string_view public_origin = {};
  // Which of its header fields an upstream gets: an approval of the call is for these too.
  const ForwardedHeaders& forwarded = *ForwardedHeaders::standard();
  // It stops somebody or something: a permit is recorded from the space that is kept for stops.
  bool stops = false;
};

class Permit {
 public:
  const token::Verified& token() const noexcept { return token_; }
  const inventory::Api& api() const noexcept { return *api_; }
  const std::string& request_id() const noexcept { return request_id_; }
  Times time() const noexcept { return time_; }
  // As the decision saw them: the token's claim, else what inventory and task say.
  const std::optional<std::string>& tenant() const noexcept { return tenant_; }
  const std::optional<std::string>& environment() const noexcept { return environment_; }
  const std::optional<std::string>& purpose() const noexcept { return purpose_; }

 private:
  friend class Enforcer;
  Permit(token::Verified token, std::shared_ptr<const inventory::Snapshot> inventory,
         const inventory::Api& api, Times time)
      : token_(std::move(token)), inventory_(std::move(inventory)), api_(&api), time_(time) {}

  token::Verified token_;
  std::shared_ptr<const inventory::Snapshot> inventory_;  // what api_ lives in
  const inventory::Api* api_;
  std::string request_id_;
  Times time_;
  std::optional<std::string> tenant_, environment_, purpose_;
};

// A call that people may approve: all but its arguments.
struct Offer {
  task::CallApproval asked;
  decision::Refusal refusal;
  std::string request_id;
  bool bound;
};

struct Refused {
  Reason reason;
  http::Response response;
  std::shared_ptr<const Offer> offer = nullptr;  // approval_required: for offer_approval()
};

using Outcome = std::expected<Permit, Refused>;
using OutcomeCallback = std::move_only_function<void(Outcome)>;

// What it works with. All that is referred to must outlive it.
struct EnforcerParts {
  const Clock& clock;
  const token::Verifier& verifier;
  const inventory::Directory& inventory;
  const task::Registry& tasks;
  // The policies in force; never null.
  std::function<std::shared_ptr<const decision::PolicySnapshot>()> policies;
  // audit::Log::append: calls back once, from any thread or from inside the call.
  std::function<void(audit::Record, audit::Log::Done)> record;
  task::Writer& writer;                  // what has to be on disk before a request may pass
  task::CallApprovals* calls = nullptr;  // null: no approvals of calls are taken
};

// For /metrics. Monotone.
struct EnforcerStats {
  static constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kIndeterminate) + 1;
  std::uint64_t permits;
  std::array<std::uint64_t, kReasons> refusals;  // by Reason
  std::uint64_t audit_failures;                  // outcomes that could not be recorded, permits or refusals
  std::uint64_t waited;                          // put aside until something was written
};

class Enforcer {
 public:
  explicit Enforcer(EnforcerParts parts) : parts_(std::move(parts)) {}
  Enforcer(const Enforcer&) = delete;
  Enforcer& operator=(const Enforcer&) = delete;

  // Calls back with the outcome once its record is written: on the audit's thread or the writer's, or from
  // inside this call when nothing has to be written and the audit is buffered. It waits for nothing. A
  // callback that throws loses its request, and nobody else's.
  void enforce(const Asked& asked, OutcomeCallback callback) noexcept;
  // Waits. Not on a loop thread.
  Outcome enforce(const Asked& asked);
  // Puts the call that was refused before those who approve, and calls back with the answer that names the
  // approval's id, when its record is written. `body` is all of the request's. What is put there grants
  // nothing, so it is kept before it is recorded. 429, when too many wait. It waits for nothing.
  void offer_approval(const Offer& offer, const http::Request& request, const ForwardedHeaders& forwarded,
                      std::string_view body, std::move_only_function<void(http::Response)> callback);
  // What people would have to approve for this to pass; null when an approval does not help, or is not
  // needed. Silently, as would_permit().
  std::shared_ptr<const Offer> would_offer(const Asked& asked) const;
  // Would this be permitted? Nothing is recorded, no budget is taken and no DPoP proof looked at: it is for
  // choosing what to show to a caller whose request was permitted and recorded, never for letting one pass.
  bool would_permit(const Asked& asked) const;

  // Does the request bring a token that is good? Silent, and only for choosing what a stranger's request is
  // not worth: reading its body, a place in a queue. Whatever passes is enforced all the same.
  bool recognises(const http::Request& request) const;

  EnforcerStats stats() const noexcept;

 private:
  struct Memory;
  class Walk;
  struct Given;
  struct Parked;
  struct Offering;
  static std::unique_ptr<Memory>& memory();
  void finish(Walk& walk, const std::expected<void, decision::Refusal>& decided, Given given);
  void wait(std::unique_ptr<Parked> parked, std::unique_ptr<task::Write> write);
  void go_on(std::unique_ptr<Parked> parked, const Result<void>& written);
  void record_offer(std::unique_ptr<Offering> offering, const Result<void>& written);

  EnforcerParts parts_;
  std::atomic<std::uint64_t> permits_{0}, audit_failures_{0}, waited_{0};
  std::array<std::atomic<std::uint64_t>, EnforcerStats::kReasons> refusals_{};
};

}  // namespace writ::gateway
