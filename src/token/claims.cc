#include "token/claims.h"

#include <array>
#include <cmath>

namespace writ::token {
namespace {

using codec::Json;

constexpr std::int64_t kLatestSeconds = 253'402'300'799;  // the end of the year 9999
constexpr std::size_t kThumbprintChars = 43;              // base64url of 32 bytes

struct OptionalClaim {
  std::string_view name;
  bool ClaimsContract::*wanted;
};
constexpr std::array<OptionalClaim, 7> kOptionalClaims = {{
    {"purpose", &ClaimsContract::purpose},
    {"tenant", &ClaimsContract::tenant},
    {"environment", &ClaimsContract::environment},
    {"subject_issuer", &ClaimsContract::subject_issuer},
    {"acr", &ClaimsContract::acr},
    {"auth_time", &ClaimsContract::auth_time},
    {"authorization_details", &ClaimsContract::authorization_details},
}};

std::unexpected<Error> bad_claim(std::string_view name, std::string_view problem) {
  return failure(ErrorCode::kInvalid, "token: `" + std::string(name) + "` " + std::string(problem));
}

// A claim is compared, logged and sent in headers: not empty, not huge, no control characters.
Result<std::string> checked_text(const std::string* text, std::string_view name) {
  if (text == nullptr) return bad_claim(name, "is missing or not a string");
  if (const auto problem = codec::name_problem(*text)) return bad_claim(name, *problem);
  return *text;
}

Result<std::string> required_text(const Json& json, std::string_view name) {
  return checked_text(json.find_string(name), name);
}

Result<std::optional<std::string>> optional_text(const Json& json, std::string_view name) {
  const auto* value = json.find(name);
  if (value == nullptr) return std::nullopt;
  return TRY(checked_text(value->if_string(), name));
}

Result<Instant> required_date(const Json& json, std::string_view name) {
  const auto* value = json.find(name);
  if (value == nullptr) return bad_claim(name, "is missing");
  return numeric_date(*value, name);
}

// An access token is for one API. RFC 7519 §4.1.3 lets one audience be a string or an array of one.
Result<std::string> parse_audience(const Json& json) {
  const auto* value = json.find("aud");
  if (value == nullptr) return bad_claim("aud", "is missing");
  if (const auto* items = value->if_array()) {
    if (items->size() != 1) return bad_claim("aud", "does not name exactly one audience");
    value = &items->front();
  }
  return checked_text(value->if_string(), "aud");
}

// RFC 7800 §3.1, RFC 9449 §6.1. A binding that cannot be checked must not be ignored.
Result<std::optional<std::string>> parse_confirmation(const Json& json) {
  const auto* cnf = json.find("cnf");
  if (cnf == nullptr) return std::nullopt;
  const auto* members = cnf->if_object();
  if (members == nullptr) return bad_claim("cnf", "is not an object");
  if (members->size() != 1 || members->front().first != "jkt") {
    return failure(ErrorCode::kUnsupported, "token: `cnf` binds in another way than by `jkt`");
  }
  auto thumbprint = TRY(required_text(*cnf, "jkt"));
  if (thumbprint.size() != kThumbprintChars) return bad_claim("jkt", "is not a SHA-256 thumbprint");
  return thumbprint;
}

Result<std::vector<std::string>> parse_origins(const Json& json) {
  std::vector<std::string> ids;
  const auto* value = json.find("exchanged_from");
  if (value == nullptr) return ids;
  const auto* items = value->if_array();
  if (items == nullptr) return bad_claim("exchanged_from", "is not an array");
  if (items->size() > kMaxOrigins)
    return failure(ErrorCode::kLimit,
                   "token: it was exchanged from more than 16 tokens, one after the other");
  for (const auto& item : *items) ids.push_back(TRY(checked_text(item.if_string(), "exchanged_from")));
  return ids;
}

Result<Json> parse_authorization_details(const Json& json) {
  const auto* value = json.find("authorization_details");
  if (value == nullptr) return Json();
  if (!value->is_array()) return bad_claim("authorization_details", "is not an array");
  return *value;
}

Result<std::optional<Instant>> optional_date(const Json& json, std::string_view name) {
  const auto* value = json.find(name);
  if (value == nullptr) return std::nullopt;
  return TRY(numeric_date(*value, name));
}

void set_if(Json& json, std::string_view name, const std::optional<std::string>& value) {
  if (value) json.set(name, *value);
}

}  // namespace

Result<ClaimsContract> ClaimsContract::of(const std::vector<std::string>& names) {
  auto contract = none();
  for (const auto& name : names) {
    bool known = false;
    for (const auto& claim : kOptionalClaims) {
      if (claim.name != name) continue;
      contract.*claim.wanted = true;
      known = true;
    }
    if (!known) return failure(ErrorCode::kInvalid, "claims contract: unknown claim `" + name + "`");
  }
  return contract;
}

Result<Instant> numeric_date(const Json& json, std::string_view name) {
  if (const auto* seconds = json.if_int()) {
    if (*seconds < 0 || *seconds > kLatestSeconds) return bad_claim(name, "is out of range");
    return instant_from_unix_seconds(*seconds);
  }
  if (const auto* seconds = json.if_double()) {
    if (!(*seconds >= 0 && *seconds <= static_cast<double>(kLatestSeconds)))
      return bad_claim(name, "is out of range");
    return Instant(Duration(static_cast<Duration::rep>(std::floor(*seconds * 1000))));
  }
  return bad_claim(name, "is not a number of seconds");
}

// RFC 8693 §4.1: the outermost `act` is the current actor, those nested in it came before.
Result<std::vector<Actor>> actors_from_json(const Json* act) {
  std::vector<Actor> actors;
  for (; act != nullptr; act = act->find("act")) {
    if (!act->is_object()) return bad_claim("act", "is not an object");
    if (actors.size() == kMaxChain)
      return failure(ErrorCode::kLimit, "token: more than 8 nested `act` claims");
    auto subject = TRY(required_text(*act, "sub"));
    auto issuer = TRY(optional_text(*act, "iss"));
    actors.push_back({std::move(subject), std::move(issuer)});
  }
  return actors;
}

Json actors_to_json(const std::vector<Actor>& actors) {
  Json act;
  for (auto actor = actors.rbegin(); actor != actors.rend(); ++actor) {
    auto outer = Json::object({{"sub", actor->subject}});
    set_if(outer, "iss", actor->issuer);
    if (!act.is_null()) outer.set("act", std::move(act));
    act = std::move(outer);
  }
  return act;
}

// RFC 9068 §2.2.
Json claims_to_json(const AccessClaims& claims, const ClaimsContract& contract) {
  auto json = Json::object({{"iss", claims.issuer},
                            {"sub", claims.subject},
                            {"aud", claims.audience},
                            {"client_id", claims.client_id},
                            {"iat", unix_seconds(claims.issued_at)},
                            {"nbf", unix_seconds(claims.not_before)},
                            {"exp", unix_seconds(claims.expires_at)},
                            {"jti", claims.jti}});
  if (!claims.actors.empty()) json.set("act", actors_to_json(claims.actors));
  if (!claims.exchanged_from.empty()) {
    auto ids = Json::array();
    for (const auto& id : claims.exchanged_from) ids.push(id);
    json.set("exchanged_from", std::move(ids));
  }
  set_if(json, "task", claims.task);
  if (claims.key_thumbprint) json.set("cnf", Json::object({{"jkt", *claims.key_thumbprint}}));

  if (contract.purpose) set_if(json, "purpose", claims.purpose);
  if (contract.tenant) set_if(json, "tenant", claims.tenant);
  if (contract.environment) set_if(json, "environment", claims.environment);
  if (contract.subject_issuer) set_if(json, "subject_issuer", claims.subject_issuer);
  if (contract.acr) set_if(json, "acr", claims.acr);
  if (contract.auth_time && claims.auth_time) json.set("auth_time", unix_seconds(*claims.auth_time));
  if (contract.authorization_details && !claims.authorization_details.is_null()) {
    json.set("authorization_details", claims.authorization_details);
  }
  return json;
}

Result<AccessClaims> claims_from_json(const Json& json) {
  if (!json.is_object()) return failure(ErrorCode::kInvalid, "token: the claims are not an object");
  auto issuer = TRY(required_text(json, "iss"));
  auto subject = TRY(required_text(json, "sub"));
  auto client_id = TRY(required_text(json, "client_id"));
  auto audience = TRY(parse_audience(json));
  auto jti = TRY(required_text(json, "jti"));
  const auto issued_at = TRY(required_date(json, "iat"));
  const auto not_before = TRY(optional_date(json, "nbf"));
  const auto expires_at = TRY(required_date(json, "exp"));
  auto actors = TRY(actors_from_json(json.find("act")));
  auto origins = TRY(parse_origins(json));
  auto task = TRY(optional_text(json, "task"));
  auto purpose = TRY(optional_text(json, "purpose"));
  auto tenant = TRY(optional_text(json, "tenant"));
  auto environment = TRY(optional_text(json, "environment"));
  auto subject_issuer = TRY(optional_text(json, "subject_issuer"));
  auto acr = TRY(optional_text(json, "acr"));
  const auto auth_time = TRY(optional_date(json, "auth_time"));
  auto key_thumbprint = TRY(parse_confirmation(json));
  auto details = TRY(parse_authorization_details(json));
  return AccessClaims{.issuer = std::move(issuer),
                      .subject = std::move(subject),
                      .client_id = std::move(client_id),
                      .audience = std::move(audience),
                      .jti = std::move(jti),
                      .issued_at = issued_at,
                      .not_before = not_before.value_or(issued_at),
                      .expires_at = expires_at,
                      .actors = std::move(actors),
                      .exchanged_from = std::move(origins),
                      .task = std::move(task),
                      .purpose = std::move(purpose),
                      .tenant = std::move(tenant),
                      .environment = std::move(environment),
                      .subject_issuer = std::move(subject_issuer),
                      .acr = std::move(acr),
                      .auth_time = auth_time,
                      .key_thumbprint = std::move(key_thumbprint),
                      .authorization_details = std::move(details)};
}

}  // namespace writ::token
