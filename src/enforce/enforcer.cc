#include "enforce/enforcer.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <future>

#include "base/blocking.h"
#include "codec/name.h"
#include "crypto/random.h"
#include "enforce/list_ruling.h"
#include "enforce/record.h"
#include "facts/pushed.h"

namespace writ::enforce {
namespace {

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

std::string text_of(const EntityName& name) {
  std::string text;
  cedar::append_entity(text, name.type, name.id);
  return text;
}

}  // namespace

// One request on its way, and what is known of it when its record is written.
class Enforcer::Walk {
 public:
  enum class Proof { kChecked, kLeftAlone };
  // All in one step, or before and after the API has told what is awaited.
  enum class Step { kOnly, kBefore, kAfter };

  Walk(const EnforcerParts& parts, const Question& question, Memory& memory,
       RequestId request_id = RequestId::next(), Step step = Step::kOnly)
      : parts_(&parts),
        question_(&question),
        memory_(&memory),
        step_(step),
        now_(times_of(parts.clock)),
        request_id_(request_id) {}
  // It goes on elsewhere, with what it asked and its memory.
  void move_to(const Question& question) noexcept { question_ = &question; }
  const Question& question() const noexcept { return *question_; }
  Step step() const noexcept { return step_; }
  // It goes on without its memory, until it is given another.
  void let_go_of_memory() {
    kept_labels_.assign(labels_.begin(), labels_.end());
    ruling_.reset();
    memory_ = nullptr;
  }

  const RequestId& request_id() const noexcept { return request_id_; }
  bool bound() const noexcept { return bound_; }
  // More than nothing: the token was not looked at, because of others from the same source.
  Duration retry_after() const noexcept { return brought_.wait(); }
  // The token's issuer has to be asked for its key.
  bool awaits_key() const noexcept { return brought_.awaits_key(); }
  void key_did_not_come() { brought_.in_vain(now_.earliest); }

  // verify → context → decide. What shadow policies would say is for the record only.
  std::expected<void, decision::Refusal> decide() { return ask(Proof::kChecked, Shadows::kAsked); }

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
    const auto now = parts_->current.get();
    if (now->inventory == in_force_->inventory && now->policies == in_force_->policies && same_facts(*now))
      return {};
    return broken(
        "identities, policies or facts changed while this request waited for the disk; send it again");
  }

  // verify → context → decide. A proof is good for one request, and this one's may be used up already: a
  // question that lets nothing pass leaves it alone.
  std::expected<void, decision::Refusal> ask(Proof proof, Shadows shadows = Shadows::kLeftAlone) {
    TRY(verify(proof));
    TRY(find_what_decides());
    if (proof == Proof::kChecked) TRY(find_approval());
    return rule(question_->attributes, shadows);
  }

  // The second step: everything anew, with what the API told. What was stopped or changed meanwhile counts.
  std::expected<void, decision::Refusal> decide_on(ApiAnswer& answer, Memory& memory) {
    step_ = Step::kAfter;
    memory_ = &memory;
    now_ = times_of(parts_->clock);
    if (auto good = parts_->verifier.still_good(*token_, now_); !good) return refuse(std::move(good).error());
    in_force_ = parts_->current.get();
    TRY(find_api());
    if (answer.is_list || !answer.unreadable.empty()) {
      TRY(rule(question_->attributes, Shadows::kLeftAlone, question_->awaited));
      if (!answer.unreadable.empty()) return refuse({Reason::kFactsUnavailable, answer.unreadable});
      const auto facts = facts_of(answer.action, {answer.element_type, {}}, question_->attributes);
      list_ = rule_on_elements(*token_, facts, deciding(), answer.elements);
    } else {
      Result<void> made;
      const Attributes attributes = [&](cedar::Arena& arena) {
        auto value = answer.facts(arena, policies().schema.get());
        if (value) return *value;
        made = std::unexpected(std::move(value).error());
        return cedar::Value::record(cedar::empty_record());
      };
      auto ruled = rule(attributes, Shadows::kAsked);
      if (!made) return refuse({Reason::kFactsUnavailable, std::move(made).error().message});
      TRY(std::move(ruled));
    }
    return check_labels();
  }

