#include "gateway/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/proxy_answers.h"
#include "gateway/routes.h"
#include "http/target.h"

namespace writ::gateway::hosts_test {
namespace {

using ::testing::HasSubstr;

RouteSpec route(std::string api, std::vector<std::string> hosts, std::string path = "/orders/{order}",
                std::string method = "GET") {
  return {.method = std::move(method),
          .path = std::move(path),
          .api = std::move(api),
          .action = {"Shop::Action", "read"},
          .resource_type = "Shop::Order",
          .resource_id = "all",
          .attributes = {},
          .upstream = "http://127.0.0.1:9001",
          .hosts = std::move(hosts)};
}

http::Request request(std::string_view host, std::string_view target = "/orders/1",
                      std::string_view method = "GET") {
  const auto parsed = http::parse_target(target).value();
  http::Request made;
  made.method = method;
  made.path = parsed.path;
  made.encoded_path = parsed.encoded_path;
  made.query = parsed.query;
  made.host = host;
  return made;
}

// The API, or what is said without one.
std::string api_of(const Routes& routes, const http::Request& asked) {
  std::vector<std::string_view> values;
  const auto [route, allow] = routes.match(asked, values);
  if (route != nullptr) return route->api();
  return allow != nullptr ? "only " + *allow : "nothing";
}

TEST(Hosts, APatternIsANameOrOneLabelMore) {
  EXPECT_EQ(host_pattern("API.Acme.example").value(), "api.acme.example");
  EXPECT_EQ(host_pattern("*.acme.example").value(), "*.acme.example");
  EXPECT_EQ(host_pattern("**.Acme.example").value(), "**.acme.example");
  EXPECT_EQ(host_pattern("localhost").value(), "localhost");
  EXPECT_EQ(host_pattern("[::1]").value(), "[::1]");
  const std::string long_label(64, 'a');
  const std::vector<std::string> wrong = {"",
                                          "*",
                                          "*.",
                                          "*.example",
                                          "a*.acme.example",
                                          "*.*.acme.example",
                                          "**",
                                          "**.",
                                          "**.example",
                                          "**acme.example",
                                          "***.acme.example",
                                          "**.*.acme.example",
                                          "api.**.acme.example",
                                          "**.[::1]",
                                          "api.acme.example:443",
                                          "https://api.acme.example",
                                          "a..b",
                                          ".a",
                                          "a.",
                                          "-a.example",
                                          "a b",
                                          "a/b",
                                          "[::1",
                                          "[x]",
                                          "*.[::1]",
                                          long_label};
  for (const auto& text : wrong) {
    const auto made = host_pattern(text);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, HasSubstr("is not a host")) << text;
  }
}

TEST(Hosts, OfARequestTheNameAloneCounts) {
  for (const auto* host : {"a.example", "a.example:8443", "a.example.", "a.example.:80"})
    EXPECT_EQ(host_name(host), "a.example") << host;
  EXPECT_EQ(host_name("[::1]:80"), "[::1]");
  EXPECT_EQ(host_name(""), "");
  EXPECT_EQ(host_name("[::1"), "[");
  EXPECT_EQ(wildcard_of("a.b.example"), "*.b.example");
  EXPECT_EQ(wildcard_of("localhost"), "");
  EXPECT_EQ(wildcard_of(".b.example"), "");
}

TEST(Hosts, ARequestGoesByItsHostThenTheWildcardThenEveryHost) {
  const auto routes =
      Routes::make({route("shop", {"shop.acme.example", "localhost"}), route("tenants", {"*.acme.example"}),
                    route("any", {}), route("any", {}, "/health", "GET"),
                    route("any", {}, "/orders/{order}", "PUT")})
          .value();
  for (const auto* host : {"shop.acme.example", "shop.acme.example:8443", "localhost:1"})
    EXPECT_EQ(api_of(routes, request(host)), "shop") << host;
  EXPECT_EQ(api_of(routes, request("north.acme.example")), "tenants");
  for (const auto* host : {"acme.example", "a.b.acme.example", "evil.example",
                           "shop.acme.example.evil.example", "", "xshop_acme.example", "*.acme.example.x"})
    EXPECT_EQ(api_of(routes, request(host)), "any") << host;
  EXPECT_EQ(api_of(routes, request("shop.acme.example", "/health")), "any");
  EXPECT_EQ(api_of(routes, request("shop.acme.example", "/orders/1", "PUT")), "any");
  EXPECT_EQ(api_of(routes, request("shop.acme.example", "/orders/1", "DELETE")), "only GET");
}

TEST(Hosts, ASuffixIsForAnyNumberOfLabelsAndTheLongestOneComesFirst) {
  const auto routes =
      Routes::make({route("exact", {"shop.acme.example"}), route("one", {"*.acme.example"}),
                    route("suffix", {"**.acme.example"}), route("deeper", {"**.north.acme.example"}),
                    route("suffix", {"**.acme.example"}, "/health"),
                    route("suffix", {"**.acme.example"}, "/orders/{order}", "PUT"), route("any", {})})
          .value();
  for (const auto& [host, api] :
       std::vector<std::pair<std::string, std::string>>{{"shop.acme.example", "exact"},
                                                        {"south.acme.example", "one"},
                                                        {"a.south.acme.example", "suffix"},
                                                        {"a.b.c.south.acme.example:8443", "suffix"},
                                                        {"north.acme.example", "one"},
                                                        {"a.north.acme.example", "deeper"},
                                                        {"a.b.north.acme.example.", "deeper"},
                                                        {"acme.example", "any"},
                                                        {"evil-acme.example", "any"},
                                                        {"a.b.acme.example.evil.example", "any"},
                                                        {"a..", "any"},
                                                        {"[::1]:80", "any"},
                                                        {"", "any"}})
    EXPECT_EQ(api_of(routes, request(host)), api) << host;
  // Where those before have no such path, or not that method.
  EXPECT_EQ(api_of(routes, request("shop.acme.example", "/health")), "suffix");
  EXPECT_EQ(api_of(routes, request("a.north.acme.example", "/health")), "suffix");
  EXPECT_EQ(api_of(routes, request("shop.acme.example", "/orders/1", "PUT")), "suffix");
}

TEST(Hosts, TwoRoutesForOneSuffixMethodAndPathAreRefused) {
  const auto made = Routes::make({route("shop", {"**.acme.example"}), route("other", {"**.ACME.example"})});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("host `**.acme.example`: there is another route"));
}

