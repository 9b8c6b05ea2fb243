// Access tokens of providers: as what they are accepted, and each reason why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "oauth/testing/accepted.h"

namespace writ::oauth::testing::accepted_tokens_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json texts(std::initializer_list<std::string_view> items) {
  auto array = Json::array();
  for (const auto item : items) array.push(item);
  return array;
}

class AcceptedTokensTest : public ::testing::Test {
 protected:
  AcceptedWorld world_;
};

TEST_F(AcceptedTokensTest, AUsersTokenBecomesTheUserAndTheMappedClientAndTheAuditSaysWhoseWordItIs) {
  ASSERT_EQ(world_.ask(world_.claims()), "permit") << world_.message;
  EXPECT_EQ(world_.recorded("subject"), "nora");
  EXPECT_EQ(world_.recorded("client"), "support-portal");
  EXPECT_EQ(world_.recorded("token_issuer"), kProviderOfApis);
  EXPECT_EQ(world_.recorded("subject_issuer"), kProviderOfApis);
  EXPECT_EQ(world_.recorded("token_id"), std::string(kProviderOfApis) + " t-1");
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(world_.token())), "permit") << "and Writ's own go on";
  EXPECT_EQ(world_.recorded("token_issuer"), "");
}

TEST_F(AcceptedTokensTest, AClientsOwnTokenBecomesThatClientAndNoUser) {
  ASSERT_EQ(world_.ask(world_.with({{"sub", "mkt-001"}, {"client_id", "mkt-001"}})), "permit")
      << world_.message;
  EXPECT_EQ(world_.permitted->claims().subject, "marketing-app");
  EXPECT_EQ(world_.permitted->claims().client_id, "marketing-app");
  EXPECT_FALSE(world_.permitted->claims().subject_issuer);
}

TEST_F(AcceptedTokensTest, UsersGetTheIssuersPrefix) {
  AcceptedWorld world([](TrustedIssuer& issuer) { issuer.subject_prefix = "partner:"; });
  ASSERT_EQ(world.ask(world.claims()), "permit") << world.message;
  EXPECT_EQ(world.permitted->claims().subject, "partner:nora");
}

TEST_F(AcceptedTokensTest, ALinkedUserIsTheIdentityWithItsStops) {
  AcceptedWorld world([](TrustedIssuer& issuer) {
    issuer.subject_prefix = "partner:";
    issuer.links = {{"nora.nord", "nora"}};
  });
  const auto linked = world.with({{"sub", "nora.nord"}});
  ASSERT_EQ(world.ask(linked), "permit") << world.message;
  EXPECT_EQ(world.permitted->claims().subject, "nora");
  EXPECT_EQ(world.recorded("subject_issuer"), kProviderOfApis);
  ASSERT_TRUE(world.directory.order("nora", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(world.ask(linked), "subject_suspended");
}

TEST_F(AcceptedTokensTest, AClientThatIsNotMappedIsRefusedAlsoIfItIsCalledAsOneOfOurs) {
  for (const auto* client : {"somebody", "support-portal", "PORTAL-7F3"}) {
    EXPECT_EQ(world_.ask(world_.with({{"client_id", client}})), "caller_unknown") << client;
    EXPECT_THAT(world_.message, HasSubstr("is not mapped"));
  }
  auto nameless = world_.claims();
  std::erase_if(*nameless.if_object(), [](const auto& member) { return member.first == "client_id"; });
  EXPECT_EQ(world_.ask(nameless), "token_type");
  EXPECT_EQ(world_.ask(world_.with({{"azp", "mkt-001"}})), "caller_mismatch") << "two clients";
}

TEST_F(AcceptedTokensTest, AnIdTokenInPlaceOfAnAccessTokenIsRefused) {
  for (const std::optional<std::string_view> typ : {std::optional<std::string_view>("JWT"), {}}) {
    EXPECT_EQ(world_.ask(AcceptedWorld::bearer(world_.sign(world_.claims(), typ))), "token_type");
    EXPECT_THAT(world_.message, HasSubstr("is not an access token"));
  }
  for (const auto* name : {"at_hash", "c_hash", "events"}) {
    EXPECT_EQ(world_.ask(world_.with({{name, "x"}})), "token_type") << name;
    EXPECT_THAT(world_.message, HasSubstr("ID token"));
  }
}

TEST_F(AcceptedTokensTest, AnAudThatNamesTwoOfOurApisIsRefused) {
  for (const auto& aud :
       {texts({"api://invoices", "api://mail"}), texts({"api://invoices", "https://mail.acme.example"}),
        texts({"account", "api://mail", "api://invoices"}),
        texts({"api://invoices", enforce::testing::kIssuer})}) {
    EXPECT_EQ(world_.ask(world_.with({{"aud", aud}})), "audience_mismatch") << aud.dump();
    EXPECT_THAT(world_.message, HasSubstr("names two APIs of Writ's")) << aud.dump();
  }
  EXPECT_EQ(world_.ask(world_.with({{"aud", texts({"account", "api://invoices"})}})), "permit");
  EXPECT_EQ(world_.ask(world_.with({{"aud", texts({"api://old-invoices", "api://invoices"})}})), "permit")
      << "two names of one API";
}

TEST_F(AcceptedTokensTest, AnAudThatIsNotExactlyAConfiguredOneIsRefused) {
  for (const auto* aud :
       {"api://invoices/", "API://invoices", "api://invoice", "https://invoices.acme.example", ""}) {
    EXPECT_EQ(world_.ask(world_.with({{"aud", aud}})), "audience_mismatch") << aud;
  }
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(world_.sign(world_.claims())), "mail"), "audience_mismatch")
      << "it is for another API of ours";
}

