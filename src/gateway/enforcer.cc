#include "gateway/enforcer.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <future>

#include "base/blocking.h"
#include "cedar/value.h"
#include "codec/base64url.h"
#include "context/context.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "decision/facts.h"
#include "decision/shadow.h"
#include "gateway/refusal.h"
#include "token/presented.h"

namespace writ::gateway {
namespace {

std::string_view view(const std::optional<std::string>& text) noexcept {
  return text ? std::string_view(*text) : std::string_view();
}

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

std::unexpected<decision::Refusal> refuse(Denial denial) {
  return std::unexpected(decision::Refusal{denial.reason, std::move(denial.message), {}, {}, {}});
}

std::unexpected<decision::Refusal> broken(std::string message) {
  return refuse({Reason::kIndeterminate, std::move(message)});
}

constexpr std::size_t kMaxApprovalIdBytes = 64;

// What the upstream acts on. Each part has its length before it, so that no two requests run into one.
std::string digest_of(const http::Request& request, const ForwardedHeaders& forwarded,
                      std::string_view body) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size()) + ':' + std::string(part);
  };
  add(request.method);
  add(request.encoded_path);
  add(request.query);
  // The same bytes mean something else as another media type, on a condition, or with what an API reads.
  forwarded.append_to(text, request.headers);
  add(body);
  const auto digest = crypto::sha256(text);
  return codec::base64url_encode(crypto::as_bytes(digest));
}

std::string text_of(const EntityName& name) {
  std::string text;
  cedar::append_entity(text, name.type, name.id);
  return text;
}

}  // namespace

struct Enforcer::Memory {
  context::Workspace context;
  decision::Workspace decision, shadows;
};

// One request on its way, and what is known of it when its record is written.
class Enforcer::Walk {
 public:
  enum class Proof { kChecked, kLeftAlone };

  Walk(const EnforcerParts& parts, const Asked& asked, Memory& memory)
      : parts_(&parts),
        asked_(&asked),
        memory_(&memory),
        now_(times_of(parts.clock)),
        request_id_(new_request_id()) {}
  // It goes on elsewhere, with what it asked and its memory.
  void move_to(const Asked& asked) noexcept { asked_ = &asked; }

  const std::string& request_id() const noexcept { return request_id_; }
  bool bound() const noexcept { return bound_; }

  // verify → context → decide. What shadow policies would say is for the record only.
  std::expected<void, decision::Refusal> decide() {
    auto decided = ask(Proof::kChecked);
    if (context_) shadowed_ = decision::decide_with_shadows(*policies_, *context_, memory_->shadows);
    return decided;
  }

  // What is to be written before it can go on; null: the budget is taken and the approval used. The approval
  // comes last, so that whatever else refuses leaves it unused.
  std::expected<std::unique_ptr<task::Write>, decision::Refusal> consume() {
    if (auto write = TRY(consume_budget())) return write;
    if (!approval_ || used_) return nullptr;
    auto write = parts_->calls->use(*approval_, call_with_arguments(), now_.latest);
    if (!write) return refuse(std::move(write).error());
    used_ = true;
    return *std::move(write);
  }

  // After it was put aside: the same as if it had come now?
  std::expected<void, decision::Refusal> check_again() {
    resumed_ = true;
    if (auto good = parts_->verifier.still_good(*token_, times_of(parts_->clock)); !good)
      return refuse(std::move(good).error());
    if (parts_->inventory.snapshot() == inventory_ && parts_->policies() == policies_) return {};
    return broken("identities or policies changed while this request waited for the disk; send it again");
  }

