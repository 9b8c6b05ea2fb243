#include "oauth/trusted_issuers.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

#include "codec/name.h"
#include "jose/jws.h"

namespace writ::oauth::trusted_issuers_test {
namespace {

using codec::Json;
using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class TrustedIssuersTest : public ::testing::Test {
 protected:
  std::string outcome(const jose::PrivateJwk& key, std::string_view typ = "JWT") {
    const auto result = issuers_.verify(jose::sign_jws(key, claims_.dump(), typ).value(), kNow);
    return result ? result->id + "/" + result->tenant.value_or("-")
                  : std::string(reason_code(result.error().reason));
  }
  std::string outcome() { return outcome(key_); }

  jose::PrivateJwk key_ = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  TrustedIssuers issuers_ =
      TrustedIssuers::of(
          {{.issuer = "https://idp.acme.example",
            .audience = "writ",
            .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
            .mapping = {.subject = "user", .others = {{"tenant", "org"}, {"acr", ""}, {"auth_time", ""}}}}})
          .value();
  Json claims_ = Json::object({{"iss", "https://idp.acme.example"},
                               {"sub", "8f2e"},
                               {"user", "nora"},
                               {"org", "north"},
                               {"aud", "writ"},
                               {"iat", unix_seconds(kNow)},
                               {"exp", unix_seconds(kNow) + 600}});
};

TEST_F(TrustedIssuersTest, MapsTheClaims) {
  EXPECT_EQ(outcome(), "nora/north");
}

TEST_F(TrustedIssuersTest, EachClaimOfAProviderMayHaveANameOfItsOwn) {
  claims_.set("theirs", unix_seconds(kNow) - 60);
  claims_.set("also_theirs", "north");
  for (const auto* claim : provider_claims()) {
    const bool is_date = claim->carried_date != nullptr;
    const auto issuers =
        TrustedIssuers::of(
            {{.issuer = "https://idp.acme.example",
              .audience = "writ",
              .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
              .mapping = {.others = {{std::string(claim->name), is_date ? "theirs" : "also_theirs"}}}}})
            .value();
    const auto subject = issuers.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow);
    ASSERT_TRUE(subject) << claim->name;
    EXPECT_EQ(subject->subject_issuer, "https://idp.acme.example");
    if (is_date) {
      EXPECT_EQ((*subject).*claim->carried_date, kNow - std::chrono::minutes(1)) << claim->name;
    } else {
      EXPECT_EQ((*subject).*claim->carried_text, "north") << claim->name;
    }
  }
}

TEST(UserNames, AreThePrefixAndTheName) {
  EXPECT_EQ(user_name("partner:", "nora"), "partner:nora");
  EXPECT_EQ(user_name("", "nora"), "nora");
}

TEST(UserNames, ThatWouldBeTooLongAreDigestedAndStayApart) {
  const std::string longest(codec::kMaxNameBytes - 2, 'x');
  EXPECT_EQ(user_name("p:", longest), "p:" + longest);
  const auto one = user_name("p:", longest + "a"), other = user_name("p:", longest + "b");
  EXPECT_TRUE(one.starts_with("p:sha256:")) << one;
  EXPECT_EQ(one.size(), 9u + 43u);
  EXPECT_NE(one, other);
  EXPECT_EQ(one, user_name("p:", longest + "a")) << "the same whenever it is asked";
}

// Else somebody could be called as somebody else's digest is.
TEST(UserNames, ThatLookLikeADigestAreDigestedToo) {
  const auto digested = user_name("", std::string(codec::kMaxNameBytes + 1, 'x'));
  EXPECT_NE(user_name("", digested), digested);
  EXPECT_TRUE(user_name("", digested).starts_with("sha256:"));
}

TEST_F(TrustedIssuersTest, AVeryLongSubjectIsStillOneUser) {
  claims_.set("user", std::string(2000, 'n'));
  const auto one = outcome();
  EXPECT_TRUE(one.starts_with("sha256:")) << one;
  claims_.set("user", std::string(2001, 'n'));
  EXPECT_NE(outcome(), one);
}

TEST_F(TrustedIssuersTest, ALinkedUserIsTheIdentityAndNobodyElseIs) {
  const auto issuers = TrustedIssuers::of({{.issuer = "https://idp.acme.example",
                                            .audience = "writ",
                                            .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                                            .mapping = {.subject = "user"},
                                            .subject_prefix = "partner:",
                                            .links = {{"nora.nord", "nora"}}}})
                           .value();
  const auto named = [&](std::string_view user) {
    claims_.set("user", user);
    const auto subject = issuers.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow);
    return subject ? subject->id + " by " + *subject->subject_issuer : "refused";
  };
  EXPECT_EQ(named("nora.nord"), "nora by https://idp.acme.example") << "and whose word it is stays said";
  EXPECT_EQ(named("nora"), "partner:nora by https://idp.acme.example") << "equal names never join";
  EXPECT_EQ(named("partner:nora.nord"), "partner:partner:nora.nord by https://idp.acme.example");
  EXPECT_EQ(named("Nora.Nord"), "partner:Nora.Nord by https://idp.acme.example");
}

