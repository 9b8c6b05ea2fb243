// A provider says that a session is over: what ends, what goes on, and what is no such word.
#include "oauth/session_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "oauth/logout_endpoint.h"
#include "oauth/testing/accepted.h"
#include "oauth/testing/world.h"
#include "token/came_from.h"

namespace writ::oauth::testing::session_end_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using token::Origin;

const std::string kEvent = "http://schemas.openid.net/event/backchannel-logout";

class SessionEndTest : public ::testing::Test {
 protected:
  SessionEndTest() { world_.trusted = TrustedIssuers::of({provider(true)}).value(); }

  TrustedIssuer provider(bool logout) const {
    TrustedIssuer made{.issuer = std::string(kProvider),
                       .audience = std::string(kIssuer),
                       .keys = jose::JwkSet::of({world_.provider_key.public_jwk()}).value()};
    if (logout) made.logout = LogoutRules{.audiences = {"portal", "writ"}};
    return made;
  }

  Json logout_claims(std::string_view session = "s-1") const {
    return Json::object({{"iss", kProvider},
                         {"aud", "portal"},
                         {"iat", unix_seconds(world_.clock.now())},
                         {"exp", unix_seconds(world_.clock.now()) + 120},
                         {"jti", crypto::random_id()},
                         {"sid", session},
                         {"events", Json::object({{kEvent, Json::object()}})}});
  }
  Json with(std::initializer_list<std::pair<std::string_view, Json>> changes) const {
    auto claims = logout_claims();
    for (const auto& [name, value] : changes) claims.set(name, value);
    return claims;
  }
  Json without(std::string_view name) const {
    auto claims = logout_claims();
    std::erase_if(*claims.if_object(), [&](const auto& member) { return member.first == name; });
    return claims;
  }
  std::string sign(const Json& claims, std::optional<std::string_view> typ = "logout+jwt") const {
    return jose::sign_jws(world_.provider_key, claims.dump(), typ).value();
  }
  std::string take(const std::string& text) const {
    const auto taken = ends_.take(text, "r-1");
    return taken ? "ended" : std::string(reason_code(taken.error().reason));
  }
  std::string take(const Json& claims) const { return take(sign(claims)); }

  // Nora's, from the provider.
  std::string subject_token(std::string_view session, std::string_view user = "nora") const {
    auto claims = world_.provider_claims(user);
    claims.set("sid", session);
    claims.set("iat", unix_seconds(world_.clock.now()));
    claims.set("jti", "id-" + std::string(session));
    return world_.provider_token(claims);
  }
  http::Response exchange(const std::string& subject_token) const {
    return world_.ask(World::exchange(subject_token, kTypeJwt,
                                      {{"resource", std::string(kInvoices)}, {"purpose", "support"}}),
                      World::basic("support-portal"));
  }
  std::string issued_in(std::string_view session) const {
    return World::access_token(exchange(subject_token(session)));
  }
  std::string outcome_of(std::string_view token) const {
    return token::testing::outcome(world_.verifier.verify_parameter(token, world_.clock.now()));
  }

  World world_;
  const SessionEnds ends_{{.clock = world_.clock,
                           .issuers = world_.trusted,
                           .revocations = world_.revocations,
                           .tasks = world_.tasks,
                           .record = world_.record}};
};

TEST_F(SessionEndTest, WhatWasIssuedInTheSessionEndsAndWhatWasExchangedFromThatToo) {
  const auto portals = issued_in("s-1"), others = issued_in("s-2");
  const auto agents = world_.agent_token(portals);
  ASSERT_EQ(outcome_of(agents), "valid") << agents;
  EXPECT_EQ(take(logout_claims("s-1")), "ended");
  EXPECT_EQ(outcome_of(portals), "token_revoked");
  EXPECT_EQ(outcome_of(agents), "token_revoked");
  EXPECT_EQ(outcome_of(others), "valid") << "of another session";
  EXPECT_THAT(world_.audit, Contains(HasSubstr("session.ended")));
}

TEST_F(SessionEndTest, ASubjectTokenOfTheSessionCannotBeExchangedAnyMore) {
  const auto before = subject_token("s-1");
  EXPECT_EQ(take(logout_claims("s-1")), "ended");
  EXPECT_EQ(outcome(exchange(before)), "invalid_request/token_revoked");
  EXPECT_EQ(outcome(exchange(subject_token("s-2"))), "issued");
}

