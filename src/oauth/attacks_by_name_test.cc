// The attacks on tokens of providers that have a name: each is refused, and the audit has the refusal with
// its reason. What is forged here is as good as an attacker can make it without the provider's private key,
// or is good somewhere else.
//
// Attacks on what is fetched (key sets that are huge, slow, redirect or point inside, DNS, discovery) are in
// issuer_keys_test.cc and http/fetcher_test.cc, those of workloads in workload_clients_test.cc, and those
// that need a restart in tests/system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "jose/testing/foreign_jws.h"
#include "oauth/testing/accepted.h"

namespace writ::oauth::testing::attacks_by_name_test {
namespace {

using crypto::testing::ForeignKey;
using ::testing::AnyOf;

Json texts(std::initializer_list<std::string_view> items) {
  auto array = Json::array();
  for (const auto item : items) array.push(item);
  return array;
}

// An API whose provider signs with RS256, as most do.
class AttackByName : public ::testing::Test {
 protected:
  AttackByName() {
    const auto good = world_.ask(AcceptedWorld::bearer(signed_by_rsa(world_.claims())));
    EXPECT_EQ(good, "permit") << "what is forged below is good but for the forgery: " << world_.message;
  }

  static Json header(std::string_view alg = "RS256") {
    return Json::object({{"alg", alg}, {"typ", "at+jwt"}, {"kid", "rsa-1"}});
  }
  std::string signed_by_rsa(const Json& claims, const Json& header = AttackByName::header()) const {
    return jose::testing::foreign_jws(rsa_, header.dump(), claims.dump(), crypto::Algorithm::kRs256);
  }
  static std::string input(const Json& header, const Json& claims) {
    return codec::base64url_encode(header.dump()) + "." + codec::base64url_encode(claims.dump());
  }
  static std::string with_mac(const std::string& input, std::string_view secret) {
    return input + "." + codec::base64url_encode(crypto::as_bytes(crypto::hmac_sha256(secret, input)));
  }

  // The reason; the record that was written last has it too.
  std::string refused(const http::Headers& headers, std::string_view api = "invoices") {
    const auto before = world_.audit.lines().size();
    const auto reason = world_.ask(headers, api);
    EXPECT_NE(reason, "permit");
    EXPECT_EQ(world_.audit.lines().size(), before + 1) << "it was not recorded, or twice";
    EXPECT_EQ(world_.recorded("effect"), "deny");
    EXPECT_EQ(world_.recorded("reason"), reason);
    EXPECT_EQ(world_.recorded("point"), "gateway");
    return reason;
  }
  std::string refused(const std::string& token, std::string_view api = "invoices") {
    return refused(AcceptedWorld::bearer(token), api);
  }