TEST_F(AcceptedTokensTest, AnActorThatIsNotMappedIsRefused) {
  EXPECT_EQ(world_.ask(world_.with({{"act", Json::object({{"sub", "support-agent"}})}})), "caller_unknown");
  EXPECT_THAT(world_.message, HasSubstr("actor `support-agent` is not mapped"));
  const auto nested = Json::object({{"sub", "agent-9c1"}, {"act", Json::object({{"sub", "nobody"}})}});
  EXPECT_EQ(world_.ask(world_.with({{"act", nested}})), "caller_unknown");
  const auto elsewhere = Json::object({{"sub", "agent-9c1"}, {"iss", "https://other.example"}});
  EXPECT_EQ(world_.ask(world_.with({{"act", elsewhere}})), "caller_unknown");
  EXPECT_EQ(world_.ask(world_.with({{"act", "agent-9c1"}})), "token_malformed");
}

TEST_F(AcceptedTokensTest, AnActorThatIsMappedIsAPartyAsAnyOther) {
  const auto task = world_.open_task();
  auto claims = world_.agents();
  claims.set("act", Json::object({{"sub", "agent-9c1"}, {"act", Json::object({{"sub", "portal-7f3"}})}}));
  const auto headers = AcceptedWorld::in_task(AcceptedWorld::bearer(world_.sign(claims)), (*task)->id);
  ASSERT_EQ(world_.ask(headers), "permit") << world_.message;
  EXPECT_THAT(world_.permitted->claims().actors,
              ElementsAre(token::Actor{"support-agent", {}}, token::Actor{"support-portal", {}}));
  ASSERT_TRUE(world_.directory.order("support-portal", inventory::Status::kSuspended));
  EXPECT_EQ(world_.ask(headers), "caller_suspended");
}

TEST_F(AcceptedTokensTest, WhomMayActNamesMayActAndNoOtherAgent) {
  const auto task = world_.open_task();
  const auto in_task = [&](const Json& claims) {
    return world_.ask(AcceptedWorld::in_task(AcceptedWorld::bearer(world_.sign(claims)), (*task)->id));
  };
  const auto naming = [&](std::string_view actor) {
    auto claims = world_.agents();
    claims.set("may_act", Json::object({{"sub", actor}, {"iss", kProviderOfApis}}));
    return claims;
  };
  EXPECT_EQ(in_task(naming("agent-9c1")), "permit") << world_.message;
  for (const auto* other : {"portal-7f3", "support-agent", "nobody"}) {
    EXPECT_EQ(in_task(naming(other)), "delegation_not_authorised") << other;
    EXPECT_THAT(world_.message, HasSubstr("`may_act` names")) << other;
  }
}

// RFC 8693 §4.4: it is about who may become an actor, and who calls for the user itself is none.
TEST_F(AcceptedTokensTest, MayActTakesNothingFromTheApplicationThatTheTokenWasMadeFor) {
  EXPECT_EQ(world_.ask(world_.with({{"may_act", Json::object({{"sub", "agent-9c1"}})}})), "permit")
      << world_.message;
}

TEST_F(AcceptedTokensTest, AMayActThatNobodyCouldCheckIsRefused) {
  for (const auto& may_act : {Json("agent-9c1"), Json::object(), Json::object({{"sub", 7}}), Json(),
                              Json::object({{"sub", "agent-9c1"}, {"iss", "https://other.example"}}),
                              Json::object({{"sub", "agent-9c1"}, {"client_id", "x"}})})
    EXPECT_EQ(world_.ask(world_.with({{"may_act", may_act}})), "token_malformed") << may_act.dump();
}

