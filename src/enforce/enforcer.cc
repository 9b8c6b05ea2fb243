#include "enforce/enforcer.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <future>

#include "base/blocking.h"
#include "base/recycled.h"
#include "enforce/walk.h"

namespace writ::enforce {
// An outcome on its way to whoever waits for it. One that is lost is a refusal.
struct Enforcer::Given {
  Given(Enforcer& of, OutcomeCallback told, RequestId id) noexcept
      : enforcer(of), callback(std::move(told)), request_id(id) {}
  Given(Enforcer& of, AskedCallback told, const Question& asked_of) noexcept
      : enforcer(of), asked_callback(std::move(told)), question(&asked_of), request_id(RequestId::next()) {}
  Given(Given&&) noexcept = default;  // the other one has no callback then
  ~Given() {
    if (callback || asked_callback) give({}, failure(ErrorCode::kInternal, {}));
  }
  void give(std::optional<Outcome> outcome, const Result<void>& recorded) noexcept;

  Enforcer& enforcer;
  // One of the two.
  OutcomeCallback callback = {};
  AskedCallback asked_callback = {};
  const Question* question = nullptr;  // of that one: it lives until the second step is done
  RequestId request_id;
  std::optional<Outcome> outcome = {};
  std::optional<ApiAsked> asked = {};
};

// A request that waits until something is written, with all that it was decided on.
struct Enforcer::Parked {
  Parked(const Question& of, std::unique_ptr<Memory> held, Walk way, Given told)
      : question(of), memory(std::move(held)), walk(std::move(way)), given(std::move(told)) {
    walk.move_to(question);
  }

  const Question question;
  std::unique_ptr<Memory> memory;
  Walk walk;
  Given given;
  std::size_t waits = 0;
};

namespace {

// Others may be quicker again and again to take what was reserved.
constexpr std::size_t kMaxWaits = 16;
// Of a thread, for requests whose API is being asked meanwhile: how many are kept, and up to which size.
constexpr std::size_t kMaxSpare = 64, kMaxSpareBytes = 32 * 1024;

struct Memories {
  std::unique_ptr<Memory> current;
  std::array<std::unique_ptr<Memory>, kMaxSpare> spare;
  std::size_t spares = 0;
};
Memories& memories_of_thread() {
  thread_local Memories memories;
  return memories;
}

void report(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr)
    std::fprintf(stderr, "writ: defect: a request was refused because of an internal error: %s\n",
                 error.what());
}

}  // namespace

std::unique_ptr<Memory>& Enforcer::memory() {
  auto& [current, spare, spares] = memories_of_thread();
  if (current == nullptr && spares > 0) current = std::move(spare[--spares]);
  if (current == nullptr) current = std::make_unique<Memory>();
  return current;
}

void Enforcer::give_back(std::unique_ptr<Memory> memory) noexcept {
  auto& [current, spare, spares] = memories_of_thread();
  if (memory != nullptr && spares < kMaxSpare && memory->context.arena().bytes_reserved() <= kMaxSpareBytes)
    spare[spares++] = std::move(memory);
}

// One whose token is of a key that its issuer is asked for.
struct Enforcer::Awaiting {
  const Question question;
  Given given;
};

void Enforcer::enforce(const Question& question, OutcomeCallback callback) noexcept {
  begin(question, Given(*this, std::move(callback), RequestId::next()), true);
}

void Enforcer::ask(const Question& question, AskedCallback callback) noexcept {
  begin(question, Given(*this, std::move(callback), question), true);
}

void Enforcer::begin(const Question& question, Given&& given, bool may_wait) noexcept {
  const auto step = given.asked_callback ? Walk::Step::kBefore : Walk::Step::kOnly;
  try {
    auto& memory = this->memory();
    Walk walk(parts_, question, *memory, given.request_id, step);
    auto decided = walk.decide();
    if (!decided && walk.awaits_key()) {
      const auto waits = std::make_shared<Awaiting>(question, std::move(given));
      std::move_only_function<void()> then = [this, waits] {
        begin(waits->question, std::move(waits->given), false);
      };
      const token::BroughtThere brought{question.credentials.presented()->token(), question.api,
                                        question.sent.peer_ip};
      if (may_wait && parts_.verifier.wait_for(brought, then)) return;
      // Where nobody can tell, the caller was not wrong.
      if (decided.error().reason != Reason::kIndeterminate) walk.key_did_not_come();
      return finish(walk, memory, decided, std::move(waits->given));
    }
    if (decided && walk.needs_facts()) return ask_source(question, walk, std::move(given));
    go_on(question, memory, walk, std::move(decided), std::move(given));
  } catch (const std::exception& error) {
    report(error);  // and `given` tells
  }
}