  const ForeignKey rsa_ = ForeignKey::generate(crypto::Algorithm::kRs256);
  const ForeignKey thief_ = ForeignKey::generate(crypto::Algorithm::kRs256);
  AcceptedWorld world_{[this](TrustedIssuer& issuer) {
    issuer.keys = jose::JwkSet::of({jose::Jwk(rsa_.public_key(), "rsa-1")}).value();
  }};
};

// RFC 8725 §2.1: whoever takes the header's word for the algorithm takes a public key for a secret.
TEST_F(AttackByName, AlgorithmConfusionWithAnRsaKeyAsTheSecretOfAnHmac) {
  const auto key = jose::Jwk(rsa_.public_key(), "rsa-1");
  const auto json = key.to_json();
  const std::string secrets[] = {std::string(key.key().raw()), json.dump(),
                                 codec::base64url_decode(*json.find_string("n")).value()};
  for (const auto& secret : secrets) {
    for (const auto* alg : {"HS256", "RS256"})
      EXPECT_THAT(refused(with_mac(input(header(alg), world_.claims()), secret)),
                  AnyOf("token_signature", "token_malformed"));
  }
}

TEST_F(AttackByName, AlgorithmConfusionBetweenRsasOwn) {
  for (const auto& [name, algorithm] :
       {std::pair("PS256", crypto::Algorithm::kPs256), {"RS512", crypto::Algorithm::kRs512}})
    EXPECT_EQ(
        refused(jose::testing::foreign_jws(rsa_, header(name).dump(), world_.claims().dump(), algorithm)),
        "token_signature")
        << name;
}

TEST_F(AttackByName, NoneInEachSpelling) {
  for (const auto* alg : {"none", "None", "NONE", "nOnE", ""}) {
    EXPECT_EQ(refused(input(header(alg), world_.claims()) + "."), "token_signature") << alg;
    EXPECT_THAT(refused(input(header(alg), world_.claims()) + ".AAAA"),
                AnyOf("token_signature", "token_malformed"))
        << alg;
  }
  EXPECT_EQ(refused(input(header(), world_.claims()) + "."), "token_signature") << "and no signature at all";
}

// RFC 7515 §4.1.4: a name among the keys that there are, and nothing else.
TEST_F(AttackByName, AKidThatIsAPathAQueryOrAnAddress) {
  for (const auto* kid : {"../../../../dev/null", "/dev/null", "rsa-1' OR '1'='1",
                          "https://evil.example/keys", "rsa-1\\u0000", "RSA-1", ""}) {
    auto named = header();
    named.set("kid", kid);
    EXPECT_EQ(refused(jose::testing::foreign_jws(thief_, named.dump(), world_.claims().dump(),
                                                 crypto::Algorithm::kRs256)),
              "token_signature")
        << kid;
  }
  const auto empty = with_mac(input(header("HS256"), world_.claims()), "");
  EXPECT_THAT(refused(empty), AnyOf("token_signature", "token_malformed")) << "the content of /dev/null";
}

// RFC 7515 §4.1.2, §4.1.3, §4.1.5 and §4.1.6: what a token says of its own key is the attacker's word.
TEST_F(AttackByName, AKeyOrAnAddressOfOneInTheHeader) {
  const auto key = jose::Jwk(thief_.public_key(), "rsa-1").to_json();
  const std::pair<const char*, Json> said[] = {{"jwk", key},
                                               {"jku", "https://evil.example/keys"},
                                               {"x5u", "https://evil.example/chain.pem"},
                                               {"x5c", texts({"MIIB"})},
                                               {"x5t#S256", std::string(43, 'A')}};
  for (const auto& [name, value] : said) {
    auto forged = header();
    forged.set(name, value);
    EXPECT_EQ(refused(jose::testing::foreign_jws(thief_, forged.dump(), world_.claims().dump(),
                                                 crypto::Algorithm::kRs256)),
              "token_signature")
        << name;
    std::erase_if(*forged.if_object(), [](const auto& member) { return member.first == "kid"; });
    EXPECT_EQ(refused(jose::testing::foreign_jws(thief_, forged.dump(), world_.claims().dump(),
                                                 crypto::Algorithm::kRs256)),
              "token_signature")
        << name << ", and no kid beside it";
  }
}

TEST_F(AttackByName, AnExtensionThatIsCriticalAndUnknownOrAPayloadThatIsNotEncoded) {
  for (const auto& [name, value] :
       {std::pair<const char*, Json>("crit", texts({"exp"})), {"b64", Json(false)}}) {
    auto odd = header();
    odd.set(name, value);
    EXPECT_THAT(refused(signed_by_rsa(world_.claims(), odd)), AnyOf("token_signature", "token_malformed"))
        << name;
  }
}

TEST_F(AttackByName, AJweInATokensPlace) {
  const auto part = codec::base64url_encode(R"({"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT"})");
  EXPECT_THAT(refused(part + ".AAAA.AAAA.AAAA.AAAA"), AnyOf("token_malformed", "token_signature"));
  const auto token = signed_by_rsa(world_.claims());
  EXPECT_THAT(refused(token + ".AAAA.AAAA"), AnyOf("token_malformed", "token_signature"))
      << "a good one, longer";
}

TEST_F(AttackByName, TheJsonSerialisationInATokensPlace) {
  const auto token = signed_by_rsa(world_.claims());
  const auto first = token.find('.'), second = token.find('.', first + 1);
  const auto part =
      Json::object({{"protected", token.substr(0, first)}, {"signature", token.substr(second + 1)}});
  auto flat = part;
  flat.set("payload", token.substr(first + 1, second - first - 1));
  auto general = Json::object({{"payload", token.substr(first + 1, second - first - 1)}});
  general.set("signatures", Json::array()).push(part);
  for (const auto& json : {flat, general}) EXPECT_EQ(refused(json.dump()), "token_malformed");
}

TEST_F(AttackByName, AnIdTokenAnAssertionOrALogoutTokenInPlaceOfAnAccessToken) {
  for (const auto* typ :
       {"JWT", "logout+jwt", "dpop+jwt", "client-authentication+jwt", "token-introspection+jwt"}) {
    auto other = header();
    other.set("typ", typ);
    EXPECT_EQ(refused(signed_by_rsa(world_.claims(), other)), "token_type") << typ;
  }
  for (const auto* claim : {"at_hash", "c_hash", "s_hash", "events"})
    EXPECT_EQ(refused(signed_by_rsa(world_.with({{claim, "x"}}))), "token_type") << claim;
}

// RFC 8725 §3.9, RFC 9068 §5: what is good at an API speaks for nobody at the token service. One that was
// made for Writ is its client's alone.
TEST_F(AttackByName, AnAccessTokenInPlaceOfASubjectToken) {
  for (const auto& aud :
       {Json("api://invoices"), texts({"api://invoices", "api://mail"}), Json("portal-7f3")}) {
    const auto subject =
        world_.issuers.verify(signed_by_rsa(world_.with({{"aud", aud}})), times_of(world_.clock));
    ASSERT_FALSE(subject);
    EXPECT_EQ(reason_code(subject.error().reason), "audience_mismatch");
  }
  const auto for_writ = world_.issuers.verify(
      signed_by_rsa(world_.with({{"aud", enforce::testing::kIssuer}})), times_of(world_.clock));
  ASSERT_TRUE(for_writ) << for_writ.error().message;
  EXPECT_EQ(for_writ->client, "portal-7f3");
  EXPECT_EQ(for_writ->id, "nora");
}

TEST_F(AttackByName, IssuersThatLookAlike) {
  for (const auto* issuer :
       {"https://login.acme.example/", "https://LOGIN.acme.example", "HTTPS://login.acme.example",
        "http://login.acme.example", "https://login.acme.example:443", "https://a@login.acme.example",
        "https://login.acme.example/.", "https://login.acme.example#", "https://login.acme.example?",
        " https://login.acme.example", "https://login.acme.example."})
    EXPECT_THAT(refused(signed_by_rsa(world_.with({{"iss", issuer}}))),
                AnyOf("token_issuer", "token_signature"))
        << issuer;
  EXPECT_THAT(refused(signed_by_rsa(world_.with({{"iss", texts({kProviderOfApis})}}))),
              AnyOf("token_issuer", "token_signature", "token_malformed"));
}

// The same name of two providers are two users, and neither provider can write the other's.
TEST_F(AttackByName, TwoIssuersAndOneSubject) {
  AcceptedWorld partner([&](TrustedIssuer& issuer) { issuer.subject_prefix = "partner:"; });
  ASSERT_EQ(partner.ask(partner.claims()), "permit") << partner.message;
  EXPECT_EQ(partner.permitted->claims().subject, "partner:nora");
  const auto both = TrustedIssuers::of({{.issuer = "https://idp.acme.example",
                                         .audience = "writ",
                                         .keys = jose::JwkSet::of({}).value(),
                                         .mapping = {}},
                                        {.issuer = "https://login.partner.example",
                                         .audience = "writ",
                                         .keys = jose::JwkSet::of({}).value(),
                                         .mapping = {},
                                         .subject_prefix = "partner:"}})
                        .value();
  const auto named = both.user_id(Json::object({{"sub", "partner:nora"}}), ClaimPath("sub"), both.all()[0]);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().reason, Reason::kTokenIssuer);
}

TEST_F(AttackByName, AudienceInjection) {
  for (const auto& aud :
       {texts({"api://invoices", "api://mail"}), texts({"api://invoices", enforce::testing::kIssuer}),
        Json("api://invoices api://mail"), Json("api://invoices,api://mail"), Json("api://invoices/"),
        Json("api://invoices/x"), Json("API://INVOICES"), Json::object({{"api://invoices", true}}),
        Json::array(), texts({""})})
    EXPECT_THAT(refused(signed_by_rsa(world_.with({{"aud", aud}}))),
                AnyOf("audience_mismatch", "token_malformed"))
        << aud.dump();
  EXPECT_EQ(refused(signed_by_rsa(world_.claims()), "mail"), "audience_mismatch")
      << "a good one, carried elsewhere";
}

// Two readers of one token could see two values.
TEST_F(AttackByName, AMemberThatIsThereTwice) {
  auto claims = world_.claims().dump();
  claims.insert(1, R"("aud":"api://mail",)");
  EXPECT_THAT(refused(jose::testing::foreign_jws(rsa_, header().dump(), claims, crypto::Algorithm::kRs256)),
              AnyOf("token_malformed", "token_signature"));
  auto twice = header().dump();
  twice.insert(1, R"("alg":"none",)");
  EXPECT_THAT(
      refused(jose::testing::foreign_jws(rsa_, twice, world_.claims().dump(), crypto::Algorithm::kRs256)),
      AnyOf("token_malformed", "token_signature"));
}

TEST_F(AttackByName, AnotherClientsToken) {
  EXPECT_EQ(refused(signed_by_rsa(world_.with({{"client_id", "somebody"}}))), "caller_unknown");
  EXPECT_EQ(refused(signed_by_rsa(world_.with({{"client_id", "support-portal"}}))), "caller_unknown")
      << "called as one of ours";
  EXPECT_EQ(refused(signed_by_rsa(world_.with({{"azp", "mkt-001"}}))), "caller_mismatch") << "of two at once";
}

TEST_F(AttackByName, AStaleCacheAfterARevocation) {
  const auto token = signed_by_rsa(world_.claims());
  ASSERT_EQ(world_.ask(AcceptedWorld::bearer(token)), "permit");
  ASSERT_EQ(world_.ask(AcceptedWorld::bearer(token)), "permit") << "it is remembered by now";
  ASSERT_TRUE(world_.tokens.revocations.revoke({std::string(kProviderOfApis) + " t-1", kNow + 10min}));
  EXPECT_EQ(refused(token), "token_revoked");
}

TEST_F(AttackByName, AStolenTokenThatIsBoundToAKeyOrACertificate) {
  for (const auto* member : {"jkt", "x5t#S256"})
    EXPECT_EQ(refused(signed_by_rsa(world_.with({{"cnf", Json::object({{member, std::string(43, 'a')}})}}))),
              "sender_binding_missing")
        << member;
}

}  // namespace
}  // namespace writ::oauth::testing::attacks_by_name_test
