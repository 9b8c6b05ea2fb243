#include "control/entities.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace writ::control {
namespace {

using codec::Json;
using facts::EntityChange;
using facts::EntityKey;

constexpr std::string_view kReadEntities = "read-entities";
constexpr std::string_view kManageEntities = "manage-entities";
constexpr std::string_view kEntityType = "Writ::EntityType";
constexpr std::size_t kMaxScopes = 64;

std::string text_of(const EntityKey& name) {
  std::string text;
  cedar::append_entity(text, name.type, name.id);
  return text;
}

std::unexpected<Failure> absent(const EntityKey& name) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no entity `{}`", text_of(name)));
}

// That there is one has to be said to whoever would put another one there, and nothing else of it.
std::unexpected<Failure> taken(const EntityKey& name) {
  return fail(ErrorCode::kConflict,
              fmt::format("the id of `{}` is taken: choose another one", text_of(name)));
}

bool is_of_another_tenant(const Failure& failure) {
  return failure.visit(
      [](const enforce::Refused& refused) { return refused.reason() == Reason::kTenantMismatch; },
      [](const auto&) { return false; });
}

// What is asked about: a type, of a tenant or of none.
struct Scope {
  std::string type;
  std::optional<std::string> tenant;
  friend auto operator<=>(const Scope&, const Scope&) = default;
};

Scope scope_of(const std::string& type, const Json& entity) {
  const auto* attributes = entity.find("attrs");
  const auto* tenant = attributes != nullptr ? attributes->find_string("tenant") : nullptr;
  return {type, tenant != nullptr ? std::optional(*tenant) : std::nullopt};
}

enforce::Attributes attributes_of(const Scope& scope) {
  if (!scope.tenant) return {};
  return [tenant = *scope.tenant](cedar::Arena& arena) {
    return cedar::make_record(arena, {{"tenant", cedar::make_string(arena, tenant)}});
  };
}

Result<EntityChange> change_of(const Json& line) {
  if (const auto* gone = line.find("delete"); gone != nullptr && line.find("uid") == nullptr)
    return EntityChange{TRY(facts::name_from_json(Json::object({{"uid", *gone}}))), std::nullopt};
  return EntityChange{TRY(facts::name_from_json(line)), line};
}

}  // namespace

Answer<enforce::Permit> PushedFacts::allow(const Caller& caller, std::string_view action,
                                           std::span<const EntityChange> changes) const {
  std::set<Scope> scopes;
  std::map<Scope, const EntityChange*> there;  // of what is there before, with the first of each
  bool of_all = false;                         // without a tenant, what one says of them is said to all
  for (const auto& change : changes) {
    const auto& [name, entity] = change;
    const auto add = [&](Scope scope) {
      of_all = of_all || !scope.tenant;
      scopes.insert(std::move(scope));
    };
    const auto before = registry_.find(name);
    if (before) {
      add(scope_of(name.type, *before));
      there.try_emplace(scope_of(name.type, *before), &change);
    }
    if (entity) add(scope_of(name.type, *entity));
    if (!before && !entity) scopes.insert({name.type, std::nullopt});
  }
  if (scopes.empty()) return fail(ErrorCode::kInvalid, "there is no entity in the body");
  if (scopes.size() > kMaxScopes)
    return fail(ErrorCode::kLimit,
                fmt::format("one request changes entities of at most {} types and tenants", kMaxScopes));
  std::optional<enforce::Permit> permit;
  for (const Scope& scope : scopes) {
    auto allowed = authority_.allow(caller, action, {kEntityType, scope.type}, attributes_of(scope));
    // What the caller itself says of another tenant, it may be told.
    const auto hidden = there.find(scope);
    if (!allowed && hidden != there.end() && is_of_another_tenant(allowed.error()))
      return hidden->second->entity ? taken(hidden->second->name) : absent(hidden->second->name);
    permit.emplace(TRY(std::move(allowed)));
  }
  if (action == kManageEntities && of_all && permit->tenant())
    return of_all_tenants(*permit, "entities without a tenant are");
  return *std::move(permit);
}

