#include "oauth/introspection_endpoint.h"

#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::testing::introspection_endpoint_test {
namespace {

class IntrospectionEndpointTest : public ::testing::Test {
 protected:
  IntrospectionEndpointTest() {
    static const std::string hash = crypto::hash_secret(Secret(std::string(kSecret))).value();
    const auto api = [this](std::string_view id, std::vector<std::string> apis) {
      w_.add({.id = std::string(id),
              .kind = inventory::Kind::kService,
              .secret_hash = hash,
              .introspects = std::move(apis)});
    };
    api("invoices-api", {"invoices"});
    api("mail-api", {"mail"});
  }

  http::Response ask(std::string_view token, std::string_view client = "invoices-api") {
    return endpoint_.handle(
        post("/oauth2/introspect", {{"token", std::string(token)}}, World::basic(client)));
  }
  bool active(std::string_view token) {
    const auto json = World::body(ask(token));
    return json.find("active") != nullptr && *json.find("active") == Json(true);
  }

  World w_;
  IntrospectionEndpoint endpoint_{{.clock = w_.clock,
                                   .clients = w_.clients,
                                   .verifier = w_.verifier,
                                   .tasks = w_.tasks,
                                   .current = w_.current,
                                   .record = w_.record,
                                   .keys = *w_.ring,
                                   .issuer = std::string(kIssuer)}};
  const std::string token_ = w_.portal_token();
};

TEST_F(IntrospectionEndpointTest, AnApiIsToldWhatItsTokenSays) {
  const auto response = ask(token_);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  const auto json = World::body(response);
  EXPECT_EQ(*json.find("active"), Json(true));
  EXPECT_EQ(*json.find("sub"), Json("nora"));
  EXPECT_EQ(*json.find("client_id"), Json("support-portal"));
  EXPECT_EQ(*json.find("aud"), Json(kInvoices));
  EXPECT_EQ(*json.find("iss"), Json(kIssuer));
  EXPECT_EQ(*json.find("purpose"), Json("support"));
  EXPECT_EQ(*json.find("token_type"), Json("Bearer"));
  EXPECT_NE(json.find("exp"), nullptr);
  EXPECT_EQ(endpoint_.active(), 1u);
}

// RFC 9701 §5.
TEST_F(IntrospectionEndpointTest, TheAnswerIsSignedForTheApiThatAsksForThat) {
  const auto signed_for = [&](std::string_view token, std::string_view client, const char* accept) {
    auto headers = World::basic(client);
    headers.add("Accept", accept);
    return endpoint_.handle(post("/oauth2/introspect", {{"token", std::string(token)}}, headers));
  };
  const auto response = signed_for(token_, "invoices-api", "application/token-introspection+jwt");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/token-introspection+jwt");
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  const auto jws = jose::parse_jws(response.body).value();
  EXPECT_EQ(jws.typ(), "token-introspection+jwt");
  const auto keys = w_.ring->snapshot();
  const auto* key = keys->public_keys.find(jws.kid());
  ASSERT_NE(key, nullptr);
  const auto claims = jose::parse_claims(jws.verify(*key).value()).value();
  EXPECT_EQ(*claims.find_string("iss"), kIssuer);
  EXPECT_EQ(*claims.find_string("aud"), "invoices-api");
  EXPECT_EQ(*claims.find("iat")->if_int(), unix_seconds(w_.clock.now()));
  for (const auto* not_its_own : {"sub", "exp"}) EXPECT_EQ(claims.find(not_its_own), nullptr);
  EXPECT_EQ(*claims.find("token_introspection")->find_string("sub"), "nora");
  // It is not an access token, whoever presents it.
  EXPECT_EQ(token::testing::outcome(w_.verifier.verify_parameter(response.body, w_.clock.now())),
            "token_type");

  const auto no =
      jose::parse_jws(signed_for(token_, "mail-api", "application/token-introspection+jwt").body).value();
  EXPECT_EQ(jose::parse_claims(no.unverified_payload()).value().find("token_introspection")->dump(),
            R"({"active":false})");
  for (const auto* too : {"Application/Token-Introspection+JWT", "application/token-introspection+jwt;q=0.9",
                          "application/token-introspection+jwt ; q=1, application/json;q=0.1"})
    EXPECT_EQ(*signed_for(token_, "invoices-api", too).headers.find("Content-Type"),
              "application/token-introspection+jwt")
        << too;
  for (const auto* plain : {"*/*", "application/json", "application/token-introspection+jwtx"})
    EXPECT_EQ(*signed_for(token_, "invoices-api", plain).headers.find("Content-Type"), "application/json")
        << plain;
}

TEST_F(IntrospectionEndpointTest, WhatIsNotGoodOrNotForTheApiIsAnsweredInTheSameWords) {
  const auto nonsense = ask("nonsense");
  EXPECT_EQ(nonsense.status, 200);
  EXPECT_EQ(nonsense.body, R"({"active":false})");
  const auto same = [&](const http::Response& other) {
    EXPECT_EQ(other.status, nonsense.status);
    EXPECT_EQ(other.body, nonsense.body);
    EXPECT_EQ(other.headers.size(), nonsense.headers.size());
  };
  same(ask(token_, "mail-api"));
  same(ask(w_.provider_token()));
  same(ask(std::string(10'000, 'x')));
  ASSERT_TRUE(w_.revocations.revoke({w_.claims(token_).jti, w_.claims(token_).expires_at}).has_value());
  same(ask(token_));
  EXPECT_EQ(endpoint_.inactive(), 5u);
}

TEST_F(IntrospectionEndpointTest, ATokenThatExpiredIsNotActive) {
  ASSERT_TRUE(active(token_));
  w_.clock.advance(5min);
  EXPECT_FALSE(active(token_));
}

TEST_F(IntrospectionEndpointTest, ATokenOfAStoppedClientOrUserIsNotActive) {
  using inventory::Status;
  for (const auto* id : {"support-portal", "nora"}) {
    ASSERT_TRUE(active(token_)) << id;
    ASSERT_TRUE(w_.directory.order(id, Status::kSuspended).has_value());
    EXPECT_FALSE(active(token_)) << id;
    ASSERT_TRUE(w_.directory.order(id, Status::kActive).has_value());
  }
}

TEST_F(IntrospectionEndpointTest, ATokenOfATaskThatEndedIsNotActive) {
  const auto live = w_.open_task();
  const auto agents = w_.agent_token(token_, {{"task", (*live)->id}});
  ASSERT_TRUE(active(agents)) << agents;
  ASSERT_TRUE(w_.tasks.end((*live)->id).has_value());
  EXPECT_FALSE(active(agents));
}

TEST_F(IntrospectionEndpointTest, AnAgentsTokenOutsideOfATaskIsNotActive) {
  EXPECT_FALSE(active(w_.agent_token(token_)));
}

TEST_F(IntrospectionEndpointTest, ATokenWhoseOriginWasRevokedIsNotActive) {
  const auto live = w_.open_task();
  const auto agents = w_.agent_token(token_, {{"task", (*live)->id}});
  ASSERT_TRUE(active(agents));
  ASSERT_TRUE(w_.revocations.revoke({w_.claims(token_).jti, w_.claims(token_).expires_at}).has_value());
  EXPECT_FALSE(active(agents));
}

TEST_F(IntrospectionEndpointTest, AClientThatMayNotAskIsRefusedAndRecorded) {
  EXPECT_EQ(outcome(ask(token_, "support-portal")), "unauthorized_client/caller_mismatch");
  EXPECT_NE(w_.audit.back().find("token.introspection_refused"), std::string::npos);
  EXPECT_EQ(w_.audit.back().find(token_), std::string::npos);
  EXPECT_EQ(endpoint_.refused(), 1u);
}

TEST_F(IntrospectionEndpointTest, TheClientMustAuthenticate) {
  EXPECT_EQ(endpoint_.handle(post("/oauth2/introspect", {{"token", token_}})).status, 401);
  EXPECT_EQ(outcome(endpoint_.handle(
                post("/oauth2/introspect", {{"token", token_}}, World::basic("invoices-api", "x")))),
            "invalid_client/caller_unknown");
  ASSERT_TRUE(w_.directory.order("invoices-api", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(outcome(ask(token_)), "unauthorized_client/caller_suspended");
}

TEST_F(IntrospectionEndpointTest, MalformedRequestsAreRefused) {
  EXPECT_EQ(outcome(endpoint_.handle(post("/oauth2/introspect", {}, World::basic("invoices-api")))),
            "invalid_request/-");
  auto request = post("/oauth2/introspect", {{"token", token_}}, World::basic("invoices-api"));
  request.method = "GET";
  EXPECT_EQ(endpoint_.handle(request).status, 405);
}

}  // namespace
}  // namespace writ::oauth::testing::introspection_endpoint_test
