#include "enforce/walk.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/blocking.h"
#include "codec/name.h"
#include "crypto/random.h"
#include "decision/obligations.h"
#include "enforce/record.h"
#include "facts/pushed.h"

namespace writ::enforce {
namespace {

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

constexpr std::size_t kMaxApprovalIdBytes = 64;

// Whether who sent a token is a party to the task: its user; where the token is of no user, its client.
bool task_is_known_to(const token::AccessClaims& claims, const task::Task& task) {
  if (claims.subject != claims.client_id) return task.subject == claims.subject;
  return task.client == claims.client_id || task.opened_by == claims.client_id ||
         std::ranges::find(task.agents, claims.client_id) != task.agents.end();
}

std::string text_of(const EntityName& name) {
  std::string text;
  cedar::append_entity(text, name.type, name.id);
  return text;
}

}  // namespace

void Enforcer::Walk::let_go_of_memory() {
  ruling_.reset();
  memory_ = nullptr;
}

std::expected<std::unique_ptr<task::Write>, decision::Refusal> Enforcer::Walk::consume() {
  if (auto write = TRY(consume_budget())) return write;
  if (!approval_ || used_) return nullptr;
  auto write = parts_->calls->use(*approval_, call_with_arguments(), now_.latest);
  if (!write) return refuse(std::move(write).error());
  used_ = true;
  return *std::move(write);
}

std::expected<void, decision::Refusal> Enforcer::Walk::check_again() {
  resumed_ = true;
  if (auto good = parts_->verifier.still_good(*token_, times_of(parts_->clock)); !good)
    return refuse(std::move(good).error());
  const auto now = parts_->current.get();
  if (now->inventory == in_force_->inventory && now->policies == in_force_->policies && same_facts(*now) &&
      sources::source_of(now->sources, question_->resource.type) == source_)
    return {};
  return broken(
      "identities, policies or facts changed while this request waited for the disk; send it again");
}

std::expected<void, decision::Refusal> Enforcer::Walk::ask(Proof proof, Shadows shadows) {
  TRY(verify(proof));
  TRY(find_what_decides());
  if (proof == Proof::kChecked) TRY(find_approval());
  return rule(question_->attributes, shadows);
}

std::expected<void, decision::Refusal> Enforcer::Walk::decide_on(ApiAnswer& answer) {
  step_ = Step::kAfter;
  now_ = times_of(parts_->clock);
  if (auto good = parts_->verifier.still_good(*token_, now_); !good) return refuse(std::move(good).error());
  auto now = this_thread_never_blocks() ? parts_->current.read() : parts_->current.get();
  const bool as_before = now == in_force_;
  in_force_ = std::move(now);
  TRY(find_api());
  // `writ check` refuses such routes: the elements would lack what is asked of their source.
  if (sources::source_of(in_force_->sources, answer.element_type) != nullptr)
    return broken("facts about the elements of this list have a source that is asked");
  if (answer.is_list || !answer.unreadable.empty()) {
    TRY(rule(question_->attributes, Shadows::kLeftAlone, question_->awaited));
    if (!answer.unreadable.empty()) return refuse({Reason::kFactsUnavailable, answer.unreadable});
    const auto facts = facts_of(answer.action, {answer.element_type, {}}, question_->attributes);
    list_ = rule_on_elements(*token_, facts, deciding(), question_->fulfils, answer.elements);
  } else {
    Result<void> made;
    const auto make = [&](cedar::Arena& arena) {
      auto value = answer.facts(arena, policies().schema.get());
      if (value) return *value;
      made = std::unexpected(std::move(value).error());
      return cedar::Value::record(cedar::empty_record());
    };
    const Attributes attributes = std::ref(make);
    auto ruled = as_before ? rule_again(attributes, Shadows::kAsked) : rule(attributes, Shadows::kAsked);
    if (!made) return refuse({Reason::kFactsUnavailable, std::move(made).error().message});
    TRY(std::move(ruled));
  }
  return check_labels();
}

std::shared_ptr<const Offer> Enforcer::Walk::offer(const decision::Refusal& refusal) const {
  // After the API has told something, an offer would tell it on.
  if (!refusal.of_call || parts_->calls == nullptr || step_ == Step::kAfter) return nullptr;
  return std::make_shared<const Offer>(
      Offer{{.call = call(), .tenant = owned(ruling_->context.tenant()), .asked_at = now_.earliest},
            refusal,
            request_id_,
            bound_});
}

Parties Enforcer::Walk::parties() const {
  Parties made(*token_, in_force_, *api_, request_id_, now_);
  made.tenant_ = owned(ruling_->context.tenant());
  made.environment_ = owned(ruling_->context.environment());
  made.purpose_ = owned(ruling_->context.purpose());
  return made;
}

void Enforcer::Walk::note_unknown(Unlisted& unlisted) const noexcept {
  if (!token_ || !in_force_) return;
  const auto today = inventory::day_of(now_.earliest);
  const auto note = [&](std::string_view id) {
    if (in_force_->inventory->find(id) == nullptr) unlisted.note(id, today, false);
  };
  note(token_->claims().client_id);
  for (const auto& actor : token_->claims().actors) note(actor.subject);
}

audit::Record Enforcer::Walk::record(const decision::Refusal* refusal) const {
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
  codec::JsonCut all;
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
    told.obligations = obligations_.get();
    // A list's own are beside those of its elements.
    if (!list_.obligations.empty()) {
      all = list_.obligations;
      if (obligations_ != nullptr) all.add(*obligations_);
      told.obligations = &all;
    }
  }
  told.observed = question_->observed;
  return record_of(now_.earliest, told);
}

