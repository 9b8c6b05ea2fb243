#include "oauth/token_endpoint.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "audit/log.h"
#include "audit/verify.h"
#include "oauth/testing/world.h"

namespace writ::oauth::testing::token_endpoint_test {
namespace {

class TokenEndpointTest : public ::testing::Test {
 protected:
  static Fields client_credentials(Fields more = {}) {
    more.insert(more.begin(), {{"grant_type", "client_credentials"}, {"resource", std::string(kInvoices)}});
    return more;
  }
  http::Response export_asks(Fields more = {}) {
    return world_.ask(client_credentials(std::move(more)), World::basic("nightly-export"));
  }
  http::Response agent_asks(Fields more) {
    return world_.ask(World::joined(client_credentials(std::move(more)), world_.as_agent()));
  }
  std::shared_ptr<task::LiveTask> agents_own_task() {
    task::Task task = world_.open_task()->task();
    task.id = "own";
    task.subject.reset();
    task.client.reset();
    return world_.tasks.open(std::move(task)).value();
  }

  World world_;
};

// The request itself.

TEST_F(TokenEndpointTest, OnlyPostIsAllowed) {
  auto request = post("/oauth2/token", client_credentials(), World::basic("nightly-export"));
  request.method = "GET";
  const auto response = world_.endpoint.handle(request);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.find("Allow"), "POST");
}

TEST_F(TokenEndpointTest, OnlyAFormIsRead) {
  for (const auto* type : {"application/json", "text/plain", "multipart/form-data"}) {
    auto request = post("/oauth2/token", client_credentials(), World::basic("nightly-export"));
    request.headers.set("Content-Type", type);
    EXPECT_EQ(outcome(world_.endpoint.handle(request)), "invalid_request/-") << type;
  }
  auto request = post("/oauth2/token", client_credentials(), World::basic("nightly-export"));
  request.headers.remove("Content-Type");
  EXPECT_EQ(outcome(world_.endpoint.handle(request)), "invalid_request/-");
}

TEST_F(TokenEndpointTest, ParametersInTheQueryAreRefused) {
  auto request = post("/oauth2/token", client_credentials(), World::basic("nightly-export"));
  request.query = "client_secret=x";
  EXPECT_EQ(outcome(world_.endpoint.handle(request)), "invalid_request/-");
}

TEST_F(TokenEndpointTest, AParameterGivenTwiceIsRefused) {
  EXPECT_EQ(outcome(export_asks({{"resource", std::string(kMail)}})), "invalid_request/-");
}

TEST_F(TokenEndpointTest, AFormBeyondTheLimitIsTooLarge) {
  EXPECT_EQ(export_asks({{"x", std::string(kMaxFormBytes, 'x')}}).status, 413);
}

TEST_F(TokenEndpointTest, UnknownGrantTypesAreRefused) {
  for (const auto* type : {"password", "authorization_code", "refresh_token", "implicit"}) {
    const auto response = world_.ask({{"grant_type", type}, {"resource", std::string(kInvoices)}},
                                     World::basic("nightly-export"));
    EXPECT_EQ(outcome(response), "unsupported_grant_type/-") << type;
    EXPECT_EQ(response.status, 400);
  }
  EXPECT_EQ(outcome(world_.ask({{"resource", "x"}}, World::basic("nightly-export"))), "invalid_request/-");
}

TEST_F(TokenEndpointTest, WhatWouldNotBeDeliveredIsRefused) {
  EXPECT_EQ(outcome(export_asks({{"scope", "read"}})), "invalid_scope/-");
  EXPECT_EQ(outcome(export_asks({{"authorization_details", "[]"}})), "invalid_authorization_details/-");
  EXPECT_EQ(outcome(export_asks({{"authorization_details", R"([{"type":"writ_task"}])"}})),
            "invalid_authorization_details/-")
      << "there is no desk that opens tasks";
  EXPECT_EQ(outcome(export_asks({{"tenant", "north"}})), "invalid_request/-");
  EXPECT_EQ(outcome(export_asks({{"environment", "test"}})), "invalid_request/-");
  EXPECT_EQ(outcome(export_asks({{"subject_token", "x"}})), "invalid_request/-");
  EXPECT_EQ(outcome(export_asks({{"actor_token", "x"}})), "invalid_request/-");
  EXPECT_EQ(outcome(export_asks({{"purpose", std::string(600, 'p')}})), "invalid_request/-");
}

// RFC 6749 §3.2.
TEST_F(TokenEndpointTest, OtherUnknownParametersAreIgnored) {
  EXPECT_EQ(outcome(export_asks({{"trace", "abc"}})), "issued");
}

TEST_F(TokenEndpointTest, WhoDoesNotAuthenticateGetsNothing) {
  const auto response = world_.ask(client_credentials());
  EXPECT_EQ(outcome(response), "invalid_client/caller_unknown");
  EXPECT_EQ(response.status, 401);
  EXPECT_TRUE(response.headers.find("WWW-Authenticate")->starts_with("Basic"));
}

// The target.

TEST_F(TokenEndpointTest, ATokenIsForExactlyOneKnownApi) {
  const auto ask = [&](Fields fields) {
    fields.emplace_back("grant_type", "client_credentials");
    return outcome(world_.ask(fields, World::basic("nightly-export")));
  };
  EXPECT_EQ(ask({}), "invalid_target/audience_mismatch");
  EXPECT_EQ(ask({{"resource", "https://unknown.example"}}), "invalid_target/audience_mismatch");
  EXPECT_EQ(ask({{"resource", std::string(kInvoices)}, {"audience", std::string(kMail)}}),
            "invalid_target/audience_mismatch");
  EXPECT_EQ(ask({{"resource", std::string(kInvoices)}, {"audience", std::string(kInvoices)}}), "issued");
  EXPECT_EQ(ask({{"audience", std::string(kInvoices)}}), "issued");
}

// Client credentials.

TEST_F(TokenEndpointTest, AServiceGetsATokenForItself) {
  const auto response = export_asks({{"purpose", "export"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.find("Pragma"), "no-cache");
  const auto body = World::body(response);
  EXPECT_EQ(*body.find("token_type"), Json("Bearer"));
  EXPECT_EQ(*body.find("expires_in"), Json(300));
  EXPECT_EQ(body.find("scope"), nullptr);
  EXPECT_EQ(body.find("issued_token_type"), nullptr) << "it belongs to the exchange";
  const auto claims = world_.claims(World::access_token(response));
  EXPECT_EQ(claims.subject, "nightly-export");
  EXPECT_EQ(claims.client_id, "nightly-export");
  EXPECT_EQ(claims.audience, kInvoices);
  EXPECT_EQ(claims.purpose, "export");
  EXPECT_EQ(claims.environment, "production");
  EXPECT_TRUE(claims.actors.empty());
  EXPECT_FALSE(claims.task || claims.acr || claims.auth_time || claims.key_thumbprint);
}

TEST_F(TokenEndpointTest, EachTokenHasAnIdOfItsOwn) {
  EXPECT_NE(world_.claims(World::access_token(export_asks())).jti,
            world_.claims(World::access_token(export_asks())).jti);
}

TEST_F(TokenEndpointTest, APurposeTheClientMayNotAskForIsRefused) {
  EXPECT_EQ(outcome(export_asks({{"purpose", "support"}})), "invalid_request/purpose_mismatch");
}

TEST_F(TokenEndpointTest, ASuspendedClientGetsNothing) {
  ASSERT_TRUE(world_.directory.order("nightly-export", inventory::Status::kSuspended).has_value());
  const auto response = export_asks();
  EXPECT_EQ(outcome(response), "unauthorized_client/caller_suspended");
  EXPECT_EQ(*World::body(response).find("party"), Json("Writ::Service::\"nightly-export\""));
}

TEST_F(TokenEndpointTest, OnlyWhatTheContractAsksForIsMinted) {
  const auto claims = world_.claims(world_.portal_token(kMail));
  EXPECT_EQ(claims.tenant, "north");
  EXPECT_FALSE(claims.purpose || claims.acr || claims.auth_time || claims.environment);
}

TEST_F(TokenEndpointTest, AnUnknownClaimInAContractIssuesNothing) {
  inventory::Api broken{.id = "broken",
                        .audience = "https://broken.example",
                        .name_space = "B",
                        .actions = {"read"},
                        .claims = std::vector<std::string>{"shoe_size"}};
  ASSERT_TRUE(world_.directory.create(broken).has_value());
  const auto response =
      world_.ask({{"grant_type", "client_credentials"}, {"resource", "https://broken.example"}},
                 World::basic("nightly-export"));
  EXPECT_EQ(outcome(response), "server_error/indeterminate");
  EXPECT_EQ(response.status, 503);
}

// The decision.

TEST_F(TokenEndpointTest, WithoutAPermitForTheClientNothingIsIssued) {
  const auto response = world_.ask(client_credentials(), World::basic("marketing-app"));
  EXPECT_EQ(outcome(response), "invalid_target/policy_no_permit");
  EXPECT_EQ(response.status, 400);
  const auto body = World::body(response);
  EXPECT_EQ(*body.find("party"), Json("Writ::Application::\"marketing-app\""));
  EXPECT_NE(body.find("request_id"), nullptr);
}

TEST_F(TokenEndpointTest, AForbidIsNamed) {
  const auto response = world_.ask({{"grant_type", "client_credentials"}, {"resource", std::string(kMail)}},
                                   World::basic("nightly-export"));
  EXPECT_EQ(outcome(response), "invalid_target/policy_forbid");
  EXPECT_EQ(World::body(response).find("policies")->if_array()->front(), Json("no-mail-for-services"));
}

TEST_F(TokenEndpointTest, AForbidThatCannotBeEvaluatedIssuesNothing) {
  world_.policies =
      World::compiled(std::string(kPolicies) +
                      "@id(\"blind\") forbid (principal, action, resource) when { context.purpose == "
                      "\"crime\" };");
  EXPECT_EQ(outcome(export_asks()), "invalid_target/context_missing");
  EXPECT_EQ(outcome(export_asks({{"purpose", "export"}})), "issued");
}

TEST_F(TokenEndpointTest, NewPoliciesActOnTheNextRequest) {
  EXPECT_EQ(outcome(export_asks()), "issued");
  world_.policies = World::compiled("");
  EXPECT_EQ(outcome(export_asks()), "invalid_target/policy_no_permit");
}

// Tasks.

TEST_F(TokenEndpointTest, AnAgentMayGetATokenWithoutATaskWherePolicyPermits) {
  EXPECT_EQ(outcome(agent_asks({})), "issued");
}

TEST_F(TokenEndpointTest, APolicyMayDemandATaskForIssuing) {
  world_.policies =
      World::compiled(std::string(kPolicies) +
                      "@id(\"task\") forbid (principal is Writ::Agent, action, resource) unless { "
                      "context has task };");
  EXPECT_EQ(outcome(agent_asks({})), "invalid_target/policy_forbid");
  agents_own_task();
  EXPECT_EQ(outcome(agent_asks({{"task", "own"}})), "issued");
}

TEST_F(TokenEndpointTest, ATokenInATaskHasItsPurposeAndEndsWithIt) {
  agents_own_task();
  world_.clock.advance(9min);
  const auto claims = world_.claims(World::access_token(agent_asks({{"task", "own"}})));
  EXPECT_EQ(claims.task, "own");
  EXPECT_EQ(claims.purpose, "support");
  EXPECT_EQ(claims.expires_at, kNow + 10min);
}

TEST_F(TokenEndpointTest, AnUnknownTaskIsRefused) {
  EXPECT_EQ(outcome(agent_asks({{"task", "nothing"}})), "invalid_request/task_missing");
}

TEST_F(TokenEndpointTest, ATaskThatIsOverIsRefused) {
  agents_own_task();
  ASSERT_TRUE(world_.tasks.end("own").has_value());
  EXPECT_EQ(outcome(agent_asks({{"task", "own"}})), "invalid_request/task_ended");
}

TEST_F(TokenEndpointTest, AnExpiredTaskIsRefused) {
  agents_own_task();
  world_.clock.advance(10min);
  EXPECT_EQ(outcome(agent_asks({{"task", "own"}})), "invalid_request/task_expired");
}

TEST_F(TokenEndpointTest, ATaskThatHasNotBegunIsRefused) {
  task::Task task = world_.open_task()->task();
  task.id = "later";
  task.subject.reset();
  task.client.reset();
  task.not_before = kNow + 1min;
  ASSERT_TRUE(world_.tasks.open(task).has_value());
  EXPECT_EQ(outcome(agent_asks({{"task", "later"}})), "invalid_request/task_not_started");
}

TEST_F(TokenEndpointTest, ATaskThatDoesNotNameThePartyIsRefused) {
  agents_own_task();
  const auto response = world_.ask(World::joined(client_credentials({{"task", "own"}}), world_.as_drafter()));
  EXPECT_EQ(outcome(response), "issued");
  auto task = world_.tasks.find("own")->task();
  task.id = "mine";
  task.agents = {"support-agent"};
  ASSERT_TRUE(world_.tasks.open(task).has_value());
  EXPECT_EQ(outcome(world_.ask(World::joined(client_credentials({{"task", "mine"}}), world_.as_drafter()))),
            "invalid_request/task_missing");
}

TEST_F(TokenEndpointTest, ATaskForAUserIsNoTaskForTheAgentAlone) {
  const auto task = world_.open_task();
  EXPECT_EQ(outcome(agent_asks({{"task", (*task)->id}})), "unauthorized_client/delegation_not_authorised");
}

TEST_F(TokenEndpointTest, APurposeThatIsNotTheTasksIsRefused) {
  agents_own_task();
  EXPECT_EQ(outcome(agent_asks({{"task", "own"}, {"purpose", "audit"}})), "invalid_request/purpose_mismatch");
}

// Sender binding.

TEST_F(TokenEndpointTest, AProofBindsTheToken) {
  const auto key = new_key();
  auto headers = World::basic("nightly-export");
  headers.add("DPoP", world_.proof(key));
  const auto response = world_.ask(client_credentials(), headers);
  EXPECT_EQ(*World::body(response).find("token_type"), Json("DPoP"));
  EXPECT_EQ(world_.claims(World::access_token(response)).key_thumbprint, key.public_jwk().thumbprint());
}

TEST_F(TokenEndpointTest, AProofThatIsWrongIssuesNothing) {
  const auto ask = [&](const http::Headers& more) {
    auto headers = World::basic("nightly-export");
    for (std::size_t i = 0; i < more.size(); ++i) headers.add(more[i].name, more[i].value);
    return outcome(world_.ask(client_credentials(), headers));
  };
  const auto proof = world_.proof(new_key());
  EXPECT_EQ(ask({{"DPoP", proof}, {"DPoP", proof}}), "invalid_dpop_proof/sender_binding_mismatch");
  EXPECT_EQ(ask({{"DPoP", proof}}), "issued");
  EXPECT_EQ(ask({{"DPoP", proof}}), "invalid_dpop_proof/token_replayed");
  EXPECT_EQ(ask({{"DPoP", "x.y.z"}}), "invalid_dpop_proof/sender_binding_mismatch");
  EXPECT_EQ(ask({{"DPoP", ""}}), "invalid_dpop_proof/sender_binding_mismatch");
  const auto elsewhere = world_.proof(new_key(), "https://other.example/oauth2/token");
  EXPECT_EQ(ask({{"DPoP", elsewhere}}), "invalid_dpop_proof/sender_binding_mismatch");
  const std::string huge(token::kMaxProofBytes + 1, 'x');
  EXPECT_EQ(ask({{"DPoP", huge}}), "invalid_dpop_proof/sender_binding_mismatch");
}

// The audit.

TEST_F(TokenEndpointTest, WhatIsIssuedIsRecordedAndTheTokenIsNot) {
  const auto token = World::access_token(export_asks({{"purpose", "export"}}));
  ASSERT_EQ(world_.audit.size(), 1u);
  const auto record = codec::parse_json(world_.audit[0]).value();
  EXPECT_EQ(*record.find("effect"), Json("permit"));
  EXPECT_EQ(*record.find("client"), Json("nightly-export"));
  EXPECT_EQ(*record.find("api"), Json("invoices"));
  EXPECT_EQ(world_.audit[0].find(token), std::string::npos);
  EXPECT_NE(world_.audit[0].find(world_.claims(token).jti), std::string::npos);
  EXPECT_NE(world_.audit[0].find("\"services\""), std::string::npos) << "the policy that carried it";
}

TEST_F(TokenEndpointTest, WhatIsRefusedIsRecordedWithWhoClaimedToAsk) {
  const auto response = world_.ask(client_credentials(), World::basic("support-portal", "guess"));
  EXPECT_EQ(outcome(response), "invalid_client/caller_unknown");
  ASSERT_EQ(world_.audit.size(), 1u);
  const auto record = codec::parse_json(world_.audit[0]).value();
  EXPECT_EQ(*record.find("effect"), Json("deny"));
  EXPECT_EQ(*record.find("reason"), Json("caller_unknown"));
  EXPECT_EQ(*record.find("client"), Json("support-portal"));
  EXPECT_EQ(*record.find("request_id"), *World::body(response).find("request_id"));
  EXPECT_EQ(world_.audit[0].find("guess"), std::string::npos);
}

TEST_F(TokenEndpointTest, WithoutAnAuditRecordNothingIsIssued) {
  world_.audit_broken = true;
  const auto response = export_asks();
  EXPECT_EQ(outcome(response), "server_error/indeterminate");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("eyJ"), std::string::npos);
}

TEST_F(TokenEndpointTest, ARefusalStandsWithoutAnAuditRecord) {
  world_.audit_broken = true;
  EXPECT_EQ(outcome(world_.ask(client_credentials(), World::basic("marketing-app"))),
            "invalid_target/policy_no_permit");
}

TEST_F(TokenEndpointTest, RecordsAreWhatTheAuditLogVerifies) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "oauth_token_endpoint_audit.log";
  std::filesystem::remove(path);
  {
    const auto log = audit::Log::open(path, {.durable = false}, kNow).value();
    const TokenEndpoint endpoint(
        {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)},
        {.clock = world_.clock,
         .clients = world_.clients,
         .tasks = world_.tasks,
         .trusted_issuers = world_.trusted,
         .verifier = world_.verifier,
         .minter = world_.minter,
         .replays = world_.replays,
         .current = world_.current,
         .record = [&](audit::Record record) { return log->append(std::move(record)); }});
    EXPECT_EQ(
        outcome(endpoint.handle(post("/oauth2/token", client_credentials(), World::basic("nightly-export")))),
        "issued");
    EXPECT_EQ(
        outcome(endpoint.handle(post("/oauth2/token", client_credentials(), World::basic("marketing-app")))),
        "invalid_target/policy_no_permit");
  }
  const auto verified = audit::verify(path).value();
  EXPECT_FALSE(verified.first_break.has_value());
  EXPECT_GE(verified.head.seq, 2u);
  std::filesystem::remove(path);
}

TEST_F(TokenEndpointTest, MayBeUsedFromManyThreads) {
  std::mutex mutex;
  const auto record = world_.record;
  world_.record = nullptr;
  const TokenEndpoint endpoint({.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)},
                               {.clock = world_.clock,
                                .clients = world_.clients,
                                .tasks = world_.tasks,
                                .trusted_issuers = world_.trusted,
                                .verifier = world_.verifier,
                                .minter = world_.minter,
                                .replays = world_.replays,
                                .current = world_.current,
                                .record = [&](audit::Record line) {
                                  const std::lock_guard lock(mutex);
                                  return record(std::move(line));
                                }});
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        EXPECT_EQ(outcome(endpoint.handle(
                      post("/oauth2/token", client_credentials(), World::basic("nightly-export")))),
                  "issued");
    });
  }
  threads.clear();
  EXPECT_EQ(world_.audit.size(), 40u);
}

}  // namespace
}  // namespace writ::oauth::testing::token_endpoint_test
