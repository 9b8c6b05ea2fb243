#include "context/context.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "context/tenant.h"
#include "token/foreign.h"

namespace writ::context {
namespace {

using cedar::Arena;
using cedar::RecordNode;
using cedar::Text;
using cedar::TextField;
using cedar::Value;
using inventory::Kind;
using OptionalText = std::optional<std::string_view>;

constexpr std::string_view kTaskType = "Writ::Task";

OptionalText view(const std::optional<std::string>& text) {
  return text ? OptionalText(*text) : std::nullopt;
}

// The names of the fields that every context has, made once and not for each request.
struct Names {
  Arena arena;
  const Text* of(std::string_view name) { return arena.text(name); }

  const Text* party[4] = {of("user"), of("application"), of("service"), of("agent")};  // by Kind
  const Text* chain = of("chain");
  const Text* depth = of("depth");
  const Text* ids = of("ids");
  const Text* task = of("task");
  const Text* purpose = of("purpose");
  const Text* tenant = of("tenant");
  const Text* environment = of("environment");
  const Text* issuer = of("issuer");
  const Text* last_used = of("lastUsed");
  const Text* workload = of("workload");
  const Text* reviewed_at = of("reviewedAt");
  const Text* labels = of("labels");
  const Text* subject = of("subject");
  const Text* client = of("client");
  const Text* agents = of("agents");
  const Text* opened_by = of("openedBy");
  const Text* parent = of("parent");
  const Text* approvals_needed = of("approvalsNeeded");
  const Text* token = of("token");
  const Text* issued = of("issued");
  const Text* acr = of("acr");
  const Text* auth_time = of("authTime");
  const Text* sender_bound = of("senderBound");
  const Text* credential = of("credential");
  const Text* kind = of("kind");
  const Text* created = of("created");
  const Text* request = of("request");
  const Text* calendars = of("calendars");
  const Text* approved = of("approved");
  const Text* amounts = of("amounts");
  const Text* input = of("input");
  const Text* time = of("time");
  const Text* ip = of("ip");
  const Text* method = of("method");
  const Text* path = of("path");
};

const Names& names() {
  static const Names kNames;
  return kNames;
}

// The fields of a record while it is put together, at most `room` of them.
class Fields {
 public:
  Fields(Arena& arena, std::size_t room)
      : arena_(arena), fields_(arena.allocate_array<TextField>(room)), room_(room) {}

  void add(const Text* name, Value value) {
    WRIT_CHECK(size_ < room_);
    new (&fields_[size_++]) TextField{name, value};
  }
  void add(const Text* name, OptionalText text) {
    if (text) add(name, make_string(arena_, *text));
  }
  bool has(const Text* name) const noexcept {
    return std::any_of(fields_, fields_ + size_, [&](const auto& f) { return same_text(f.name, name); });
  }
  Value record() const { return make_record(arena_, std::span<const TextField>(fields_, size_)); }

