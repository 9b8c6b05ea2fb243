// Enforcer: the one place that walks a request from its token to an outcome:
//
//   verify → context → decide → consume budget and approval → audit → permit or refusal
//
// A token of another issuer whose key is not known is put aside while the issuer is asked for it, once. So is
// a request for a resource whose facts have to be asked for (sources/source.h): after everything that
// refuses it without them, and before anything is used up. What is refused because of what was told says so
// in its record alone: to the caller all such refusals look the same. It never waits for a disk. Where
// budget, labels or approval have to be written before the request may pass, the request is put aside with
// all that it was decided on, and goes on when they are (task/write.h). It is refused then when what decided
// it has changed meanwhile, or its token or task is over.
//
// Whatever breaks on the way, also for want of memory, refuses this one request.
//
// Every face comes through here, and says which API, action and resource a request is about. The outcome is
// given only after its audit record is written, permits and refusals alike, so the caller's effect can never
// be without its record; when the record cannot be written the outcome is a refusal (Kind::kNotRecorded). A
// budget that is found used up at the last moment turns the permit into that denial.
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
#include <string>
#include <string_view>
#include <utility>

#include "audit/log.h"
#include "enforce/answer.h"
#include "enforce/in_force.h"
#include "enforce/outcome.h"
#include "enforce/question.h"
#include "enforce/ruling.h"
#include "enforce/unlisted.h"
#include "sources/sources.h"
#include "task/call_approvals.h"
#include "task/registry.h"
#include "token/verifier.h"

namespace writ::enforce {

// What it works with. All that is referred to must outlive it.
struct EnforcerParts {
  const Clock& clock;
  const token::Verifier& verifier;
  const Current& current;
  const task::Registry& tasks;
  // audit::Log::append: calls back once, from any thread or from inside the call.
  std::function<void(audit::Record, audit::Log::Done)> record;
  task::Writer& writer;                  // what has to be on disk before a request may pass
  task::CallApprovals* calls = nullptr;  // null: no approvals of calls are taken
  // Who brings tokens that are not good is slowed down by it. Null: nobody is.
  token::TokenAttempts* attempts = nullptr;
  // Where callers are noted that the inventory does not know. Null: nowhere.
  Unlisted* unlisted = nullptr;
};

// For /metrics. Monotone.
struct EnforcerStats {
  static constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kIndeterminate) + 1;
  std::uint64_t permits;
  std::array<std::uint64_t, kReasons> refusals;  // by Reason
  std::uint64_t audit_failures;                  // outcomes that could not be recorded, permits or refusals
  std::uint64_t waited;                          // put aside until something was written
  std::uint64_t observed;  // of the refusals: let pass, because their API is only observed
};

class Enforcer {
 public:
  explicit Enforcer(EnforcerParts parts) : parts_(std::move(parts)) {}
  Enforcer(const Enforcer&) = delete;
  Enforcer& operator=(const Enforcer&) = delete;

  // Calls back with the outcome once its record is written: on the audit's thread or the writer's, or from
  // inside this call when nothing has to be written and the audit is buffered. It waits for nothing. A
  // callback that throws loses its request, and nobody else's.
  void enforce(const Question& question, OutcomeCallback callback) noexcept;
  // Waits. Not on a loop thread.
  Outcome enforce(const Question& question);
  // The first and the second step where the API's answer decides (enforce/answer.h). The question lives until
  // the second is done; that one takes no budget, and what was stopped or changed between the steps counts.
  // Where nothing was, it goes on from the first, with the memory of that.
  // It says in `answer` which elements of a list stay, which means something only with a permit.
  void ask(const Question& question, AskedCallback callback) noexcept;
  void answer(ApiAsked asked, ApiAnswer& answer, OutcomeCallback callback) noexcept;
  // Of a route that is public. What the question says of credentials is not looked at.
  void enforce_public(const Question& question, PublicCallback callback) noexcept;
  // What became of a permit's obligations, by the face that fulfils them: on record before anything of the
  // answer goes out. Calls back once, as enforce() does, with whether it is recorded.
  void record_fulfilment(const Fulfilment& fulfilment, std::move_only_function<void(bool)> done) noexcept;
  // Puts the call that was refused before those who approve, and calls back with the refusal that names the
  // approval's id, when its record is written. `arguments` is as ApprovalUse's, `body` all that people need
  // to see of it. What is put there grants nothing, so it is kept before it is recorded. It waits for
  // nothing.
  void offer_approval(const Offer& offer, std::string arguments, std::string_view body,
                      std::move_only_function<void(Refused)> callback);
  // What people would have to approve for this to pass; null when an approval does not help, or is not
  // needed. Silently, as would_permit().
  std::shared_ptr<const Offer> would_offer(const Question& question) const;
  // Would this be permitted? Nothing is recorded, no budget is taken and no DPoP proof looked at: it is for
  // choosing what to show to a caller whose request was permitted and recorded, never for letting one pass.
  bool would_permit(const Question& question) const;

  // The token, when it is good. Silent, and without a look at its proof: only for choosing what a stranger's
  // request is not worth (reading its body, a place in a queue) and what is not told. Whatever passes is
  // enforced all the same.
  // Not counted as an attempt; of a source that has to wait, only tokens that are known are good.
  // `api`: where it was brought.
  std::optional<token::Verified> token_of(const Credentials& credentials, std::string_view peer_ip,
                                          std::string_view api) const;
  bool recognises(const Credentials& credentials, std::string_view peer_ip, std::string_view api) const {
    return token_of(credentials, peer_ip, api).has_value();
  }

  // True: the token's issuer is being asked for its key, or about the token; `then` was taken, and is called
  // on another thread when that is over. False: there is nothing to wait for. enforce() does this itself.
  bool wait_for_issuer(const Credentials& credentials, std::string_view peer_ip, std::string_view api,
                       std::move_only_function<void()>& then) const;

  EnforcerStats stats() const noexcept;

 private:
  class Walk;
  struct Given;
  struct Parked;
  struct Held;
  struct Offering;
  struct Awaiting;
  struct Wanting;
  void begin(const Question& question, Given&& given, bool may_wait) noexcept;
  void go_on(const Question& question, std::unique_ptr<Memory>& memory, Walk& walk,
             std::expected<void, decision::Refusal> decided, Given&& given);
  void ask_source(const Question& question, Walk& walk, Given&& given);
  void go_on_told(const std::shared_ptr<Wanting>& wanting,
                  const sources::AskedSource::Answer& answer) noexcept;
  static std::unique_ptr<Memory>& memory();
  static void give_back(std::unique_ptr<Memory> memory) noexcept;
  void note_use(const Permit& permit) const noexcept;
  void finish(Walk& walk, std::unique_ptr<Memory>& memory,
              const std::expected<void, decision::Refusal>& decided, Given&& given);
  void wait(std::unique_ptr<Parked> parked, std::unique_ptr<task::Write> write);
  void go_on(std::unique_ptr<Parked> parked, const Result<void>& written);
  void record_offer(std::unique_ptr<Offering> offering, const Result<void>& written);

  EnforcerParts parts_;
  std::atomic<std::uint64_t> permits_{0}, audit_failures_{0}, waited_{0}, observed_{0};
  std::array<std::atomic<std::uint64_t>, EnforcerStats::kReasons> refusals_{};
};

}  // namespace writ::enforce
