#include "token/claims.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace writ::token {
namespace {

using codec::Json;

constexpr std::int64_t kLatestSeconds = 253'402'300'799;  // the end of the year 9999
constexpr std::string_view kKeyThumbprint = "jkt", kCertificateThumbprint = "x5t#S256";
constexpr std::size_t kThumbprintChars = 43;  // base64url of 32 bytes

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

Result<std::optional<Instant>> optional_date(const Json& json, std::string_view name) {
  const auto* value = json.find(name);
  if (value == nullptr) return std::nullopt;
  return TRY(numeric_date(*value, name));
}

// An access token is for one API. RFC 7519 §4.1.3 lets one audience be a string or an array of one.
Result<void> read_audience(const Json& json, AccessClaims& into) {
  const auto* value = json.find("aud");
  if (value == nullptr) return bad_claim("aud", "is missing");
  if (const auto* items = value->if_array()) {
    if (items->size() != 1) return bad_claim("aud", "does not name exactly one audience");
    value = &items->front();
  }
  into.audience = TRY(checked_text(value->if_string(), "aud"));
  return {};
}

void write_audience(const AccessClaims& claims, Json& into) {
  into.set("aud", claims.audience);
}

Result<void> read_not_before(const Json& json, AccessClaims& into) {
  into.not_before = TRY(optional_date(json, "nbf")).value_or(into.issued_at);
  return {};
}

void write_not_before(const AccessClaims& claims, Json& into) {
  into.set("nbf", unix_seconds(claims.not_before));
}

Result<void> read_actors(const Json& json, AccessClaims& into) {
  into.actors = TRY(actors_from_json(json.find("act")));
  return {};
}

void write_actors(const AccessClaims& claims, Json& into) {
  if (!claims.actors.empty()) into.set("act", actors_to_json(claims.actors));
}

Result<void> read_origins(const Json& json, AccessClaims& into) {
  const auto* value = json.find("exchanged_from");
  if (value == nullptr) return {};
  const auto* items = value->if_array();
  if (items == nullptr) return bad_claim("exchanged_from", "is not an array");
  if (items->size() > kMaxOrigins)
    return failure(ErrorCode::kLimit,
                   "token: it was exchanged from more than 16 tokens, one after the other");
  for (const auto& item : *items)
    into.exchanged_from.push_back(TRY(checked_text(item.if_string(), "exchanged_from")));
  return {};
}

void write_origins(const AccessClaims& claims, Json& into) {
  if (claims.exchanged_from.empty()) return;
  auto ids = Json::array();
  for (const auto& id : claims.exchanged_from) ids.push(id);
  into.set("exchanged_from", std::move(ids));
}

// RFC 7800 §3.1, RFC 9449 §6.1, RFC 8705 §3.1. A binding that cannot be checked must not be ignored.
Result<void> read_confirmation(const Json& json, AccessClaims& into) {
  const auto* cnf = json.find("cnf");
  if (cnf == nullptr) return {};
  const auto* members = cnf->if_object();
  if (members == nullptr) return bad_claim("cnf", "is not an object");
  const auto name = members->size() == 1 ? std::string_view(members->front().first) : std::string_view();
  if (name != kKeyThumbprint && name != kCertificateThumbprint)
    return failure(ErrorCode::kUnsupported,
                   "token: `cnf` binds in another way than by `jkt` or by `x5t#S256` alone");
  auto thumbprint = TRY(required_text(*cnf, name));
  if (thumbprint.size() != kThumbprintChars) return bad_claim(name, "is not a SHA-256 thumbprint");
  (name == kKeyThumbprint ? into.key_thumbprint : into.certificate_thumbprint) = std::move(thumbprint);
  return {};
}

void write_confirmation(const AccessClaims& claims, Json& into) {
  if (!claims.sender_bound()) return;
  auto cnf = Json::object();
  if (claims.key_thumbprint) cnf.set(kKeyThumbprint, *claims.key_thumbprint);
  if (claims.certificate_thumbprint) cnf.set(kCertificateThumbprint, *claims.certificate_thumbprint);
  into.set("cnf", std::move(cnf));
}

Result<void> read_details(const Json& json, AccessClaims& into) {
  const auto* value = json.find("authorization_details");
  if (value == nullptr) return {};
  if (!value->is_array()) return bad_claim("authorization_details", "is not an array");
  into.authorization_details = *value;
  return {};
}

void write_details(const AccessClaims& claims, Json& into) {
  if (!claims.authorization_details.is_null())
    into.set("authorization_details", claims.authorization_details);
}

Result<void> read_workload(const Json& json, AccessClaims& into) {
  into.workload = TRY(workload_from_json(json.find("workload")));
  return {};
}

void write_workload(const AccessClaims& claims, Json& into) {
  if (!claims.workload.empty()) into.set("workload", workload_to_json(claims.workload));
}

// What every token has.
constexpr Claim required(std::string_view name, std::string AccessClaims::*text,
                         std::string_view stated = {}) {
  return {.name = name, .text = text, .stated = stated};
}
constexpr Claim required(std::string_view name, Instant AccessClaims::*date) {
  return {.name = name, .date = date, .stated = name};
}
// A fact that policies may need.
constexpr Claim carried(std::string_view name, std::optional<std::string> CarriedClaims::*text) {
  return {.name = name, .carried_text = text, .by_contract = true, .recorded = true, .stated = name};
}
constexpr Claim carried(std::string_view name, std::optional<Instant> CarriedClaims::*date) {
  return {.name = name, .carried_date = date, .by_contract = true, .recorded = true, .stated = name};
}

constexpr Claim kClaims[] = {
    required("iss", &AccessClaims::issuer, "iss"),
    required("sub", &AccessClaims::subject, "sub"),
    required("client_id", &AccessClaims::client_id, "client_id"),
    {.name = "aud", .read = read_audience, .write = write_audience, .stated = "aud"},
    required("jti", &AccessClaims::jti),
    required("iat", &AccessClaims::issued_at),
    {.name = "nbf", .read = read_not_before, .write = write_not_before, .stated = "nbf"},
    required("exp", &AccessClaims::expires_at),
    {.name = "act", .read = read_actors, .write = write_actors, .stated = "act"},
    {.name = "exchanged_from", .read = read_origins, .write = write_origins},
    {.name = "task", .carried_text = &CarriedClaims::task, .stated = "task"},
    carried("purpose", &CarriedClaims::purpose),
    carried("tenant", &CarriedClaims::tenant),
    carried("environment", &CarriedClaims::environment),
    carried("subject_issuer", &CarriedClaims::subject_issuer),
    carried("acr", &CarriedClaims::acr),
    carried("auth_time", &CarriedClaims::auth_time),
    carried("credential_kind", &CarriedClaims::credential_kind),
    carried("credential_created", &CarriedClaims::credential_created),
    {.name = "cnf", .read = read_confirmation, .write = write_confirmation, .stated = "bound"},
    {.name = "authorization_details", .read = read_details, .write = write_details, .by_contract = true},
    {.name = "workload",
     .read = read_workload,
     .write = write_workload,
     .by_contract = true,
     .recorded = true,
     .stated = "workload"},
};
static_assert(std::size(kClaims) <= 32, "ClaimsContract has a bit for each");

constexpr auto is_stated = [](const Claim& claim) { return !claim.stated.empty(); };
constexpr auto kStatedNames = [] {
  std::array<std::string_view, std::ranges::count_if(kClaims, is_stated)> names;
  auto* next = names.data();
  for (const Claim& claim : kClaims) {
    if (is_stated(claim)) *next++ = claim.stated;
  }
  return names;
}();

std::uint32_t bit_of(const Claim& claim) noexcept {
  return std::uint32_t{1} << (&claim - kClaims);
}

Result<void> read(const Claim& claim, const Json& json, AccessClaims& into) {
  if (claim.text != nullptr) into.*claim.text = TRY(required_text(json, claim.name));
  if (claim.date != nullptr) into.*claim.date = TRY(required_date(json, claim.name));
  if (claim.carried_text != nullptr) into.*claim.carried_text = TRY(optional_text(json, claim.name));
  if (claim.carried_date != nullptr) into.*claim.carried_date = TRY(optional_date(json, claim.name));
  return claim.read != nullptr ? claim.read(json, into) : Result<void>();
}

void write(const Claim& claim, const AccessClaims& claims, Json& into) {
  if (claim.text != nullptr) into.set(claim.name, claims.*claim.text);
  if (claim.date != nullptr) into.set(claim.name, unix_seconds(claims.*claim.date));
  if (claim.carried_text != nullptr && claims.*claim.carried_text)
    into.set(claim.name, *(claims.*claim.carried_text));
  if (claim.carried_date != nullptr && claims.*claim.carried_date)
    into.set(claim.name, unix_seconds(*(claims.*claim.carried_date)));
  if (claim.write != nullptr) claim.write(claims, into);
}

}  // namespace

