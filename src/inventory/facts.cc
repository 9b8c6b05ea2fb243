#include "inventory/facts.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "cedar/ext_datetime.h"

namespace writ::inventory {

Result<std::optional<Instant>> optional_date(const codec::Members& members, std::string_view name) {
  const auto text = TRY(members.optional_text(name));
  if (!text) return std::nullopt;
  const auto date = date_from_text(*text);
  if (!date)
    return members.wrong(
        name, fmt::format("is `{}`, expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z", *text));
  return date;
}

namespace {

using codec::Json;
using codec::Members;

constexpr std::array<std::string_view, 8> kTypes{"secret",   "key",        "certificate", "token",
                                                 "password", "federation", "api_key",     "unknown"};
constexpr std::size_t kMaxCredentials = 64;

struct TextFact {
  std::string_view name;
  std::optional<std::string> Identity::*at;
  std::size_t max_bytes;
};
constexpr TextFact kTexts[] = {
    {"sponsor", &Identity::sponsor, kMaxUserIdBytes},
    {"parent", &Identity::parent, kMaxUserIdBytes},
    {"description", &Identity::description, kMaxDescriptionBytes},
    {"provider", &Identity::provider, 256},
    {"model", &Identity::model, 256},
    {"blueprint", &Identity::blueprint, 256},
};
struct DateFact {
  std::string_view name;
  std::optional<Instant> Identity::*at;
};
constexpr DateFact kDates[] = {
    {"created_at", &Identity::created_at},
    {"expires_at", &Identity::expires_at},
    {"reviewed_at", &Identity::reviewed_at},
    {"review_by", &Identity::review_by},
};
constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kTexts) + std::size(kDates) + 1> names;
  auto* next = names.data();
  for (const auto& fact : kTexts) *next++ = fact.name;
  for (const auto& fact : kDates) *next++ = fact.name;
  *next = "needs_owner";
  return names;
}();
// Attributes of the party's entity that the inventory fills in, too.
constexpr TextFact kAttributes[] = {{"sponsor", &Identity::sponsor, 0},
                                    {"provider", &Identity::provider, 0},
                                    {"model", &Identity::model, 0},
                                    {"blueprint", &Identity::blueprint, 0}};
constexpr std::array<std::string_view, 2> kOnlyWritTells{"reviewedAt", "lastUsed"};

Result<Credential> credential_from_json(const Json& json) {
  const auto members = TRY(
      Members::of(json, "the credential",
                  {"type", "kid", "id", "strength", "created_at", "expires_at", "last_used_at", "bound"}));
  const auto type = TRY(members.text("type"));
  const auto named = credential_type_from_name(type);
  if (!named)
    return members.wrong("type", fmt::format("is `{}`, expected one of {}", type, fmt::join(kTypes, ", ")));
  Credential credential{.type = *named};
  const bool is_key = *named == CredentialType::kKey;
  credential.id = TRY(members.optional_text(is_key ? "kid" : "id")).value_or("");
  if (members.find(is_key ? "id" : "kid") != nullptr)
    return members.wrong(is_key ? "id" : "kid",
                         is_key ? "is not used: a key has a `kid`" : "is not used: only a key has one");
  credential.strength = TRY(members.optional_text("strength"));
  credential.created_at = TRY(optional_date(members, "created_at"));
  credential.expires_at = TRY(optional_date(members, "expires_at"));
  credential.last_used_at = TRY(optional_date(members, "last_used_at"));
  if (members.find("bound") != nullptr) credential.bound = TRY(members.boolean("bound", false));
  return credential;
}

Json credential_to_json(const Credential& credential) {
  Json json = Json::object({{"type", credential_type_name(credential.type)}});
  if (!credential.id.empty()) json.set(credential.type == CredentialType::kKey ? "kid" : "id", credential.id);
  if (credential.strength) json.set("strength", *credential.strength);
  if (credential.created_at) json.set("created_at", date_text(*credential.created_at));
  if (credential.expires_at) json.set("expires_at", date_text(*credential.expires_at));
  if (credential.last_used_at) json.set("last_used_at", date_text(*credential.last_used_at));
  if (credential.bound) json.set("bound", *credential.bound);
  return json;
}

}  // namespace