  // verify → context → decide. A proof is good for one request, and this one's may be used up already: a
  // question that lets nothing pass leaves it alone.
  std::expected<void, decision::Refusal> ask(Proof proof) {
    TRY(verify(proof));
    TRY(find_facts());
    if (proof == Proof::kChecked) TRY(find_approval());
    auto& arena = memory_->context.arena();
    context::Inputs inputs{
        .request = {now_, asked_->request.method, asked_->request.path, asked_->request.peer_ip},
        .api = *api_,
        .action = arena.entity(asked_->action.type, asked_->action.id),
        .resource = arena.entity(asked_->resource.type, asked_->resource.id),
        .inventory = *inventory_,
        .task = task_.get(),
        .entities = *policies_->entities,
        .calendars = *policies_->calendars,
        .amounts = asked_->amounts,
        .approved = approval_.has_value()};
    if (asked_->attributes) inputs.resource_attributes = asked_->attributes(arena);
    auto context = context::Context::of_use(*token_, inputs, memory_->context);
    if (!context) return broken(context.error().message);
    context_.emplace(*std::move(context));
    decision_ = &decision::decide(*policies_, *context_, memory_->decision);
    if (decision_->permitted()) return {};
    if (decision_->refusals().empty()) return broken("the decision gave no answer");
    return std::unexpected(decision_->refusals().front());
  }

  // What people would approve; null where no approval helps, or none is taken.
  std::shared_ptr<const Offer> offer(const decision::Refusal& refusal) const {
    if (!refusal.of_call || parts_->calls == nullptr) return nullptr;
    return std::make_shared<const Offer>(
        Offer{{.call = call(), .tenant = owned(context_->tenant()), .asked_at = now_.earliest},
              refusal,
              request_id_,
              bound_});
  }

  Permit permit() const {
    Permit made(*token_, inventory_, *api_, now_);
    made.request_id_ = request_id_;
    made.tenant_ = owned(context_->tenant());
    made.environment_ = owned(context_->environment());
    made.purpose_ = owned(context_->purpose());
    return made;
  }

  bool record_permit() const noexcept { return asked_->record_permit; }

  audit::Record record(const decision::Refusal* refusal) const {
    // Turned away before it was known what is asked for.
    const auto action = asked_->action.id.empty() ? std::string() : text_of(asked_->action);
    const auto resource = text_of(asked_->resource);
    audit::Decision facts{.point = asked_->point,
                          .request_id = request_id_,
                          .api = asked_->api,
                          .action = action,
                          .resource = resource,
                          .method = asked_->request.method,
                          .path = asked_->request.path,
                          .peer = asked_->request.peer_ip};
    add_token(facts);
    if (context_) decision::add_facts(facts, *context_);
    if (policies_) facts.policy_revision = policies_->revision;
    if (refusal != nullptr) {
      add_refusal(facts, *refusal);
    } else {
      facts.effect = effect_name(decision::Effect::kPermit);
      facts.policies = decision_->policies();
      facts.labels = labels_;
      if (approval_) facts.approval = *approval_;
    }
    decision::add_shadows(facts, policies_.get(), shadowed_);
    if (refusal != nullptr && !token_) facts.standing = audit::Standing::kStranger;
    if (refusal == nullptr && asked_->stops) facts.standing = audit::Standing::kStop;
    return audit::make_record(now_.earliest, facts);
  }

 private:
  // extract → verify
  std::expected<void, decision::Refusal> verify(Proof proof) {
    if (asked_->token != nullptr) {
      token_.emplace(*asked_->token);
      return {};
    }
    const auto presented = token::Presented::from_headers(asked_->request.headers);
    if (!presented) return refuse(presented.error());
    bound_ = presented->scheme() == token::Scheme::kDpop;
    auto verified = proof == Proof::kChecked ? verify_with_proof(*presented)
                                             : parts_->verifier.verify_parameter(presented->token(), now_);
    if (!verified) return refuse(std::move(verified).error());
    token_.emplace(*std::move(verified));
    return {};
  }

  std::expected<token::Verified, Denial> verify_with_proof(const token::Presented& presented) const {
    std::string uri;
    std::optional<token::ProofTarget> target;
    if (presented.proof() && !asked_->public_origin.empty()) {
      uri = asked_->public_origin;
      uri += asked_->request.encoded_path;
      target = {asked_->request.method, uri};
    }
    return parts_->verifier.verify(presented, target, now_);
  }

  std::expected<void, decision::Refusal> find_facts() {
    memory_->context.reset();
    inventory_ = parts_->inventory.snapshot();
    policies_ = parts_->policies();
    const auto& claims = token_->claims();
    if (claims.task) task_ = parts_->tasks.find(*claims.task);
    api_ = inventory_->find_api(asked_->api);
    if (api_ == nullptr) return broken("the inventory has no API `" + std::string(asked_->api) + "`");
    return {};
  }

