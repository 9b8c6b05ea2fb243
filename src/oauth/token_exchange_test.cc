// Token exchange (RFC 8693): the walk's chain of delegation, and everything by which it could widen.
#include <functional>
#include <gtest/gtest.h>

#include "oauth/testing/world.h"
#include "oauth/token_endpoint.h"

namespace writ::oauth::testing::token_exchange_test {
namespace {

using token::Actor;

class TokenExchangeTest : public ::testing::Test {
 protected:
  static Fields invoices(Fields more = {}) {
    more.emplace_back("resource", kInvoices);
    return more;
  }
  // As the portal, with a token of the identity provider.
  std::string portal_asks(const Json& claims, Fields more = {{"purpose", "support"}}) {
    return outcome(
        world_.ask(World::exchange(world_.provider_token(claims), kTypeJwt, invoices(std::move(more))),
                   World::basic("support-portal")));
  }
  http::Response agent_asks(std::string_view token, Fields more = {},
                            std::string_view type = kTypeAccessToken) {
    return world_.ask(
        World::joined(World::exchange(token, type, invoices(std::move(more))), world_.as_agent()));
  }
  http::Response agent_asks_for(std::string_view audience, std::string_view task) {
    return world_.ask(
        World::joined(World::exchange(world_.portal_token(), kTypeAccessToken,
                                      {{"resource", std::string(audience)}, {"task", std::string(task)}}),
                      world_.as_agent()));
  }
  http::Response drafter_asks(std::string_view token, Fields more = {}) {
    return world_.ask(World::joined(World::exchange(token, kTypeAccessToken, invoices(std::move(more))),
                                    world_.as_drafter()));
  }
  // A token of ours with any claims, as if the endpoint had issued it.
  std::string minted(const std::function<void(token::AccessClaims&)>& change = [](auto&) {}) {
    auto claims = world_.claims(world_.portal_token());
    claims.jti = crypto::random_id();
    change(claims);
    return world_.minter.mint(claims).value();
  }
  // The agent's own token, as an actor token.
  std::string agents_own(const std::function<void(token::AccessClaims&)>& change = [](auto&) {}) {
    return minted([&](auto& claims) {
      claims.subject = claims.client_id = "support-agent";
      claims.tenant.reset();
      change(claims);
    });
  }
  std::string with_actor(std::string_view actor_token) {
    return outcome(agent_asks(world_.portal_token(), {{"actor_token", std::string(actor_token)},
                                                      {"actor_token_type", std::string(kTypeAccessToken)}}));
  }

