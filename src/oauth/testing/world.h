// For tests of the endpoints: Acme's clients and APIs in a real inventory, real keys and tokens, policies for
// issuing, and an audit that keeps its lines in memory and fails when told to.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cedar/compile.h"
#include "cedar/parse.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/random.h"
#include "crypto/secret_hash.h"
#include "enforce/testing/current.h"
#include "inventory/testing/memory_store.h"
#include "jose/jws.h"
#include "oauth/grants.h"
#include "oauth/revocation_endpoint.h"
#include "oauth/token_endpoint.h"
#include "task/testing/memory_store.h"
#include "token/testing/world.h"

namespace writ::oauth::testing {

using codec::Json;
using token::testing::kNow;
using namespace std::chrono_literals;

inline constexpr std::string_view kIssuer = "https://writ.example";
inline constexpr std::string_view kTokenUrl = "https://writ.example/oauth2/token";
inline constexpr std::string_view kProvider = "https://idp.acme.example";
inline constexpr std::string_view kInvoices = "https://invoices.acme.example";
inline constexpr std::string_view kMail = "https://mail.acme.example";
inline constexpr std::string_view kSecret = "correct horse: battery+staple";

inline constexpr std::string_view kPolicies = R"(
@id("users") permit (principal is Writ::User, action == Writ::Action::"issue", resource is Writ::Api);
@id("portal-for-support")
permit (principal == Writ::Application::"support-portal", action == Writ::Action::"issue", resource is Writ::Api)
when { context has purpose && context.purpose == "support" };
@id("agents") permit (principal is Writ::Agent, action == Writ::Action::"issue", resource is Writ::Api);
@id("work-goes-to-agents") permit (principal, action == Writ::Action::"delegate", resource is Writ::Agent);
@id("services") permit (principal is Writ::Service, action == Writ::Action::"issue", resource is Writ::Api);
@id("no-mail-for-services")
forbid (principal is Writ::Service, action == Writ::Action::"issue", resource == Writ::Api::"mail");
)";

using Fields = std::vector<std::pair<std::string, std::string>>;

inline jose::PrivateJwk new_key() {
  return jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
}

inline http::Request post(std::string_view path, const Fields& fields, http::Headers headers = {}) {
  http::Request request;
  request.method = "POST";
  request.path = request.encoded_path = request.target = path;
  request.peer_ip = "192.0.2.7";
  request.headers = std::move(headers);
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& [name, value] : fields) {
    if (!request.body.empty()) request.body += '&';
    request.body += form_encode(name) + "=" + form_encode(value);
  }
  return request;
}

struct World {
  World() {
    static const std::string hash = crypto::hash_secret(Secret(std::string(kSecret))).value();
    using inventory::Identity;
    using inventory::Kind;
    add({.id = "nora", .kind = Kind::kUser, .tenant = "north"});
    add({.id = "niklas", .kind = Kind::kUser, .tenant = "north"});
    add({.id = "support-portal",
         .kind = Kind::kApplication,
         .acts_for = {"users"},
         .purposes = {"support", "audit"},
         .secret_hash = hash});
    add({.id = "marketing-app", .kind = Kind::kApplication, .acts_for = {"users"}, .secret_hash = hash});
    add({.id = "nightly-export",
         .kind = Kind::kService,
         .environment = "production",
         .purposes = {"export"},
         .secret_hash = hash});
    add({.id = "support-agent",
         .kind = Kind::kAgent,
         .acts_for = {"users", "support-portal"},
         .purposes = {"support", "audit"},
         .keys = {agent_key.public_jwk()}});
    add({.id = "mail-drafter",
         .kind = Kind::kAgent,
         .acts_for = {"support-agent"},
         .keys = {drafter_key.public_jwk()}});
    inventory::Api invoices{
        .id = "invoices", .audience = std::string(kInvoices), .name_space = "Billing", .actions = {"read"}};
    inventory::Api mail{
        .id = "mail", .audience = std::string(kMail), .name_space = "Mail", .actions = {"draft"}};
    mail.claims = std::vector<std::string>{"tenant"};
    WRIT_CHECK(directory.create(invoices) && directory.create(mail));
  }