TEST_F(TrustedIssuersTest, AnotherIssuerIsRefused) {
  claims_.set("iss", "https://evil.example");
  EXPECT_EQ(outcome(), "token_issuer");
}

TEST_F(TrustedIssuersTest, AnotherKeyIsRefused) {
  EXPECT_EQ(outcome(jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()), "token_signature");
}

TEST_F(TrustedIssuersTest, ATokenForSomeoneElseIsRefused) {
  claims_.set("aud", "portal");
  EXPECT_EQ(outcome(), "audience_mismatch");
}

TEST_F(TrustedIssuersTest, AnExpiredTokenIsRefused) {
  claims_.set("exp", unix_seconds(kNow));
  EXPECT_EQ(outcome(), "token_expired");
}

TEST_F(TrustedIssuersTest, ATokenThatLivesTooLongIsRefused) {
  claims_.set("exp", unix_seconds(kNow) + 25 * 3600);
  EXPECT_EQ(outcome(), "token_malformed");
}

TEST_F(TrustedIssuersTest, ATokenFromLongAgoIsRefusedWhateverItsEnd) {
  claims_.set("iat", unix_seconds(kNow) - 10 * 365 * 86'400);
  claims_.set("exp", unix_seconds(kNow) + 300);
  EXPECT_EQ(outcome(), "token_malformed");
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "iat"; });
  EXPECT_EQ(outcome(), "token_malformed");
  claims_.set("iat", unix_seconds(kNow) + 60);
  EXPECT_EQ(outcome(), "token_not_yet_valid");
}

TEST_F(TrustedIssuersTest, ClientsThatContradictEachOtherAreRefused) {
  claims_.set("azp", "portal");
  claims_.set("client_id", "portal");
  EXPECT_EQ(outcome(), "nora/north");
  for (const char* name : {"azp", "client_id", "cid", "appid"}) {
    auto before = claims_;
    claims_.set(name, "another");
    EXPECT_EQ(outcome(), "caller_mismatch") << name;
    claims_.set(name, 7);
    EXPECT_EQ(outcome(), "token_malformed") << name;
    claims_ = before;
  }
}

