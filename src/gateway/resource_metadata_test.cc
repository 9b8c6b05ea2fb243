// RFC 9728: what the gateway says of where tokens for its APIs come from.
#include "gateway/resource_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/gateway.h"

namespace writ::gateway::resource_metadata_test {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kPublic = "https://api.acme.example";

class ResourceMetadata : public ::testing::Test {
 protected:
  // The document, or "none".
  std::string at(std::string_view path, std::string_view method = "GET", std::string_view origin = kPublic) {
    http::Request request;
    request.method = method;
    request.path = request.encoded_path = request.target = path;
    const auto found =
        resource_metadata(request, origin, *routes_, *world_.directory.snapshot(), [](auto api) {
          return std::vector<std::string>{"https://idp.example/" + std::string(api), "https://writ.example"};
        });
    return found ? found->body : "none";
  }

  testing::World world_;
  std::shared_ptr<const Routes> routes_ =
      std::make_shared<const Routes>(Routes::make({{.method = "POST",
                                                    .path = "/invoices/{invoice}",
                                                    .api = "invoices",
                                                    .action = {"Billing::Action", "refund"},
                                                    .resource_type = "Billing::Invoice",
                                                    .resource_id = "{invoice}",
                                                    .attributes = {},
                                                    .upstream = "http://127.0.0.1:1"}})
                                         .value());
};

TEST_F(ResourceMetadata, NamesExactlyWhatWasAskedForAndTheIssuersOfItsApi) {
  EXPECT_EQ(
      at("/.well-known/oauth-protected-resource/invoices/inv-1"),
      R"({"resource":"https://api.acme.example/invoices/inv-1","authorization_servers":)"
      R"(["https://idp.example/invoices","https://writ.example"],"bearer_methods_supported":["header"],)"
      R"("dpop_signing_alg_values_supported":["ES256","EdDSA"]})");
}

TEST_F(ResourceMetadata, ThereIsNoneOfWhatNoRouteLeadsTo) {
  EXPECT_EQ(at("/.well-known/oauth-protected-resource/mail"), "none");
  EXPECT_EQ(at("/.well-known/oauth-protected-resource"), "none");
  EXPECT_EQ(at("/.well-known/oauth-protected-resourceful/invoices/1"), "none");
  EXPECT_EQ(at("/invoices/inv-1"), "none");
  EXPECT_EQ(at("/.well-known/oauth-protected-resource/invoices/inv-1", "POST"), "none");
  EXPECT_EQ(at("/.well-known/oauth-protected-resource/invoices/inv-1", "GET", ""), "none")
      << "no public origin";
}

TEST_F(ResourceMetadata, AnApiThatIsCalledSoIsFoundWithoutARoute) {
  EXPECT_THAT(at("/.well-known/oauth-protected-resource", "GET", testing::kInvoices),
              HasSubstr(R"("resource":"https://invoices.acme.example")"));
}

TEST_F(ResourceMetadata, ItsPlaceIsWrittenWhereItCanBe) {
  EXPECT_EQ(metadata_url(kPublic, "/invoices/a%2Bb"),
            "https://api.acme.example/.well-known/oauth-protected-resource/invoices/a%2Bb");
  EXPECT_EQ(metadata_url(kPublic, "/"), "https://api.acme.example/.well-known/oauth-protected-resource");
  EXPECT_EQ(metadata_url(kPublic, "/a\"b"), "");
}

}  // namespace
}  // namespace writ::gateway::resource_metadata_test