  // Everything of the call but its arguments.
  task::Call call() const {
    const auto& claims = token_->claims();
    task::Call call{.subject = claims.subject,
                    .client = claims.client_id,
                    .task = claims.task,
                    .purpose = claims.purpose,
                    .api = std::string(asked_->api),
                    .action = text_of(asked_->action),
                    .resource = text_of(asked_->resource),
                    .method = asked_->request.method,
                    .path = asked_->request.path,
                    .query = asked_->request.query,
                    .policy_revision = policies_->revision};
    for (const auto& actor : claims.actors) call.actors.push_back(actor.subject);
    return call;
  }

  task::Call call_with_arguments() const {
    auto whole = call();
    whole.arguments = digest_of(asked_->request, asked_->forwarded, *asked_->body);
    return whole;
  }

  // The approval that the request brings along has to be of this very call, whether or not it needs one.
  std::expected<void, decision::Refusal> find_approval() {
    const auto count = asked_->request.headers.count(kApprovalHeader);
    if (count == 0) return {};
    const auto id = *asked_->request.headers.find(kApprovalHeader);
    if (count > 1 || id.empty() || id.size() > kMaxApprovalIdBytes)
      return refuse({Reason::kApprovalUnknown, "`Writ-Approval` is there twice, or is no id of an approval"});
    if (parts_->calls == nullptr || !asked_->body)
      return refuse({Reason::kApprovalUnknown, "no approvals of single calls are taken here"});
    if (auto checked = parts_->calls->check(id, call_with_arguments(), now_.latest); !checked)
      return refuse(std::move(checked).error());
    approval_ = id;
    return {};
  }

  std::expected<std::unique_ptr<task::Write>, decision::Refusal> consume_budget() {
    if (!decision_->consumes_budget() || taken_) return nullptr;
    if (task_ == nullptr) return broken("the decision asks for the budget of a task that is not there");
    if (!find_labels()) return broken("the resource's attribute `taskLabels` is no set of texts");
    auto use = context_->use();
    use.labels = labels_;
    if (resumed_) use.now = times_of(parts_->clock);
    auto attempt = task_->try_consume(use);
    if (!attempt) return refuse(std::move(attempt).error());
    taken_ = attempt->taken;
    if (!attempt->write) return nullptr;
    attempt->write->settle = [task = task_](const task::Write& write, bool done) {
      task->wrote(write, done);
    };
    if (!taken_) return std::move(attempt->write);
    parts_->writer.write(std::move(attempt->write), [](Result<void>) {});
    return nullptr;
  }

  // What the task earns: what the route says, and what the resource brings with it.
  bool find_labels() {
    labels_.assign(asked_->labels.begin(), asked_->labels.end());
    const cedar::Entity* resource = context_->entities().find(context_->resource());
    const cedar::Value* brought = resource != nullptr ? resource->attributes->find("taskLabels") : nullptr;
    if (brought == nullptr) return true;
    if (!brought->is(cedar::Kind::kSet)) return false;
    for (const cedar::Value& label : brought->as_set()) {
      if (!label.is(cedar::Kind::kString)) return false;
      labels_.push_back(label.as_string());
    }
    return true;
  }

  void add_token(audit::Decision& facts) const {
    if (!token_) return;
    const auto& claims = token_->claims();
    facts.subject = claims.subject;
    facts.client = claims.client_id;
    for (const auto& actor : claims.actors) facts.actors.push_back(actor.subject);
    facts.task = view(claims.task);
    facts.token_id = claims.jti;
  }

  const EnforcerParts* parts_;
  const Asked* asked_;
  Memory* memory_;
  Times now_;
  std::string request_id_;
  bool bound_ = false;
  bool resumed_ = false;  // after it was put aside
  bool taken_ = false;    // from the task's budget
  bool used_ = false;     // the approval
  std::optional<token::Verified> token_;
  std::shared_ptr<const inventory::Snapshot> inventory_;
  const inventory::Api* api_ = nullptr;
  std::shared_ptr<const decision::PolicySnapshot> policies_;
  std::shared_ptr<task::LiveTask> task_;
  std::vector<std::string_view> labels_;
  std::optional<std::string> approval_;  // of this call, to be used up
  std::optional<context::Context> context_;
  const decision::Decision* decision_ = nullptr;
  const decision::Decision* shadowed_ = nullptr;
};