TEST_F(TrustedIssuersTest, WhatBindsOrDelegatesIsUnderstoodOrRefused) {
  const auto with = [&](const char* name, std::string_view value) {
    auto changed = claims_;
    std::swap(changed, claims_);
    claims_.set(name, codec::parse_json(value).value());
    const auto said = outcome();
    std::swap(changed, claims_);
    return said;
  };
  EXPECT_EQ(with("act", R"({"sub":"support-portal"})"), "delegation_not_authorised");
  EXPECT_EQ(with("act", "null"), "delegation_not_authorised");
  EXPECT_EQ(with("may_act", R"({"sub":"support-portal"})"), "nora/north");
  EXPECT_EQ(with("may_act", R"({"sub":"support-portal","iss":"https://idp.acme.example"})"), "nora/north");
  for (const char* unclear : {"{}", "[]", R"("support-portal")", R"({"sub":"a","client_id":"b"})",
                              R"({"sub":"a","iss":"https://elsewhere.example"})"})
    EXPECT_EQ(with("may_act", unclear), "token_malformed") << unclear;
  for (const char* other : {R"({"x5t#S256":"a"})", R"({"jkt":"a","x5t#S256":"b"})", "{}", R"("a")"})
    EXPECT_EQ(with("cnf", other), "sender_binding_missing") << other;
}

// OpenID Connect Back-Channel Logout §2.4: some providers type logout tokens as nothing, or as `JWT`.
TEST_F(TrustedIssuersTest, ALogoutTokenOrAnotherEventIsNoStatementThatAUserIsThere) {
  for (const auto& events :
       {Json::object({{"http://schemas.openid.net/event/backchannel-logout", Json::object()}}),
        Json::object(), Json("x")}) {
    claims_.set("events", events);
    EXPECT_EQ(outcome(), "token_type") << events.dump();
  }
}

TEST_F(TrustedIssuersTest, ALoginAfterTheTokenWasIssuedIsRefused) {
  const auto issuers = TrustedIssuers::of({{.issuer = "https://idp.acme.example",
                                            .audience = "writ",
                                            .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                                            .tolerance = 30s}})
                           .value();
  const auto with = [&](std::int64_t login) {
    claims_.set("auth_time", unix_seconds(kNow) + login);
    const auto read = issuers.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow);
    return read ? "read" : std::string(reason_code(read.error().reason));
  };
  EXPECT_EQ(with(-3600), "read");
  EXPECT_EQ(with(30), "read") << "its clock may be ahead";
  EXPECT_EQ(with(31), "token_malformed");
  EXPECT_EQ(with(86400), "token_malformed");
}

TEST_F(TrustedIssuersTest, ATokenForSeveralThatNamesNoClientIsRefused) {
  auto several = Json::array();
  several.push("writ");
  several.push("account");
  claims_.set("aud", several);
  EXPECT_EQ(outcome(), "audience_mismatch");
  claims_.set("azp", "support-portal");
  EXPECT_EQ(outcome(), "nora/north");
}

// RFC 9068: it says that it is for a user, and whose it is.
TEST_F(TrustedIssuersTest, AnAccessTokenForWritIsItsClientsToExchange) {
  EXPECT_EQ(outcome(key_, "at+jwt"), "token_type") << "nobody's";
  claims_.set("client_id", "8f2e");
  EXPECT_EQ(outcome(key_, "at+jwt"), "token_type") << "its client's alone";
  claims_.set("client_id", "portal");
  claims_.set("sub", "nora");
  const auto subject = issuers_.verify(jose::sign_jws(key_, claims_.dump(), "at+jwt").value(), kNow);
  ASSERT_TRUE(subject) << subject.error().message;
  EXPECT_EQ(subject->id, "nora");
  EXPECT_EQ(subject->client, "portal");
  claims_.set("aud", "https://invoices.acme.example");
  EXPECT_EQ(outcome(key_, "at+jwt"), "audience_mismatch");
}

TEST_F(TrustedIssuersTest, AnAccessTokenThatNamesNoClientIsNobodysToExchange) {
  TrustedIssuer keycloak{.issuer = "https://idp.acme.example",
                         .audience = "writ",
                         .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                         .mapping = {}};
  keycloak.profile = find_profile("keycloak");
  const auto issuers = TrustedIssuers::of({keycloak}).value();
  claims_.set("typ", "Bearer");
  claims_.set("preferred_username", "nora");
  const auto refused = issuers.verify(jose::sign_jws(key_, claims_.dump(), "at+jwt").value(), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason_code(refused.error().reason), "caller_unknown");
  claims_.set("azp", "portal");
  EXPECT_TRUE(issuers.verify(jose::sign_jws(key_, claims_.dump(), "at+jwt").value(), kNow));
}

// Okta's `sub` is the user's id in an ID token, and the login in an access token.
TEST_F(TrustedIssuersTest, AUserIsTheSameByAnIdTokenAndByAnAccessToken) {
  TrustedIssuer okta{.issuer = "https://idp.acme.example",
                     .audience = "writ",
                     .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                     .mapping = {}};
  okta.profile = find_profile("okta");
  okta.access_subject = std::string(okta.profile->subject);
  const auto issuers = TrustedIssuers::of({okta}).value();
  claims_.set("sub", "00uid4");
  claims_.set("jti", "ID.1");
  EXPECT_EQ(issuers.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow).value().id, "00uid4");
  claims_.set("sub", "nora@acme.example");
  claims_.set("uid", "00uid4");
  claims_.set("cid", "0oa1portal");
  claims_.set("jti", "AT.1");
  EXPECT_EQ(issuers.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow).value().id, "00uid4");
}

TEST_F(TrustedIssuersTest, AnUnknownIssuerIsNamed) {
  claims_.set("iss", "https://idp.acme.example/");
  const auto refused = issuers_.verify(jose::sign_jws(key_, claims_.dump(), "JWT").value(), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the token's issuer `https://idp.acme.example/` is not a trusted one");
}

TEST_F(TrustedIssuersTest, ATokenForItsClientAloneIsNoUserWhateverItsProviderCallsIt) {
  const auto with_profile = [&](std::string_view profile, std::string_view claims) {
    TrustedIssuer issuer{.issuer = "https://idp.acme.example",
                         .audience = "writ",
                         .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                         .mapping = {}};
    if (!profile.empty()) issuer.profile = find_profile(profile);
    issuer.mapping.subject = std::string(issuer.profile->subject_of_id);
    auto all = codec::parse_json(claims).value();
    for (const auto* name : {"iss", "aud", "iat", "exp"}) all.set(name, *claims_.find(name));
    const auto subject =
        TrustedIssuers::of({issuer}).value().verify(jose::sign_jws(key_, all.dump(), "JWT").value(), kNow);
    return subject ? subject->id : std::string(reason_code(subject.error().reason));
  };
  const std::pair<std::string_view, std::string_view> own[] = {
      {"", R"({"sub":"batch","client_id":"batch"})"},
      {"keycloak",
       R"({"sub":"d952","typ":"Bearer","azp":"b","client_id":"b","preferred_username":"service-account-b"})"},
      {"keycloak", R"({"sub":"d952","typ":"Bearer","azp":"b","preferred_username":"service-account-b"})"},
      {"entra", R"({"sub":"11bb","oid":"11bb","azp":"22","idtyp":"app","roles":["r"]})"},
      {"okta", R"({"sub":"0oa2","cid":"0oa2","jti":"AT.x","scp":["r"]})"},
      {"auth0", R"({"sub":"Batch@clients","azp":"Batch","gty":"client-credentials"})"},
      {"google", R"({"sub":"1122","azp":"1122","email":"b@p.iam.gserviceaccount.com"})"},
      {"cognito", R"({"sub":"2ex","client_id":"2ex","token_use":"access","scope":"r/s"})"},
      {"curity", R"({"sub":"batch","client_id":"batch","purpose":"access_token"})"},
      {"curity", R"({"sub":"service of batch","client_id":"batch","purpose":"access_token"})"},
      {"ping", R"({"sub":"nightly export","client_id":"4c2b","scope":"read"})"}};
  for (const auto& [profile, claims] : own) EXPECT_EQ(with_profile(profile, claims), "token_type") << claims;
  const std::pair<std::string_view, std::string_view> users[] = {
      {"", R"({"sub":"nora","azp":"portal","nonce":"n"})"},
      {"keycloak", R"({"sub":"nora","typ":"ID","azp":"portal","preferred_username":"nora"})"},
      {"keycloak", R"({"sub":"nora","typ":"Bearer","azp":"portal","preferred_username":"nora"})"},
      {"entra", R"({"sub":"pairwise","oid":"nora","nonce":"n"})"},
      {"okta", R"({"sub":"nora","jti":"ID.x"})"},
      {"auth0", R"({"sub":"nora","nonce":"n"})"},
      {"google", R"({"sub":"nora","azp":"1.apps.googleusercontent.com","email":"nora@acme.example"})"},
      {"cognito", R"({"sub":"nora","token_use":"id"})"},
      {"curity", R"({"sub":"nora","azp":"portal","purpose":"id"})"},
      {"curity", R"({"sub":"nora","client_id":"portal","purpose":"access_token","acr":"html-form"})"},
      {"ping", R"({"sub":"nora","client_id":"3b1a","sid":"s"})"}};
  for (const auto& [profile, claims] : users) EXPECT_EQ(with_profile(profile, claims), "nora") << claims;
}

TEST_F(TrustedIssuersTest, AMissingSubjectOrAClaimOfAnotherShapeIsRefused) {
  const auto good = claims_;
  claims_.set("user", 7);
  EXPECT_EQ(outcome(), "token_malformed");
  claims_.set("user", "nora\n");
  EXPECT_EQ(outcome(), "token_malformed");
  claims_ = good;
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "user"; });
  EXPECT_EQ(outcome(), "token_malformed");
  claims_ = good;
  claims_.set("org", Json::array());
  EXPECT_EQ(outcome(), "token_malformed");
}

TEST_F(TrustedIssuersTest, AnAbsentTenantStaysAbsent) {
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "org"; });
  EXPECT_EQ(outcome(), "nora/-");
}