  // What people would approve; null where no approval helps, or none is taken.
  std::shared_ptr<const Offer> offer(const decision::Refusal& refusal) const {
    // After the API has told something, an offer would tell it on.
    if (!refusal.of_call || parts_->calls == nullptr || step_ == Step::kAfter) return nullptr;
    return std::make_shared<const Offer>(
        Offer{{.call = call(), .tenant = owned(ruling_->context.tenant()), .asked_at = now_.earliest},
              refusal,
              request_id_,
              bound_});
  }

  Permit permit() const { return Permit(parties()); }
  Parties parties() const {
    Parties made(*token_, in_force_, *api_, request_id_, now_);
    made.tenant_ = owned(ruling_->context.tenant());
    made.environment_ = owned(ruling_->context.environment());
    made.purpose_ = owned(ruling_->context.purpose());
    return made;
  }

  // The token is Writ's own, and names somebody who is not listed any more.
  void note_unknown(Unlisted& unlisted) const noexcept {
    if (!token_ || !in_force_) return;
    const auto today = inventory::day_of(now_.earliest);
    const auto note = [&](std::string_view id) {
      if (in_force_->inventory->find(id) == nullptr) unlisted.note(id, today, false);
    };
    note(token_->claims().client_id);
    for (const auto& actor : token_->claims().actors) note(actor.subject);
  }

  bool record_permit() const noexcept { return question_->record_permit; }

  audit::Record record(const decision::Refusal* refusal) const {
    auto& names = memory_->names;
    const auto& action = question_->action;
    const auto& resource = question_->resource;
    Told told{.point = question_->point,
              .request_id = request_id_,
              .sent = question_->sent,
              .api = question_->api,
              // Without one it was turned away before it was known what is asked for.
              .action = action.id.empty() ? "" : written(names.action, action.type, action.id),
              .resource = written(names.resource, resource.type, resource.id)};
    if (token_) told.claims = &token_->claims();
    if (in_force_) told.policies = &policies();
    if (ruling_) told.set(*ruling_);
    if (refusal != nullptr) {
      told.refusal = said(*refusal);
      if (!token_) told.standing = audit::Standing::kStranger;
    } else {
      told.labels = labels_;
      if (approval_) told.approval = *approval_;
      if (question_->stops) told.standing = audit::Standing::kStop;
      told.elements = list_.json;
      told.permitting = list_.policies;
    }
    told.observed = question_->observed;
    return record_of(now_.earliest, told);
  }

  // That the API is asked, before anybody knows whether its answer may be had.
  audit::Record asked_record() const {
    const auto detail = fmt::format("{} for {}", text_of(question_->action), token_->claims().subject);
    const auto object = text_of(question_->resource);
    const audit::Event event{.type = "api.asked",
                             .actor = token_->claims().client_id,
                             .object = object,
                             .detail = detail,
                             .request_id = request_id_};
    return audit::make_record(now_.earliest, event);
  }

 private:
  Facts facts_of(EntityName action, EntityName resource, const Attributes& attributes) const {
    const auto& sent = question_->sent;
    return {.time = now_,
            .method = sent.method,
            .path = sent.path,
            .peer_ip = sent.peer_ip,
            .api = *api_,
            .action = action,
            .resource = resource,
            .attributes = attributes,
            .amounts = question_->amounts,
            .approved = approval_.has_value(),
            .budget_taken = step_ == Step::kAfter,
            .input = question_->input,
            .notes = question_->notes};
  }
  Deciding deciding() const {
    return {*in_force_->inventory, policies(), task_.get(), in_force_->pushed.get()};
  }

  std::expected<void, decision::Refusal> rule(const Attributes& attributes, Shadows shadows) {
    return rule(attributes, shadows,
                step_ == Step::kBefore ? question_->awaited : std::span<const std::string>());
  }
  std::expected<void, decision::Refusal> rule(const Attributes& attributes, Shadows shadows,
                                              std::span<const std::string> awaited) {
    auto facts = facts_of(question_->action, question_->resource, attributes);
    auto ruling = awaited.empty() ? rule_on_use(*token_, facts, deciding(), *memory_, shadows)
                                  : rule_awaiting(*token_, facts, awaited, deciding(), *memory_);
    if (!ruling) return broken(std::move(ruling.error().message));
    ruling_.emplace(*std::move(ruling));
    if (!awaited.empty() && ruling_->needs_facts()) return {};
    if (auto refusal = ruling_->refusal()) return std::unexpected(*std::move(refusal));
    return {};
  }