  void add(inventory::Identity identity) { WRIT_CHECK(directory.create(std::move(identity)).has_value()); }

  static std::shared_ptr<const decision::PolicySnapshot> compiled(std::string_view text) {
    return std::make_shared<decision::PolicySnapshot>(decision::PolicySnapshot{
        .policies = cedar::CompiledPolicySet::compile(named(cedar::parse_policies(text).value())).value(),
        .entities = cedar::Entities::empty(),
        .revision = "r1"});
  }

  // The name a policy gives itself is its id.
  static cedar::PolicySet named(cedar::PolicySet set) {
    for (auto& policy : set.policies) policy.id = policy.annotation("id")->value.value();
    return set;
  }

  std::shared_ptr<task::LiveTask> open_task(std::string_view subject = "nora", Duration window = 10min) {
    task::Task opened;
    opened.id = "task-" + std::to_string(tasks.size() + 1);
    opened.purpose = "support";
    opened.subject = subject;
    opened.client = "support-portal";
    opened.agents = {"support-agent", "mail-drafter"};
    opened.actions = {{"Billing::Action", "read"}};
    opened.resources = {{"Billing::Invoice", std::nullopt}};
    opened.not_before = opened.opened_at = clock.now();
    opened.expires_at = clock.now() + window;
    opened.opened_by = "ops-console";
    return tasks.open(std::move(opened)).value();
  }

  // Credentials.

  static http::Headers basic(std::string_view client, std::string_view secret = kSecret) {
    const auto text = form_encode(client) + ":" + form_encode(secret);
    const auto value = "Basic " + codec::base64_encode(text);
    return {{"Authorization", value}};
  }

  Json assertion_claims(std::string_view client) const {
    return Json::object({{"iss", client},
                         {"sub", client},
                         {"aud", kIssuer},
                         {"jti", crypto::random_id()},
                         {"exp", unix_seconds(clock.now()) + 60}});
  }
  static Fields assertion(const jose::PrivateJwk& key, const Json& claims) {
    return {{"client_assertion_type", std::string(kAssertionJwtBearer)},
            {"client_assertion", jose::sign_jws(key, claims.dump(), "JWT").value()}};
  }
  Fields as(const jose::PrivateJwk& key, std::string_view client) const {
    return assertion(key, assertion_claims(client));
  }
  Fields as_agent() const { return as(agent_key, "support-agent"); }
  Fields as_drafter() const { return as(drafter_key, "mail-drafter"); }

  // Subject tokens.

  Json provider_claims(std::string_view user = "nora") const {
    return Json::object({{"iss", kProvider},
                         {"sub", user},
                         {"aud", kIssuer},
                         {"tenant", "north"},
                         {"acr", "mfa"},
                         {"auth_time", unix_seconds(kNow) - 60},
                         {"iat", unix_seconds(kNow) - 60},
                         {"exp", unix_seconds(kNow) + 3600}});
  }
  std::string provider_token(const Json& claims) const {
    return jose::sign_jws(provider_key, claims.dump(), "JWT").value();
  }
  std::string provider_token(std::string_view user = "nora") const {
    return provider_token(provider_claims(user));
  }

  static Fields exchange(std::string_view subject_token, std::string_view type, Fields more = {}) {
    more.insert(more.begin(), {{"grant_type", std::string(kGrantTokenExchange)},
                               {"subject_token", std::string(subject_token)},
                               {"subject_token_type", std::string(type)}});
    return more;
  }