// What was decided is done: budget and approval are used, and it is recorded.
void Enforcer::go_on(const Question& question, std::unique_ptr<Memory>& memory, Walk& walk,
                     std::expected<void, decision::Refusal> decided, Given&& given) {
  if (decided) {
    auto consumed = walk.consume();
    if (consumed && *consumed)
      return wait(std::make_unique<Parked>(question, std::move(memory), std::move(walk), std::move(given)),
                  *std::move(consumed));
    if (!consumed) decided = std::unexpected(std::move(consumed).error());
  }
  finish(walk, memory, decided, std::move(given));
}

// One that wants facts of a source, which has threads and a queue of its own.
struct Enforcer::Wanting {
  Wanting(const Question& of, Walk way, Given told)
      : question(of), walk(std::move(way)), given(std::move(told)) {
    walk.let_go_of_memory();
    walk.move_to(question);
  }

  const Question question;
  Walk walk;
  Given given;
};

void Enforcer::ask_source(const Question& question, Walk& walk, Given&& given) {
  auto& source = walk.source();
  auto asked = walk.asked();
  auto schema = walk.schema();
  const auto party = walk.party();
  auto wanting = std::make_shared<Wanting>(question, std::move(walk), std::move(given));
  source.ask(std::move(asked), std::move(schema), party,
             [this, wanting = std::move(wanting)](const sources::AskedSource::Answer& answer) {
               go_on_told(wanting, answer);
             });
}

void Enforcer::go_on_told(const std::shared_ptr<Wanting>& wanting,
                          const sources::AskedSource::Answer& answer) noexcept try {
  auto& memory = this->memory();
  auto decided = wanting->walk.decide_on_told(answer, *memory);
  go_on(wanting->question, memory, wanting->walk, std::move(decided), std::move(wanting->given));
} catch (const std::exception& error) {
  report(error);  // and `given` tells
}

// What an ApiAsked has of the first step.
struct Enforcer::Held final : AskedState {
  Held(std::unique_ptr<Memory> held, Walk&& way)
      : AskedState(way.parties()), memory(std::move(held)), walk(std::move(way)) {
    walk.keep_labels();
  }
  ~Held() override { give_back(std::move(memory)); }
  static void* operator new(std::size_t) { return Recycled<Held>().allocate(1); }
  static void operator delete(void* held) { Recycled<Held>().deallocate(static_cast<Held*>(held), 1); }

  std::unique_ptr<Memory> memory;
  Walk walk;
};

void Enforcer::answer(ApiAsked asked, ApiAnswer& answer, OutcomeCallback callback) noexcept {
  auto& held = static_cast<Held&>(*asked.state_);
  auto& walk = held.walk;
  Given given(*this, std::move(callback), walk.request_id());
  try {
    const auto decided = walk.decide_on(answer);
    finish(walk, held.memory, decided, std::move(given));
  } catch (const std::exception& error) {
    report(error);  // and `given` tells
  }
}

// It passes, or is refused, once that is recorded.
void Enforcer::finish(Walk& walk, std::unique_ptr<Memory>& memory,
                      const std::expected<void, decision::Refusal>& decided, Given&& given) {
  const bool asks = decided && walk.step() == Walk::Step::kBefore;
  if (decided && !asks && !walk.record_permit()) return given.give(walk.permit(), {});
  auto record = asks ? walk.asked_record() : walk.record(decided ? nullptr : &decided.error());
  if (asks) {
    walk.move_to(*given.question);
    given.asked.emplace(ApiAsked(std::make_unique<Held>(std::move(memory), std::move(walk))));
  } else if (decided) {
    given.outcome.emplace(walk.permit());
  } else {
    const auto refusal = walk.told_of(decided.error());
    if (parts_.unlisted != nullptr && refusal.reason == Reason::kCallerUnknown)
      walk.note_unknown(*parts_.unlisted);
    const auto retry_after = walk.retry_after();
    const auto kind = retry_after > Duration(0) ? Refused::Kind::kSlowDown : Refused::Kind::kDecided;
    given.outcome.emplace(
        std::unexpected(Refused{kind, refusal, walk.request_id(), walk.bound(), walk.offer(refusal),
                                retry_after, walk.question().observed}));
  }
  auto kept = std::make_unique<Given>(std::move(given));
  parts_.record(std::move(record), [given = std::move(kept)](const Result<void>& recorded) mutable {
    given->give(std::move(given->outcome), recorded);
  });
}

void Enforcer::wait(std::unique_ptr<Parked> parked, std::unique_ptr<task::Write> write) {
  waited_.fetch_add(1, std::memory_order_relaxed);
  ++parked->waits;
  parts_.writer.write(std::move(write),
                      [this, parked = std::move(parked)](const Result<void>& written) mutable {
                        go_on(std::move(parked), written);
                      });
}

