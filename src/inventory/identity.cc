#include "inventory/identity.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unordered_set>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "codec/members.h"
#include "crypto/secret_hash.h"
#include "inventory/facts.h"

namespace writ::inventory {
namespace {

using codec::Json;
using codec::Members;

constexpr std::array<std::string_view, 4> kKinds{"user", "application", "service", "agent"};
constexpr std::array<std::string_view, 4> kCedarTypes{"Writ::User", "Writ::Application", "Writ::Service",
                                                      "Writ::Agent"};
constexpr std::array<std::string_view, 6> kStatuses{"active",    "requested", "lapsed",
                                                    "suspended", "expired",   "retired"};
// Attributes of the party's entity that the inventory itself fills.
constexpr std::array<std::string_view, 7> kReserved{"tenant",   "environment", "owner",   "purposes",
                                                    "acts_for", "status",      "workload"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

Result<void> read_common(const Members& members, Identity& identity) {
  identity.id = TRY(members.text("id", kMaxUserIdBytes));
  const auto kind = TRY(members.text("kind"));
  const auto found = kind_from_name(kind);
  if (!found)
    return members.wrong("kind", fmt::format("is `{}`, expected user, application, service or agent", kind));
  identity.kind = *found;
  if (const auto status = TRY(members.optional_text("status"))) {
    const auto named = status_from_name(*status);
    if (!named || !can_be_said(*named))
      return members.wrong("status",
                           fmt::format("is `{}`, expected active, requested, suspended or retired", *status));
    identity.configured_status = *named;
  }
  identity.tenant = TRY(members.optional_text("tenant"));
  identity.environment = TRY(members.optional_text("environment"));
  identity.owner = TRY(members.optional_text("owner", kMaxUserIdBytes));
  identity.acts_for = TRY(members.texts("acts_for", kMaxListEntries, kMaxUserIdBytes));
  identity.accept_from = TRY(members.texts("accept_from", kMaxListEntries, kMaxIdBytes));
  identity.purposes = TRY(members.texts("purposes", kMaxListEntries));
  if (const Json* attributes = members.find("attributes")) identity.attributes = *attributes;
  if (const Json* keys = members.find("keys"); keys != nullptr && !keys->is_null()) {
    auto set = jose::JwkSet::parse(*keys, jose::kClientKeys);
    if (!set) return members.wrong("keys", fmt::format("is no key set: {}", set.error().message));
    identity.keys = set->keys();
  }
  return read_facts(members, identity);
}

void write_common(const Identity& identity, Status status, Json& json) {
  json.set("id", identity.id);
  json.set("kind", kind_name(identity.kind));
  json.set("status", status_name(status));
  if (identity.tenant) json.set("tenant", *identity.tenant);
  if (identity.environment) json.set("environment", *identity.environment);
  if (identity.owner) json.set("owner", *identity.owner);
  if (!identity.acts_for.empty()) json.set("acts_for", codec::json_texts(identity.acts_for));
  if (!identity.accept_from.empty()) json.set("accept_from", codec::json_texts(identity.accept_from));
  if (!identity.purposes.empty()) json.set("purposes", codec::json_texts(identity.purposes));
  json.set("attributes", identity.attributes);
  write_facts(identity, json);
}

// Those of the list, and the facts.
std::vector<std::string_view> with_facts(std::initializer_list<std::string_view> names) {
  std::vector<std::string_view> all(names);
  all.insert(all.end(), fact_names().begin(), fact_names().end());
  return all;
}

}  // namespace

std::string_view kind_name(Kind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}
std::optional<Kind> kind_from_name(std::string_view name) noexcept {
  return find_name<Kind>(kKinds, name);
}
std::string_view cedar_type(Kind kind) noexcept {
  return kCedarTypes[static_cast<std::size_t>(kind)];
}
std::string_view status_name(Status status) noexcept {
  return kStatuses[static_cast<std::size_t>(status)];
}
std::optional<Status> status_from_name(std::string_view name) noexcept {
  return find_name<Status>(kStatuses, name);
}

bool can_be_said(Status status) noexcept {
  return status != Status::kLapsed && status != Status::kExpired;
}

bool valid_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kMaxIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '\'';
  });
}