// An outcome on its way to whoever waits for it. One that is lost is a refusal.
struct Enforcer::Given {
  Given(Enforcer& of, OutcomeCallback told) noexcept : enforcer(of), callback(std::move(told)) {}
  Given(Given&&) noexcept = default;  // the other one has no callback then
  ~Given() {
    if (callback) give({}, failure(ErrorCode::kInternal, {}));
  }
  void give(std::optional<Outcome> outcome, const Result<void>& recorded) noexcept;

  Enforcer& enforcer;
  OutcomeCallback callback;
  std::string request_id = {};
  std::optional<Outcome> outcome = {};
};

// A request that waits until something is written, with all that it was decided on.
struct Enforcer::Parked {
  Parked(const Asked& of, std::unique_ptr<Memory> held, Walk way, Given told)
      : asked(of), memory(std::move(held)), walk(std::move(way)), given(std::move(told)) {
    walk.move_to(asked);
  }

  const Asked asked;
  const std::unique_ptr<Memory> memory;
  Walk walk;
  Given given;
  std::size_t waits = 0;
};

namespace {

// Others may be quicker again and again to take what was reserved.
constexpr std::size_t kMaxWaits = 16;

// Without memory for an answer, the status alone.
http::Response answer_of_lost(std::string_view request_id) noexcept {
  try {
    return audit_unavailable(request_id);
  } catch (const std::exception&) {
    return {.status = 503, .headers = {}, .body = {}};
  }
}

void report(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr)
    std::fprintf(stderr, "writ: defect: a request was refused, for something broke: %s\n", error.what());
}

}  // namespace

std::unique_ptr<Enforcer::Memory>& Enforcer::memory() {
  thread_local std::unique_ptr<Memory> memory;
  if (memory == nullptr) memory = std::make_unique<Memory>();
  return memory;
}

void Enforcer::enforce(const Asked& asked, OutcomeCallback callback) noexcept {
  Given given(*this, std::move(callback));
  try {
    auto& memory = this->memory();
    Walk walk(parts_, asked, *memory);
    given.request_id = walk.request_id();
    auto decided = walk.decide();
    if (decided) {
      auto consumed = walk.consume();
      if (consumed && *consumed)
        return wait(std::make_unique<Parked>(asked, std::move(memory), std::move(walk), std::move(given)),
                    *std::move(consumed));
      if (!consumed) decided = std::unexpected(std::move(consumed).error());
    }
    finish(walk, decided, std::move(given));
  } catch (const std::exception& error) {
    report(error);  // and `given` tells
  }
}

// It passes, or is refused, once that is recorded.
void Enforcer::finish(Walk& walk, const std::expected<void, decision::Refusal>& decided, Given given) {
  if (decided && !walk.record_permit()) return given.give(walk.permit(), {});
  auto record = walk.record(decided ? nullptr : &decided.error());
  if (decided) {
    given.outcome.emplace(walk.permit());
  } else {
    const auto& refusal = decided.error();
    given.outcome.emplace(std::unexpected(Refused{
        refusal.reason, refusal_response(refusal, walk.request_id(), walk.bound()), walk.offer(refusal)}));
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
    decided = broken("what this request uses up can't be recorded just now");
  } else if (decided = walk.check_again(); decided) {
    auto consumed = walk.consume();
    if (consumed && *consumed && parked->waits < kMaxWaits)
      return wait(std::move(parked), *std::move(consumed));
    if (!consumed)
      decided = std::unexpected(std::move(consumed).error());
    else if (*consumed)
      decided = broken("others took what the task has left, again and again");
  }
  finish(walk, decided, std::move(parked->given));
} catch (const std::exception& error) {
  report(error);
}