TEST(Hosts, WithoutItsHostAnApiIsNotReached) {
  const auto routes = Routes::make({route("shop", {"shop.acme.example"})}).value();
  EXPECT_EQ(api_of(routes, request("shop.acme.example")), "shop");
  for (const auto* host : {"", "acme.example", "shop.acme.exampl", "127.0.0.1:80", "[::1]:80"})
    EXPECT_EQ(api_of(routes, request(host)), "nothing") << host;
  // For tools, which name none.
  std::vector<std::string_view> values;
  EXPECT_NE(routes.match("GET", "/orders/1", values).route, nullptr);
  EXPECT_NE(routes.match_anywhere(request(""), values).route, nullptr);
}

TEST(Hosts, TwoRoutesForOneHostMethodAndPathAreRefused) {
  auto made = Routes::make({route("shop", {"shop.acme.example"}), route("other", {"SHOP.acme.example"})});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("host `shop.acme.example`: there is another route"));
  made =
      Routes::make({route("shop", {"*.acme.example"}), route("other", {"*.acme.example"}, "/orders/{id}")});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("differ only in the names of parameters"));
  EXPECT_TRUE(Routes::make({route("shop", {"a.example"}), route("other", {"b.example"}), route("any", {})}));
  EXPECT_FALSE(Routes::make({route("shop", {"https://a.example"})}));
}

// ---- slashes ----

std::string redirect_of(const Routes& routes, const http::Request& asked) {
  std::vector<std::string_view> values;
  const auto match = routes.match(asked, values);
  if (match.route != nullptr) return "route";
  const auto redirect = slash_redirect(routes, match, asked);
  if (!redirect) return "none";
  EXPECT_EQ(redirect->status, 308);
  return std::string(redirect->headers.find("Location").value());
}

Routes with_redirects() {
  std::vector<RouteSpec> specs = {route("shop", {}, "/orders"), route("shop", {}, "/orders/{order}/"),
                                  route("shop", {}, "/orders", "POST"), route("shop", {}, "/{x}/")};
  for (auto& spec : specs) spec.redirects_slash = true;
  specs.push_back(route("plain", {}, "/plain"));
  return Routes::make(std::move(specs)).value();
}

TEST(SlashRedirects, LeadToTheRouteThatIsThere) {
  const auto routes = with_redirects();
  EXPECT_EQ(redirect_of(routes, request("h", "/orders/7?a=%2F")), "/orders/7/?a=%2F");
  EXPECT_EQ(redirect_of(routes, request("h", "/orders/%C3%BC")), "/orders/%C3%BC/");
  EXPECT_EQ(redirect_of(routes, request("h", "/orders")), "route");
  EXPECT_EQ(redirect_of(routes, request("h", "/x")), "/x/");
}

TEST(SlashRedirects, NeverOfAMethodThatChangesSomethingOrWhereNobodyAskedForThem) {
  const auto routes = with_redirects();
  EXPECT_EQ(redirect_of(routes, request("h", "/orders/7", "POST")), "none");
  EXPECT_EQ(redirect_of(routes, request("h", "/orders/7", "HEAD")), "none") << "it has no route for HEAD";
  EXPECT_EQ(redirect_of(routes, request("h", "/orders", "DELETE")), "none") << "the path is there: 405";
  const auto plain = Routes::make({route("plain", {}, "/plain")}).value();
  EXPECT_EQ(redirect_of(plain, request("h", "/plain/")), "none");
}

TEST(SlashRedirects, NeverLeadToAnotherServer) {
  const auto routes = with_redirects();
  // As a parser that takes `//` would hand it out.
  http::Request asked;
  asked.method = "GET";
  asked.path = asked.encoded_path = "//evil.example";
  EXPECT_EQ(redirect_of(routes, asked), "none");
  asked.path = asked.encoded_path = "/";
  EXPECT_EQ(redirect_of(routes, asked), "none");
}

}  // namespace
}  // namespace writ::gateway::hosts_test
