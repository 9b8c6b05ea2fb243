#include "context/context.h"

#include <algorithm>
#include <array>

namespace writ::context {
namespace {

using cedar::Field;
using cedar::Value;
using inventory::Kind;

// The fields of a record, on the stack.
class Fields {
 public:
  void add(std::string_view name, Value value) {
    WRIT_CHECK(size_ < fields_.size());
    fields_[size_++] = {name, value};
  }
  Value record(cedar::Arena& arena) const {
    return make_record(arena, std::span<const Field>(fields_.data(), size_));
  }

 private:
  std::array<Field, 16> fields_{{{"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)},
                                 {"", Value::boolean(false)}}};
  std::size_t size_ = 0;
};

}  // namespace

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
  return build(Context(Point::kIssue, claims, claims.key_thumbprint.has_value(), inputs, workspace));
}

Result<Context> Context::build(Context context) {
  Workspace& workspace = *context.workspace_;
  workspace.parties_.clear();
  workspace.chain_.clear();
  if (!workspace.overlay_ || &workspace.overlay_->base() != &context.inputs_->entities)
    workspace.overlay_.emplace(context.inputs_->entities);
  workspace.overlay_->clear();
  context.find_parties();
  TRY(context.lay_entities());
  context.record_ = context.make_context_record();
  return context;
}

std::uint32_t Context::add_party(Role role, std::string_view id) {
  auto& parties = workspace_->parties_;
  for (std::uint32_t i = 0; i < parties.size(); ++i) {
    if (parties[i].id == id) return i;
  }
  const inventory::Member* member = inputs_->inventory.find(id);
  // An unknown subject is a user of the identity provider; an unknown client is refused by a guard.
  const Kind kind = member != nullptr        ? (*member)->kind
                    : role == Role::kSubject ? Kind::kUser
                    : role == Role::kClient  ? Kind::kApplication
                                             : Kind::kAgent;
  const auto uid = member != nullptr ? member->uid() : workspace_->arena_.entity(cedar_type(kind), id);
  parties.push_back({role, kind, id, uid, member});
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

Value Context::attributes_of(const Party& party) {
  auto& arena = workspace_->arena_;
  const Value own =
      party.member != nullptr ? party.member->attributes() : Value::record(cedar::empty_record());
  // The identity provider's word on the subject's tenant, where the inventory has none.
  if (party.role != Role::kSubject || !claims_->tenant || own.as_record().find("tenant") != nullptr)
    return own;
  auto* fields = arena.allocate_array<cedar::TextField>(own.as_record().size + 1);
  std::size_t count = 0;
  for (const auto& field : own.as_record()) new (&fields[count++]) cedar::TextField(field);
  new (&fields[count++]) cedar::TextField{arena.text("tenant"), cedar::make_string(arena, *claims_->tenant)};
  return make_record(arena, std::span<const cedar::TextField>(fields, count));
}

Result<void> Context::lay_entities() {
  auto& arena = workspace_->arena_;
  auto& overlay = *workspace_->overlay_;
  for (const Party& party : parties()) TRY(overlay.add(arena, party.uid, attributes_of(party)));
  if (inputs_->task != nullptr) {
    const task::Task& task = inputs_->task->task();
    Fields fields;
    fields.add("purpose", make_string(arena, task.purpose));
    fields.add("labels", make_string_set(arena, task.labels));
    TRY(overlay.add(arena, arena.entity("Writ::Task", task.id), fields.record(arena)));
  }
  return {};
}

Value Context::chain_record() {
  auto& arena = workspace_->arena_;
  const auto& actors = claims_->actors;
  auto* ids = arena.allocate_array<Value>(actors.size());
  for (std::size_t i = 0; i < actors.size(); ++i) new (&ids[i]) Value(make_string(arena, actors[i].subject));
  Fields fields;
  fields.add("depth", Value::integer(static_cast<std::int64_t>(actors.size())));
  fields.add("ids", make_set(arena, std::span<const Value>(ids, actors.size())));
  return fields.record(arena);
}

Value Context::token_record() {
  auto& arena = workspace_->arena_;
  Fields fields;
  fields.add("issued", Value::datetime(cedar::Datetime::from(claims_->issued_at)));
  fields.add("senderBound", Value::boolean(sender_bound_));
  if (claims_->acr) fields.add("acr", make_string(arena, *claims_->acr));
  if (claims_->auth_time) fields.add("authTime", Value::datetime(cedar::Datetime::from(*claims_->auth_time)));
  return fields.record(arena);
}

Value Context::request_record() {
  auto& arena = workspace_->arena_;
  const RequestFacts& request = inputs_->request;
  Fields fields;
  fields.add("time", Value::datetime(cedar::Datetime::from(request.time)));
  if (const auto ip = cedar::Ip::parse(request.peer_ip)) fields.add("ip", make_ip(arena, *ip));
  if (!request.method.empty()) fields.add("method", make_string(arena, request.method));
  if (!request.path.empty()) fields.add("path", make_string(arena, request.path));
  return fields.record(arena);
}

Value Context::make_context_record() {
  auto& arena = workspace_->arena_;
  Fields fields;
  std::array<bool, 4> named{};
  const auto add_party_field = [&](const Party& party) {
    static constexpr std::array<std::string_view, 4> kNames{"user", "application", "service", "agent"};
    const auto kind = static_cast<std::size_t>(party.kind);
    // Of several of a kind, the first: the nearest to the API.
    if (named[kind]) return;
    named[kind] = true;
    fields.add(kNames[kind], Value::entity(party.uid));
  };
  for (const Party& party : parties()) add_party_field(party);
  fields.add("chain", chain_record());
  fields.add("token", token_record());
  fields.add("request", request_record());
  const task::LiveTask* task = inputs_->task;
  if (task != nullptr) fields.add("task", Value::entity(arena.entity("Writ::Task", (*task)->id)));
  if (claims_->purpose) {
    fields.add("purpose", make_string(arena, *claims_->purpose));
  } else if (task != nullptr) {
    fields.add("purpose", make_string(arena, (*task)->purpose));
  }
  if (claims_->tenant) {
    fields.add("tenant", make_string(arena, *claims_->tenant));
  } else if (const Party* user = subject();
             user != nullptr && user->member != nullptr && (*user->member)->tenant) {
    fields.add("tenant", make_string(arena, *(*user->member)->tenant));
  }
  if (claims_->environment) fields.add("environment", make_string(arena, *claims_->environment));
  return fields.record(arena);
}

std::optional<std::string_view> Context::resource_text(std::string_view attribute) const noexcept {
  const cedar::Entity* entity = entities().find(resource());
  if (entity == nullptr) return std::nullopt;
  const Value* value = entity->attributes->find(attribute);
  if (value == nullptr || !value->is(cedar::Kind::kString)) return std::nullopt;
  return value->as_string();
}

}  // namespace writ::context