 private:
  Arena& arena_;
  TextField* fields_;
  std::size_t room_;
  std::size_t size_ = 0;
};

// Both records in one; where both have a field, the first one's counts.
Value merged(Arena& arena, const RecordNode& first, const RecordNode& second) {
  if (second.size == 0) return Value::record(&first);
  if (first.size == 0) return Value::record(&second);
  Fields fields(arena, first.size + second.size);
  for (const auto& field : first) fields.add(field.name, field.value);
  for (const auto& field : second) {
    if (!fields.has(field.name)) fields.add(field.name, field.value);
  }
  return fields.record();
}

}  // namespace

namespace {

Value attributes_of(Arena& arena, const task::Task& task, const std::vector<std::string>& labels) {
  Fields fields(arena, 10);
  fields.add(names().purpose, make_string(arena, task.purpose));
  fields.add(names().labels, make_string_set(arena, labels));
  if (task.parent) fields.add(names().parent, cedar::make_entity(arena, kTaskType, *task.parent));
  fields.add(names().approvals_needed, Value::integer(task.approvals.needed));
  if (task.subject)
    fields.add(names().subject, cedar::make_entity(arena, cedar_type(Kind::kUser), *task.subject));
  fields.add(names().client, view(task.client));
  fields.add(names().agents, make_string_set(arena, task.agents));
  // Empty while it is only asked for.
  if (!task.opened_by.empty()) fields.add(names().opened_by, make_string(arena, task.opened_by));
  fields.add(names().tenant, view(task.tenant));
  fields.add(names().environment, view(task.environment));
  return fields.record();
}

}  // namespace

Value task_attributes(Arena& arena, const task::Task& task) {
  return attributes_of(arena, task, task.labels);
}

Value task_attributes(Arena& arena, const task::LiveTask& task) {
  if (task.parent() == nullptr) return task_attributes(arena, task.task());
  return attributes_of(arena, task.task(), task.labels());
}

void Workspace::reset() noexcept {
  parties_.clear();
  chain_.clear();
  if (overlay_) overlay_->clear();
  arena_.reset();
}

Result<Context> Context::of_use(const token::Verified& token, const Inputs& inputs, Workspace& workspace) {
  return build(Context(Point::kUse, token.claims(), token.sender_bound(), inputs, workspace));
}

Result<Context> Context::of_issue(const token::AccessClaims& claims, const Inputs& inputs,
                                  Workspace& workspace) {
  return build(Context(Point::kIssue, claims, claims.sender_bound(), inputs, workspace));
}

Result<Context> Context::build(Context context) {
  Workspace& workspace = *context.workspace_;
  workspace.parties_.clear();
  workspace.chain_.clear();
  if (!workspace.overlay_ || &workspace.overlay_->base() != &context.inputs_.entities)
    workspace.overlay_.emplace(context.inputs_.entities);
  context.find_parties();
  // Before the resource is read, which may still be on its way from memory: so is where it stands until here,
  // and from here on itself.
  context.record_ = context.make_context_record();
  if (context.inputs_.pushed != nullptr) context.inputs_.pushed->expect(context.inputs_.resource);
  TRY(context.lay_by(&Context::lay_entities));
  return context;
}

Result<void> Context::go_on(Times time, std::optional<Value> resource_attributes, bool budget_taken,
                            bool time_is_read) {
  inputs_.request.time = time;
  inputs_.resource_attributes = resource_attributes;
  inputs_.budget_taken = budget_taken;
  for (Party& party : workspace_->parties_)
    if (party.member != nullptr) party.status = party.member->status_at(time.latest);
  // A task may be another one by now, and who acts may have been used meanwhile.
  if (inputs_.task != nullptr || inputs_.last_used) {
    record_ = make_context_record();
    return lay_by(&Context::lay_entities);
  }
  if (time_is_read) record_ = record_at_another_time();
  return lay_by(&Context::lay_resource_again);
}

Result<void> Context::lay_by(Result<void> (Context::*lay)()) {
  try {
    TRY((this->*lay)());
    resource_entity_ = workspace_->overlay_->find(inputs_.resource);
  } catch (const std::length_error& too_deep) {
    return failure(ErrorCode::kLimit, too_deep.what());
  }
  return {};
}

std::uint32_t Context::add_party(Role role, std::string_view id) {
  auto& parties = workspace_->parties_;
  for (std::uint32_t i = 0; i < parties.size(); ++i) {
    if (parties[i].id == id) return i;
  }
  const inventory::Member* member = inputs_.inventory.find(id);
  // An unknown subject is a user of the identity provider; other unknowns are refused by a guard.
  const Kind kind = member != nullptr        ? (*member)->kind
                    : role == Role::kSubject ? Kind::kUser
                    : role == Role::kClient  ? Kind::kApplication
                                             : Kind::kAgent;
  const auto uid = member != nullptr ? member->uid() : workspace_->arena_.entity(cedar_type(kind), id);
  const auto status =
      member != nullptr ? member->status_at(inputs_.request.time.latest) : inputs_.inventory.ordered(id);
  parties.push_back({role, kind, id, uid, member, status});
  return static_cast<std::uint32_t>(parties.size() - 1);
}

void Context::find_parties() {
  const auto& claims = *claims_;
  auto& chain = workspace_->chain_;
  // RFC 9068 §2.2: without a resource owner, `sub` is the client.
  if (claims.subject != claims.client_id) chain.push_back(add_party(Role::kSubject, claims.subject));
  const auto client = add_party(Role::kClient, claims.client_id);
  for (const auto& actor : claims.actors) add_party(Role::kActor, actor.subject);
  for (auto actor = claims.actors.rbegin(); actor != claims.actors.rend(); ++actor)
    chain.push_back(add_party(Role::kActor, actor->subject));
  if (chain.empty() || chain.back() != client) chain.push_back(client);
}

const Party* Context::subject() const noexcept {
  const auto& first = parties().front();
  return first.role == Role::kSubject ? &first : nullptr;
}

const Party& Context::client() const noexcept {
  const auto& all = parties();
  return all.front().role == Role::kClient ? all[0] : all[1];
}

OptionalText tenant_of(const token::AccessClaims& claims, const inventory::Member* owner,
                       const task::LiveTask* task) noexcept {
  if (claims.tenant) return *claims.tenant;
  // Nobody who acts for the owner brings a tenant along: more parties must not mean more access.
  if (owner == nullptr) return std::nullopt;
  if (const auto own = view((*owner)->tenant)) return own;
  // A service of no tenant serves all of them, and inside a task of one tenant only that one.
  const bool serves_all = (*owner)->kind != Kind::kUser;
  return serves_all && task != nullptr ? view((*task)->tenant) : std::nullopt;
}

OptionalText Context::tenant() const noexcept {
  return tenant_of(*claims_, owner().member, inputs_.task);
}

OptionalText Context::environment() const noexcept {
  if (claims_->environment) return *claims_->environment;
  // Where the request began: the first of the chain that is no user. Later ones add nothing, as above.
  for (const auto at : chain()) {
    const Party& party = parties()[at];
    if (party.kind == Kind::kUser) continue;
    return party.member != nullptr ? view((*party.member)->environment) : std::nullopt;
  }
  return std::nullopt;
}

OptionalText Context::purpose() const noexcept {
  if (claims_->purpose) return *claims_->purpose;
  return inputs_.task != nullptr ? OptionalText((*inputs_.task)->purpose) : std::nullopt;
}

Value Context::attributes_of(const Party& party) {
  const RecordNode& own =
      party.member != nullptr ? party.member->attributes().as_record() : *cedar::empty_record();
  // The identity provider's word on the subject's tenant, where the inventory has none, and whose word it is.
  // Its further facts of a user are the last that count: after the inventory's and the catalogue's.
  const bool is_user = party.role == Role::kSubject && party.kind == Kind::kUser;
  const bool tells_tenant =
      party.role == Role::kSubject && claims_->tenant && own.find(names().tenant) == nullptr;
  const bool tells_issuer = is_user && claims_->subject_issuer;
  const auto used = inputs_.last_used && party.member != nullptr && party.kind != Kind::kUser
                        ? party.member->use().last_or_activation()
                        : 0;
  const auto* told = is_user && claims_->foreign != nullptr ? &claims_->foreign->facts : nullptr;
  // A platform's word on its workload, in the token that the workload got itself.
  const bool tells_workload = !claims_->workload.empty() && party.kind != Kind::kUser &&
                              party.id == claims_->client_id && own.find(names().workload) == nullptr;
  if (!tells_tenant && !tells_issuer && !tells_workload && used == 0 && told == nullptr)
    return Value::record(&own);
  Fields claimed(workspace_->arena_, 4 + (told != nullptr ? told->size() : 0));
  if (tells_workload) claimed.add(names().workload, workload_record());
  // The request itself is noted after it was permitted: this is the use before it.
  if (used != 0)
    claimed.add(names().last_used, Value::datetime(cedar::Datetime::from(inventory::instant_of(used))));
  if (tells_tenant) claimed.add(names().tenant, view(claims_->tenant));
  if (tells_issuer) claimed.add(names().issuer, view(claims_->subject_issuer));
  if (told != nullptr) {
    const cedar::Entity* catalogued = inputs_.entities.find(party.uid);
    for (const auto& [name, texts] : *told) {
      if (catalogued == nullptr || catalogued->attributes->find(name) == nullptr)
        claimed.add(workspace_->arena_.text(name), make_string_set(workspace_->arena_, texts));
    }
  }
  return merged(workspace_->arena_, own, claimed.record().as_record());
}

Value Context::workload_record() {
  Arena& arena = workspace_->arena_;
  Fields facts(arena, claims_->workload.size());
  for (const auto& [name, fact] : claims_->workload) facts.add(arena.text(name), make_string(arena, fact));
  return facts.record();
}

Result<void> lay_identity(cedar::Overlay& overlay, Arena& arena, cedar::EntityRef uid, Value attributes) {
  const cedar::Entity* catalogued = overlay.base().find(uid);
  if (catalogued == nullptr) return overlay.add(arena, uid, attributes);
  Fields further(arena, catalogued->attributes->size);
  for (const auto& field : *catalogued->attributes) {
    const bool told =
        same_text(field.name, names().tenant) || same_text(field.name, names().environment) ||
        same_text(field.name, names().last_used) || same_text(field.name, names().reviewed_at) ||
        same_text(field.name, uid.type() == cedar_type(Kind::kUser) ? names().issuer : names().workload);
    if (!told) further.add(field.name, field.value);
  }
  return overlay.add(arena, uid, merged(arena, attributes.as_record(), further.record().as_record()),
                     catalogued->parents, Value::record(catalogued->tags));
}

Result<void> lay_facts(cedar::Overlay& overlay, Arena& arena, cedar::EntityRef uid, Value attributes) {
  const RecordNode& told = attributes.as_record();
  const cedar::Entity* catalogued = overlay.known(uid);
  if (catalogued == nullptr) return overlay.add(arena, uid, attributes);
  return overlay.add(arena, uid, merged(arena, *catalogued->attributes, told), catalogued->parents,
                     Value::record(catalogued->tags));
}

Result<void> Context::lay_resource() {
  if (!inputs_.resource_attributes) {
    // Looked for once: every attribute that is read looks for the entity again.
    if (inputs_.pushed == nullptr || inputs_.entities.find(inputs_.resource) != nullptr) return {};
    const cedar::Entity* pushed = workspace_->overlay_->known(inputs_.resource);
    if (pushed == nullptr) return {};
    return workspace_->overlay_->add(workspace_->arena_, inputs_.resource, Value::record(pushed->attributes),
                                     pushed->parents, Value::record(pushed->tags));
  }
  return lay_facts(*workspace_->overlay_, workspace_->arena_, inputs_.resource, *inputs_.resource_attributes);
}

// The others stay as they were laid.
Result<void> Context::lay_resource_again() {
  for (const Party& party : parties())
    if (party.uid == inputs_.resource) return {};
  workspace_->overlay_->take_back(inputs_.resource);
  return lay_resource();
}

Result<void> Context::lay_entities() {
  auto& arena = workspace_->arena_;
  workspace_->overlay_->clear();
  workspace_->overlay_->look_in(inputs_.pushed, arena);
  bool resource_is_laid = false;
  for (const Party& party : parties()) {
    TRY(lay_identity(*workspace_->overlay_, arena, party.uid, attributes_of(party)));
    resource_is_laid = resource_is_laid || party.uid == inputs_.resource;
  }
  if (inputs_.task != nullptr) {
    const task::Task& task = inputs_.task->task();
    const auto uid = arena.entity(kTaskType, task.id);
    TRY(workspace_->overlay_->add(arena, uid, task_attributes(arena, *inputs_.task)));
    resource_is_laid = resource_is_laid || uid == inputs_.resource;
  }
  // Of a party or of the task, Writ's own records say more than a route does.
  if (resource_is_laid) return {};
  return lay_resource();
}

Value Context::chain_record() const {
  auto& arena = workspace_->arena_;
  const auto& actors = claims_->actors;
  auto* ids = arena.allocate_array<Value>(actors.size());
  for (std::size_t i = 0; i < actors.size(); ++i) new (&ids[i]) Value(make_string(arena, actors[i].subject));
  Fields fields(arena, 2);
  fields.add(names().depth, Value::integer(static_cast<std::int64_t>(actors.size())));
  fields.add(names().ids, make_set(arena, std::span<const Value>(ids, actors.size())));
  return fields.record();
}

Value Context::token_record() const {
  return token_record(view(claims_->acr), claims_->auth_time);
}

Value Context::token_record(std::optional<std::string_view> acr, std::optional<Instant> auth_time) const {
  auto& arena = workspace_->arena_;
  Fields fields(arena, 4);
  fields.add(names().issued, Value::datetime(cedar::Datetime::from(claims_->issued_at)));
  fields.add(names().sender_bound, Value::boolean(sender_bound_));
  fields.add(names().acr, acr);
  if (auth_time) fields.add(names().auth_time, Value::datetime(cedar::Datetime::from(*auth_time)));
  return fields.record();
}

Value Context::credential_record() const {
  if (!claims_->credential_kind && !claims_->credential_created) return Value::record(cedar::empty_record());
  Fields fields(workspace_->arena_, 2);
  fields.add(names().kind, view(claims_->credential_kind));
  if (claims_->credential_created)
    fields.add(names().created, Value::datetime(cedar::Datetime::from(*claims_->credential_created)));
  return fields.record();
}

namespace {

Value record_of(Arena& arena, const RequestFacts& request) {
  Fields fields(arena, 4);
  const auto& known = names();
  fields.add(known.time, Value::datetime(cedar::Datetime::from(request.time.latest)));
  if (const auto ip = cedar::Ip::parse(request.peer_ip)) fields.add(known.ip, make_ip(arena, *ip));
  if (!request.method.empty()) fields.add(known.method, OptionalText(request.method));
  if (!request.path.empty()) fields.add(known.path, OptionalText(request.path));
  return fields.record();
}

}  // namespace

Value Context::request_record() const {
  return record_of(workspace_->arena_, inputs_.request);
}

// record_, which has all but the time right.
Value Context::record_at_another_time() const {
  auto& arena = workspace_->arena_;
  const auto& of = names();
  const auto time = inputs_.request.time.latest;
  const RecordNode& before = record_.as_record();
  const Value request = with_value(arena, before.find(of.request)->as_record(), of.time,
                                   Value::datetime(cedar::Datetime::from(time)));
  const Value record = with_value(arena, before, of.request, request);
  const Value calendars = inputs_.calendars.in_force(time, arena);
  if (*before.find(of.calendars) == calendars) return record;
  return with_value(arena, record.as_record(), of.calendars, calendars);
}

Value anonymous_record(Arena& arena, const RequestFacts& facts, const Calendars& calendars) {
  Fields fields(arena, 3);
  fields.add(names().request, record_of(arena, facts));
  fields.add(names().approved, Value::boolean(false));
  fields.add(names().calendars, calendars.in_force(facts.time.latest, arena));
  return fields.record();
}

Value Context::amounts_record() const {
  if (inputs_.amounts.empty()) return Value::record(cedar::empty_record());
  auto& arena = workspace_->arena_;
  Fields fields(arena, inputs_.amounts.size());
  for (const auto& each : inputs_.amounts)
    fields.add(arena.text(each.name), Value::decimal({each.amount.ten_thousandths}));
  return fields.record();
}

Value Context::make_context_record(const Value& token) const {
  auto& arena = workspace_->arena_;
  const auto& known = names();
  Fields fields(arena, 16);
  std::array<bool, 4> named{};
  for (const Party& party : parties()) {
    const auto kind = static_cast<std::size_t>(party.kind);
    // Of several of a kind, the first: the nearest to the API.
    if (!named[kind]) fields.add(known.party[kind], Value::entity(party.uid));
    named[kind] = true;
  }
  fields.add(known.chain, chain_record());
  fields.add(known.token, token);
  fields.add(known.credential, credential_record());
  fields.add(known.request, request_record());
  fields.add(known.approved, Value::boolean(inputs_.approved));
  fields.add(known.amounts, amounts_record());
  fields.add(known.input, inputs_.input.value_or(Value::record(cedar::empty_record())));
  fields.add(known.calendars, inputs_.calendars.in_force(inputs_.request.time.latest, arena));
  if (inputs_.task != nullptr)
    fields.add(known.task, cedar::make_entity(arena, kTaskType, (*inputs_.task)->id));
  fields.add(known.purpose, purpose());
  fields.add(known.tenant, tenant());
  fields.add(known.environment, environment());
  return fields.record();
}

Value Context::approved_record() const {
  Context approved = *this;
  approved.inputs_.approved = true;
  return approved.make_context_record();
}

Value Context::record_after_login(std::string_view acr, bool anew) const {
  return make_context_record(token_record(acr.empty() ? view(claims_->acr) : acr,
                                          anew ? inputs_.request.time.earliest : claims_->auth_time));
}

const Value* Context::resource_attribute(std::string_view attribute) const noexcept {
  return resource_entity_ != nullptr ? resource_entity_->attributes->find(attribute) : nullptr;
}

OptionalText Context::resource_text(std::string_view attribute) const noexcept {
  const Value* value = resource_attribute(attribute);
  if (value == nullptr || !value->is(cedar::Kind::kString)) return std::nullopt;
  return value->as_string();
}

}  // namespace writ::context