TEST_F(AcceptedTokensTest, ABoundTokenWithoutItsProofIsRefused) {
  const auto holder = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto thief = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto token =
      world_.sign(world_.with({{"cnf", Json::object({{"jkt", holder.public_jwk().thumbprint()}})}}));
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(token)), "sender_binding_missing");
  EXPECT_EQ(world_.ask(world_.bound_headers(thief, token, "GET", kThere)), "sender_binding_mismatch");
  EXPECT_EQ(world_.ask(world_.bound_headers(holder, token, "GET", kThere)), "permit") << world_.message;
  const auto stranger = Json::object({{"kid", "somewhere"}});
  EXPECT_EQ(world_.ask(world_.with({{"cnf", stranger}})), "sender_binding_missing") << "nobody can check it";
  EXPECT_EQ(world_.ask(world_.with({{"cnf", Json::object()}})), "token_malformed");
}

TEST_F(AcceptedTokensTest, ATokenThatIsBoundToACertificateNeedsAConnectionWithIt) {
  const std::string own(43, 'a'), other(43, 'b');
  const auto headers =
      AcceptedWorld::bearer(world_.sign(world_.with({{"cnf", Json::object({{"x5t#S256", own}})}})));
  EXPECT_EQ(world_.ask(headers), "sender_binding_missing");
  EXPECT_EQ(world_.ask(headers, "invoices", other), "sender_binding_mismatch");
  EXPECT_EQ(world_.ask(headers, "invoices", own), "permit") << world_.message;
  EXPECT_TRUE(world_.permitted->sender_bound());
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(world_.sign(world_.claims())), "invoices", other), "permit")
      << "an unbound one does not mind";
}

TEST_F(AcceptedTokensTest, ALifetimeBeyondWhatIsConfiguredIsRefused) {
  const auto now = unix_seconds(world_.clock.now());
  EXPECT_EQ(world_.ask(world_.with({{"exp", now + 3600}})), "permit") << world_.message;
  EXPECT_EQ(world_.ask(world_.with({{"exp", now + 3601}})), "token_malformed");
  EXPECT_THAT(world_.message, HasSubstr("lives for 3601 seconds"));
  EXPECT_EQ(world_.ask(world_.with({{"iat", now - 3000}, {"exp", now + 601}})), "token_malformed")
      << "what counts is how long it lives, not how long it has left";
  auto ageless = world_.claims();
  std::erase_if(*ageless.if_object(), [](const auto& member) { return member.first == "iat"; });
  EXPECT_EQ(world_.ask(ageless), "token_malformed");
}

TEST_F(AcceptedTokensTest, ForeignTasksPurposesTenantsAndEnvironmentsAreNeverReadAsOurs) {
  const auto task = world_.open_task();
  ASSERT_EQ(world_.ask(world_.with({{"task", (*task)->id},
                                    {"purpose", "support"},
                                    {"tenant", "south"},
                                    {"environment", "testing"},
                                    {"exchanged_from", texts({"a"})},
                                    {"authorization_details", Json::array()}})),
            "permit")
      << world_.message;
  const auto& claims = world_.permitted->claims();
  EXPECT_FALSE(claims.task || claims.purpose || claims.tenant || claims.environment);
  EXPECT_TRUE(claims.exchanged_from.empty() && claims.authorization_details.is_null());
  auto agents = world_.agents();
  agents.set("task", (*task)->id);
  EXPECT_EQ(world_.ask(agents), "task_missing");
}

TEST_F(AcceptedTokensTest, ATenantIsReadWhereTheConfigurationSaysWhichClaimItIs) {
  AcceptedWorld world([](TrustedIssuer& issuer) {
    issuer.access_tenant = "tid";
    issuer.tenant_names = {{"1111", "north"}, {"2222", "south"}};
    issuer.tenants = {{"north", "south"}};
    issuer.accept[0].tenants = {{"north"}};
  });
  EXPECT_EQ(world.ask(world.with({{"tid", "1111"}})), "permit") << world.message;
  EXPECT_EQ(world.permitted->claims().tenant, "north");
  EXPECT_EQ(world.ask(world.with({{"tid", "2222"}})), "tenant_mismatch");
  EXPECT_EQ(world.ask(world.with({{"tid", "3333"}})), "tenant_mismatch");
  EXPECT_EQ(world.ask(world.claims()), "permit") << "the inventory says that nora is of the north";
  EXPECT_EQ(world.ask(world.with({{"sub", "sofia"}})), "tenant_mismatch") << "and sofia of the south";
  EXPECT_EQ(world.ask(world.with({{"sub", "somebody"}})), "tenant_mismatch") << "of somebody nobody knows";
}