  std::string proof(const jose::PrivateJwk& key, std::string_view url = kTokenUrl) const {
    auto claims = Json::object(
        {{"jti", crypto::random_id()}, {"htm", "POST"}, {"htu", url}, {"iat", unix_seconds(clock.now())}});
    return token::testing::sign_proof(key, token::testing::proof_header(key), claims);
  }

  // Requests.

  http::Response ask(const Fields& fields, const http::Headers& headers = {}) const {
    return endpoint.handle(post("/oauth2/token", fields, headers));
  }

  // The portal's token for nora and the invoices, as the walk's first step gets it.
  std::string portal_token(std::string_view audience = kInvoices,
                           const http::Headers& headers = basic("support-portal")) const {
    return access_token(ask(
        exchange(provider_token(), kTypeJwt, {{"resource", std::string(audience)}, {"purpose", "support"}}),
        headers));
  }
  // The agent's token for nora, from the portal's.
  std::string agent_token(std::string_view portal, Fields more = {}) const {
    more.emplace_back("resource", kInvoices);
    return access_token(ask(joined(exchange(portal, kTypeAccessToken, std::move(more)), as_agent())));
  }

  static Fields joined(Fields a, const Fields& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  static Json body(const http::Response& response) { return codec::parse_json(response.body).value(); }
  static std::string access_token(const http::Response& response) {
    const auto json = body(response);
    const auto* text = json.find_string("access_token");
    return text != nullptr ? *text : "refused: " + response.body;
  }
  token::AccessClaims claims(std::string_view token) const {
    auto verified = verifier.verify_parameter(token, clock.now());
    WRIT_CHECK(verified.has_value());
    return verified->claims();
  }

  jose::PrivateJwk agent_key = new_key(), drafter_key = new_key(), provider_key = new_key();
  ManualClock clock{kNow};
  inventory::testing::MemoryStore inventory_store;
  inventory::Directory directory{inventory_store};
  task::testing::MemoryStore task_store;
  task::Registry tasks{task_store};
  std::unique_ptr<token::KeyRing> ring = token::KeyRing::of({new_key()}).value();
  token::Minter minter{*ring};
  token::Revocations revocations;
  token::MemoryReplayGuard replays;
  token::Verifier verifier{{.issuer = std::string(kIssuer), .cache_entries = 64},
                           ring->snapshot()->public_keys,
                           revocations,
                           replays};
  TrustedIssuers trusted =
      TrustedIssuers::of({{.issuer = std::string(kProvider),
                           .audience = std::string(kIssuer),
                           .keys = jose::JwkSet::of({provider_key.public_jwk()}).value()}})
          .value();
  enforce::Current current{{directory.snapshot(), compiled(kPolicies)}};
  enforce::testing::Followed followed{directory, current};
  enforce::testing::Policies policies{current};
  ClientAuthentication clients{
      {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)}, directory, replays};
  bool audit_broken = false;
  std::vector<std::string> audit;
  control::Recorder record = [this](audit::Record line) -> Result<void> {
    if (audit_broken) return failure(ErrorCode::kIo, "the disk is full");
    audit.push_back("{" + line.members + "}");
    return {};
  };
  TokenEndpoint endpoint{{.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)},
                         {.clock = clock,
                          .clients = clients,
                          .tasks = tasks,
                          .trusted_issuers = trusted,
                          .verifier = verifier,
                          .minter = minter,
                          .replays = replays,
                          .current = current,
                          .record = record}};
  RevocationEndpoint revocation{{.clock = clock,
                                 .clients = clients,
                                 .verifier = verifier,
                                 .revocations = revocations,
                                 .record = record}};
};

// "issued", or "error/reason".
inline std::string outcome(const http::Response& response) {
  const auto json = World::body(response);
  if (json.find_string("access_token") != nullptr) return "issued";
  const auto* error = json.find_string("error");
  const auto* reason = json.find_string("reason");
  return (error != nullptr ? *error : "?") + "/" + (reason != nullptr ? *reason : "-");
}

}  // namespace writ::oauth::testing
