#include "policytest/world.h"

#include <algorithm>
#include <fmt/format.h>
#include <future>

#include "cedar/entity_json.h"
#include "control/own_api.h"
#include "enforce/told_facts.h"
#include "gateway/http_question.h"
#include "http/target.h"
#include "policytest/fixtures.h"

namespace writ::policytest {

namespace {

constexpr std::string_view kTaskType = "Writ::Task";
constexpr std::string_view kTokenGuard = "token";

// In use again, whoever stopped it: as if an operator lifted the order, and the configuration said so too.
Result<void> activate(inventory::Directory& directory, const std::string& id) {
  const auto before = directory.snapshot();
  const auto* member = before->find(id);
  if (member == nullptr || (*member)->configured_status == inventory::Status::kActive)
    return directory.order(id, inventory::Status::kActive);
  if (member->ordered() != inventory::Status::kActive) TRY(directory.order(id, inventory::Status::kActive));
  inventory::Change declared;
  for (const auto* each : before->members()) {
    declared.identities.push_back(each->identity());
    if ((*each)->id == id) declared.identities.back().configured_status = inventory::Status::kActive;
  }
  for (const auto* api : before->apis()) declared.apis.push_back(*api);
  return directory.declare(std::move(declared));
}

// Those that `token` gives; the audience is decision's.
bool is_of_token(Reason reason) noexcept {
  return reason <= Reason::kSenderBindingMismatch && reason != Reason::kAudienceMismatch;
}

// A policy's word on a party; the rest is said by guards.
bool is_of_policies(const decision::Refusal& refusal) {
  return refusal.reason == Reason::kPolicyForbid || refusal.reason == Reason::kPolicyNoPermit ||
         refusal.reason == Reason::kStepUpRequired || (!refusal.policies.empty() && !refusal.party.empty());
}

Policies over_entities(const Policies& policies, std::shared_ptr<const cedar::Entities> entities) {
  auto own = std::make_shared<decision::PolicySnapshot>(*policies);
  own->entities = std::move(entities);
  return own;
}

// Nothing: permitted.
void take(const std::optional<decision::Refusal>& refusal, Answer& answer) {
  if (!refusal) {
    answer.effect = decision::Effect::kPermit;
    answer.code = effect_name(answer.effect);
    return;
  }
  answer.effect =
      refusal->reason == Reason::kIndeterminate ? decision::Effect::kIndeterminate : decision::Effect::kDeny;
  answer.code = reason_code(refusal->reason);
  answer.message = refusal->message;
  answer.party = refusal->party;
  answer.path = refusal->path;
  answer.policies = refusal->policies;
}

}  // namespace

void read_refusal(const codec::Json& told, Answer& answer) {
  const auto text = [&](std::string_view name) {
    const auto* member = told.find_string(name);
    return member != nullptr ? *member : std::string();
  };
  answer.message = text("message");
  answer.party = text("party");
  answer.path = text("path");
  const auto* policies = told.find("policies");
  if (policies == nullptr || policies->if_array() == nullptr) return;
  for (const auto& policy : *policies->if_array())
    if (const auto* id = policy.if_string()) answer.policies.push_back(*id);
}

Result<Shared> Shared::make(const policy::Loaded& loaded, std::optional<jose::PrivateJwk> signing_key) {
  const auto& config = loaded.config;
  auto mint =
      TRY(Mint::make(config.issuer, config.token_algorithm, config.token_lifetime, std::move(signing_key)));
  return Shared{.loaded = loaded, .mint = std::move(mint)};
}

std::string Shared::origin_of(std::string_view api) const {
  return api == control::kOwnApi ? loaded.config.issuer : loaded.config.public_origin;
}

// One request on its way. It is not moved, because the facts borrow from it.
struct World::Asking {
  http::Request request;
  std::string api;
  cedar::EntityUid action, resource;
  std::vector<std::string_view> values;  // of the route's path
  std::unique_ptr<gateway::FoundFacts> found;
  std::function<cedar::Value(cedar::Arena&)> facts;
  std::vector<context::FactNote> notes;
  // What a source would be asked for, and the suite does not state; empty: nothing.
  std::span<const std::string> awaited;
  std::string_view source;  // its name
  std::vector<task::NamedAmount> amounts;
  std::vector<std::string> labels;
  std::string origin;
  bool issue = false;
  token::AccessClaims claims;
  std::string token;
  Proof proof = Proof::kRight;
  std::string_view body;
  bool approved = false;
  bool is_public = false;  // whoever asks
};

// A ruling taken apart. What it borrows is kept here.
struct World::Ruled {
  std::optional<token::Verified> token;  // absent when a token is asked for
  std::shared_ptr<const enforce::InForce> in_force;
  std::shared_ptr<task::LiveTask> task;
  std::optional<enforce::Ruling> ruling;
  std::string guard;
  std::optional<decision::Refusal> refusal;  // the first
  std::vector<std::string> reasons;
  std::vector<std::string> refused;   // parties, by the policies
  std::vector<std::string> policies;  // of a permit
};

World::World(Shared& shared, const Suite& suite, Policies policies)
    : shared_(shared),
      suite_(suite),
      clock_(suite.now),
      verifier_({.issuer = shared.mint->issuer(), .cache_entries = 64}, shared.mint->keys(), revocations_,
                replays_),
      current_({directory_.snapshot(), over_entities(policies, suite.entities)}),
      enforcer_({.clock = clock_,
                 .verifier = verifier_,
                 .current = current_,
                 .tasks = tasks_,
                 .record = [this](audit::Record record,
                                  audit::Log::Done done) { done(record_(std::move(record))); },
                 .writer = writer_,
                 .calls = &calls_}) {
  directory_.follow([this](auto snapshot) { current_.replace(std::move(snapshot)); });
}

Result<std::unique_ptr<World>> World::make(Shared& shared, const Suite& suite, Policies policies) {
  std::unique_ptr<World> world(new World(shared, suite, std::move(policies)));
  TRY(world->furnish());
  return world;
}

Result<void> World::furnish() {
  TRY(directory_.declare(suite_.world));
  for (const TaskFixture& fixture : suite_.tasks) {
    if (auto added = add_task(fixture); !added)
      return std::unexpected(std::move(added.error()).in(fmt::format("task `{}`", fixture.task.id)));
  }
  return {};
}

Result<void> World::add_task(const TaskFixture& fixture) {
  const bool asked = fixture.state == task::State::kRequested || fixture.state == task::State::kDenied;
  const auto live = TRY(tasks_.open(fixture.task, asked ? task::State::kRequested : task::State::kActive));
  if (fixture.state == task::State::kDenied) return tasks_.deny(fixture.task.id, live->task().opened_at);
  if (asked) return {};
  cedar::Arena arena;
  // Which resource it was does not matter; it has to be one of the task's.
  const task::ResourcePattern& used_on = live->task().resources.front();
  const cedar::EntityRef resource = arena.entity(used_on.type, used_on.id.value_or("any"));
  for (const auto& [action, calls] : fixture.used) {
    for (std::int64_t i = 0; i < calls; ++i) {
      const auto consumed =
          live->consume({arena.entity(action.type, action.id), resource, live->task().not_before});
      if (!consumed)
        return failure(ErrorCode::kInvalid, "`used` is more than there is: " + consumed.error().message);
    }
  }
  if (fixture.state == task::State::kEnded) return tasks_.end(fixture.task.id);
  if (fixture.state == task::State::kSuspended)
    return tasks_.suspend(fixture.task.id, live->task().not_before);
  if (fixture.state == task::State::kRevoked) return tasks_.revoke(fixture.task.id);
  return {};
}

// From the request to what it is about. False: no route leads there, and the answer says so.
bool World::find_target(const Target& target, Asking& asking, Answer& answer) const {
  asking.request.method = target.method;
  asking.request.target = target.path;
  if (const auto parsed = http::parse_target(target.path)) {
    asking.request.path = parsed->path;
    asking.request.encoded_path = parsed->encoded_path;
    asking.request.query = parsed->query;
  }
  // The body of a test is data, and goes as such.
  if (!target.body.empty()) asking.request.headers.add("Content-Type", "application/json");
  asking.issue = target.issue;
  asking.body = target.body;
  if (target.routed()) {
    const auto match = shared_.loaded.routes->match_anywhere(asking.request, asking.values);
    if (match.route == nullptr) {
      answer.effect = decision::Effect::kDeny;
      answer.code = match.allow != nullptr ? "method_not_allowed" : "not_found";
      answer.message = fmt::format("no route of the configuration takes {} {}", target.method, target.path);
      return false;
    }
    if (auto refusal = match.route->query_names().refusal(asking.request.query)) {
      answer.effect = decision::Effect::kDeny;
      answer.code = "invalid_request";
      answer.message = *std::move(refusal);
      return false;
    }
    asking.api = match.route->api();
    asking.action = match.route->action();
    asking.resource.type = match.route->resource_type();
    match.route->resource_id().append(asking.resource.id, asking.values);
    asking.found = match.route->find_facts(asking.request, asking.values, target.body);
    if (asking.found != nullptr && !asking.found->unreadable.empty()) {
      answer.effect = decision::Effect::kDeny;
      answer.code = "invalid_request";
      answer.message = asking.found->unreadable;
      return false;
    }
    asking.facts = match.route->facts(asking.values, asking.found.get());
    asking.amounts = match.route->amounts(asking.request, asking.values, target.body);
    asking.labels = match.route->labels();
    asking.is_public = match.route->is_public();
  } else {
    asking.api = target.api;
    asking.action = target.action;
    asking.resource = target.resource;
    const auto task = target.resource.type == kTaskType ? tasks_.find(target.resource.id) : nullptr;
    // As Writ's own API tells of a task.
    if (task != nullptr) {
      asking.facts = [task](cedar::Arena& arena) { return context::task_attributes(arena, task->task()); };
    } else if (target.attributes.is_object()) {
      asking.facts = [&target](cedar::Arena& arena) {
        return cedar::record_from_json(arena, target.attributes).value();
      };
    }
  }
  asking.origin = shared_.origin_of(asking.api);
  find_told(target, asking);
  answer.api = asking.api;
  answer.action = task::uid_text(asking.action);
  answer.resource = task::uid_text(asking.resource);
  return true;
}

// Stated as an answer; or, of the entities and of a request that names its resource, as an attribute.
void World::find_told(const Target& target, Asking& asking) const {
  const auto notes = gateway::notes_of(asking.found.get());
  asking.notes.assign(notes.begin(), notes.end());
  const auto* declared = source_of(shared_.loaded, asking.resource.type);
  if (declared == nullptr || asking.is_public || asking.issue) return;
  if (const auto told = suite_.answers.find(asking.resource); told != suite_.answers.end()) {
    asking.facts = enforce::with_told(std::move(asking.facts), *told->second);
    return;
  }
  cedar::Arena arena;
  const auto* entity = suite_.entities->find(arena.entity(asking.resource.type, asking.resource.id));
  const auto& names = declared->settings.reading.attributes;
  const bool stated = suite_.recorded || target.attributes.is_object() ||
                      (entity != nullptr && std::ranges::any_of(names, [&](const std::string& name) {
                         return entity->attributes->find(name) != nullptr;
                       }));
  if (stated) return;
  asking.awaited = names;
  asking.source = declared->settings.name;
}

Result<void> World::add_token(const RequestSpec& request, Asking& asking) {
  if (!request.token.present) return {};
  const auto inventory = directory_.snapshot();
  const auto* api = inventory->find_api(asking.api);
  if (api == nullptr) return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", asking.api));
  asking.claims = shared_.mint->claims(request, api->audience);
  if (asking.issue) return {};
  asking.token = TRY(shared_.mint->token(asking.claims, inventory->find_audience(asking.claims.audience),
                                         *shared_.loaded.policies.snapshot));
  asking.proof = request.proof;
  const auto uri = asking.origin + asking.request.encoded_path;
  return shared_.mint->present(request, asking.token, {asking.request.method, uri}, asking.request.headers);
}

// Somebody has sent the proof before.
Result<void> World::use_up_proof(const Asking& asking) {
  if (asking.proof != Proof::kReplayed || asking.origin.empty()) return {};
  const auto presented = token::Presented::from_headers(asking.request.headers);
  if (!presented) return {};
  const auto uri = asking.origin + asking.request.encoded_path;
  (void)verifier_.verify(*presented, token::ProofTarget{asking.request.method, uri}, clock_.now());
  return {};
}

decision::Refusal World::untold(const Asking& asking) {
  return {Reason::kFactsUnavailable,
          fmt::format("source `{}` is not asked in a test, and the file does not state what it says of {}",
                      asking.source, task::uid_text(asking.resource)),
          {},
          {},
          {}};
}

Result<std::optional<World::Ruled>> World::rule(const RequestSpec& request, const Asking& asking,
                                                enforce::IssuingStep step) {
  Ruled ruled;
  if (!asking.issue) {
    if (!request.token.present || asking.is_public) return std::nullopt;
    auto verified = verifier_.verify_parameter(asking.token, request.time);
    if (!verified) return std::nullopt;
    ruled.token = *std::move(verified);
  }
  ruled.in_force = current_.get();
  const auto& [inventory, policies, routes, pushed, sources] = *ruled.in_force;
  const auto& claims = asking.issue ? asking.claims : ruled.token->claims();
  if (claims.task) ruled.task = tasks_.find(*claims.task);
  const auto& api = *inventory->find_api(asking.api);
  const enforce::Deciding deciding{*inventory, *policies, ruled.task.get()};
  const auto sent = gateway::sent_in(asking.request);
  constexpr auto kAll = decision::Reasons::kAll;
  constexpr auto kAlone = enforce::Shadows::kLeftAlone;
  if (asking.issue) {
    ruled.ruling.emplace(
        TRY(enforce::rule_on(step, {claims, api, sent, request.time}, deciding, memory_, kAlone, kAll)));
  } else {
    const enforce::Facts facts{.time = request.time,
                               .method = sent.method,
                               .path = sent.path,
                               .peer_ip = sent.peer_ip,
                               .api = api,
                               .action = {asking.action.type, asking.action.id},
                               .resource = {asking.resource.type, asking.resource.id},
                               .attributes = asking.facts,
                               .amounts = asking.amounts,
                               .approved = asking.approved,
                               .input = gateway::Route::input(asking.found.get()),
                               .notes = asking.notes};
    ruled.ruling.emplace(
        TRY(asking.awaited.empty()
                ? enforce::rule_on_use(*ruled.token, facts, deciding, memory_, kAlone, kAll)
                : enforce::rule_awaiting(*ruled.token, facts, asking.awaited, deciding, memory_)));
  }
  ruled.guard = ruled.ruling->guard(*policies);
  if (ruled.ruling->needs_facts()) ruled.reasons.emplace_back(reason_code(Reason::kFactsUnavailable));
  const auto& decision = *ruled.ruling->decision;
  for (const auto& refusal : decision.refusals()) {
    ruled.reasons.emplace_back(reason_code(refusal.reason));
    if (is_of_policies(refusal)) ruled.refused.push_back(refusal.party);
  }
  std::ranges::sort(ruled.refused);
  ruled.refusal = ruled.ruling->needs_facts() ? std::optional(untold(asking)) : ruled.ruling->refusal();
  ruled.policies.assign(decision.policies().begin(), decision.policies().end());
  return ruled;
}

enforce::Question World::question(const Asking& asking) const {
  const bool own = asking.api == control::kOwnApi;
  enforce::Question question{.point = own ? "api" : "gateway",
                             .sent = gateway::sent_in(asking.request),
                             .credentials = gateway::credentials_in(asking.request),
                             .api = asking.api,
                             .action = {asking.action.type, asking.action.id},
                             .resource = {asking.resource.type, asking.resource.id},
                             .attributes = asking.facts,
                             .amounts = asking.amounts,
                             .labels = asking.labels,
                             .input = gateway::Route::input(asking.found.get()),
                             .notes = asking.notes,
                             .public_origin = asking.origin,
                             .fulfils = !own};
  // Writ's own API takes no approvals of calls.
  if (!own)
    question.approval =
        gateway::approval_in(asking.request, *gateway::ForwardedHeaders::standard(), asking.body);
  return question;
}

// People see this very call and approve it, and the request brings their approval along.
Result<void> World::approve(const RequestSpec& request, Asking& asking) {
  if (!request.approved || asking.issue || asking.api == control::kOwnApi) return {};
  const auto offer = enforcer_.would_offer(question(asking));
  if (offer == nullptr) return {};
  std::string id;
  auto arguments = gateway::digest_of(asking.request, *gateway::ForwardedHeaders::standard(), asking.body);
  enforcer_.offer_approval(*offer, std::move(arguments), asking.body,
                           [&](const enforce::Refused& refused) { id = refused.refusal.approval; });
  // It was offered, and a body that is too long or no text is still not approved.
  if (id.empty()) return {};
  const auto waits = calls_.find(id);
  if (waits && waits->state == task::CallState::kPending)
    TRY(calls_.approve(id, {"people", {}}, request.time));
  asking.request.headers.add(gateway::kApprovalHeader, id);
  asking.approved = true;
  return {};
}

Answer World::enforce(const Asking& asking, Answer answer) {
  if (asking.is_public) {
    std::promise<enforce::PublicOutcome> promise;
    enforcer_.enforce_public(question(asking), [&](auto outcome) { promise.set_value(std::move(outcome)); });
    const auto outcome = promise.get_future().get();
    take(outcome ? std::nullopt : std::optional(outcome.error().refusal), answer);
    return answer;
  }
  const auto outcome = enforcer_.enforce(question(asking));
  take(outcome ? std::nullopt : std::optional(outcome.error().refusal), answer);
  if (!outcome && is_of_token(outcome.error().reason())) answer.guard = kTokenGuard;
  return answer;
}

void World::observe(const Ruled& ruled, const Observer& observer) const {
  const auto& context = ruled.ruling->context;
  const auto entities = context.entities();
  for (const context::Party& party : context.parties()) {
    const cedar::Request question{party.uid, context.action(), context.resource(), context.record()};
    const bool refused = std::ranges::binary_search(ruled.refused, party.uid.to_string());
    observer({question, entities, party, !refused});
  }
}

Result<Answer> World::ask(const RequestSpec& request, const Observer& observer) {
  clock_.set(request.time);
  Asking asking;
  asking.request.peer_ip = request.ip;
  Answer answer;
  if (!find_target(request.target, asking, answer)) return answer;
  TRY(add_token(request, asking));
  if (asking.issue) return issue(request, asking, std::move(answer), observer);
  TRY(approve(request, asking));
  const auto ruled = TRY(rule(request, asking));
  TRY(use_up_proof(asking));
  // Who is not told of an awaited fact goes no further.
  if (ruled && !asking.awaited.empty())
    take(ruled->refusal, answer);
  else
    answer = enforce(asking, std::move(answer));
  if (ruled && answer.guard.empty()) {
    TRY(add_reasons(*ruled, answer));
    if (observer) observe(*ruled, observer);
  } else if (!answer.permitted()) {
    answer.reasons = {answer.code};
  }
  std::ranges::sort(answer.policies);
  return answer;
}

// Both looked at the same facts; if they differ, one of them is wrong.
Result<void> World::add_reasons(const Ruled& ruled, Answer& answer) {
  const auto seen =
      ruled.refusal ? reason_code(ruled.refusal->reason) : decision::effect_name(decision::Effect::kPermit);
  if (answer.code != seen)
    return failure(ErrorCode::kInternal,
                   fmt::format("the answer was `{}`, the decision `{}`", answer.code, seen));
  answer.guard = ruled.guard;
  answer.reasons = ruled.reasons;
  answer.refused = ruled.refused;
  if (answer.permitted()) answer.policies = ruled.policies;
  return {};
}

// The file does not say who had the token before, so an agent that does not act for itself alone counts as
// taking over.
bool World::takes_over(const token::AccessClaims& claims) const {
  const auto inventory = directory_.snapshot();
  const auto* client = inventory->find(claims.client_id);
  const bool alone = claims.subject == claims.client_id && claims.actors.empty();
  return client != nullptr && (*client)->kind == inventory::Kind::kAgent && !alone;
}

// The token service answers. Each step that it took is ruled on once more, for what tests ask of it.
Result<Answer> World::issue(const RequestSpec& request, const Asking& asking, Answer answer,
                            const Observer& observer) {
  using enforce::IssuingStep;
  const auto& claims = asking.claims;
  const auto in_force = current_.get();
  const auto& api = *in_force->inventory->find_api(asking.api);
  const auto task = claims.task ? tasks_.find(*claims.task) : nullptr;
  const bool handed_on = takes_over(claims);
  oauth::Issuer issuer(shared_.mint->minter(), record_, gateway::sent_in(asking.request), claims.jti);
  const auto token = issuer.issue({.claims = claims,
                                   .api = api,
                                   .task = task.get(),
                                   .handed_on = handed_on,
                                   .in_force = in_force,
                                   .now = request.time});
  const bool decided = token || token.error().kind == oauth::NotIssued::Kind::kRefused;
  take(token ? std::nullopt : std::optional(token.error().refusal), answer);
  const auto said_by = issuer.step();
  const auto last = token && handed_on ? IssuingStep::kDelegate : said_by;
  for (const auto step : {IssuingStep::kIssue, IssuingStep::kDelegate}) {
    if (step > last) break;
    const auto ruled = TRY(rule(request, asking, step));
    if (observer) observe(*ruled, observer);
    if (step == said_by && decided) TRY(add_reasons(*ruled, answer));
  }
  if (!decided) answer.reasons = {answer.code};
  if (said_by == IssuingStep::kDelegate) {
    answer.action = enforce::action_text(said_by);
    answer.resource = task::uid_text(enforce::resource_of(said_by, api, claims));
  }
  std::ranges::sort(answer.policies);
  return answer;
}

std::optional<decision::Explanation> World::explain(const RequestSpec& request) {
  clock_.set(request.time);
  Asking asking;
  asking.request.peer_ip = request.ip;
  Answer answer;
  if (!find_target(request.target, asking, answer) || !add_token(request, asking) ||
      !approve(request, asking))
    return std::nullopt;
  const auto ruled = rule(request, asking);
  // Without the facts that decide there is nothing to explain.
  if (!ruled || !*ruled || (*ruled)->ruling->needs_facts()) return std::nullopt;
  return decision::explain(*(*ruled)->in_force->policies, (*ruled)->ruling->context,
                           shared_.loaded.config.redact);
}

Result<void> World::apply(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kEndTask:
      return tasks_.end(change.id);
    case Change::Kind::kRevokeTask:
      return tasks_.revoke(change.id);
    case Change::Kind::kSuspend:
      return directory_.order(change.id, inventory::Status::kSuspended);
    case Change::Kind::kRetire:
      return directory_.order(change.id, inventory::Status::kRetired);
    case Change::Kind::kActivate:
      return activate(directory_, change.id);
    case Change::Kind::kRevokeToken:
      break;
  }
  Asking asking;
  Answer answer;
  if (!find_target(change.request.target, asking, answer))
    return failure(ErrorCode::kNotFound, answer.message);
  TRY(add_token(change.request, asking));
  return revocations_.revoke({asking.claims.jti, asking.claims.expires_at});
}

}  // namespace writ::policytest