std::string_view credential_type_name(CredentialType type) noexcept {
  return kTypes[static_cast<std::size_t>(type)];
}

std::optional<CredentialType> credential_type_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kTypes, name);
  if (found == kTypes.end()) return std::nullopt;
  return static_cast<CredentialType>(found - kTypes.begin());
}

std::optional<Instant> date_from_text(std::string_view text) noexcept {
  const auto parsed = cedar::Datetime::parse(text);
  if (!parsed || parsed->epoch_ms < 0) return std::nullopt;
  return Instant(Duration(parsed->epoch_ms));
}

std::string date_text(Instant date) {
  const auto text = cedar::Datetime::from(date).to_string();  // 2027-01-31T12:00:00.000Z
  constexpr std::string_view kMidnight = "T00:00:00.000Z", kWhole = ".000Z";
  if (text.ends_with(kMidnight)) return text.substr(0, text.size() - kMidnight.size());
  if (text.ends_with(kWhole)) return text.substr(0, text.size() - kWhole.size()) + "Z";
  return text;
}

const Credential* credential_of(const Identity& identity, CredentialType type, std::string_view id) noexcept {
  const auto found = std::ranges::find_if(
      identity.credentials, [&](const Credential& each) { return each.type == type && each.id == id; });
  return found != identity.credentials.end() ? &*found : nullptr;
}

std::span<const std::string_view> fact_names() noexcept {
  return kNames;
}

Result<void> read_facts(const Members& members, Identity& identity) {
  for (const auto& fact : kTexts) {
    identity.*fact.at = TRY(members.optional_text(fact.name, fact.max_bytes));
    if (identity.*fact.at == kNotKnown) (identity.*fact.at).reset();
  }
  for (const auto& fact : kDates) identity.*fact.at = TRY(optional_date(members, fact.name));
  identity.needs_owner = TRY(members.boolean("needs_owner", false));
  return {};
}

void write_facts(const Identity& identity, Json& json) {
  for (const auto& fact : kTexts) {
    if (identity.*fact.at) json.set(fact.name, *(identity.*fact.at));
  }
  for (const auto& fact : kDates) {
    if (identity.*fact.at) json.set(fact.name, date_text(*(identity.*fact.at)));
  }
  if (identity.needs_owner) json.set("needs_owner", true);
}

Result<std::vector<Credential>> credentials_from_json(const Json& json) {
  const auto* list = json.if_array();
  if (list == nullptr) return failure(ErrorCode::kInvalid, "`credentials` must be a list");
  if (list->size() > kMaxCredentials)
    return failure(ErrorCode::kLimit, fmt::format("`credentials` has {} entries, at most {} are allowed",
                                                  list->size(), kMaxCredentials));
  std::vector<Credential> credentials;
  for (const Json& each : *list) credentials.push_back(TRY(credential_from_json(each)));
  return credentials;
}

Json credentials_to_json(const std::vector<Credential>& credentials) {
  Json list = Json::array();
  for (const Credential& each : credentials) list.push(credential_to_json(each));
  return list;
}