Answer<Json> PushedFacts::change(const Caller& caller, EntityChange change) const {
  const auto permit = TRY(allow(caller, kManageEntities, {&change, 1}));
  // What would be refused is not recorded as done.
  TRY(registry_.check({&change, 1}));
  TRY(authority_.record(permit, "entity.put", text_of(change.name), change.entity->dump()));
  TRY(registry_.apply({&change, 1}));
  auto now = registry_.find(change.name);
  if (!now) return absent(change.name);
  return *std::move(now);
}

Answer<Json> PushedFacts::put(const Caller& caller, const Json& entity) const {
  return change(caller, {TRY(facts::name_from_json(entity)), entity});
}

Answer<Json> PushedFacts::patch(const Caller& caller, const Json& patch) const {
  const auto name = TRY(facts::name_from_json(patch));
  const EntityChange nothing{name, std::nullopt};
  TRY(allow(caller, kManageEntities, {&nothing, 1}));
  const auto before = registry_.find(name);
  if (!before) return absent(name);
  return change(caller, {name, facts::patched(*before, patch)});
}

Answer<void> PushedFacts::erase(const Caller& caller, const EntityKey& name) const {
  const EntityChange gone{name, std::nullopt};
  const auto permit = TRY(allow(caller, kManageEntities, {&gone, 1}));
  TRY(registry_.check({&gone, 1}));
  TRY(authority_.record(permit, "entity.deleted", text_of(name)));
  TRY(registry_.apply({&gone, 1}));
  return {};
}

Answer<Json> PushedFacts::show(const Caller& caller, const EntityKey& name) const {
  TRY(facts::check_name(name));
  const EntityChange asked{name, std::nullopt};
  TRY(allow(caller, kReadEntities, {&asked, 1}));
  auto found = registry_.find(name);
  if (!found) return absent(name);
  return *std::move(found);
}

Answer<PushedFacts::Listed> PushedFacts::list(const Caller& caller, const std::string& type,
                                              const IdPage& page) const {
  TRY(facts::check_name({type, "any"}));
  TRY(authority_.allow(caller, kReadEntities, {kEntityType, type}));
  auto stored = TRY(registry_.after(type, page.after, page.limit + 1));
  Listed listed;
  if (stored.size() > page.limit) {
    stored.pop_back();
    listed.next = stored.back().name.id;
  }
  std::map<Scope, bool> seen;
  for (const auto& each : stored) {
    auto entity = TRY(codec::parse_json(each.record));
    const auto scope = scope_of(type, entity);
    const auto [known, added] = seen.try_emplace(scope, true);
    if (added)
      known->second =
          authority_.would_allow(caller, kReadEntities, {kEntityType, type}, attributes_of(scope));
    if (known->second) listed.entities.push_back(std::move(entity));
  }
  return listed;
}

Answer<std::size_t> PushedFacts::import(const Caller& caller, std::string_view lines) const {
  std::vector<EntityChange> changes;
  std::set<std::string> types;
  std::size_t number = 0;
  for (std::string_view rest = lines; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (changes.size() == kMaxEntityLines)
      return fail(ErrorCode::kLimit, fmt::format("one request has at most {} lines", kMaxEntityLines));
    auto json = codec::parse_json(line);
    auto change = json ? change_of(*json) : std::unexpected(json.error());
    if (!change)
      return std::unexpected(Failure(std::move(change).error().in(fmt::format("line {}", number))));
    types.insert(change->name.type);
    changes.push_back(*std::move(change));
  }
  const auto permit = TRY(allow(caller, kManageEntities, changes));
  TRY(registry_.check(changes));
  const auto digest = crypto::sha256(lines);
  const auto detail = Json::object({{"lines", static_cast<std::int64_t>(changes.size())},
                                    {"sha256", codec::base64url_encode(crypto::as_bytes(digest))}});
  std::string of;
  for (const auto& type : types) of += (of.empty() ? "" : " ") + type;
  TRY(authority_.record(permit, "entities.imported", of, detail.dump()));
  return TRY(registry_.apply(changes));
}

}  // namespace writ::control