void Enforcer::Given::give(std::optional<Outcome> result, const Result<void>& recorded) noexcept {
  if (!recorded || !result) {
    enforcer.audit_failures_.fetch_add(1, std::memory_order_relaxed);
    result.emplace(std::unexpected(Refused{Reason::kIndeterminate, answer_of_lost(request_id)}));
  }
  if (*result) {
    enforcer.permits_.fetch_add(1, std::memory_order_relaxed);
  } else {
    const auto reason = static_cast<std::size_t>(result->error().reason);
    enforcer.refusals_[reason].fetch_add(1, std::memory_order_relaxed);
  }
  try {
    std::exchange(callback, nullptr)(*std::move(result));
  } catch (const std::exception& error) {
    report(error);
  }
}

Outcome Enforcer::enforce(const Asked& asked) {
  may_block("a ruling");
  std::promise<Outcome> promise;
  auto future = promise.get_future();
  enforce(asked, [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

// A call on its way to those who approve.
struct Enforcer::Offering {
  Enforcer& enforcer;
  decision::Refusal refusal;
  std::string request_id, client, detail;
  bool bound;
  std::move_only_function<void(http::Response)> callback;
  std::string id = {};
  Instant asked_at = {};
  bool fresh = false;

  http::Response answer() const { return refusal_response(refusal, request_id, bound); }
};

void Enforcer::offer_approval(const Offer& offer, const http::Request& request,
                              const ForwardedHeaders& forwarded, std::string_view body,
                              std::move_only_function<void(http::Response)> callback) {
  auto asked = offer.asked;
  asked.call.arguments = digest_of(request, forwarded, body);
  asked.body = body;
  std::unique_ptr<Offering> offering(new Offering{
      *this, offer.refusal, offer.request_id, asked.call.client,
      fmt::format("{} on {}", asked.call.action, asked.call.resource), offer.bound, std::move(callback)});
  auto waiting = parts_.calls->ask(std::move(asked), [] { return "a-" + crypto::random_id(); });
  if (!waiting) {
    // Without a place to wait in it stays what it was, a refusal.
    offering->refusal.message += "; " + waiting.error().why;
    return offering->callback(waiting.error().later ? too_many(offering->refusal, offering->request_id)
                                                    : offering->answer());
  }
  offering->id = waiting->id;
  offering->asked_at = waiting->asked_at;
  offering->fresh = waiting->fresh;
  if (!waiting->write) return record_offer(std::move(offering), {});
  parts_.writer.write(std::move(waiting->write),
                      [this, offering = std::move(offering)](const Result<void>& written) mutable {
                        record_offer(std::move(offering), written);
                      });
}

void Enforcer::record_offer(std::unique_ptr<Offering> offering, const Result<void>& written) {
  if (!written) {
    offering->refusal.message += "; it can't be kept for people to approve: " + written.error().message;
    return offering->callback(offering->answer());
  }
  offering->refusal.approval = offering->id;
  // The one that waits already has its record.
  if (!offering->fresh) return offering->callback(offering->answer());
  const audit::Event event{.type = "approval.requested",
                           .actor = offering->client,
                           .object = offering->id,
                           .detail = offering->detail,
                           .request_id = offering->request_id};
  auto record = audit::make_record(offering->asked_at, event);
  parts_.record(std::move(record), [offering = std::move(offering)](const Result<void>& recorded) mutable {
    offering->callback(recorded ? offering->answer() : audit_unavailable(offering->request_id));
  });
}

std::shared_ptr<const Offer> Enforcer::would_offer(const Asked& asked) const {
  Walk walk(parts_, asked, *memory());
  const auto decided = walk.ask(Walk::Proof::kLeftAlone);
  return decided ? nullptr : walk.offer(decided.error());
}

bool Enforcer::would_permit(const Asked& asked) const {
  return Walk(parts_, asked, *memory()).ask(Walk::Proof::kLeftAlone).has_value();
}

bool Enforcer::recognises(const http::Request& request) const {
  const auto presented = token::Presented::from_headers(request.headers);
  return presented &&
         parts_.verifier.verify_parameter(presented->token(), times_of(parts_.clock)).has_value();
}

EnforcerStats Enforcer::stats() const noexcept {
  EnforcerStats stats{permits_.load(std::memory_order_relaxed),
                      {},
                      audit_failures_.load(std::memory_order_relaxed),
                      waited_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < stats.refusals.size(); ++i)
    stats.refusals[i] = refusals_[i].load(std::memory_order_relaxed);
  return stats;
}

}  // namespace writ::gateway