// Nobody could end its session: a logout token names it by a text.
TEST_F(SessionEndTest, ATokenWhoseSessionNoLogoutTokenCanNameIsRefused) {
  for (const auto& session : {Json(7), Json(), codec::parse_json(R"(["s-1"])").value(), Json(""),
                              Json("s\n1"), Json(std::string(600, 's'))}) {
    auto claims = world_.provider_claims("nora");
    claims.set("iat", unix_seconds(world_.clock.now()));
    claims.set("sid", session);
    EXPECT_EQ(outcome(exchange(world_.provider_token(claims))), "invalid_request/token_malformed")
        << session.dump();
  }
}

TEST_F(SessionEndTest, WithoutASessionAllOfTheUsersEndThatBeganUntilThen) {
  auto claims = without("sid");
  claims.set("sub", "nora");
  const auto first = issued_in("s-1"), second = issued_in("s-2");
  const auto held = subject_token("s-3");
  const auto marcos = World::access_token(exchange(subject_token("s-4", "marco")));
  EXPECT_EQ(take(claims), "ended");
  EXPECT_EQ(outcome_of(first), "token_revoked");
  EXPECT_EQ(outcome_of(second), "token_revoked");
  EXPECT_EQ(outcome(exchange(held)), "invalid_request/token_revoked");
  EXPECT_EQ(outcome_of(marcos), "valid");
  world_.clock.advance(1s);
  const auto later = issued_in("s-5");
  EXPECT_EQ(outcome_of(later), "valid") << "nora came back";
}

TEST_F(SessionEndTest, WithASessionTheUsersOtherSessionsGoOn) {
  const auto other = issued_in("s-2");
  EXPECT_EQ(take(with({{"sub", "nora"}})), "ended");
  EXPECT_EQ(outcome_of(other), "valid");
}

TEST_F(SessionEndTest, OneTokenMayEndToo) {
  const auto first = issued_in("s-1"), second = issued_in("s-2");
  EXPECT_TRUE(ends_.end({.by = &world_.trusted.all().front(), .token = "id-s-1", .at = kNow}, "r-1"));
  EXPECT_EQ(outcome_of(first), "token_revoked");
  EXPECT_EQ(outcome_of(second), "valid");
}

TEST_F(SessionEndTest, TasksThatWereOpenedInTheSessionEndAndOthersGoOn) {
  const auto open = [&](std::string id, std::vector<std::string> came_from) {
    task::Task task{.id = std::move(id), .purpose = "support"};
    task.client = "support-portal";
    task.actions = {{"Billing::Action", "read"}};
    task.resources = {{"Billing::Invoice", std::nullopt}};
    task.not_before = task.opened_at = world_.clock.now();
    task.expires_at = world_.clock.now() + 10min;
    task.opened_by = "support-portal";
    task.came_from = std::move(came_from);
    return world_.tasks.open(std::move(task)).value();
  };
  const auto nobodys = open("t-0", {});
  const auto its = open("t-1", {token::came_from(Origin::kSession, kProvider, "s-1"),
                                token::came_from(Origin::kSubject, kProvider, "nora")});
  const auto other = open("t-2", {token::came_from(Origin::kSession, kProvider, "s-2"),
                                  token::came_from(Origin::kSubject, kProvider, "nora")});
  EXPECT_EQ(take(logout_claims("s-1")), "ended");
  EXPECT_EQ(its->standing(), task::State::kRevoked);
  EXPECT_EQ(other->standing(), task::State::kActive);
  EXPECT_EQ(nobodys->standing(), task::State::kActive);
  EXPECT_THAT(world_.audit, Contains(HasSubstr("task.revoked")));
  auto all = without("sid");
  all.set("sub", "nora");
  EXPECT_EQ(take(all), "ended");
  EXPECT_EQ(other->standing(), task::State::kRevoked);
  EXPECT_EQ(nobodys->standing(), task::State::kActive);
}

TEST_F(SessionEndTest, ATaskThatACrashLeftIsEndedLater) {
  task::Task task{.id = "t-1", .purpose = "support"};
  task.client = "support-portal";
  task.actions = {{"Billing::Action", "read"}};
  task.resources = {{"Billing::Invoice", std::nullopt}};
  task.not_before = task.opened_at = world_.clock.now();
  task.expires_at = world_.clock.now() + 10min;
  task.opened_by = "support-portal";
  task.came_from = {token::came_from(Origin::kSession, kProvider, "s-1")};
  const auto live = world_.tasks.open(std::move(task)).value();
  ASSERT_TRUE(world_.revocations.revoke({token::came_from(Origin::kSession, kProvider, "s-1"), kNow + 1h}));
  EXPECT_EQ(ends_.end_tasks().value(), 1u);
  EXPECT_EQ(live->standing(), task::State::kRevoked);
  EXPECT_EQ(ends_.end_tasks().value(), 0u);
}

// What is no logout token.