TEST_F(AcceptedTokensTest, AKindThatIsNotAcceptedIsRefused) {
  AcceptedWorld world([](TrustedIssuer& issuer) { issuer.accept[0].app_only = false; });
  const auto own = world.with({{"sub", "mkt-001"}, {"client_id", "mkt-001"}});
  EXPECT_EQ(world.ask(own), "token_type");
  EXPECT_THAT(world.message, HasSubstr("for its client alone"));
  AcceptedWorld other([](TrustedIssuer& issuer) { issuer.accept[0].delegated = false; });
  EXPECT_EQ(other.ask(other.claims()), "token_type");
}

TEST_F(AcceptedTokensTest, AProviderNamesUsersAndNothingElse) {
  EXPECT_EQ(world_.ask(world_.with({{"sub", "support-agent"}})), "token_issuer");
  // It would look like the portal, acting for itself.
  EXPECT_EQ(world_.ask(world_.with({{"sub", "support-portal"}})), "token_issuer");
  EXPECT_THAT(world_.message, HasSubstr("may name users only"));
}

TEST_F(AcceptedTokensTest, StopsInTheInventoryReachThem) {
  const auto headers = AcceptedWorld::bearer(world_.sign(world_.claims()));
  ASSERT_EQ(world_.ask(headers), "permit");
  ASSERT_TRUE(world_.directory.order("nora", inventory::Status::kSuspended));
  EXPECT_EQ(world_.ask(headers), "subject_suspended");
  ASSERT_TRUE(world_.directory.order("nora", inventory::Status::kActive));
  ASSERT_TRUE(world_.directory.order("support-portal", inventory::Status::kSuspended));
  EXPECT_EQ(world_.ask(headers), "caller_suspended");
}

// Whose token it is.

TEST_F(AcceptedTokensTest, IssuersThatLookAlikeAreOthers) {
  for (const auto* issuer :
       {"https://login.acme.example/", "https://LOGIN.acme.example", "http://login.acme.example",
        "https://login.acme.example:443", "https://a@login.acme.example", ""}) {
    EXPECT_THAT(world_.ask(world_.with({{"iss", issuer}})),
                ::testing::AnyOf("token_issuer", "token_signature"))
        << issuer;
  }
}

TEST_F(AcceptedTokensTest, AnIssuerThatIsTrustedForExchangeAloneIsNotAcceptedHere) {
  AcceptedWorld world([](TrustedIssuer& issuer) { issuer.accept.clear(); });
  EXPECT_EQ(world.ask(world.claims()), "token_issuer");
}

TEST_F(AcceptedTokensTest, NoAlgorithmAndNoEmbeddedKeyTakesThePlaceOfTheIssuersKeys) {
  const auto forged = [&](Json header) {
    header.set("typ", "at+jwt");
    return codec::base64url_encode(header.dump()) + "." + codec::base64url_encode(world_.claims().dump()) +
           ".";
  };
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(forged(Json::object({{"alg", "none"}})))), "token_signature");
  const auto mac = forged(Json::object({{"alg", "HS256"}, {"kid", world_.key.kid()}})) + std::string(43, 'A');
  EXPECT_THAT(world_.ask(AcceptedWorld::bearer(mac)), ::testing::AnyOf("token_malformed", "token_signature"));
  const auto thief = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto header =
      Json::object({{"typ", "at+jwt"}, {"alg", "ES256"}, {"jwk", thief.public_jwk().to_json()}});
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(token::testing::sign_proof(thief, header, world_.claims()))),
            "token_signature");
  EXPECT_EQ(
      world_.ask(AcceptedWorld::bearer(jose::sign_jws(thief, world_.claims().dump(), "at+jwt").value())),
      "token_signature");
}

TEST_F(AcceptedTokensTest, OursInTheirNameAndTheirsInOursAreRefused) {
  auto ours = world_.World::claims();
  ours.issuer = kProviderOfApis;
  EXPECT_EQ(world_.ask(AcceptedWorld::bearer(world_.token(ours))), "token_issuer");
  EXPECT_EQ(world_.ask(world_.with({{"iss", enforce::testing::kIssuer}})), "token_signature");
}

TEST_F(AcceptedTokensTest, TheyAreNeverASubjectTokenOfOursAlsoOnceTheyAreKnown) {
  const auto token = world_.sign(world_.claims());
  const auto as_subject = [&] {
    const auto verified = world_.verifier.verify_parameter(token, times_of(world_.clock));
    return verified ? std::string("valid") : std::string(reason_code(verified.error().reason));
  };
  EXPECT_EQ(as_subject(), "token_issuer");
  ASSERT_EQ(world_.ask(AcceptedWorld::bearer(token)), "permit");
  EXPECT_EQ(as_subject(), "token_issuer");
}

}  // namespace
}  // namespace writ::oauth::testing::accepted_tokens_test