audit::Record Enforcer::Walk::asked_record() const {
  auto& names = memory_->names;
  const auto& claims = token_->claims();
  const auto& resource = question_->resource;
  written(names.action, question_->action.type, question_->action.id);
  names.action.append(" for ").append(claims.subject);
  const audit::Event event{.type = "api.asked",
                           .actor = claims.client_id,
                           .object = written(names.resource, resource.type, resource.id),
                           .detail = names.action,
                           .request_id = request_id_};
  return audit::make_record(now_.earliest, event);
}

Facts Enforcer::Walk::facts_of(EntityName action, EntityName resource, const Attributes& attributes) const {
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

Deciding Enforcer::Walk::deciding() const {
  return {*in_force_->inventory, policies(), task_.get(), in_force_->pushed.get()};
}

std::expected<void, decision::Refusal> Enforcer::Walk::rule(const Attributes& attributes, Shadows shadows) {
  source_ = sources::source_of(in_force_->sources, question_->resource.type);
  if (source_ != nullptr) return rule_by_source(attributes, shadows);
  return rule(attributes, shadows,
              step_ == Step::kBefore ? question_->awaited : std::span<const std::string>());
}

std::expected<void, decision::Refusal> Enforcer::Walk::rule(const Attributes& attributes, Shadows shadows,
                                                            std::span<const std::string> awaited) {
  auto facts = facts_of(question_->action, question_->resource, attributes);
  return take(awaited.empty() ? rule_on_use(*token_, facts, deciding(), *memory_, shadows)
                              : rule_awaiting(*token_, facts, awaited, deciding(), *memory_));
}

std::expected<void, decision::Refusal> Enforcer::Walk::rule_again(const Attributes& attributes,
                                                                  Shadows shadows) {
  auto ruled = enforce::rule_again(*ruling_, now_, attributes, true, deciding(), *memory_, shadows);
  if (!ruled) return broken(std::move(ruled.error().message));
  return take_ruling();
}

std::expected<void, decision::Refusal> Enforcer::Walk::take(Result<Ruling> ruling) {
  if (!ruling) return broken(std::move(ruling.error().message));
  ruling_.emplace(*std::move(ruling));
  return take_ruling();
}

std::expected<void, decision::Refusal> Enforcer::Walk::take_ruling() {
  obligations_ = nullptr;
  if (ruling_->needs_facts()) return {};
  if (auto refusal = ruling_->refusal()) return std::unexpected(*std::move(refusal));
  return find_obligations();
}

std::expected<void, decision::Refusal> Enforcer::Walk::find_obligations() {
  obligations_ = decision::obliged_by(policies().obligations.get(), ruling_->decision->policies());
  if (obligations_ == nullptr || question_->fulfils) return {};
  return refuse(decision::obligation_unmet());
}

std::expected<void, decision::Refusal> Enforcer::Walk::check_labels() {
  if (task_ == nullptr) return {};
  const bool known = find_labels() && std::ranges::all_of(labels_, [&](std::string_view label) {
                       return std::ranges::find(kept_labels_, label) != kept_labels_.end();
                     });
  if (known) return {};
  return broken("the resource's labels changed while the API was asked; send the request again");
}

std::expected<void, decision::Refusal> Enforcer::Walk::verify(Proof proof) {
  if (const auto* verified = question_->credentials.verified()) {
    token_.emplace(*verified);
    return {};
  }
  const auto& presented = question_->credentials.presented();
  if (!presented) return refuse(presented.error());
  bound_ = presented->scheme() == token::Scheme::kDpop;
  const auto counts = proof == Proof::kChecked ? token::Brought::Counts::kYes : token::Brought::Counts::kNo;
  brought_ = {parts_->attempts, question_->sent.peer_ip, counts};
  auto verified = proof == Proof::kChecked
                      ? verify_with_proof(*presented)
                      : parts_->verifier.glance(presented->token(), now_, &brought_, question_->api);
  if (!verified) return refuse(std::move(verified).error());
  token_.emplace(*std::move(verified));
  return {};
}

std::expected<void, decision::Refusal> Enforcer::Walk::place_in_task() {
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
  auto placed = token::Verifier::in_request(*token_, named, agent);
  if (!placed) return refuse(std::move(placed).error());
  token_.emplace(*std::move(placed));
  return {};
}

std::expected<token::Verified, Denial> Enforcer::Walk::verify_with_proof(const token::Presented& presented) {
  std::string uri;
  std::optional<token::ProofTarget> target;
  if (presented.proof() && !question_->public_origin.empty()) {
    uri = question_->public_origin;
    uri += question_->sent.encoded_path;
    target = {question_->sent.method, uri};
  }
  return parts_->verifier.verify(presented, target, now_, &brought_, question_->api);
}

std::expected<void, decision::Refusal> Enforcer::Walk::find_what_decides() {
  // A thread that is no loop may rule once and then wait for days: it would keep all of an old configuration.
  in_force_ = question_->in_force != nullptr ? question_->in_force
              : this_thread_never_blocks()   ? parts_->current.read()
                                             : parts_->current.get();
  TRY(place_in_task());
  const auto& claims = token_->claims();
  if (claims.task) task_ = parts_->tasks.find(*claims.task);
  // Writ gave the token none: whoever sent the request named a task, and is not told of others' tasks.
  if (task_ != nullptr && claims.foreign != nullptr && !task_is_known_to(claims, task_->task()))
    task_ = nullptr;
  return find_api();
}

std::expected<void, decision::Refusal> Enforcer::Walk::find_api() {
  api_ = in_force_->inventory->find_api(question_->api);
  if (api_ == nullptr) return broken("the inventory has no API `" + std::string(question_->api) + "`");
  return {};
}

task::Call Enforcer::Walk::call() const {
  const auto& claims = token_->claims();
  // As context::Context::purpose() has it: a token in a task need not say it.
  const auto of_task = task_ != nullptr ? std::optional((*task_)->purpose) : std::nullopt;
  task::Call call{.subject = claims.subject,
                  .client = claims.client_id,
                  .task = claims.task,
                  .purpose = claims.purpose ? claims.purpose : of_task,
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

task::Call Enforcer::Walk::call_with_arguments() const {
  auto whole = call();
  whole.arguments = question_->approval.arguments();
  return whole;
}

std::expected<void, decision::Refusal> Enforcer::Walk::find_approval() {
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

std::expected<std::unique_ptr<task::Write>, decision::Refusal> Enforcer::Walk::consume_budget() {
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
  attempt->write->settle = [task = task_](const task::Write& write, bool done) { task->wrote(write, done); };
  if (!taken_) return std::move(attempt->write);
  parts_->writer.write(std::move(attempt->write), [](Result<void>) {});
  return nullptr;
}

bool Enforcer::Walk::same_facts(const InForce& now) const {
  if (now.pushed == in_force_->pushed || !ruling_) return true;
  const auto none = facts::PushedEntities::none();
  const auto& before = in_force_->pushed ? *in_force_->pushed : *none;
  const auto& after = now.pushed ? *now.pushed : *none;
  const auto uid = ruling_->context.resource();
  return before.same(after, uid) &&
         std::ranges::all_of(ruling_->context.pushed_read(),
                             [&](const cedar::Entity* read) { return before.same(after, read->uid); });
}

bool Enforcer::Walk::find_labels() {
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

}  // namespace writ::enforce