  // What the task has earned is on disk; it cannot earn more than was known before the API was asked.
  std::expected<void, decision::Refusal> check_labels() {
    if (task_ == nullptr) return {};
    const bool known = find_labels() && std::ranges::all_of(labels_, [&](std::string_view label) {
                         return std::ranges::find(kept_labels_, label) != kept_labels_.end();
                       });
    if (known) return {};
    return broken("the resource's labels changed while the API was asked; send the request again");
  }

  std::expected<void, decision::Refusal> verify(Proof proof) {
    if (const auto* verified = question_->credentials.verified()) {
      token_.emplace(*verified);
      return {};
    }
    const auto& presented = question_->credentials.presented();
    if (!presented) return refuse(presented.error());
    bound_ = presented->scheme() == token::Scheme::kDpop;
    const auto counts = proof == Proof::kChecked ? token::Brought::Counts::kYes : token::Brought::Counts::kNo;
    brought_ = {parts_->attempts, question_->sent.peer_ip, counts};
    auto verified = proof == Proof::kChecked ? verify_with_proof(*presented)
                                             : parts_->verifier.glance(presented->token(), now_, &brought_);
    if (!verified) return refuse(std::move(verified).error());
    token_.emplace(*std::move(verified));
    return {};
  }

  // The task that the request names. A token of Writ's says itself in which it is; of another issuer's, only
  // the request does, and whether it may is for the guards.
  std::expected<void, decision::Refusal> place_in_task() {
    const auto& presented = question_->credentials.presented();
    const auto named = presented ? presented->task() : std::nullopt;
    const auto& claims = token_->claims();
    if (claims.foreign == nullptr) {
      if (!named || (claims.task && *named == *claims.task)) return {};
      return refuse({Reason::kDelegationNotAuthorised,
                     claims.task ? "the token belongs to task `" + *claims.task +
                                       "`, and `Writ-Task` names a different one"
                                 : "the token belongs to no task, and `Writ-Task` names one"});
    }
    if (named && codec::name_problem(*named))
      return refuse({Reason::kTaskMissing, "`Writ-Task` does not hold the id of a task"});
    const auto* client = in_force_->inventory->find(claims.client_id);
    const bool agent = client != nullptr && (*client)->kind == inventory::Kind::kAgent;
    token_.emplace(token::Verifier::in_request(*token_, named, agent));
    return {};
  }

  std::expected<token::Verified, Denial> verify_with_proof(const token::Presented& presented) {
    std::string uri;
    std::optional<token::ProofTarget> target;
    if (presented.proof() && !question_->public_origin.empty()) {
      uri = question_->public_origin;
      uri += question_->sent.encoded_path;
      target = {question_->sent.method, uri};
    }
    return parts_->verifier.verify(presented, target, now_, &brought_);
  }

  std::expected<void, decision::Refusal> find_what_decides() {
    in_force_ = question_->in_force != nullptr ? question_->in_force : parts_->current.read();
    TRY(place_in_task());
    const auto& claims = token_->claims();
    if (claims.task) task_ = parts_->tasks.find(*claims.task);
    return find_api();
  }
  std::expected<void, decision::Refusal> find_api() {
    api_ = in_force_->inventory->find_api(question_->api);
    if (api_ == nullptr) return broken("the inventory has no API `" + std::string(question_->api) + "`");
    return {};
  }
  const decision::PolicySnapshot& policies() const noexcept { return *in_force_->policies; }

  // Everything of the call but its arguments.
  task::Call call() const {
    const auto& claims = token_->claims();
    task::Call call{.subject = claims.subject,
                    .client = claims.client_id,
                    .task = claims.task,
                    .purpose = claims.purpose,
                    .api = std::string(question_->api),
                    .action = text_of(question_->action),
                    .resource = text_of(question_->resource),
                    .method = std::string(question_->sent.method),
                    .path = std::string(question_->sent.path),
                    .query = std::string(question_->sent.query),
                    .policy_revision = policies().revision};
    for (const auto& actor : claims.actors) call.actors.push_back(actor.subject);
    return call;
  }