namespace {

Result<void> validate_credentials(const Identity& identity) {
  const auto wrong = [&](std::string message) {
    return failure(ErrorCode::kInvalid, fmt::format("identity `{}`: {}", identity.id, message));
  };
  if (identity.kind == Kind::kUser &&
      (!identity.workloads.empty() || !identity.certificates.empty() || identity.previous_secret ||
       !identity.introspects.empty() || identity.certificate_bound))
    return wrong("a user has no credentials here, the identity provider knows them");
  if (identity.workloads.size() > kMaxWorkloadRules)
    return wrong(fmt::format("`workload` has more than {} entries", kMaxWorkloadRules));
  if (identity.certificates.size() > kMaxCertificateRules)
    return wrong(fmt::format("`certificates` has more than {} entries", kMaxCertificateRules));
  if (!identity.previous_secret) return {};
  if (!identity.secret_hash)
    return wrong("`previous_secret` comes before a `secret_hash`, and there is none");
  if (!crypto::valid_secret_hash(identity.previous_secret->hash))
    return wrong("the hash of the previous secret is malformed; `writ keys hash` makes one");
  if (identity.previous_secret->hash == *identity.secret_hash)
    return wrong("`previous_secret` is the secret in force");
  return {};
}

}  // namespace

Result<void> validate(const Identity& identity) {
  const auto wrong = [&](std::string message) {
    return failure(ErrorCode::kInvalid, fmt::format("identity `{}`: {}", identity.id, message));
  };
  if (identity.kind == Kind::kUser) {
    if (const auto problem = codec::name_problem(identity.id))
      return failure(ErrorCode::kInvalid, fmt::format("the id of a user {}", *problem));
  } else if (!valid_id(identity.id)) {
    return failure(
        ErrorCode::kInvalid,
        fmt::format("`{}` is not an id, expected 1 to {} printable characters without quotes and spaces",
                    identity.id, kMaxIdBytes));
  }
  if (identity.id == kAnyUser) return wrong("this id stands for every user, choose another");
  if (identity.kind == Kind::kUser && (identity.secret_hash || !identity.keys.empty()))
    return wrong("a user has no credentials here, the identity provider knows them");
  if (identity.kind == Kind::kUser && !identity.acts_for.empty())
    return wrong("a user cannot act for others");
  std::unordered_set<std::string_view> acts_for;
  if (!identity.accept_from.empty()) acts_for.insert(identity.acts_for.begin(), identity.acts_for.end());
  for (const auto& from : identity.accept_from) {
    if (!acts_for.contains(from))
      return wrong(
          fmt::format("`accept_from` names `{}`, for which it may not act; add it to `acts_for`", from));
  }
  TRY(validate_facts(identity));
  TRY(validate_credentials(identity));
  if (identity.secret_hash && !crypto::valid_secret_hash(*identity.secret_hash))
    return wrong("the secret's hash is malformed; `writ keys hash` makes one");
  const auto* attributes = identity.attributes.if_object();
  if (attributes == nullptr) return wrong("`attributes` must be an object");
  for (const auto& [name, value] : *attributes) {
    if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end())
      return wrong(fmt::format("the attribute `{}` is reserved; use the key of that name", name));
    // Only a token tells it.
    if (identity.kind == Kind::kUser && name == "issuer")
      return wrong("the attribute `issuer` is reserved; it comes from the provider's token");
  }
  if (identity.attributes.dump().size() > kMaxAttributeBytes)
    return failure(ErrorCode::kLimit, fmt::format("identity `{}`: the attributes have more than {} bytes",
                                                  identity.id, kMaxAttributeBytes));
  cedar::Arena arena;
  if (auto record = cedar::record_from_json(arena, identity.attributes); !record)
    return wrong(fmt::format("attributes: {}", record.error().message));
  return {};
}

Result<void> validate(const Api& api) {
  const auto wrong = [&](std::string message) {
    return failure(ErrorCode::kInvalid, fmt::format("API `{}`: {}", api.id, message));
  };
  if (!valid_id(api.id))
    return failure(ErrorCode::kInvalid, fmt::format("`{}` cannot be an API's id", api.id));
  // RFC 8707 §2: an absolute URI without a fragment.
  if (api.audience.find("://") == std::string::npos ||
      api.audience.find_first_of("# \"<>\\") != std::string::npos)
    return wrong(fmt::format("the audience `{}` must be an absolute URI without a fragment", api.audience));
  if (!api.name_space.empty() && !cedar::is_entity_type_name(api.name_space))
    return wrong(fmt::format("`{}` is not a Cedar namespace", api.name_space));
  if (api.actions.empty()) return wrong("it has no actions, so nothing of it could be allowed");
  return {};
}

