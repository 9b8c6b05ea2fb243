#include "oauth/client_authentication.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>

#include "codec/base64url.h"
#include "crypto/secret_hash.h"
#include "http/headers.h"
#include "oauth/grants.h"
#include "token/assertion.h"

namespace writ::oauth {
namespace {

using inventory::Member;
using inventory::Status;

std::unexpected<Refusal> not_authenticated(std::string description, Reason reason) {
  return refuse(OauthError::kInvalidClient, std::move(description), reason);
}

// Said for every secret that is not right, whether there is such a client or not.
std::unexpected<Refusal> wrong_secret() {
  return not_authenticated("client authentication failed: unknown client or wrong secret",
                           Reason::kCallerUnknown);
}

// Said for every assertion that no key of the client's has signed, whether there is such a client or not.
std::unexpected<Refusal> wrong_key() {
  return not_authenticated("client authentication failed: unknown client, or not signed with a key of its",
                           Reason::kTokenSignature);
}

std::unexpected<Refusal> slow_down(Duration wait, std::string_view why) {
  auto refusal =
      refuse(OauthError::kSlowDown, fmt::format("too many {} came from your address: try again later", why));
  refusal.error().retry_after = wait;
  return refusal;
}

constexpr std::string_view kWrongSecrets = "wrong secrets";
constexpr std::string_view kForgedAssertions = "assertions with a wrong signature";

// No key that is trusted for it has signed it. What is signed and says something else wrong is no forgery.
bool is_forged(const auto& verified) {
  return !verified && verified.error().reason == Reason::kTokenSignature;
}

// Keys that nobody has: what no key of a client's can verify is verified with one of them, to take as long.
std::span<const jose::Jwk> decoys() {
  static const auto keys = [] {
    std::vector<jose::Jwk> made;
    for (const auto algorithm :
         {crypto::Algorithm::kEs256, crypto::Algorithm::kEdDsa, crypto::Algorithm::kEs384,
          crypto::Algorithm::kEs512, crypto::Algorithm::kRs256, crypto::Algorithm::kRs384,
          crypto::Algorithm::kRs512, crypto::Algorithm::kPs256, crypto::Algorithm::kPs384,
          crypto::Algorithm::kPs512}) {
      if (auto key = crypto::PublicKey::of_nobody(algorithm)) made.emplace_back(*std::move(key));
    }
    return made;
  }();
  return keys;
}

// Those of a client's keys that have not expired.
std::vector<jose::Jwk> good_keys(const Member* member, Times now) {
  std::vector<jose::Jwk> good;
  if (member == nullptr) return good;
  for (const auto& key : (*member)->keys) {
    const auto* fact = inventory::credential_of(member->identity(), inventory::CredentialType::kKey,
                                                key.kid().value_or(key.thumbprint()));
    if (fact == nullptr || !fact->expires_at || !now.ended(*fact->expires_at)) good.push_back(key);
  }
  return good;
}

// Told only to the one that knows the secret.
bool secret_expired(const Member& member, Times now) {
  const auto* fact = inventory::credential_of(member.identity(), inventory::CredentialType::kSecret);
  return fact != nullptr && fact->expires_at && now.ended(*fact->expires_at);
}

// The secret before, while it is still good.
const inventory::PreviousSecret* previous_of(const Member* member, Times now) {
  if (member == nullptr || !(*member)->previous_secret) return nullptr;
  const auto& previous = *(*member)->previous_secret;
  return now.ended(previous.until) ? nullptr : &previous;
}

// Of the length of every hash.
const std::string kNoHash(std::string_view("$scrypt$ln=14,r=8,p=1$").size() + 22 + 1 + 43, '-');

std::unexpected<Refusal> broken_basic() {
  return not_authenticated("the Basic credentials are malformed", Reason::kCallerUnknown);
}

std::optional<std::string_view> basic_credentials(std::string_view authorization) {
  const auto space = authorization.find(' ');
  if (!http::equal_ignoring_case(authorization.substr(0, space), "Basic")) return std::nullopt;
  return space == authorization.npos ? std::string_view() : authorization.substr(space + 1);
}

std::unexpected<Refusal> inactive(const Member& member, Status status) {
  const auto reason = status == Status::kRequested   ? Reason::kCallerRequested
                      : status == Status::kLapsed    ? Reason::kCallerLapsed
                      : status == Status::kSuspended ? Reason::kCallerSuspended
                      : status == Status::kExpired   ? Reason::kCallerExpired
                                                     : Reason::kCallerRetired;
  auto refusal = refuse(OauthError::kUnauthorizedClient,
                        "client `" + member->id + "` is " + std::string(status_name(status)), reason);
  refusal.error().party = member.uid().to_string();
  return refusal;
}

// What was shown, and verified, stands in front, where it is not cut: somebody may adopt the caller by it
// (posture/adopt_callers.h).
std::string with_shown(std::string_view what, const codec::Json& shown, std::string_view message) {
  return fmt::format("{} {}: {}", what, shown.dump(), message);
}

std::unexpected<Refusal> other_client() {
  return refuse(OauthError::kInvalidRequest,
                "`client_id` names a different client than the credentials; a token of a platform needs an "
                "issuer that is trusted to name workloads",
                Reason::kCallerMismatch);
}

// The rule that would have had it: by its only URI, else by a DNS name, else by itself.
inventory::CertificateRule rule_for(const std::string& thumbprint, const std::vector<std::string>* names) {
  constexpr std::string_view kUri = "URI:", kDns = "DNS:";
  std::vector<std::string> uris, hosts;
  for (const auto& name : names != nullptr ? *names : std::vector<std::string>()) {
    if (name.starts_with(kUri)) uris.push_back(name.substr(kUri.size()));
    if (name.starts_with(kDns)) hosts.push_back(name.substr(kDns.size()));
  }
  if (uris.size() == 1) return {.uri = uris.front()};
  if (uris.empty() && !hosts.empty()) return {.dns = hosts.front()};
  return {.thumbprint = thumbprint};
}

// The same whether there is such a client or not.
std::unexpected<Refusal> wrong_certificate(const std::string& client, const std::string& thumbprint,
                                           const std::vector<std::string>* names) {
  auto refusal =
      not_authenticated("client authentication failed: unknown client, or not with a certificate of its",
                        Reason::kCallerUnknown);
  refusal.error().for_audit =
      with_shown("certificate", inventory::certificate_to_json(rule_for(thumbprint, names)),
                 "client `" + client + "`: " + refusal.error().description);
  return refusal;
}

// A user is no client, whatever credentials its record may hold.
const Member* client_of(const inventory::Snapshot& snapshot, std::string_view id) {
  const Member* member = snapshot.find(id);
  return member != nullptr && (*member)->kind != inventory::Kind::kUser ? member : nullptr;
}

// Whether a rule of the client's is about tokens for that audience.
bool expects(const Member* member, std::string_view issuer, std::string_view audience) {
  return member != nullptr && std::ranges::any_of((*member)->workloads, [&](const auto& rule) {
           return rule.issuer == issuer && rule.audience && *rule.audience == audience;
         });
}

// Since when there is a credential, as far as the inventory says.
ShownCredential shown(const Member* member, inventory::CredentialType type, std::string_view id = {}) {
  const auto* fact = member != nullptr ? inventory::credential_of(member->identity(), type, id) : nullptr;
  return {type, fact != nullptr ? fact->created_at : std::nullopt};
}

// RFC 8705 §2.1.2 and §2.2: by a name, or by the certificate itself. A SPIFFE X.509-SVID has one URI, so one
// with several is nobody's. The rule that it satisfies, or null.
const inventory::CertificateRule* shows(const Member* member, const std::string& thumbprint,
                                        const std::vector<std::string>* names) {
  if (member == nullptr) return nullptr;
  const auto has = [&](const std::string& name) {
    return names != nullptr && std::ranges::find(*names, name) != names->end();
  };
  const auto uris = names == nullptr ? 0 : std::ranges::count_if(*names, [](const auto& name) {
    return name.starts_with("URI:");
  });
  const auto& rules = (*member)->certificates;
  const auto found = std::ranges::find_if(rules, [&](const inventory::CertificateRule& rule) {
    if (!rule.thumbprint.empty()) return rule.thumbprint == thumbprint;
    return rule.uri.empty() ? has("DNS:" + rule.dns) : uris == 1 && has("URI:" + rule.uri);
  });
  return found != rules.end() ? &*found : nullptr;
}

}  // namespace

Outcome<Credentials> Credentials::read(const http::Request& request, const Form& form) {
  const auto headers = request.headers.count("Authorization");
  const bool assertion = form.find("client_assertion") || form.find("client_assertion_type");
  const bool secret_in_body = form.find("client_secret").has_value();
  // RFC 8705 §2: where nothing else is there; a certificate beside a secret proves nothing here.
  const bool certificate = !request.peer_certificate.empty() && form.find("client_id").has_value();
  // RFC 6749 §2.3: the client must not use more than one method in each request.
  if (headers + assertion + secret_in_body > 1)
    return refuse(OauthError::kInvalidRequest, "more than one method of client authentication",
                  Reason::kCallerMismatch);
  if (!assertion && !secret_in_body && headers == 0 && !certificate)
    return not_authenticated(
        "the client must authenticate: with a secret, private_key_jwt, a token of its platform, or a "
        "certificate",
        Reason::kCallerUnknown);

  auto credentials = TRY(assertion        ? read_assertion(form)
                         : headers > 0    ? read_basic(request.headers)
                         : secret_in_body ? read_secret(form)
                                          : read_certificate(request, form));
  // RFC 6749 §3.2.1: a `client_id` beside the credentials must be the same.
  const auto client_id = form.find("client_id");
  if (client_id && *client_id != credentials.client_) return other_client();
  credentials.peer_ip_ = request.peer_ip;
  return credentials;
}

// RFC 6749 §2.3.1: id and secret are form-encoded, joined by a colon, and encoded as RFC 7617 does.
Outcome<Credentials> Credentials::read_basic(const http::Headers& headers) {
  const auto authorization = *headers.find("Authorization");
  if (authorization.size() > kMaxAuthorizationBytes) return broken_basic();
  const auto encoded = basic_credentials(authorization);
  if (!encoded)
    return not_authenticated("client authentication in a header uses the Basic scheme",
                             Reason::kCallerUnknown);
  auto decoded = codec::base64_decode(*encoded);
  if (!decoded) return broken_basic();
  const Secret text(*std::move(decoded));
  const auto colon = text.expose().find(':');
  if (colon == std::string_view::npos) return broken_basic();
  auto client = form_decode(text.expose().substr(0, colon));
  auto secret = form_decode(text.expose().substr(colon + 1));
  if (!client || !secret || client->empty() || secret->empty()) return broken_basic();
  return Credentials(*std::move(client), Secret(*std::move(secret)));
}

// RFC 6749 §2.3.1: id and secret as parameters of their own.
Outcome<Credentials> Credentials::read_secret(const Form& form) {
  const auto client = form.find("client_id");
  const auto secret = form.find("client_secret");
  if (!client || client->empty() || secret->empty())
    return not_authenticated("`client_id` and `client_secret` are given together", Reason::kCallerUnknown);
  return Credentials(std::string(*client), Secret(std::string(*secret)));
}

// RFC 8705 §2: which client it is, `client_id` says.
Outcome<Credentials> Credentials::read_certificate(const http::Request& request, const Form& form) {
  return Credentials(std::string(*form.find("client_id")),
                     Certificate{request.peer_certificate, request.peer_names});
}

// RFC 7523 §2.2.
Outcome<Credentials> Credentials::read_assertion(const Form& form) {
  const auto type = form.find("client_assertion_type");
  const auto text = form.find("client_assertion");
  if (!type || !text)
    return refuse(OauthError::kInvalidRequest,
                  "`client_assertion` and `client_assertion_type` are given together",
                  Reason::kTokenMalformed);
  const bool svid = *type == kAssertionJwtSpiffe;
  if (*type != kAssertionJwtBearer && !svid)
    return refuse(OauthError::kInvalidRequest,
                  "`client_assertion_type` must be " + std::string(kAssertionJwtBearer), Reason::kTokenType);
  auto issuer = token::unverified_issuer(*text);
  if (!issuer && svid) issuer = token::unverified_trust_domain(*text);
  if (!issuer) return refuse(OauthError::kInvalidClient, std::move(issuer).error());
  // A platform's token names its issuer, and `client_id` the client.
  const auto client = form.find("client_id");
  return Credentials(client ? std::string(*client) : *issuer,
                     Assertion{std::string(*text), *issuer, client.has_value(), svid});
}

ClientAuthentication::ClientAuthentication(Options options, const inventory::Directory& directory,
                                           token::ReplayGuard& replays)
    : options_(std::move(options)),
      directory_(directory),
      replays_(replays),
      verified_(options_.remembered_secrets),
      attempts_(options_.attempts),
      forgeries_({options_.attempts.wrong_per_minute, options_.attempts.proxies,
                  "client assertions are being forged"},
                 options_.remembered_secrets) {}

Outcome<AuthenticatedClient> ClientAuthentication::authenticate(const Credentials& credentials,
                                                                Times now) const {
  auto snapshot = directory_.snapshot();
  const Member* member = client_of(*snapshot, credentials.client_);
  WorkloadFacts facts;
  ShownCredential credential{inventory::CredentialType::kFederation};
  if (const auto* secret = std::get_if<Secret>(&credentials.proof_)) {
    credential = TRY(check_secret(member, credentials, *secret, now));
  } else if (const auto* certificate = std::get_if<Credentials::Certificate>(&credentials.proof_)) {
    const auto* rule = shows(member, certificate->thumbprint, certificate->names.get());
    if (rule == nullptr)
      return wrong_certificate(credentials.client_, certificate->thumbprint, certificate->names.get());
    credential = shown(member, inventory::CredentialType::kCertificate, rule->name());
  } else {
    const auto& assertion = std::get<Credentials::Assertion>(credentials.proof_);
    if (const auto* by = TRY(issuer_of(credentials, assertion))) {
      auto workload = TRY(check_workload(*snapshot, credentials, assertion, *by, now));
      member = workload.member;
      facts = std::move(workload.facts);
      credential.created_at = workload.issued_at;
    } else {
      credential = TRY(check_assertion(member, credentials, assertion.text, now));
    }
  }
  // Both checks refuse where there is no client.
  if (member == nullptr) return wrong_secret();
  if (const auto status = member->status_at(now.latest); status != Status::kActive)
    return inactive(*member, status);
  if (std::holds_alternative<Secret>(credentials.proof_) && secret_expired(*member, now))
    return not_authenticated("the secret of client `" + (*member)->id + "` has expired: give it another one",
                             Reason::kCredentialExpired);
  return AuthenticatedClient(std::move(snapshot), *member, std::move(facts), credential);
}

// Null: the assertion is signed by the client itself.
Outcome<const TrustedIssuer*> ClientAuthentication::issuer_of(const Credentials& credentials,
                                                              const Credentials::Assertion& assertion) const {
  const auto* by = options_.issuers != nullptr ? options_.issuers->find(assertion.issuer) : nullptr;
  if (by != nullptr && by->workloads != nullptr) return by;
  if (by != nullptr)
    return not_authenticated("the assertion's issuer names users, and is not trusted to name clients",
                             Reason::kTokenIssuer);
  if (assertion.of_a_workload)
    return not_authenticated(
        "no trusted issuer of workloads has the issuer, or the trust domain, of the JWT-SVID",
        Reason::kTokenIssuer);
  // RFC 7521 §4.2: a `client_id` beside the credentials must be the same.
  if (assertion.issuer != credentials.client_) return other_client();
  return nullptr;
}

Outcome<ClientAuthentication::Workload> ClientAuthentication::check_workload(
    const inventory::Snapshot& snapshot, const Credentials& credentials,
    const Credentials::Assertion& assertion, const TrustedIssuer& by, Times now) const {
  const auto attempt = forgeries_.attempt(credentials.peer_ip_, credentials.client_, now.latest);
  if (const auto wait = forgeries_.begin(attempt, now.earliest)) return slow_down(*wait, kForgedAssertions);
  auto token = verify_workload(*options_.issuers, by, assertion.text, now);
  forgeries_.end(attempt, !is_forged(token), now.earliest);
  if (!token && token.error().reason == Reason::kIndeterminate)
    return refuse(OauthError::kServerError, std::move(token).error());
  if (!token) return refuse(OauthError::kInvalidClient, std::move(token).error());
  // RFC 7523 §3: without `client_id` the client is `sub`.
  const std::string& id = assertion.names_client ? credentials.client_ : token->subject;
  const Member* member = client_of(snapshot, id);
  auto facts = member != nullptr
                   ? satisfies(*token, member->identity())
                   : std::unexpected(Denial{Reason::kCallerUnknown, "there is no client `" + id + "`"});
  if (!facts) {
    // Anybody can have a token of a platform that many use, so nobody is told which claim it takes.
    const bool elsewhere = token->audience != by.audience && !expects(member, by.issuer, token->audience);
    auto refusal = not_authenticated(
        elsewhere ? "the token is not for this server"
                  : "client authentication failed: unknown client, or the token is not of a workload of its",
        elsewhere ? Reason::kAudienceMismatch : Reason::kCallerUnknown);
    auto& told = refusal.error().for_audit;
    told = "client `" + id + "`: " + facts.error().message;
    if (!elsewhere && member == nullptr)
      told = with_shown("token", codec::Json::object({{"issuer", by.issuer}, {"sub", token->subject}}), told);
    return refusal;
  }
  if (!by.workloads->used_again) {
    const auto fresh =
        replays_.first_use("client:" + id, by.issuer + " " + *token->jti, token->expires_at, now.earliest);
    if (!fresh)
      return refuse(OauthError::kServerError, "cannot tell whether the assertion was used before",
                    Reason::kIndeterminate);
    if (!*fresh) return not_authenticated("the assertion was used before", Reason::kTokenReplayed);
  }
  // Its credential is the token, which its platform made then.
  std::optional<Instant> issued_at;
  if (const auto* iat = token->claims.find("iat"))
    if (const auto at = token::numeric_date(*iat, "iat")) issued_at = *at;
  return Workload{member, *std::move(facts), issued_at};
}

bool ClientAuthentication::wait_for_keys(const Form& form, std::move_only_function<void()>& then) const {
  const auto text = form.find("client_assertion");
  return text && options_.issuers != nullptr && wait_for_workload_keys(*options_.issuers, *text, then);
}

Outcome<ShownCredential> ClientAuthentication::check_secret(const Member* member,
                                                            const Credentials& credentials,
                                                            const Secret& secret, Times now) const {
  // Since when there was the one before, nobody says.
  constexpr ShownCredential kPrevious{inventory::CredentialType::kSecret};
  const auto own = shown(member, inventory::CredentialType::kSecret);
  const bool has_secret = member != nullptr && (*member)->secret_hash;
  // A client that is not there, or has no secret, takes the same steps.
  const std::string& hash = has_secret ? *(*member)->secret_hash : kNoHash;
  const auto fingerprint = verified_.fingerprint(credentials.client_, hash, secret);
  if (has_secret && verified_.contains(fingerprint, now.latest)) return own;
  const auto* previous = previous_of(member, now);
  const auto of_previous =
      verified_.fingerprint(credentials.client_, previous ? previous->hash : kNoHash, secret);
  if (previous != nullptr && verified_.contains(of_previous, now.latest)) return kPrevious;
  const auto attempt = attempts_.attempt(credentials.peer_ip_, credentials.client_);
  if (const auto wait = attempts_.begin(attempt, now.earliest)) return slow_down(*wait, kWrongSecrets);
  bool right = has_secret ? crypto::verify_secret(hash, secret) : crypto::verify_absent_secret(secret);
  const bool by_previous = !right && previous != nullptr && crypto::verify_secret(previous->hash, secret);
  right = right || by_previous;
  attempts_.end(attempt, right, now.earliest);
  if (!right) return wrong_secret();
  verified_.remember(by_previous ? of_previous : fingerprint, now.earliest);
  return by_previous ? kPrevious : own;
}

// Of those with a secret: the others cost a signature at most.
Outcome<Credentials> ClientAuthentication::read_glanced(const http::Request& request) {
  if (request.headers.count("Authorization") == 1) return Credentials::read_basic(request.headers);
  if (request.body.find("client_secret=") == std::string::npos) return broken_basic();
  const auto form = Form::parse(request.body);
  if (!form || !form->find("client_secret")) return broken_basic();
  return Credentials::read_secret(*form);
}

ClientAuthentication::Glance ClientAuthentication::glance(const http::Request& request, Instant now) const {
  const auto credentials = read_glanced(request);
  const auto attempt = attempts_.attempt(request.peer_ip, credentials ? credentials->client_ : std::string());
  Glance glance{credentials ? Standing::kSecret : Standing::kAssertion,
                attempt.proxied ? attempt.client : attempt.source, attempt.proxied};
  if (!credentials) return glance;
  const auto snapshot = directory_.snapshot();
  const Member* member = snapshot->find(credentials->client_);
  const bool has_secret = member != nullptr && (*member)->secret_hash;
  const auto fingerprint =
      verified_.fingerprint(credentials->client_, has_secret ? *(*member)->secret_hash : kNoHash,
                            std::get<Secret>(credentials->proof_));
  const auto* previous = previous_of(member, Times{now, now});
  const bool known =
      (has_secret && verified_.contains(fingerprint, now)) ||
      (previous != nullptr && verified_.contains(verified_.fingerprint(credentials->client_, previous->hash,
                                                                       std::get<Secret>(credentials->proof_)),
                                                 now));
  if (known || attempts_.wrong_lately(attempt, now))
    glance.standing = known ? Standing::kKnown : Standing::kGuess;
  return glance;
}

// RFC 7523 §3.
Outcome<ShownCredential> ClientAuthentication::check_assertion(const Member* member,
                                                               const Credentials& credentials,
                                                               const std::string& text, Times now) const {
  // A client that does not exist has no keys: the answer is that of a key nobody knows.
  const auto keys = jose::JwkSet::of(good_keys(member, now));
  if (!keys)
    return refuse(OauthError::kServerError, "the client's keys cannot be read", Reason::kIndeterminate);
  const token::AssertionRules rules{.issuer = credentials.client_,
                                    .keys = *keys,
                                    .audiences = {options_.issuer, options_.token_endpoint},
                                    .types = {"", "JWT", "client-authentication+jwt"},
                                    .max_lifetime = kMaxAssertionLifetime,
                                    .decoys = decoys()};
  const auto attempt = forgeries_.attempt(credentials.peer_ip_, credentials.client_, now.latest);
  if (const auto wait = forgeries_.begin(attempt, now.earliest)) return slow_down(*wait, kForgedAssertions);
  auto assertion = token::verify_assertion(text, rules, now);
  forgeries_.end(attempt, !is_forged(assertion), now.earliest);
  if (is_forged(assertion)) return wrong_key();
  if (!assertion) return refuse(OauthError::kInvalidClient, std::move(assertion).error());
  // RFC 7523 §3: `sub` is the client, as `iss` is.
  if (assertion->subject != credentials.client_)
    return not_authenticated("the assertion's `sub` is not its `iss`", Reason::kCallerMismatch);
  // RFC 7523 §3 leaves jti to the server; without it a stolen assertion could be used again.
  if (!assertion->jti) return not_authenticated("the assertion has no `jti`", Reason::kTokenMalformed);
  const auto fresh = replays_.first_use("client:" + credentials.client_, *assertion->jti,
                                        assertion->expires_at, now.earliest);
  if (!fresh)
    return refuse(OauthError::kServerError, "cannot tell whether the assertion was used before",
                  Reason::kIndeterminate);
  if (!*fresh) return not_authenticated("the assertion was used before", Reason::kTokenReplayed);
  return shown(member, inventory::CredentialType::kKey, assertion->key_id);
}

}  // namespace writ::oauth