  task::Call call_with_arguments() const {
    auto whole = call();
    whole.arguments = question_->approval.arguments();
    return whole;
  }

  // The approval that the request brings along has to be of this very call, whether or not it needs one.
  std::expected<void, decision::Refusal> find_approval() {
    const auto& [named, id, arguments] = question_->approval;
    if (named == 0) return {};
    if (named > 1 || id.empty() || id.size() > kMaxApprovalIdBytes)
      return refuse({Reason::kApprovalUnknown,
                     "the request names more than one approval, or something that is not an approval's id"});
    if (parts_->calls == nullptr || !arguments)
      return refuse({Reason::kApprovalUnknown, "this server does not take approvals of single calls"});
    if (auto checked = parts_->calls->check(id, call_with_arguments(), now_.latest); !checked)
      return refuse(std::move(checked).error());
    approval_ = id;
    return {};
  }

  std::expected<std::unique_ptr<task::Write>, decision::Refusal> consume_budget() {
    if (!ruling_->decision->consumes_budget() || taken_) return nullptr;
    if (task_ == nullptr) return broken("the decision asks for the budget of a task that is not there");
    if (!find_labels()) return broken("the resource's attribute `taskLabels` is not a set of texts");
    auto use = ruling_->context.use();
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

  // Whether what was read of the pushed entities still stands.
  bool same_facts(const InForce& now) const {
    if (now.pushed == in_force_->pushed || !ruling_) return true;
    const auto none = facts::PushedEntities::none();
    const auto& before = in_force_->pushed ? *in_force_->pushed : *none;
    const auto& after = now.pushed ? *now.pushed : *none;
    const auto uid = ruling_->context.resource();
    return before.same(after, uid) &&
           std::ranges::all_of(ruling_->context.pushed_read(),
                               [&](const cedar::Entity* read) { return before.same(after, read->uid); });
  }

  // What the task earns: what the route says, and what the resource brings with it.
  bool find_labels() {
    labels_.assign(question_->labels.begin(), question_->labels.end());
    const cedar::Entity* resource = ruling_->context.entities().find(ruling_->context.resource());
    const cedar::Value* brought = resource != nullptr ? resource->attributes->find("taskLabels") : nullptr;
    if (brought == nullptr) return true;
    if (!brought->is(cedar::Kind::kSet)) return false;
    for (const cedar::Value& label : brought->as_set()) {
      if (!label.is(cedar::Kind::kString)) return false;
      labels_.push_back(label.as_string());
    }
    return true;
  }

  const EnforcerParts* parts_;
  const Question* question_;
  Memory* memory_;
  Step step_;
  Times now_;
  RequestId request_id_;
  bool bound_ = false;
  token::Brought brought_;
  bool resumed_ = false;  // after it was put aside
  bool taken_ = false;    // from the task's budget
  bool used_ = false;     // the approval
  std::optional<token::Verified> token_;
  std::shared_ptr<const InForce> in_force_;
  const inventory::Api* api_ = nullptr;
  std::shared_ptr<task::LiveTask> task_;
  std::vector<std::string_view> labels_;
  std::vector<std::string> kept_labels_;  // of the first step
  ListRuling list_;
  std::optional<std::string> approval_;  // of this call, to be used up
  std::optional<Ruling> ruling_;
};

// An outcome on its way to whoever waits for it. One that is lost is a refusal.
struct Enforcer::Given {
  Given(Enforcer& of, OutcomeCallback told, RequestId id) noexcept
      : enforcer(of), callback(std::move(told)), request_id(id) {}
  Given(Enforcer& of, AskedCallback told) noexcept
      : enforcer(of), asked_callback(std::move(told)), request_id(RequestId::next()) {}
  Given(Given&&) noexcept = default;  // the other one has no callback then
  ~Given() {
    if (callback || asked_callback) give({}, failure(ErrorCode::kInternal, {}));
  }
  void give(std::optional<Outcome> outcome, const Result<void>& recorded) noexcept;