Result<Identity> identity_from_json(const Json& json) {
  const auto allowed = with_facts({"id", "kind", "status", "tenant", "environment", "owner", "acts_for",
                                   "accept_from", "purposes", "attributes", "keys", "secret", "credentials"});
  const auto members = TRY(Members::of(json, "the identity", allowed));
  Identity identity{.id = {}, .kind = Kind::kUser};
  TRY(read_common(members, identity));
  if (const Json* credentials = members.find("credentials"))
    identity.credentials = TRY(credentials_from_json(*credentials));
  TRY(validate(identity));
  return identity;
}

Json identity_to_json(const Identity& identity, Status ordered) {
  Json json = Json::object();
  write_common(identity, std::max(identity.configured_status, ordered), json);
  json.set("credentials", credentials_shown(identity));
  json.set("declared", identity.declared);
  if (auto unknown = unknown_facts(identity); !unknown.if_array()->empty())
    json.set("unknown", std::move(unknown));
  if (!identity.evidence.is_null()) json.set("evidence", identity.evidence);
  Json stopped_by = Json::array();
  if (identity.configured_status != Status::kActive) stopped_by.push("configuration");
  if (ordered != Status::kActive) stopped_by.push("operator");
  if (!stopped_by.if_array()->empty()) json.set("stopped_by", std::move(stopped_by));
  return json;
}

Result<Identity> identity_from_shown(std::string_view text) {
  const Json shown = TRY(codec::parse_json(text));
  if (!shown.is_object()) return failure(ErrorCode::kInvalid, "the identity is not an object");
  Json said = Json::object();
  for (const auto& [name, value] : *shown.if_object()) {
    constexpr std::string_view kNotSaid[] = {"credentials", "declared", "stopped_by", "unknown",
                                             "evidence",    "use",      "review"};
    if (std::ranges::find(kNotSaid, name) == std::end(kNotSaid)) said.set(name, value);
  }
  // A date made it so, which is a member too.
  if (const auto* status = said.find_string("status")) {
    const auto named = status_from_name(*status);
    if (named && !can_be_said(*named)) said.set("status", status_name(Status::kActive));
  }
  return identity_from_json(said);
}

Json stop_to_json(const Stop& stop) {
  Json json = Json::object({{"id", stop.id}, {"status", status_name(stop.status)}, {"declared", false}});
  if (stop.status != Status::kActive) {
    Json stopped_by = Json::array();
    stopped_by.push("operator");
    json.set("stopped_by", std::move(stopped_by));
  }
  return json;
}

namespace {

// What shows who it is, beside secret and keys.
void write_shown_by(const Identity& identity, Json& json) {
  if (identity.previous_secret)
    json.set("previous_secret", Json::object({{"hash", identity.previous_secret->hash},
                                              {"until", date_text(identity.previous_secret->until)}}));
  const auto list = [&](std::string_view name, const auto& all, const auto& to_json) {
    if (all.empty()) return;
    Json each = Json::array();
    for (const auto& rule : all) each.push(to_json(rule));
    json.set(name, std::move(each));
  };
  list("workload", identity.workloads, &workload_to_json);
  list("certificates", identity.certificates, &certificate_to_json);
  if (!identity.introspects.empty()) json.set("introspects", codec::json_texts(identity.introspects));
  if (identity.certificate_bound) json.set("certificate_bound", true);
}

template <class Rule>
Result<void> read_list(const Members& members, std::string_view name, Result<Rule> (*read)(const Json&),
                       std::vector<Rule>& into) {
  const Json* list = members.find(name);
  if (list == nullptr) return {};
  if (list->if_array() == nullptr) return members.wrong(name, "must be a list");
  for (const Json& each : *list->if_array()) into.push_back(TRY(read(each)));
  return {};
}

Result<void> read_shown_by(const Members& members, Identity& identity) {
  if (const Json* previous = members.find("previous_secret")) {
    const auto read = TRY(Members::of(*previous, "the previous secret", {"hash", "until"}));
    const auto until = date_from_text(TRY(read.text("until")));
    if (!until) return read.wrong("until", "is not a date");
    identity.previous_secret = {TRY(read.text("hash", 512)), *until};
  }
  TRY(read_list(members, "workload", &workload_from_json, identity.workloads));
  TRY(read_list(members, "certificates", &certificate_from_json, identity.certificates));
  identity.introspects = TRY(members.texts("introspects", kMaxListEntries, kMaxIdBytes));
  identity.certificate_bound = TRY(members.boolean("certificate_bound", false));
  return {};
}

}  // namespace