TEST_F(SessionEndTest, ALogoutTokenIsGoodOnce) {
  const auto token = sign(logout_claims());
  EXPECT_EQ(take(token), "ended");
  EXPECT_EQ(take(token), "token_replayed");
}

TEST_F(SessionEndTest, AnIdTokenInPlaceOfALogoutTokenIsRefused) {
  auto id_token = world_.provider_claims();
  id_token.set("aud", "portal");
  id_token.set("exp", unix_seconds(kNow) + 120);  // a logout token could live for as long
  id_token.set("sid", "s-1");
  EXPECT_EQ(take(sign(id_token, "JWT")), "token_type");
  EXPECT_EQ(take(sign(id_token)), "token_type") << "with the right type, it says no event";
  EXPECT_EQ(take(with({{"nonce", "n"}})), "token_type");
}

TEST_F(SessionEndTest, AnotherTypeOrNoneIsRefused) {
  for (const std::optional<std::string_view> typ : {std::optional<std::string_view>("JWT"),
                                                    {"at+jwt"},
                                                    {"secevent+jwt"},
                                                    std::optional<std::string_view>()})
    EXPECT_EQ(take(sign(logout_claims(), typ)), "token_type");
}

TEST_F(SessionEndTest, WithoutItsEventItIsRefused) {
  EXPECT_EQ(take(without("events")), "token_type");
  EXPECT_EQ(take(with({{"events", Json::object()}})), "token_type");
  EXPECT_EQ(take(with({{"events", kEvent}})), "token_type");
  EXPECT_EQ(take(with({{"events", Json::object({{kEvent, "yes"}})}})), "token_type");
  EXPECT_EQ(take(with({{"events", Json::object({{kEvent + "/", Json::object()}})}})), "token_type");
}

TEST_F(SessionEndTest, WithoutTimesAnIdOrAnObjectItIsRefused) {
  EXPECT_EQ(take(without("iat")), "token_malformed");
  EXPECT_EQ(take(without("exp")), "token_malformed");
  EXPECT_EQ(take(without("jti")), "token_malformed");
  EXPECT_EQ(take(without("sid")), "token_malformed");
  EXPECT_EQ(take(with({{"sid", 7}})), "token_malformed");
  EXPECT_EQ(take(with({{"exp", unix_seconds(kNow)}})), "token_expired");
  EXPECT_EQ(take(with({{"iat", unix_seconds(kNow) + 60}})), "token_not_yet_valid");
  EXPECT_EQ(take(with({{"exp", unix_seconds(kNow) + 7200}})), "token_malformed") << "it would live too long";
}

TEST_F(SessionEndTest, ForAnotherClientItIsRefused) {
  EXPECT_EQ(take(with({{"aud", "marketing"}})), "audience_mismatch");
  EXPECT_EQ(take(without("aud")), "audience_mismatch");
}

TEST_F(SessionEndTest, OfAnotherIssuerOrOneThatLooksLikeItItIsRefused) {
  const std::string issuer(kProvider);
  for (const auto& other :
       {issuer + "/", issuer + ":443", std::string("https://other.example"), "HTTPS" + issuer.substr(5)})
    EXPECT_EQ(take(with({{"iss", other}})), "token_issuer") << other;
}

TEST_F(SessionEndTest, WithAnotherKeyOrNoneItIsRefused) {
  const auto stranger = new_key();
  EXPECT_EQ(take(jose::sign_jws(stranger, logout_claims().dump(), "logout+jwt").value()), "token_signature");
  const auto header = codec::base64url_encode(R"({"alg":"none","typ":"logout+jwt"})");
  EXPECT_EQ(take(header + "." + codec::base64url_encode(logout_claims().dump()) + "."), "token_malformed");
  EXPECT_EQ(take(std::string("a.b.c.d.e")), "token_malformed") << "encrypted";
}

TEST_F(SessionEndTest, AnIssuerWhoseLogoutTokensAreNotTakenEndsNothing) {
  world_.trusted = TrustedIssuers::of({provider(false)}).value();
  const auto issued = issued_in("s-1");
  EXPECT_EQ(take(logout_claims()), "token_issuer");
  EXPECT_EQ(outcome_of(issued), "valid");
  EXPECT_THAT(world_.claims(issued).exchanged_from, IsEmpty()) << "nor do its tokens grow";
}

TEST_F(SessionEndTest, WhatCannotBeRecordedDoesNotEndAndIsTakenWhenItIsSentAgain) {
  const auto issued = issued_in("s-1");
  const auto token = sign(logout_claims());
  world_.audit_broken = true;
  EXPECT_EQ(take(token), "indeterminate");
  EXPECT_EQ(outcome_of(issued), "valid");
  world_.audit_broken = false;
  EXPECT_EQ(take(token), "ended");
  EXPECT_EQ(outcome_of(issued), "token_revoked");
  EXPECT_EQ(take(token), "token_replayed");
}