  Enforcer& enforcer;
  // One of the two.
  OutcomeCallback callback = {};
  AskedCallback asked_callback = {};
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
  const std::unique_ptr<Memory> memory;
  Walk walk;
  Given given;
  std::size_t waits = 0;
};

namespace {

// Others may be quicker again and again to take what was reserved.
constexpr std::size_t kMaxWaits = 16;

void report(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr)
    std::fprintf(stderr, "writ: defect: a request was refused because of an internal error: %s\n",
                 error.what());
}

}  // namespace

std::unique_ptr<Memory>& Enforcer::memory() {
  thread_local std::unique_ptr<Memory> memory;
  if (memory == nullptr) memory = std::make_unique<Memory>();
  return memory;
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
  begin(question, Given(*this, std::move(callback)), true);
}

void Enforcer::begin(const Question& question, Given given, bool may_wait) noexcept {
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
      if (may_wait && parts_.verifier.wait_for_keys(question.credentials.presented()->token(), then)) return;
      walk.key_did_not_come();
      return finish(walk, decided, std::move(waits->given));
    }
    if (decided) {
      auto consumed = walk.consume();
      if (consumed && *consumed)
        return wait(std::make_unique<Parked>(question, std::move(memory), std::move(walk), std::move(given)),
                    *std::move(consumed));
      if (!consumed) decided = std::unexpected(std::move(consumed).error());
    }
    finish(walk, decided, std::move(given));
  } catch (const std::exception& error) {
    report(error);  // and `given` tells
  }
}

// What an ApiAsked has of the first step.
struct Enforcer::Held final : AskedState {
  explicit Held(Walk way) : AskedState(way.parties()), question(way.question()), walk(std::move(way)) {
    walk.let_go_of_memory();
    walk.move_to(question);
  }

  const Question question;
  Walk walk;
};

void Enforcer::answer(ApiAsked asked, ApiAnswer& answer, OutcomeCallback callback) noexcept {
  auto& walk = static_cast<Held&>(*asked.state_).walk;
  Given given(*this, std::move(callback), walk.request_id());
  try {
    const auto decided = walk.decide_on(answer, *memory());
    finish(walk, decided, std::move(given));
  } catch (const std::exception& error) {
    report(error);  // and `given` tells
  }
}

// It passes, or is refused, once that is recorded.
void Enforcer::finish(Walk& walk, const std::expected<void, decision::Refusal>& decided, Given given) {
  const bool asks = decided && walk.step() == Walk::Step::kBefore;
  if (decided && !asks && !walk.record_permit()) return given.give(walk.permit(), {});
  auto record = asks ? walk.asked_record() : walk.record(decided ? nullptr : &decided.error());
  if (asks) {
    given.asked.emplace(ApiAsked(std::make_unique<Held>(std::move(walk))));
  } else if (decided) {
    given.outcome.emplace(walk.permit());
  } else {
    const auto& refusal = decided.error();
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
  finish(walk, decided, std::move(parked->given));
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

bool Enforcer::would_permit(const Question& question) const {
  return Walk(parts_, question, *memory()).ask(Walk::Proof::kLeftAlone).has_value();
}

bool Enforcer::wait_for_key(const Credentials& credentials, std::string_view peer_ip,
                            std::move_only_function<void()>& then) const {
  const auto& presented = credentials.presented();
  if (!presented) return false;
  auto* attempts = parts_.attempts;
  if (attempts != nullptr && attempts->wait(attempts->from(peer_ip), parts_.clock.earliest())) return false;
  return parts_.verifier.wait_for_keys(presented->token(), then);
}

std::optional<token::Verified> Enforcer::token_of(const Credentials& credentials,
                                                  std::string_view peer_ip) const {
  if (const auto* verified = credentials.verified()) return *verified;
  const auto& presented = credentials.presented();
  if (!presented) return std::nullopt;
  token::Brought brought(parts_.attempts, peer_ip, token::Brought::Counts::kNo);
  auto verified = parts_.verifier.glance(presented->token(), times_of(parts_.clock), &brought);
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
