#include "gateway/enforcer.h"

#include <fmt/format.h>
#include <future>

#include "cedar/value.h"
#include "codec/base64url.h"
#include "context/context.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "decision/facts.h"
#include "decision/shadow.h"
#include "gateway/refusal.h"
#include "http/target.h"
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
std::string digest_of(const http::Request& request, std::string_view body) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size()) + ':' + std::string(part);
  };
  add(request.method);
  add(request.path);
  add(request.query);
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto header = request.headers[i];
    // The same bytes mean something else as another media type.
    if (http::equal_ignoring_case(header.name, "Content-Type") ||
        http::equal_ignoring_case(header.name, "Content-Encoding"))
      add(header.value);
  }
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
      : parts_(parts),
        asked_(asked),
        memory_(memory),
        now_(times_of(parts.clock)),
        request_id_(new_request_id()) {}

  const std::string& request_id() const noexcept { return request_id_; }
  bool bound() const noexcept { return bound_; }

  // verify → context → decide → consume. What shadow policies would say is for the record only.
  std::expected<Permit, decision::Refusal> go() {
    auto decided = ask(Proof::kChecked);
    if (context_) shadowed_ = decision::decide_with_shadows(*policies_, *context_, memory_.shadows);
    TRY(std::move(decided));
    TRY(consume());
    return permit();
  }

  // verify → context → decide. A proof is good for one request, and this one's may be used up already: a
  // question that lets nothing pass leaves it alone.
  std::expected<void, decision::Refusal> ask(Proof proof) {
    TRY(verify(proof));
    TRY(find_facts());
    if (proof == Proof::kChecked) TRY(find_approval());
    auto& arena = memory_.context.arena();
    context::Inputs inputs{
        .request = {now_, asked_.request.method, asked_.request.path, asked_.request.peer_ip},
        .api = *api_,
        .action = arena.entity(asked_.action.type, asked_.action.id),
        .resource = arena.entity(asked_.resource.type, asked_.resource.id),
        .inventory = *inventory_,
        .task = task_.get(),
        .entities = *policies_->entities,
        .calendars = *policies_->calendars,
        .amounts = asked_.amounts,
        .approved = approval_.has_value()};
    if (asked_.attributes) inputs.resource_attributes = asked_.attributes(arena);
    auto context = context::Context::of_use(*token_, inputs, memory_.context);
    if (!context) return broken(context.error().message);
    context_.emplace(*std::move(context));
    decision_ = &decision::decide(*policies_, *context_, memory_.decision);
    if (decision_->permitted()) return {};
    if (decision_->refusals().empty()) return broken("the decision gave no answer");
    return std::unexpected(decision_->refusals().front());
  }

  // What people would approve; null where no approval helps, or none is taken.
  std::shared_ptr<const Offer> offer(const decision::Refusal& refusal) const {
    if (!refusal.of_call || parts_.calls == nullptr) return nullptr;
    return std::make_shared<const Offer>(
        Offer{{.call = call(), .tenant = owned(context_->tenant()), .asked_at = now_.earliest},
              refusal,
              request_id_,
              bound_});
  }

  audit::Record record(const decision::Refusal* refusal) const {
    const auto action = text_of(asked_.action), resource = text_of(asked_.resource);
    audit::Decision facts{.point = asked_.point,
                          .request_id = request_id_,
                          .api = asked_.api,
                          .action = action,
                          .resource = resource,
                          .method = asked_.request.method,
                          .path = asked_.request.path,
                          .peer = asked_.request.peer_ip};
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
    return audit::make_record(now_.earliest, facts);
  }

 private:
  // extract → verify
  std::expected<void, decision::Refusal> verify(Proof proof) {
    if (asked_.token != nullptr) {
      token_.emplace(*asked_.token);
      return {};
    }
    const auto presented = token::Presented::from_headers(asked_.request.headers);
    if (!presented) return refuse(presented.error());
    bound_ = presented->scheme() == token::Scheme::kDpop;
    auto verified = proof == Proof::kChecked ? verify_with_proof(*presented)
                                             : parts_.verifier.verify_parameter(presented->token(), now_);
    if (!verified) return refuse(std::move(verified).error());
    token_.emplace(*std::move(verified));
    return {};
  }

  std::expected<token::Verified, Denial> verify_with_proof(const token::Presented& presented) const {
    std::string uri;
    std::optional<token::ProofTarget> target;
    if (presented.proof() && !asked_.public_origin.empty()) {
      uri = asked_.public_origin;
      http::append_encoded_path(uri, asked_.request.path);
      target = {asked_.request.method, uri};
    }
    return parts_.verifier.verify(presented, target, now_);
  }

  std::expected<void, decision::Refusal> find_facts() {
    memory_.context.reset();
    inventory_ = parts_.inventory.snapshot();
    policies_ = parts_.policies();
    const auto& claims = token_->claims();
    if (claims.task) task_ = parts_.tasks.find(*claims.task);
    api_ = inventory_->find_api(asked_.api);
    if (api_ == nullptr) return broken("the inventory has no API `" + std::string(asked_.api) + "`");
    return {};
  }

  // Everything of the call but its arguments.
  task::Call call() const {
    const auto& claims = token_->claims();
    task::Call call{.subject = claims.subject,
                    .client = claims.client_id,
                    .task = claims.task,
                    .purpose = claims.purpose,
                    .api = std::string(asked_.api),
                    .action = text_of(asked_.action),
                    .resource = text_of(asked_.resource),
                    .method = asked_.request.method,
                    .path = asked_.request.path,
                    .query = asked_.request.query,
                    .policy_revision = policies_->revision};
    for (const auto& actor : claims.actors) call.actors.push_back(actor.subject);
    return call;
  }

  task::Call call_with_arguments() const {
    auto whole = call();
    whole.arguments = digest_of(asked_.request, *asked_.body);
    return whole;
  }

  // The approval that the request brings along has to be of this very call, whether or not it needs one.
  std::expected<void, decision::Refusal> find_approval() {
    const auto count = asked_.request.headers.count(kApprovalHeader);
    if (count == 0) return {};
    const auto id = *asked_.request.headers.find(kApprovalHeader);
    if (count > 1 || id.empty() || id.size() > kMaxApprovalIdBytes)
      return refuse({Reason::kApprovalUnknown, "`Writ-Approval` is there twice, or is no id of an approval"});
    if (parts_.calls == nullptr || !asked_.body)
      return refuse({Reason::kApprovalUnknown, "no approvals of single calls are taken here"});
    if (auto checked = parts_.calls->check(id, call_with_arguments(), now_.latest); !checked)
      return refuse(std::move(checked).error());
    approval_ = id;
    return {};
  }

  std::expected<void, decision::Refusal> consume() {
    TRY(consume_budget());
    if (!approval_) return {};
    // The last thing: whatever else refuses leaves the approval unused.
    if (auto used = parts_.calls->use(*approval_, call_with_arguments(), now_.latest); !used)
      return refuse(std::move(used).error());
    return {};
  }

  std::expected<void, decision::Refusal> consume_budget() {
    if (!decision_->consumes_budget()) return {};
    if (task_ == nullptr) return broken("the decision asks for the budget of a task that is not there");
    if (!find_labels()) return broken("the resource's attribute `taskLabels` is no set of texts");
    auto use = context_->use();
    use.labels = labels_;
    auto consumed = task_->consume(use);
    if (!consumed) return refuse(std::move(consumed).error());
    return {};
  }

  // What the task earns: what the route says, and what the resource brings with it.
  bool find_labels() {
    labels_.assign(asked_.labels.begin(), asked_.labels.end());
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

  Permit permit() const {
    Permit made(*token_, inventory_, *api_, now_);
    made.request_id_ = request_id_;
    made.tenant_ = owned(context_->tenant());
    made.environment_ = owned(context_->environment());
    made.purpose_ = owned(context_->purpose());
    return made;
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

  const EnforcerParts& parts_;
  const Asked& asked_;
  Memory& memory_;
  const Times now_;
  const std::string request_id_;
  bool bound_ = false;
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

Enforcer::Memory& Enforcer::memory() {
  thread_local Memory memory;
  return memory;
}

void Enforcer::enforce(const Asked& asked, OutcomeCallback callback) {
  Walk walk(parts_, asked, memory());
  auto decided = walk.go();
  const auto id = walk.request_id();
  if (decided && !asked.record_permit) return give(*std::move(decided), {}, callback, id);

  auto record = walk.record(decided ? nullptr : &decided.error());
  Outcome outcome = decided ? Outcome(*std::move(decided))
                            : std::unexpected(Refused{decided.error().reason,
                                                      refusal_response(decided.error(), id, walk.bound()),
                                                      walk.offer(decided.error())});
  parts_.record(std::move(record),
                [this, id, outcome = std::move(outcome), callback = std::move(callback)](
                    Result<void> recorded) mutable { give(std::move(outcome), recorded, callback, id); });
}

void Enforcer::give(Outcome outcome, const Result<void>& recorded, OutcomeCallback& callback,
                    std::string_view request_id) noexcept {
  if (!recorded) {
    audit_failures_.fetch_add(1, std::memory_order_relaxed);
    outcome = std::unexpected(Refused{Reason::kIndeterminate, audit_unavailable(request_id)});
  }
  if (outcome) {
    permits_.fetch_add(1, std::memory_order_relaxed);
  } else {
    refusals_[static_cast<std::size_t>(outcome.error().reason)].fetch_add(1, std::memory_order_relaxed);
  }
  callback(std::move(outcome));
}

Outcome Enforcer::enforce(const Asked& asked) {
  std::promise<Outcome> promise;
  auto future = promise.get_future();
  enforce(asked, [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

void Enforcer::offer_approval(const Offer& offer, const http::Request& request, std::string_view body,
                              std::move_only_function<void(http::Response)> callback) {
  auto asked = offer.asked;
  asked.call.arguments = digest_of(request, body);
  asked.body = body;
  const std::string client = asked.call.client;
  std::string made;
  const auto stored = parts_.calls->ask(std::move(asked), [&] { return made = "a-" + crypto::random_id(); });
  auto refusal = offer.refusal;
  if (!stored) {
    // Without a place to wait in it stays what it was, a refusal.
    refusal.message += "; " + stored.error().message;
    return callback(refusal_response(refusal, offer.request_id, offer.bound));
  }
  refusal.approval = stored->approval.id;
  auto answer = refusal_response(refusal, offer.request_id, offer.bound);
  // The one that waits already has its record.
  if (made.empty()) return callback(std::move(answer));
  const auto detail = fmt::format("{} on {}", stored->approval.call.action, stored->approval.call.resource);
  const audit::Event event{.type = "approval.requested",
                           .actor = client,
                           .object = stored->approval.id,
                           .detail = detail,
                           .request_id = offer.request_id};
  parts_.record(
      audit::make_record(stored->approval.asked_at, event),
      [id = offer.request_id, answer = std::move(answer), callback = std::move(callback)](
          Result<void> recorded) mutable { callback(recorded ? std::move(answer) : audit_unavailable(id)); });
}

std::shared_ptr<const Offer> Enforcer::would_offer(const Asked& asked) const {
  Walk walk(parts_, asked, memory());
  const auto decided = walk.ask(Walk::Proof::kLeftAlone);
  return decided ? nullptr : walk.offer(decided.error());
}

bool Enforcer::would_permit(const Asked& asked) const {
  return Walk(parts_, asked, memory()).ask(Walk::Proof::kLeftAlone).has_value();
}

EnforcerStats Enforcer::stats() const noexcept {
  EnforcerStats stats{
      permits_.load(std::memory_order_relaxed), {}, audit_failures_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < stats.refusals.size(); ++i)
    stats.refusals[i] = refusals_[i].load(std::memory_order_relaxed);
  return stats;
}

}  // namespace writ::gateway