TEST(TrustedIssuers, RefusesTwoEntriesForOneIssuer) {
  const TrustedIssuer one{
      .issuer = "https://a.example", .audience = "writ", .keys = jose::JwkSet::of({}).value(), .mapping = {}};
  EXPECT_FALSE(TrustedIssuers::of({one, one}).has_value());
  EXPECT_TRUE(TrustedIssuers::of({one}).has_value());
}

TEST(TrustedIssuers, WhereClientsAreMappedAnyOtherNameIsNobodysHere) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  const auto issuers = TrustedIssuers::of({{.issuer = "https://a.example",
                                            .audience = "writ",
                                            .keys = jose::JwkSet::of({key.public_jwk()}).value(),
                                            .mapping = {},
                                            .clients = {{"0af3", "support-portal"}}}})
                           .value();
  const auto client_of = [&](std::string_view azp) {
    const auto claims = Json::object({{"iss", "https://a.example"},
                                      {"sub", "nora"},
                                      {"aud", "writ"},
                                      {"azp", azp},
                                      {"iat", unix_seconds(kNow)},
                                      {"exp", unix_seconds(kNow) + 60}});
    return issuers.verify(jose::sign_jws(key, claims.dump(), "JWT").value(), kNow).value().client;
  };
  EXPECT_EQ(client_of("0af3"), "support-portal");
  EXPECT_EQ(client_of("support-portal"), "https://a.example support-portal");
}

