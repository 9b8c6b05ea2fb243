// For tests of providers' access tokens: Acme's enforcer with a provider beside it, whose tokens two APIs
// take.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "enforce/testing/world.h"
#include "oauth/accepted_tokens.h"

namespace writ::oauth::testing {

using codec::Json;
using enforce::testing::kNow;
using namespace std::chrono_literals;

inline constexpr std::string_view kProviderOfApis = "https://login.acme.example";
inline constexpr std::string_view kThere = "https://api.acme.example/invoices/inv-1";

inline constexpr std::string_view kAllMay = R"(
@id("users") permit (principal is Writ::User, action, resource is Billing::Invoice);
@id("apps") permit (principal is Writ::Application, action, resource is Billing::Invoice);
@id("agents") permit (principal is Writ::Agent, action, resource is Billing::Invoice);
)";

struct AcceptedWorld : enforce::testing::World {
  // `change`: what is configured otherwise of the provider.
  explicit AcceptedWorld(const std::function<void(TrustedIssuer&)>& change = [](TrustedIssuer&) {})
      : issuers(TrustedIssuers::of({provider(change)}).value()) {
    policies = enforce::testing::compiled(kAllMay);
    const auto created = directory.create(inventory::Api{
        .id = "mail", .audience = "https://mail.acme.example", .name_space = "Mail", .actions = {"send"}});
    WRIT_CHECK(created.has_value());
  }

  TrustedIssuer provider(const std::function<void(TrustedIssuer&)>& change) const {
    TrustedIssuer made{.issuer = std::string(kProviderOfApis),
                       .audience = std::string(enforce::testing::kIssuer),
                       .keys = jose::JwkSet::of({key.public_jwk()}).value(),
                       .mapping = {}};
    made.accept.push_back({.api = "invoices",
                           .audiences = {"api://invoices", "api://old-invoices"},
                           .delegated = true,
                           .app_only = true,
                           .clients = {{"portal-7f3", "support-portal"},
                                       {"agent-9c1", "support-agent"},
                                       {"mkt-001", "marketing-app"}},
                           .max_lifetime = 1h});
    made.accept.push_back({.api = "mail",
                           .audiences = {"api://mail"},
                           .delegated = true,
                           .clients = {{"portal-7f3", "support-portal"}}});
    change(made);
    return made;
  }

  // nora's, made for the portal.
  Json claims() const {
    return Json::object({{"iss", kProviderOfApis},
                         {"sub", "nora"},
                         {"client_id", "portal-7f3"},
                         {"aud", "api://invoices"},
                         {"jti", "t-1"},
                         {"iat", unix_seconds(clock.now())},
                         {"exp", unix_seconds(clock.now()) + 600}});
  }
  Json with(std::initializer_list<std::pair<std::string_view, Json>> changes) const {
    auto changed = claims();
    for (const auto& [name, value] : changes) changed.set(name, value);
    return changed;
  }
  Json agents() const { return with({{"client_id", "agent-9c1"}}); }
  std::string sign(const Json& claims, std::optional<std::string_view> typ = "at+jwt") const {
    return jose::sign_jws(key, claims.dump(), typ).value();
  }

  static http::Headers bearer(std::string_view token) {
    return {{"Authorization", "Bearer " + std::string(token)}};
  }
  static http::Headers in_task(http::Headers headers, std::string_view task) {
    headers.add("Writ-Task", task);
    return headers;
  }

  // "permit", or the reason.
  std::string ask(const http::Headers& headers, std::string_view api = "invoices",
                  std::string_view certificate = {}) {
    auto presented = token::Presented::from_headers(headers);
    if (presented) presented = std::move(*presented).with_certificate(certificate);
    const enforce::Question question{.point = "gateway",
                                     .sent = {"GET", "/invoices/inv-1", "/invoices/inv-1", "", "192.0.2.7"},
                                     .credentials = presented,
                                     .api = api,
                                     .action = {"Billing::Action", "read"},
                                     .resource = {"Billing::Invoice", "inv-1"},
                                     .public_origin = enforce::testing::kOrigin};
    const auto outcome = here.enforce(question);
    message = outcome ? "" : outcome.error().refusal.message;
    if (outcome) permitted.emplace(outcome->token());
    return outcome ? "permit" : std::string(reason_code(outcome.error().reason()));
  }
  std::string ask(const Json& claims) { return ask(bearer(sign(claims))); }
  // A member of the last record, as text.
  std::string recorded(std::string_view name) const {
    const auto line = audit.lines().back();
    const auto* value = line.find(name);
    return value == nullptr ? "" : value->if_string() != nullptr ? *value->if_string() : value->dump();
  }

  jose::PrivateJwk key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const TrustedIssuers issuers;
  const AcceptedTokens accepted{issuers, current, clock};
  const token::Verifier verifier{{.issuer = std::string(enforce::testing::kIssuer), .foreign = &accepted},
                                 tokens.ring->snapshot()->public_keys,
                                 tokens.revocations,
                                 tokens.replays};
  token::TokenAttempts attempts{{.wrong_per_minute = 10'000}};
  enforce::Enforcer here{
      {.clock = clock,
       .verifier = verifier,
       .current = current,
       .tasks = tasks,
       .record = [this](audit::Record line,
                        audit::Log::Done done) { audit.append(std::move(line), std::move(done)); },
       .writer = writer,
       .attempts = &attempts}};
  std::string message;                       // of the last refusal
  std::optional<token::Verified> permitted;  // the last
};

}  // namespace writ::oauth::testing