void Enforcer::go_on(std::unique_ptr<Parked> parked, const Result<void>& written) try {
  auto& walk = parked->walk;
  std::expected<void, decision::Refusal> decided;
  if (!written) {
    // Why is the operator's business.
    decided = broken("the budget that this request uses cannot be recorded at the moment");
  } else if (decided = walk.check_again(); decided) {
    auto consumed = walk.consume();
    if (consumed && *consumed && parked->waits < kMaxWaits)
      return wait(std::move(parked), *std::move(consumed));
    if (!consumed)
      decided = std::unexpected(std::move(consumed).error());
    else if (*consumed)
      decided = broken("other requests used up the task's budget at the same time, again and again");
  }
  finish(walk, parked->memory, decided, std::move(parked->given));
} catch (const std::exception& error) {
  report(error);
}

// Refusals renew nothing, and what was not recorded was not permitted.
void Enforcer::note_use(const Permit& permit) const noexcept {
  const auto today = inventory::day_of(permit.time().earliest);
  const auto& inventory = *permit.in_force_->inventory;
  const auto note = [&](std::string_view id) {
    if (const auto* member = inventory.find(id)) return member->use().note(today);
    if (parts_.unlisted != nullptr) parts_.unlisted->note(id, today, true);
  };
  const auto& claims = permit.token().claims();
  note(claims.client_id);
  if (claims.subject != claims.client_id) note(claims.subject);
  for (const auto& actor : claims.actors) {
    if (actor.subject != claims.client_id) note(actor.subject);
  }
}

void Enforcer::Given::give(std::optional<Outcome> result, const Result<void>& recorded) noexcept try {
  if (recorded && asked) return std::exchange(asked_callback, nullptr)(*std::move(asked));
  if (!recorded || !result) {
    enforcer.audit_failures_.fetch_add(1, std::memory_order_relaxed);
    result.emplace(std::unexpected(Refused::not_recorded(request_id)));
  }
  if (*result) {
    enforcer.permits_.fetch_add(1, std::memory_order_relaxed);
    enforcer.note_use(**result);
  } else {
    const auto reason = static_cast<std::size_t>(result->error().reason());
    enforcer.refusals_[reason].fetch_add(1, std::memory_order_relaxed);
    if (result->error().observed) enforcer.observed_.fetch_add(1, std::memory_order_relaxed);
  }
  if (callback) return std::exchange(callback, nullptr)(*std::move(result));
  // The first step permits nothing, so this is a refusal.
  if (*result) result.emplace(std::unexpected(Refused::not_recorded(request_id)));
  std::exchange(asked_callback, nullptr)(std::unexpected(std::move(result->error())));
} catch (const std::exception& error) {
  report(error);
}

ApiAsked::ApiAsked(std::unique_ptr<AskedState> state) noexcept : state_(std::move(state)) {}

Outcome Enforcer::enforce(const Question& question) {
  may_block("a ruling");
  std::promise<Outcome> promise;
  auto future = promise.get_future();
  enforce(question, [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

std::shared_ptr<const Offer> Enforcer::would_offer(const Question& question) const {
  Walk walk(parts_, question, *memory());
  const auto decided = walk.ask(Walk::Proof::kLeftAlone);
  return decided ? nullptr : walk.offer(decided.error());
}

// Nobody is asked for facts to find out.
bool Enforcer::would_permit(const Question& question) const {
  Walk walk(parts_, question, *memory());
  return walk.ask(Walk::Proof::kLeftAlone).has_value() && !walk.needs_facts();
}

bool Enforcer::wait_for_issuer(const Credentials& credentials, std::string_view peer_ip, std::string_view api,
                               std::move_only_function<void()>& then) const {
  const auto& presented = credentials.presented();
  if (!presented) return false;
  auto* attempts = parts_.attempts;
  if (attempts != nullptr && attempts->wait(attempts->from(peer_ip), parts_.clock.earliest())) return false;
  return parts_.verifier.wait_for({presented->token(), api, peer_ip}, then);
}

std::optional<token::Verified> Enforcer::token_of(const Credentials& credentials, std::string_view peer_ip,
                                                  std::string_view api) const {
  if (const auto* verified = credentials.verified()) return *verified;
  const auto& presented = credentials.presented();
  if (!presented) return std::nullopt;
  token::Brought brought(parts_.attempts, peer_ip, token::Brought::Counts::kNo);
  auto verified = parts_.verifier.glance(presented->token(), times_of(parts_.clock), &brought, api);
  return verified ? std::optional(*std::move(verified)) : std::nullopt;
}

EnforcerStats Enforcer::stats() const noexcept {
  EnforcerStats stats{permits_.load(std::memory_order_relaxed),
                      {},
                      audit_failures_.load(std::memory_order_relaxed),
                      waited_.load(std::memory_order_relaxed),
                      observed_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < stats.refusals.size(); ++i)
    stats.refusals[i] = refusals_[i].load(std::memory_order_relaxed);
  return stats;
}

}  // namespace writ::enforce