std::span<const Claim> claim_table() noexcept {
  return kClaims;
}

std::span<const std::string_view> stated_names() noexcept {
  return kStatedNames;
}

ClaimsContract ClaimsContract::none() {
  ClaimsContract contract;
  for (const Claim& claim : kClaims) {
    if (claim.by_contract) contract.left_out_ |= bit_of(claim);
  }
  return contract;
}

Result<ClaimsContract> ClaimsContract::of(const std::vector<std::string>& names) {
  auto contract = none();
  for (const auto& name : names) {
    const auto* claim = std::ranges::find(kClaims, name, &Claim::name);
    if (claim == std::end(kClaims) || !claim->by_contract)
      return failure(ErrorCode::kInvalid, "claims contract: unknown claim `" + name + "`");
    contract.left_out_ &= ~bit_of(*claim);
  }
  return contract;
}

bool ClaimsContract::wants(const Claim& claim) const noexcept {
  return (left_out_ & bit_of(claim)) == 0;
}

Result<WorkloadClaims> workload_from_json(const Json* workload) {
  WorkloadClaims facts;
  if (workload == nullptr) return facts;
  const auto* members = workload->if_object();
  if (members == nullptr || members->size() > kMaxWorkloadFacts)
    return bad_claim("workload", "is not an object of at most 16 texts");
  for (const auto& [name, fact] : *members)
    facts.emplace_back(name, TRY(checked_text(fact.if_string(), "workload")));
  return facts;
}

Json workload_to_json(const WorkloadClaims& workload) {
  auto facts = Json::object();
  for (const auto& [name, fact] : workload) facts.set(name, fact);
  return facts;
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
    if (actor->issuer) outer.set("iss", *actor->issuer);
    if (!act.is_null()) outer.set("act", std::move(act));
    act = std::move(outer);
  }
  return act;
}

// RFC 9068 §2.2.
Json claims_to_json(const AccessClaims& claims, const ClaimsContract& contract) {
  auto json = Json::object();
  for (const Claim& claim : kClaims) {
    if (contract.wants(claim)) write(claim, claims, json);
  }
  return json;
}

Result<AccessClaims> claims_from_json(const Json& json) {
  if (!json.is_object()) return failure(ErrorCode::kInvalid, "token: the claims are not an object");
  AccessClaims claims;
  for (const Claim& claim : kClaims) TRY(read(claim, json, claims));
  return claims;
}

}  // namespace writ::token