Json credentials_shown(const Identity& identity) {
  Json list = Json::array();
  std::vector<const Credential*> told;
  const auto show = [&](Credential own, std::string_view strength) {
    if (const Credential* fact = credential_of(identity, own.type, own.id)) {
      told.push_back(fact);
      own = *fact;
    }
    if (!own.strength) own.strength = strength;
    list.push(credential_to_json(own));
  };
  if (identity.secret_hash) show({.type = CredentialType::kSecret}, "shared secret");
  for (const auto& key : identity.keys)
    show({.type = CredentialType::kKey, .id = key.kid().value_or(key.thumbprint())},
         crypto::algorithm_name(key.algorithm()));
  for (const auto& rule : identity.workloads)
    show({.type = CredentialType::kFederation, .id = rule.issuer}, "platform token");
  for (const auto& rule : identity.certificates)
    show({.type = CredentialType::kCertificate, .id = rule.name()}, "certificate");
  if (identity.previous_secret)
    show({.type = CredentialType::kSecret, .id = "previous", .expires_at = identity.previous_secret->until},
         "shared secret");
  for (const Credential& each : identity.credentials) {
    if (std::ranges::find(told, &each) == told.end()) list.push(credential_to_json(each));
  }
  return list;
}

Json unknown_facts(const Identity& identity) {
  Json list = Json::array();
  if (identity.kind == Kind::kUser) return list;
  if (!identity.owner) list.push("owner");
  if (!identity.environment) list.push("environment");
  if (identity.purposes.empty() && !identity.description) list.push("purpose");
  if (!identity.created_at) list.push("created_at");
  if (!identity.expires_at) list.push("expires_at");
  if (identity.kind == Kind::kAgent) {
    const auto* attributes = identity.attributes.if_object();
    const auto missing = [&](std::string_view name, const std::optional<std::string>& value) {
      const bool among = attributes != nullptr &&
                         std::ranges::any_of(*attributes, [&](const auto& m) { return m.first == name; });
      if (!value && !among) list.push(name);
    };
    missing("sponsor", identity.sponsor);
    missing("provider", identity.provider);
    missing("model", identity.model);
  }
  return list;
}

Result<void> validate_facts(const Identity& identity) {
  const auto wrong = [&](std::string message) {
    return failure(ErrorCode::kInvalid, fmt::format("identity `{}`: {}", identity.id, message));
  };
  if (identity.sponsor && identity.kind != Kind::kAgent)
    return wrong("only an agent has a `sponsor`; the others have an `owner`");
  if (!identity.evidence.is_null() && !identity.evidence.is_array())
    return wrong("`evidence` must be a list");
  if (identity.evidence.is_array() && !identity.evidence.if_array()->empty() &&
      identity.evidence.dump().size() > kMaxEvidenceBytes)
    return failure(ErrorCode::kLimit,
                   fmt::format("identity `{}`: what was imported of it has more than {} bytes", identity.id,
                               kMaxEvidenceBytes));
  if (identity.needs_owner && identity.kind == Kind::kUser) return wrong("a user has no owner to need");
  if (identity.parent == identity.id) return wrong("it is its own `parent`");
  if (!can_be_said(identity.configured_status))
    return wrong(fmt::format("its status is never said to be `{}`, a date makes it so",
                             status_name(identity.configured_status)));
  if (identity.review_by && identity.reviewed_at && *identity.review_by <= *identity.reviewed_at)
    return wrong("`review_by` is not after `reviewed_at`; name the date of the next review");
  for (std::size_t i = 0; i < identity.credentials.size(); ++i) {
    const Credential& each = identity.credentials[i];
    if (credential_of(identity, each.type, each.id) != &each)
      return wrong(each.id.empty() ? fmt::format("`credentials` has two of type `{}` without an id",
                                                 credential_type_name(each.type))
                                   : fmt::format("`credentials` names `{}` twice", each.id));
  }
  const auto* attributes = identity.attributes.if_object();
  if (attributes == nullptr) return {};
  for (const auto& [name, value] : *attributes) {
    if (std::ranges::find(kOnlyWritTells, name) != kOnlyWritTells.end())
      return wrong(fmt::format("the attribute `{}` is reserved; Writ fills it in", name));
    const auto* fact = std::ranges::find(kAttributes, name, &TextFact::name);
    if (fact != std::end(kAttributes) && identity.*fact->at)
      return wrong(fmt::format("`{}` is given as a key and in `attributes`; remove one of them", name));
  }
  return {};
}

}  // namespace writ::inventory