TEST_F(SessionEndTest, WhenAsManyEndsAreKeptAsCanBeNothingMoreEnds) {
  auto parts = ends_.parts();
  parts.max_kept = 2;  // an end, and the logout token that said it
  const SessionEnds few(parts);
  EXPECT_TRUE(few.take(sign(logout_claims("s-1")), "r-1"));
  const auto issued = issued_in("s-2");
  const auto refused = few.take(sign(logout_claims("s-2")), "r-2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kIndeterminate);
  EXPECT_EQ(outcome_of(issued), "valid");
}

// At the endpoint.

class LogoutEndpointTest : public SessionEndTest {
 protected:
  http::Response post_it(const std::string& token) const {
    return endpoint_.handle(post("/oauth2/backchannel-logout", {{"logout_token", token}}));
  }
  mutable token::TokenAttempts attempts_{{.wrong_per_minute = 3}};
  const LogoutEndpoint endpoint_{ends_, attempts_};
};

TEST_F(LogoutEndpointTest, AnswersAsTheSpecificationHasIt) {
  const auto good = post_it(sign(logout_claims()));
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.body, "");
  EXPECT_EQ(good.headers.find("Cache-Control"), "no-store");
  const auto bad = post_it(sign(without("events")));
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(*World::body(bad).find_string("error"), "invalid_request");
  EXPECT_THAT(world_.audit, Contains(HasSubstr("session.end_refused")));
  EXPECT_EQ(endpoint_.handle(post("/oauth2/backchannel-logout", {{"token", "x"}})).status, 400);
}

TEST_F(LogoutEndpointTest, GuessesSlowTheGuesser) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post_it("x.y.z").status, 400);
  EXPECT_EQ(post_it("x.y.z").status, 429);
}

// Tokens that are accepted.

TEST(EndedSessionOfAcceptedTokens, TheirOwnTokensAreRefusedFromThenOn) {
  AcceptedWorld world(
      [](TrustedIssuer& issuer) { issuer.logout = LogoutRules{.audiences = {"portal-7f3"}}; });
  const auto token = AcceptedWorld::bearer(world.sign(world.with({{"sid", "s-1"}})));
  const auto other = AcceptedWorld::bearer(world.sign(world.with({{"sid", "s-2"}, {"jti", "t-2"}})));
  ASSERT_EQ(world.ask(token), "permit") << world.message;
  const control::Recorder record = [](const audit::Record&) { return Result<void>(); };
  const SessionEnds ends({.clock = world.clock,
                          .issuers = world.issuers,
                          .revocations = world.tokens.revocations,
                          .tasks = world.tasks,
                          .record = record});
  ASSERT_TRUE(
      ends.end({.by = &world.issuers.all().front(), .session = "s-1", .at = world.clock.now()}, "r-1"));
  EXPECT_EQ(world.ask(token), "token_revoked");
  EXPECT_EQ(world.ask(other), "permit") << world.message;
  ASSERT_TRUE(ends.end({.by = &world.issuers.all().front(), .token = "t-2", .at = world.clock.now()}, "r-1"));
  EXPECT_EQ(world.ask(other), "token_revoked");
}

// Entra's and Okta's access tokens call the user otherwise than in `sub`: either name reaches them.
TEST(EndedSessionOfAcceptedTokens, AUserEndsByEachOfTheNamesThatTheProviderHas) {
  AcceptedWorld world([](TrustedIssuer& issuer) {
    issuer.logout = LogoutRules{.audiences = {"portal-7f3"}};
    issuer.access_subject = "oid";
  });
  const control::Recorder record = [](const audit::Record&) { return Result<void>(); };
  const SessionEnds ends({.clock = world.clock,
                          .issuers = world.issuers,
                          .revocations = world.tokens.revocations,
                          .tasks = world.tasks,
                          .record = record});
  for (const std::string name : {"nora", "pairwise-1"}) {
    const auto token = AcceptedWorld::bearer(
        world.sign(world.with({{"oid", "nora"}, {"sub", "pairwise-1"}, {"jti", "of " + name}})));
    ASSERT_EQ(world.ask(token), "permit") << world.message;
    ASSERT_TRUE(
        ends.end({.by = &world.issuers.all().front(), .subject = name, .at = world.clock.now()}, "r-1"));
    EXPECT_EQ(world.ask(token), "token_revoked") << name;
    world.clock.advance(1s);
  }
}

}  // namespace
}  // namespace writ::oauth::testing::session_end_test