  World world_;
};

// A provider's token.

TEST_F(TokenExchangeTest, AnApplicationExchangesAUsersToken) {
  const auto response =
      world_.ask(World::exchange(world_.provider_token(), kTypeJwt, invoices({{"purpose", "support"}})),
                 World::basic("support-portal"));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(*World::body(response).find("issued_token_type"), Json(kTypeAccessToken));
  const auto claims = world_.claims(World::access_token(response));
  EXPECT_EQ(claims.subject, "nora");
  EXPECT_EQ(claims.client_id, "support-portal");
  EXPECT_TRUE(claims.actors.empty());
  EXPECT_EQ(claims.tenant, "north");
  EXPECT_EQ(claims.purpose, "support");
  EXPECT_EQ(claims.acr, "mfa");
  EXPECT_EQ(claims.auth_time, kNow - 60s);
  EXPECT_EQ(claims.expires_at, kNow + 5min);
}

TEST_F(TokenExchangeTest, AnAgentThatExchangesAUsersTokenIsItsActor) {
  const auto response = agent_asks(world_.provider_token(), {}, kTypeIdToken);
  ASSERT_EQ(response.status, 200) << response.body;
  const auto claims = world_.claims(World::access_token(response));
  EXPECT_EQ(claims.subject, "nora");
  EXPECT_EQ(claims.actors, (std::vector<Actor>{{"support-agent", {}}}));
}

TEST_F(TokenExchangeTest, AnExchangedTokenEndsWithTheUsersToken) {
  auto claims = world_.provider_claims();
  claims.set("exp", unix_seconds(kNow) + 90);
  const auto response =
      world_.ask(World::exchange(world_.provider_token(claims), kTypeJwt, invoices({{"purpose", "support"}})),
                 World::basic("support-portal"));
  EXPECT_EQ(*World::body(response).find("expires_in"), Json(90));
}

TEST_F(TokenExchangeTest, AnInvalidTokenOfTheProviderIsRefused) {
  auto claims = world_.provider_claims();
  claims.set("iss", "https://evil.example");
  EXPECT_EQ(portal_asks(claims), "invalid_request/token_issuer");
  claims = world_.provider_claims();
  claims.set("aud", "https://elsewhere.example");
  EXPECT_EQ(portal_asks(claims), "invalid_request/audience_mismatch");
  claims = world_.provider_claims();
  claims.set("exp", unix_seconds(kNow));
  EXPECT_EQ(portal_asks(claims), "invalid_request/token_expired");
  const auto forged = jose::sign_jws(new_key(), world_.provider_claims().dump(), "JWT").value();
  EXPECT_EQ(outcome(agent_asks(forged, {}, kTypeJwt)), "invalid_request/token_signature");
}

TEST_F(TokenExchangeTest, AProviderCannotSpeakForAnApplicationOrAnAgent) {
  for (const auto* id : {"support-agent", "nightly-export", "support-portal"})
    EXPECT_EQ(portal_asks(world_.provider_claims(id)), "invalid_request/token_issuer") << id;
}

TEST_F(TokenExchangeTest, ASuspendedUserIsRefused) {
  ASSERT_TRUE(world_.directory.order("nora", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(portal_asks(world_.provider_claims()), "invalid_request/subject_suspended");
}

TEST_F(TokenExchangeTest, ATenantOtherThanTheInventorysIsRefused) {
  auto claims = world_.provider_claims();
  claims.set("tenant", "south");
  EXPECT_EQ(portal_asks(claims), "invalid_request/tenant_mismatch");
}

TEST_F(TokenExchangeTest, AUserTheInventoryDoesNotKnowIsTheProvidersToName) {
  EXPECT_EQ(portal_asks(world_.provider_claims("somebody")), "issued");
}

TEST_F(TokenExchangeTest, TheWrongApplicationIsAtFaultAndNotTheUser) {
  const auto response = world_.ask(World::exchange(world_.provider_token(), kTypeJwt, invoices()),
                                   World::basic("marketing-app"));
  EXPECT_EQ(outcome(response), "invalid_target/policy_no_permit");
  EXPECT_EQ(*World::body(response).find("party"), Json("Writ::Application::\"marketing-app\""));
}

TEST_F(TokenExchangeTest, WithoutThePurposeThePolicyAsksForNothingIsIssued) {
  EXPECT_EQ(portal_asks(world_.provider_claims(), {}), "invalid_target/policy_no_permit");
  EXPECT_EQ(portal_asks(world_.provider_claims(), {{"purpose", "audit"}}), "invalid_target/policy_no_permit");
  EXPECT_EQ(portal_asks(world_.provider_claims(), {{"purpose", "marketing"}}),
            "invalid_request/purpose_mismatch");
}

// A token of ours: the chain.

TEST_F(TokenExchangeTest, EachHandOverMakesTheChainOneLonger) {
  const auto task = world_.open_task();
  const auto agent = world_.agent_token(world_.portal_token(), {{"task", (*task)->id}});
  const auto claims = world_.claims(agent);
  EXPECT_EQ(claims.subject, "nora");
  EXPECT_EQ(claims.client_id, "support-agent");
  EXPECT_EQ(claims.actors, (std::vector<Actor>{{"support-agent", {}}, {"support-portal", {}}}));
  EXPECT_EQ(claims.task, "task-1");
  EXPECT_EQ(claims.purpose, "support");
  EXPECT_EQ(claims.tenant, "north");
  EXPECT_EQ(claims.acr, "mfa");

  const auto drafter = world_.claims(World::access_token(drafter_asks(agent)));
  EXPECT_EQ(drafter.subject, "nora");
  EXPECT_EQ(drafter.client_id, "mail-drafter");
  EXPECT_EQ(drafter.actors,
            (std::vector<Actor>{{"mail-drafter", {}}, {"support-agent", {}}, {"support-portal", {}}}));
  EXPECT_EQ(drafter.task, "task-1") << "a task stays";
}

TEST_F(TokenExchangeTest, AnAgentWithoutATaskGetsATokenThatApisRefuse) {
  const auto claims = world_.claims(world_.agent_token(world_.portal_token()));
  EXPECT_FALSE(claims.task.has_value()) << "the gateway's guard task_missing answers";
}

TEST_F(TokenExchangeTest, AClientThatExchangesItsOwnTokenIsNotNamedTwice) {
  const auto agent = world_.agent_token(world_.portal_token());
  const auto task = world_.open_task();
  const auto again = world_.claims(world_.agent_token(agent, {{"task", (*task)->id}}));
  EXPECT_EQ(again.actors, world_.claims(agent).actors);
  EXPECT_EQ(again.task, "task-1");
}

TEST_F(TokenExchangeTest, AServicesOwnTokenCanBeHandedOn) {
  auto agent = world_.directory.snapshot()->find("support-agent")->identity();
  agent.acts_for.push_back("nightly-export");
  ASSERT_TRUE(world_.directory.update(agent).has_value());
  const auto own = World::access_token(
      world_.ask({{"grant_type", "client_credentials"}, {"resource", std::string(kInvoices)}},
                 World::basic("nightly-export")));
  const auto claims = world_.claims(World::access_token(agent_asks(own)));
  EXPECT_EQ(claims.subject, "nightly-export");
  EXPECT_EQ(claims.actors, (std::vector<Actor>{{"support-agent", {}}}));
  EXPECT_EQ(claims.environment, "production");
}

TEST_F(TokenExchangeTest, AnEdgeThatIsNotAllowedIsRefused) {
  // The drafter may act for the agent, and for nobody else.
  const auto response = drafter_asks(world_.portal_token());
  EXPECT_EQ(outcome(response), "unauthorized_client/delegation_not_authorised");
  EXPECT_EQ(*World::body(response).find("party"), Json("Writ::Agent::\"mail-drafter\""));
}

TEST_F(TokenExchangeTest, ASuspendedActorInTheMiddleStopsTheChain) {
  const auto agent = world_.agent_token(world_.portal_token());
  ASSERT_TRUE(world_.directory.order("support-portal", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(outcome(drafter_asks(agent)), "unauthorized_client/caller_suspended");
}

TEST_F(TokenExchangeTest, EveryPartyOfTheChainIsAsked) {
  const auto agent = world_.agent_token(world_.portal_token());
  world_.policies =
      World::compiled(std::string(kPolicies) +
                      "@id(\"stop\") forbid (principal == Writ::Application::\"support-portal\", action, "
                      "resource) when { context.chain.depth > 2 };");
  const auto response = drafter_asks(agent);
  EXPECT_EQ(outcome(response), "invalid_target/policy_forbid");
  EXPECT_EQ(*World::body(response).find("party"), Json("Writ::Application::\"support-portal\""));
}

TEST_F(TokenExchangeTest, EachEdgeToAnAgentIsADecisionOfPolicyToo) {
  world_.policies = World::compiled(std::string(kPolicies) +
                                    R"(@id("not-to-the-drafter") forbid (principal == Writ::User::"nora",
                                       action == Writ::Action::"delegate", resource == Writ::Agent::"mail-drafter");)");
  const auto agent = world_.agent_token(world_.portal_token());
  const auto response = drafter_asks(agent);
  EXPECT_EQ(outcome(response), "unauthorized_client/policy_forbid");
  EXPECT_EQ(*World::body(response).find("party"), Json("Writ::User::\"nora\""));
  const auto record = codec::parse_json(world_.audit.back()).value();
  EXPECT_EQ(*record.find_string("action"), R"(Writ::Action::"delegate")");
  EXPECT_EQ(*record.find_string("resource"), R"(Writ::Agent::"mail-drafter")");
  // What an agent holds already nobody hands to it.
  const auto before = world_.audit.size();
  EXPECT_EQ(outcome(agent_asks(agent)), "issued");
  EXPECT_EQ(world_.audit.size(), before + 1);
}

TEST_F(TokenExchangeTest, AnEdgeThatNoPolicyPermitsIsRefused) {
  std::string policies(kPolicies);
  const auto at = policies.find("@id(\"work-goes-to-agents\")");
  policies.erase(at, policies.find('\n', at) - at);
  world_.policies = World::compiled(policies);
  EXPECT_EQ(outcome(agent_asks(world_.portal_token())), "unauthorized_client/policy_no_permit");
  EXPECT_EQ(outcome(agent_asks(world_.provider_token(), {}, kTypeJwt)),
            "unauthorized_client/policy_no_permit");
}

TEST_F(TokenExchangeTest, AChainBeyondTheLimitIsRefused) {
  auto limited = *world_.policies;
  limited.max_chain = 2;
  world_.policies = std::make_shared<decision::PolicySnapshot>(limited);
  const auto agent = world_.agent_token(world_.portal_token());
  EXPECT_EQ(outcome(drafter_asks(agent)), "unauthorized_client/chain_too_deep");
}

TEST_F(TokenExchangeTest, ATokenDoesNotComeBackToItsSubject) {
  const auto token = minted([](auto& claims) {
    claims.subject = "support-agent";
    claims.client_id = "mail-drafter";
  });
  EXPECT_EQ(outcome(agent_asks(token)), "invalid_request/delegation_not_authorised");
}

TEST_F(TokenExchangeTest, ATokenDoesNotComeBackToWhoHandedItOn) {
  const auto token = minted([](auto& claims) {
    claims.client_id = "mail-drafter";
    claims.actors = {{"mail-drafter", {}}, {"support-agent", {}}, {"support-portal", {}}};
  });
  const auto response = agent_asks(token);
  EXPECT_EQ(outcome(response), "invalid_request/delegation_not_authorised");
  EXPECT_NE(response.body.find("is in the token's chain already"), std::string::npos);
}

TEST_F(TokenExchangeTest, AnApiThatAsksForThemIsToldTheDetailsOfTheTask) {
  inventory::Api ledger{
      .id = "ledger", .audience = "https://ledger.example", .name_space = "Ledger", .actions = {"read"}};
  ledger.claims = std::vector<std::string>{"authorization_details"};
  ASSERT_TRUE(world_.directory.create(ledger));
  const auto task = world_.open_task();
  const auto ask = [&](std::string_view audience, std::string_view subject_token) {
    return world_.ask(
        World::joined(World::exchange(subject_token, kTypeAccessToken,
                                      {{"resource", std::string(audience)}, {"task", (*task)->id}}),
                      world_.as_agent()));
  };
  const auto token = World::access_token(ask(ledger.audience, world_.portal_token()));
  const auto details = world_.claims(token).authorization_details;
  ASSERT_EQ(details.if_array()->size(), 1u);
  const Json& granted = details.if_array()->front();
  EXPECT_EQ(*granted.find_string("type"), "writ_task");
  EXPECT_EQ(*granted.find_string("identifier"), (*task)->id);
  EXPECT_EQ(*granted.find("resources"), codec::parse_json(R"(["Billing::Invoice::*"])").value());
  // Another API that does not ask is told nothing, also by a token that was made of this one.
  EXPECT_TRUE(world_.claims(World::access_token(ask(kInvoices, token))).authorization_details.is_null());
}

TEST_F(TokenExchangeTest, DetailsThatDoNotFitIntoATokenAreRefused) {
  inventory::Api ledger{
      .id = "ledger", .audience = "https://ledger.example", .name_space = "Ledger", .actions = {"read"}};
  ledger.claims = std::vector<std::string>{"authorization_details"};
  ASSERT_TRUE(world_.directory.create(ledger));
  task::Task large = world_.open_task()->task();
  large.id = "large";
  for (int i = 0; i < 300; ++i) large.resources.push_back({"Billing::Invoice", "inv-" + std::to_string(i)});
  ASSERT_TRUE(world_.tasks.open(large));
  const auto response = agent_asks_for(ledger.audience, "large");
  EXPECT_EQ(outcome(response), "invalid_request/-");
  EXPECT_NE(response.body.find("longer than 8 KiB"), std::string::npos);
}

TEST_F(TokenExchangeTest, AnActorOfAnotherIssuerIsRefused) {
  const auto token = minted([](auto& claims) {
    claims.actors = {{"support-portal", "https://other.example"}};
  });
  EXPECT_EQ(outcome(agent_asks(token)), "unauthorized_client/caller_unknown");
}

// A token of ours: nothing widens.

TEST_F(TokenExchangeTest, ANewTokenNeverOutlivesTheOldOne) {
  const auto portal = world_.portal_token();
  world_.clock.advance(3min);
  EXPECT_EQ(world_.claims(world_.agent_token(portal)).expires_at, kNow + 5min);
  world_.clock.advance(2min);
  EXPECT_EQ(outcome(agent_asks(portal)), "invalid_request/token_expired");
}

TEST_F(TokenExchangeTest, NothingIsIssuedForAFractionOfASecond) {
  // Tokens end in whole seconds, so what is left of this user's token rounds down to nothing.
  auto claims = world_.provider_claims();
  claims.set("exp", static_cast<double>(unix_seconds(kNow)) + 0.5);
  EXPECT_EQ(portal_asks(claims), "invalid_request/token_expired");
}

TEST_F(TokenExchangeTest, ANewTokenNeverOutlivesTheTask) {
  const auto task = world_.open_task("nora", 2min);
  EXPECT_EQ(world_.claims(world_.agent_token(world_.portal_token(), {{"task", (*task)->id}})).expires_at,
            kNow + 2min);
}

TEST_F(TokenExchangeTest, ATaskCannotBeLeft) {
  const auto task = world_.open_task(), other = world_.open_task();
  const auto agent = world_.agent_token(world_.portal_token(), {{"task", (*task)->id}});
  EXPECT_EQ(outcome(drafter_asks(agent, {{"task", (*other)->id}})),
            "invalid_request/delegation_not_authorised");
  EXPECT_EQ(outcome(drafter_asks(agent, {{"task", (*task)->id}})), "issued");
  ASSERT_TRUE(world_.tasks.end((*task)->id).has_value());
  EXPECT_EQ(outcome(drafter_asks(agent)), "invalid_request/task_ended");
}

TEST_F(TokenExchangeTest, ATaskForAnotherUserIsRefused) {
  const auto task = world_.open_task("niklas");
  EXPECT_EQ(outcome(agent_asks(world_.portal_token(), {{"task", (*task)->id}})),
            "unauthorized_client/delegation_not_authorised");
}

TEST_F(TokenExchangeTest, APurposeStays) {
  EXPECT_EQ(outcome(agent_asks(world_.portal_token(), {{"purpose", "audit"}})),
            "invalid_request/purpose_mismatch");
  EXPECT_EQ(outcome(agent_asks(world_.portal_token(), {{"purpose", "support"}})), "issued");
}

TEST_F(TokenExchangeTest, APurposeThatAContractLeftOutIsChosenByAllOfTheChain) {
  const auto mail = world_.portal_token(kMail);
  ASSERT_FALSE(world_.claims(mail).purpose.has_value());
  auto agent = world_.directory.snapshot()->find("support-agent")->identity();
  agent.purposes = {"support", "research"};
  ASSERT_TRUE(world_.directory.update(agent).has_value());
  EXPECT_EQ(outcome(agent_asks(mail, {{"purpose", "research"}})), "invalid_request/purpose_mismatch")
      << "the portal could not have asked for it";
  EXPECT_EQ(outcome(agent_asks(mail, {{"purpose", "audit"}})), "invalid_request/purpose_mismatch")
      << "the agent could not have asked for it";
  EXPECT_EQ(outcome(agent_asks(mail, {{"purpose", "support"}})), "issued");
}

TEST_F(TokenExchangeTest, AnEnvironmentStaysAndMustAgree) {
  auto agent = world_.directory.snapshot()->find("support-agent")->identity();
  agent.environment = "test";
  ASSERT_TRUE(world_.directory.update(agent).has_value());
  EXPECT_EQ(outcome(agent_asks(world_.portal_token())), "issued");
  const auto production = minted([](auto& claims) { claims.environment = "production"; });
  EXPECT_EQ(outcome(agent_asks(production)), "invalid_request/environment_mismatch");
}

TEST_F(TokenExchangeTest, AnotherApiIsADecisionOfItsOwn) {
  const auto portal = world_.portal_token();
  const auto ask = [&] {
    return outcome(world_.ask(World::joined(
        World::exchange(portal, kTypeAccessToken, {{"resource", std::string(kMail)}}), world_.as_agent())));
  };
  EXPECT_EQ(ask(), "issued");
  world_.policies = World::compiled(std::string(kPolicies) +
                                    "@id(\"no-mail\") forbid (principal is Writ::User, action, resource == "
                                    "Writ::Api::\"mail\");");
  EXPECT_EQ(ask(), "invalid_target/policy_forbid");
}

TEST_F(TokenExchangeTest, ARevokedTokenIsRefused) {
  const auto portal = world_.portal_token();
  ASSERT_TRUE(world_.revocations.revoke({world_.claims(portal).jti, kNow + 5min}).has_value());
  EXPECT_EQ(outcome(agent_asks(portal)), "invalid_request/token_revoked");
}

TEST_F(TokenExchangeTest, RevokingATokenReachesWhateverCameFromIt) {
  const auto portal = world_.portal_token();
  const auto agent = world_.agent_token(portal, {{"task", (*world_.open_task())->id}});
  const auto again = world_.agent_token(agent);
  const auto drafter = World::access_token(drafter_asks(again));
  const auto claims = world_.claims(drafter);
  EXPECT_EQ(claims.exchanged_from,
            (std::vector{world_.claims(again).jti, world_.claims(agent).jti, world_.claims(portal).jti}));
  const auto state = [&](std::string_view token) {
    return token::testing::outcome(world_.verifier.verify_parameter(token, world_.clock.now()));
  };
  const auto sibling = world_.agent_token(portal);
  ASSERT_TRUE(world_.revocations.revoke({world_.claims(agent).jti, kNow + 5min}));
  for (const auto* token : {&agent, &again, &drafter}) EXPECT_EQ(state(*token), "token_revoked");
  for (const auto* token : {&portal, &sibling}) EXPECT_EQ(state(*token), "valid");
  EXPECT_EQ(outcome(drafter_asks(again)), "invalid_request/token_revoked");
  ASSERT_TRUE(world_.revocations.revoke({world_.claims(portal).jti, kNow + 5min}));
  EXPECT_EQ(state(sibling), "token_revoked");
}

TEST_F(TokenExchangeTest, RevokingAnActorTokenReachesWhatItHelpedToIssue) {
  const auto actor = agents_own();
  const auto issued = World::access_token(agent_asks(
      world_.portal_token(), {{"actor_token", actor}, {"actor_token_type", std::string(kTypeAccessToken)}}));
  ASSERT_TRUE(world_.revocations.revoke({world_.claims(actor).jti, kNow + 5min}));
  EXPECT_EQ(token::testing::outcome(world_.verifier.verify_parameter(issued, kNow)), "token_revoked");
}

TEST_F(TokenExchangeTest, ATokenThatWasExchangedTooOftenIsRefused) {
  auto agent = world_.agent_token(world_.portal_token());
  for (std::size_t times = 1; times < token::kMaxOrigins; ++times) agent = world_.agent_token(agent);
  EXPECT_EQ(world_.claims(agent).exchanged_from.size(), token::kMaxOrigins);
  EXPECT_EQ(outcome(agent_asks(agent)), "invalid_request/chain_too_deep");
}

// A clock that was set.

TEST_F(TokenExchangeTest, WhileTheClockIsFarAheadNothingIsIssuedAndThenAllIsAsBefore) {
  const auto provided = world_.provider_claims();
  const auto before = world_.portal_token();
  world_.clock.set_apart(kNow + 1s, kNow + 2h);
  EXPECT_EQ(portal_asks(provided), "invalid_request/token_expired");
  EXPECT_EQ(outcome(world_.ask({{"grant_type", "client_credentials"}, {"resource", std::string(kInvoices)}},
                               World::basic("nightly-export"))),
            "server_error/indeterminate");
  world_.clock.set(kNow + 2s);
  EXPECT_EQ(portal_asks(provided), "issued");
  EXPECT_EQ(world_.claims(before).expires_at, kNow + 5min);
}

TEST_F(TokenExchangeTest, ATokenBeginsByTheEarlierReading) {
  const auto provided = world_.provider_token();
  world_.clock.set_apart(kNow + 1s, kNow + 30s);
  const auto response = world_.ask(World::exchange(provided, kTypeJwt, invoices({{"purpose", "support"}})),
                                   World::basic("support-portal"));
  const auto claims = world_.claims(World::access_token(response));
  EXPECT_EQ(claims.issued_at, kNow + 1s);
  EXPECT_LE(claims.expires_at, kNow + 1s + 5min);
  for (const auto& line : world_.audit)
    EXPECT_NE(line.find(audit::format_time(kNow + 1s)), line.npos) << line;
}

TEST_F(TokenExchangeTest, AnAlteredTokenIsRefused) {
  auto portal = world_.portal_token();
  const auto middle = portal.find('.') + 5;
  portal[middle] = portal[middle] == 'A' ? 'B' : 'A';
  EXPECT_EQ(outcome(agent_asks(portal)), "invalid_request/token_signature");
}

TEST_F(TokenExchangeTest, ATokenUnderTheWrongTypeIsRefused) {
  const auto provider_token = agent_asks(world_.provider_token());
  EXPECT_EQ(outcome(provider_token), "invalid_request/token_type");
  EXPECT_THAT(provider_token.body, ::testing::HasSubstr("`urn:ietf:params:oauth:token-type:jwt`"));
  EXPECT_EQ(outcome(agent_asks(world_.portal_token(), {}, kTypeJwt)), "invalid_request/token_issuer");
  EXPECT_EQ(outcome(agent_asks(world_.portal_token(), {}, "urn:ietf:params:oauth:token-type:saml2")),
            "invalid_request/-");
}

TEST_F(TokenExchangeTest, MissingOrMismatchedParametersAreRefused) {
  const auto ask = [&](Fields fields) {
    fields.emplace_back("grant_type", kGrantTokenExchange);
    fields.emplace_back("resource", kInvoices);
    return outcome(world_.ask(World::joined(fields, world_.as_agent())));
  };
  EXPECT_EQ(ask({{"subject_token_type", std::string(kTypeJwt)}}), "invalid_request/-");
  EXPECT_EQ(ask({{"subject_token", "x"}}), "invalid_request/-");
  const auto portal = world_.portal_token();
  EXPECT_EQ(outcome(agent_asks(portal, {{"actor_token", "x"}})), "invalid_request/-");
  EXPECT_EQ(outcome(agent_asks(portal, {{"actor_token_type", std::string(kTypeAccessToken)}})),
            "invalid_request/-");
  EXPECT_EQ(outcome(agent_asks(portal, {{"actor_token", "x"}, {"actor_token_type", std::string(kTypeJwt)}})),
            "invalid_request/-");
  EXPECT_EQ(outcome(agent_asks(portal,
                               {{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}})),
            "invalid_request/-");
  EXPECT_EQ(*World::body(agent_asks(portal, {{"requested_token_type", std::string(kTypeJwt)}}))
                 .find("issued_token_type"),
            Json(kTypeJwt));
}

// Sender binding.

TEST_F(TokenExchangeTest, ABoundTokenNeedsAProofOfItsKey) {
  const auto key = new_key();
  const auto bound = minted([&](auto& claims) { claims.key_thumbprint = key.public_jwk().thumbprint(); });
  EXPECT_EQ(outcome(agent_asks(bound)), "invalid_request/sender_binding_missing");

  const auto with_key = [&](const jose::PrivateJwk& proven) {
    return world_.ask(World::joined(World::exchange(bound, kTypeAccessToken, invoices()), world_.as_agent()),
                      {{"DPoP", world_.proof(proven)}});
  };
  EXPECT_EQ(outcome(with_key(new_key())), "invalid_request/sender_binding_mismatch");
  const auto response = with_key(key);
  ASSERT_EQ(outcome(response), "issued");
  EXPECT_EQ(world_.claims(World::access_token(response)).key_thumbprint, key.public_jwk().thumbprint())
      << "a binding is never lost";
}

// Actor tokens.

TEST_F(TokenExchangeTest, AnActorTokenNarrows) {
  EXPECT_EQ(with_actor(agents_own()), "issued");
  const auto short_lived = agents_own([](auto& claims) { claims.expires_at = kNow + 30s; });
  const auto response =
      agent_asks(world_.portal_token(),
                 {{"actor_token", short_lived}, {"actor_token_type", std::string(kTypeAccessToken)}});
  EXPECT_EQ(*World::body(response).find("expires_in"), Json(30));
}

TEST_F(TokenExchangeTest, AnActorTokenOfSomebodyElseIsRefused) {
  EXPECT_EQ(with_actor(world_.portal_token()), "invalid_request/caller_mismatch");
  EXPECT_EQ(with_actor(agents_own([](auto& claims) { claims.client_id = "mail-drafter"; })),
            "invalid_request/caller_mismatch");
  EXPECT_EQ(with_actor(agents_own([](auto& claims) {
              claims.actors = {{"mail-drafter", {}}};
            })),
            "invalid_request/caller_mismatch");
}

TEST_F(TokenExchangeTest, AnInvalidActorTokenIsRefused) {
  EXPECT_EQ(with_actor("a.b.c"), "invalid_request/token_malformed");
  EXPECT_EQ(with_actor(world_.provider_token()), "invalid_request/token_type");
}

TEST_F(TokenExchangeTest, AnActorTokenThatContradictsIsRefused) {
  EXPECT_EQ(with_actor(agents_own([](auto& claims) { claims.purpose = "audit"; })),
            "invalid_request/purpose_mismatch");
  EXPECT_EQ(with_actor(agents_own([](auto& claims) { claims.tenant = "south"; })),
            "invalid_request/tenant_mismatch");
  const auto task = world_.open_task(), other = world_.open_task();
  const auto agent = world_.agent_token(world_.portal_token(), {{"task", (*task)->id}});
  const auto elsewhere = agents_own([&](auto& claims) { claims.task = (*other)->id; });
  EXPECT_EQ(outcome(agent_asks(
                agent, {{"actor_token", elsewhere}, {"actor_token_type", std::string(kTypeAccessToken)}})),
            "invalid_request/delegation_not_authorised");
}

TEST_F(TokenExchangeTest, ABoundActorTokenNeedsAProofOfItsKey) {
  const auto bound =
      agents_own([](auto& claims) { claims.key_thumbprint = new_key().public_jwk().thumbprint(); });
  EXPECT_EQ(with_actor(bound), "invalid_request/sender_binding_missing");
}

}  // namespace
}  // namespace writ::oauth::testing::token_exchange_test