std::string identity_record(const Identity& identity) {
  Json json = Json::object();
  write_common(identity, identity.configured_status, json);
  if (identity.secret_hash) json.set("secret_hash", *identity.secret_hash);
  if (!identity.keys.empty()) {
    Json keys = Json::array();
    for (const auto& key : identity.keys) keys.push(key.to_json());
    json.set("keys", Json::object({{"keys", std::move(keys)}}));
  }
  if (!identity.credentials.empty()) json.set("credentials", credentials_to_json(identity.credentials));
  write_shown_by(identity, json);
  if (!identity.evidence.is_null()) json.set("evidence", identity.evidence);
  if (identity.declared) json.set("declared", true);
  if (identity.dropped) json.set("dropped", true);
  return json.dump();
}

Result<Identity> identity_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  const auto allowed = with_facts({"id",
                                   "kind",
                                   "status",
                                   "tenant",
                                   "environment",
                                   "owner",
                                   "acts_for",
                                   "accept_from",
                                   "purposes",
                                   "attributes",
                                   "keys",
                                   "secret_hash",
                                   "credentials",
                                   "evidence",
                                   "declared",
                                   "dropped",
                                   "previous_secret",
                                   "workload",
                                   "certificates",
                                   "introspects",
                                   "certificate_bound"});
  const auto members = TRY(Members::of(json, "the identity", allowed));
  Identity identity{.id = {}, .kind = Kind::kUser};
  TRY(read_common(members, identity));
  identity.secret_hash = TRY(members.optional_text("secret_hash", 512));
  if (const Json* credentials = members.find("credentials"))
    identity.credentials = TRY(credentials_from_json(*credentials));
  TRY(read_shown_by(members, identity));
  if (const Json* evidence = members.find("evidence")) identity.evidence = *evidence;
  identity.declared = TRY(members.boolean("declared", false));
  identity.dropped = TRY(members.boolean("dropped", false));
  TRY(validate(identity));
  return identity;
}

namespace {

Result<Api> read_api(const Members& members) {
  Api api;
  api.id = TRY(members.text("id", kMaxIdBytes));
  api.audience = TRY(members.text("audience", 512));
  api.name_space = TRY(members.optional_text("namespace")).value_or("");
  api.actions = TRY(members.texts("actions", kMaxListEntries));
  if (members.find("claims") != nullptr) api.claims = TRY(members.texts("claims", kMaxListEntries));
  api.declared = TRY(members.boolean("declared", false));
  api.by_contract = TRY(members.boolean("by_contract", false));
  if (members.find("reads") != nullptr) api.reads = TRY(members.texts("reads", kMaxListEntries));
  api.api_keys = TRY(members.boolean("api_keys", false));
  TRY(validate(api));
  return api;
}

}  // namespace

Result<Api> api_from_json(const Json& json) {
  return read_api(
      TRY(Members::of(json, "the API", {"id", "audience", "namespace", "actions", "claims", "api_keys"})));
}

Json api_to_json(const Api& api) {
  Json json = Json::object({{"id", api.id}, {"audience", api.audience}});
  if (!api.name_space.empty()) json.set("namespace", api.name_space);
  json.set("actions", codec::json_texts(api.actions));
  if (api.claims) json.set("claims", codec::json_texts(*api.claims));
  json.set("declared", api.declared);
  if (api.by_contract) json.set("by_contract", true);
  if (!api.reads.empty()) json.set("reads", codec::json_texts(api.reads));
  if (api.api_keys) json.set("api_keys", true);
  return json;
}

std::string api_record(const Api& api) {
  return api_to_json(api).dump();
}

Result<Api> api_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  return read_api(TRY(Members::of(
      json, "the API",
      {"id", "audience", "namespace", "actions", "claims", "declared", "by_contract", "reads", "api_keys"})));
}

}  // namespace writ::inventory