TEST_F(TrustedIssuersTest, KeysOfAFileThatWasReadAgainAreTakenOverOnceThatIsRecorded) {
  const auto next = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto now = issuers_.all();
  now[0].keys = jose::JwkSet::of({next.public_jwk()}).value();
  now[0].audience = "elsewhere";  // that is for the next start
  EXPECT_FALSE(issuers_.take_over(now, [](auto, auto) { return failure(ErrorCode::kIo, "full"); }));
  EXPECT_EQ(outcome(), "nora/north");
  std::string said;
  const auto record = [&](std::string_view issuer, const TrustedIssuers::Change& change) -> Result<void> {
    said.append(issuer).append(" ").append(change.difference);
    return {};
  };
  EXPECT_TRUE(issuers_.take_over(now, record));
  EXPECT_EQ(said, "https://idp.acme.example added `" + next.kid() + "`; removed `" + key_.kid() + "`");
  EXPECT_EQ(outcome(), "token_signature");
  EXPECT_EQ(outcome(next), "nora/north");
  said.clear();
  EXPECT_TRUE(issuers_.take_over(now, record));
  now[0].issuer = "https://another.example";
  EXPECT_TRUE(issuers_.take_over(now, record));
  EXPECT_EQ(said, "");
}

TEST(TrustedIssuers, NamespacesDoNotOverlap) {
  const auto with = [](std::string issuer, std::string prefix) {
    return TrustedIssuer{.issuer = std::move(issuer),
                         .audience = "writ",
                         .keys = jose::JwkSet::of({}).value(),
                         .mapping = {},
                         .subject_prefix = std::move(prefix)};
  };
  for (const auto& [one, other, fine] : std::initializer_list<std::tuple<const char*, const char*, bool>>{
           {"", "", false}, {"", "b:", true}, {"a:", "b:", true}, {"a", "a:", false}, {"a:", "a:", false}})
    EXPECT_EQ(
        TrustedIssuers::of({with("https://a.example", one), with("https://b.example", other)}).has_value(),
        fine)
        << one << " beside " << other;
}

// Whatever they call users, no two issuers name the same one.
TEST(TrustedIssuersProperty, NoIssuerNamesAnothersUser) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  const auto with = [&](std::string issuer, std::string prefix) {
    return TrustedIssuer{.issuer = std::move(issuer),
                         .audience = "writ",
                         .keys = jose::JwkSet::of({key.public_jwk()}).value(),
                         .mapping = {},
                         .subject_prefix = std::move(prefix)};
  };
  const auto issuers = TrustedIssuers::of({with("https://a.example", ""), with("https://b.example", "b:"),
                                           with("https://c.example", "c")})
                           .value();
  std::map<std::string, std::string> whose;
  std::mt19937 random(7);
  for (int i = 0; i < 600; ++i) {
    const std::string issuer = std::string("https://") + "abc"[random() % 3] + ".example";
    std::string sub;
    for (std::size_t length = 1 + random() % 4; sub.size() < length;) sub += "bc:n"[random() % 4];
    const auto claims = Json::object({{"iss", issuer},
                                      {"sub", sub},
                                      {"aud", "writ"},
                                      {"iat", unix_seconds(kNow)},
                                      {"exp", unix_seconds(kNow) + 60}});
    const auto user = issuers.verify(jose::sign_jws(key, claims.dump(), "JWT").value(), kNow);
    if (!user) {
      EXPECT_EQ(issuer, "https://a.example") << sub;
      continue;
    }
    EXPECT_EQ(whose.try_emplace(user->id, issuer).first->second, issuer) << user->id;
  }
}

}  // namespace
}  // namespace writ::oauth::trusted_issuers_test
