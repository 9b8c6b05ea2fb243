#include "oauth/metadata.h"

#include <gtest/gtest.h>

#include "codec/json.h"

namespace writ::oauth::metadata_test {
namespace {

using codec::Json;

Json document(const Locations& locations) {
  return codec::parse_json(metadata_response(locations).body).value();
}
Locations acme() {
  return {"https://writ.example", "https://writ.example/oauth2/token", "https://writ.example/oauth2/jwks"};
}

// RFC 8414 §2.
TEST(Metadata, NamesWhatIsRequired) {
  const auto json = document(acme());
  EXPECT_EQ(*json.find("issuer"), Json("https://writ.example"));
  EXPECT_EQ(*json.find("token_endpoint"), Json("https://writ.example/oauth2/token"));
  EXPECT_EQ(*json.find("jwks_uri"), Json("https://writ.example/oauth2/jwks"));
  EXPECT_EQ(*json.find("response_types_supported"), Json::array());
  // Clients may have keys of more kinds than proofs.
  EXPECT_NE(json.find("token_endpoint_auth_signing_alg_values_supported")->dump().find("\"RS256\""),
            std::string::npos);
  EXPECT_EQ(json.find("dpop_signing_alg_values_supported")->dump(), R"(["ES256","EdDSA"])");
}

TEST(Metadata, NamesRevocationOnlyWhereItIsServed) {
  auto locations = acme();
  EXPECT_EQ(document(locations).find("revocation_endpoint"), nullptr);
  locations.revocation_endpoint = "https://writ.example/oauth2/revoke";
  const auto json = document(locations);
  EXPECT_EQ(*json.find("revocation_endpoint"), Json("https://writ.example/oauth2/revoke"));
  EXPECT_EQ(*json.find("revocation_endpoint_auth_methods_supported"),
            *json.find("token_endpoint_auth_methods_supported"));
}

// RFC 8414 §2, RFC 7662 §4.
TEST(Metadata, NamesIntrospectionOnlyWhereItIsServed) {
  auto locations = acme();
  EXPECT_EQ(document(locations).find("introspection_endpoint"), nullptr);
  locations.introspection_endpoint = "https://writ.example/oauth2/introspect";
  const auto json = document(locations);
  EXPECT_EQ(*json.find("introspection_endpoint"), Json("https://writ.example/oauth2/introspect"));
  EXPECT_EQ(*json.find("introspection_endpoint_auth_methods_supported"),
            *json.find("token_endpoint_auth_methods_supported"));
}

// RFC 8705 §2.1.1, §2.2.1.
TEST(Metadata, NamesCertificatesOnlyWhereTheyAreAskedFor) {
  auto locations = acme();
  const auto methods = [&] {
    return document(locations).find("token_endpoint_auth_methods_supported")->dump();
  };
  EXPECT_EQ(methods(), R"(["private_key_jwt","client_secret_basic","client_secret_post"])");
  locations.certificates = true;
  EXPECT_NE(methods().find(R"("tls_client_auth","self_signed_tls_client_auth")"), std::string::npos);
}

TEST(Metadata, KeysAreAllPublished) {
  const auto first = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto second = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  const auto ring = token::KeyRing::of({second, first}).value();
  const auto response = jwks_response(*ring, std::chrono::hours(1));
  EXPECT_EQ(codec::parse_json(response.body).value().find("keys")->if_array()->size(), 2u);
  EXPECT_EQ(response.body.find("\"d\""), std::string::npos) << "no private member";
}

// Whoever keeps a copy from before the next key was published has fetched another one when it signs.
TEST(Metadata, KeysAreKeptForNoLongerThanTheNextIsPublishedAhead) {
  const auto ring =
      token::KeyRing::of({jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()}).value();
  const auto said = [&](std::chrono::milliseconds ahead) {
    return std::string(*jwks_response(*ring, ahead).headers.find("Cache-Control"));
  };
  EXPECT_EQ(said(std::chrono::hours(1)), "public, max-age=60");
  EXPECT_EQ(said(std::chrono::seconds(60)), "public, max-age=60");
  EXPECT_EQ(said(std::chrono::milliseconds(5'999)), "public, max-age=5");
  EXPECT_EQ(said(std::chrono::milliseconds(0)), "public, max-age=0");
}

}  // namespace
}  // namespace writ::oauth::metadata_test
