#include "gateway/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/target.h"

namespace writ::gateway::routes_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RouteSpec route(std::string method, std::string path, std::string resource_id = "all") {
  return {.method = std::move(method),
          .path = std::move(path),
          .api = "invoices",
          .action = {"Billing::Action", "read"},
          .resource_type = "Billing::Invoice",
          .resource_id = std::move(resource_id),
          .attributes = {},
          .upstream = "http://127.0.0.1:9001/base"};
}

Error error_of(std::vector<RouteSpec> specs) {
  auto made = Routes::make(std::move(specs));
  EXPECT_FALSE(made.has_value());
  return made ? Error{} : made.error();
}
std::string message_of(RouteSpec spec) {
  return error_of({std::move(spec)}).message;
}

std::string filled(const TextTemplate& text, const std::vector<std::string_view>& values) {
  std::string out;
  text.append(out, values);
  return out;
}

// `/static/**`: one route for whatever is below a path.
TEST(Routes, TheRestOfAPathIsAParameterWithSlashes) {
  auto spec = route("GET", "/tenants/{tenant}/files/**", "{tenant}/{**}");
  spec.attributes = {{"place", "{**}"}};
  const auto routes =
      Routes::make({spec, route("GET", "/files/{x}/a+b", "{x}"), route("GET", "/**", "all")}).value();
  const auto resource_of = [&](std::string_view target) -> std::string {
    const auto parsed = http::parse_target(target);
    if (!parsed) return "refused";
    http::Request request;
    request.method = "GET";
    request.path = parsed->path;
    request.encoded_path = parsed->encoded_path;
    std::vector<std::string_view> values;
    const auto* found = routes.match(request, values).route;
    return found == nullptr ? "none" : filled(found->resource_id(), values);
  };
  EXPECT_EQ(resource_of("/tenants/north/files/a/b.css"), "north/a/b.css");
  EXPECT_EQ(resource_of("/tenants/north/files/a%2Bb/c:d"), "north/a+b/c:d");
  EXPECT_EQ(resource_of("/tenants/north/files/f%C3%BCr"), "north/für");
  EXPECT_EQ(resource_of("/tenants/north/files/.well-known"), "north/.well-known");
  EXPECT_EQ(resource_of("/x%2By/z"), "all");
  // What stands before the rest has to be sent as it stands there.
  EXPECT_EQ(resource_of("/files/x/a+b"), "x");
  EXPECT_EQ(resource_of("/files/x/a%2Bb"), "none");
  for (const auto* target : {"/", "/tenants/north/files/", "/tenants/north/files/a/"})
    EXPECT_EQ(resource_of(target), "none");
  for (const auto* target :
       {"/tenants/north/files/../x", "/tenants/north/files/a/%2e%2e/x", "/tenants/north/files/a%2Fb",
        "/tenants/north/files/a//b", "/tenants/north/files/a%5cb", "/tenants/north/files/a;x/b",
        "/tenants/north/files/%252e%252e/x", "/tenants/north/files/a/.", "/tenants/north/files/a%00",
        "/tenants/north/files/%c0%ae%c0%ae/x"})
    EXPECT_EQ(resource_of(target), "refused") << target;
}

TEST(Routes, WhatIsReadBeforeAChangeBelowAPathIsAllOfIt) {
  auto whole = route("PUT", "/files/**", "{**}"), part = route("PUT", "/notes/{x}/**", "{x}");
  whole.answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}}, .id = "/id", .read = "/files/**"};
  part.answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}}, .id = "/id", .read = "/notes/{x}"};
  const auto routes = Routes::make({whole, part}).value();
  std::vector<std::string_view> values;
  EXPECT_EQ(routes.match("PUT", "/files/a/b+c/d", values).route->read_path("/files/a/b%2Bc/d"),
            "/files/a/b%2Bc/d");
  EXPECT_EQ(routes.match("PUT", "/notes/a/b/c", values).route->read_path("/notes/a/b/c"), "/notes/a");
}

TEST(Routes, ARestNeedsASlashApartInAnId) {
  EXPECT_THAT(message_of(route("GET", "/{a}/**", "{a}{**}")),
              HasSubstr("a text with a `/` must stand before `{**}`"));
  EXPECT_THAT(message_of(route("GET", "/{a}", "{**}")), HasSubstr("the path has no parameter `**`"));
  EXPECT_THAT(message_of(route("GET", "/**/{a}", "x")),
              HasSubstr("nothing but a slash may stand behind `**`"));
}

// "/files/a:copy" and "/files/a%3Acopy" may be two paths to an upstream (RFC 3986 §2.2).
TEST(Routes, AReservedCharacterOfATemplateIsSentAsItStandsThere) {
  const auto routes =
      Routes::make({route("GET", "/files/a:copy", "all"), route("GET", "/für/{x}", "{x}"),
                    route("GET", "/files/{x}/a+b", "{x}"), route("POST", "/orders/{x}:cancel", "{x}"),
                    route("GET", "/orders/{x}für", "{x}"),
                    route("GET", "/v{version}/@{x}:y", "{version}/{x}")})
          .value();
  const auto leads = [&](std::string_view target, std::string method = "GET") {
    const auto parsed = http::parse_target(target).value();
    http::Request request;
    request.method = std::move(method);
    request.path = parsed.path;
    request.encoded_path = parsed.encoded_path;
    std::vector<std::string_view> values;
    return routes.match(request, values).route != nullptr;
  };
  for (const auto* target : {"/files/a:copy", "/f%69les/%61:copy", "/f%C3%BCr/a", "/f%c3%bcr/%3A",
                             "/files/a/a+b", "/files/%2B/a+b", "/files/a+b/a+b"})
    EXPECT_TRUE(leads(target)) << target;
  for (const auto* target :
       {"/files/a%3Acopy", "/files/a%3acopy", "/files/a/a%2Bb", "/files/%2B/a%2bb", "/files/a%2Bb/a%2Bb"})
    EXPECT_FALSE(leads(target)) << target;
  for (const auto* target :
       {"/orders/7:cancel", "/orders/%3A:cancel", "/orders/7%2b:%63ancel", "/orders/:cancel:cancel"})
    EXPECT_TRUE(leads(target, "POST")) << target;
  for (const auto* target :
       {"/orders/7%3Acancel", "/orders/7%3acancel", "/orders/:cancel", "/orders/7:cancel%20"})
    EXPECT_FALSE(leads(target, "POST")) << target;
  EXPECT_TRUE(leads("/orders/7f%c3%bcr"));
  for (const auto* target : {"/v1/@7:y", "/%761/@%37:%79", "/v%2B/@%40:y", "/v%40/@%3A:y", "/v1/@:y:y"})
    EXPECT_TRUE(leads(target)) << target;
  for (const auto* target :
       {"/v1/%407:y", "/v1/@7%3Ay", "/v1/%40%40:y", "/v1/@:y", "/v/@7:y", "/V1/@7:y", "/v%2e/7:y"})
    EXPECT_FALSE(leads(target)) << target;
}

TEST(Routes, ARouteByTheBeginOfASegmentIsAboutWhatStandsBehindIt) {
  const auto routes = Routes::make({route("GET", "/v{version}/orders/{order}", "{order}"),
                                    route("GET", "/reports/of-{year}.csv", "{year}")})
                          .value();
  std::vector<std::string_view> values;
  const auto resource = [&](std::string_view path) {
    const auto match = routes.match("GET", path, values);
    std::string text;
    if (match.route != nullptr) match.route->resource_id().append(text, values);
    return text;
  };
  EXPECT_EQ(resource("/v2/orders/7"), "7");
  EXPECT_EQ(resource("/reports/of-2026.csv"), "2026");
  EXPECT_EQ(resource("/reports/of-.csv"), "");
  EXPECT_EQ(resource("/reports/2026.csv"), "");
  EXPECT_THAT(message_of(route("GET", "/of-{a}-{b}", "{a}")), HasSubstr("one parameter at most"));
}

TEST(Routes, ARouteByTheEndOfAPathIsAboutWhatStandsBeforeIt) {
  const auto routes = Routes::make({route("POST", "/orders/{order}:cancel", "{order}"),
                                    route("GET", "/orders/{order}", "{order}")})
                          .value();
  std::vector<std::string_view> values;
  const std::string path = "/orders/7:cancel";
  const auto match = routes.match("POST", path, values);
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(filled(match.route->resource_id(), values), "7");
  // As elsewhere, the methods are those of the path that fits best.
  const auto other = routes.match("GET", path, values);
  EXPECT_EQ(other.route, nullptr);
  EXPECT_EQ(*other.allow, "POST");
}

TEST(Routes, AMatchNamesApiActionResourceAndUpstream) {
  auto spec = route("GET", "/tenants/{tenant}/invoices/{invoice}", "{tenant}/{invoice}");
  spec.attributes = {{"tenant", "{tenant}"}, {"kind", "sales"}, {"label", "no. {invoice}!"}};
  const auto routes = Routes::make({spec}).value();
  EXPECT_EQ(routes.size(), 1u);

  std::vector<std::string_view> values;
  const std::string path = "/tenants/north/invoices/inv-1";
  const auto match = routes.match("GET", path, values);
  ASSERT_NE(match.route, nullptr);
  ASSERT_NE(match.allow, nullptr);
  EXPECT_EQ(*match.allow, "GET");
  EXPECT_EQ(match.route->api(), "invoices");
  EXPECT_EQ(match.route->action().id, "read");
  EXPECT_EQ(match.route->resource_type(), "Billing::Invoice");
  EXPECT_EQ(match.route->upstream().authority, "127.0.0.1:9001");
  EXPECT_EQ(match.route->upstream().path_prefix, "/base");
  EXPECT_THAT(values, ElementsAre("north", "inv-1"));
  EXPECT_EQ(filled(match.route->resource_id(), values), "north/inv-1");
  const auto& attributes = match.route->attributes();
  ASSERT_EQ(attributes.size(), 3u);
  EXPECT_EQ(attributes[0].first, "tenant");
  EXPECT_EQ(filled(attributes[0].second, values), "north");
  EXPECT_EQ(filled(attributes[1].second, values), "sales");
  EXPECT_EQ(filled(attributes[2].second, values), "no. inv-1!");
}

TEST(Routes, ParametersMayComeInAnotherOrderOrNotAtAll) {
  const auto routes =
      Routes::make({route("GET", "/a/{x}/{y}", "{y}/{x}"), route("GET", "/b/{x}", "")}).value();
  std::vector<std::string_view> values;
  const auto swapped = routes.match("GET", "/a/1/2", values);
  EXPECT_EQ(filled(swapped.route->resource_id(), values), "2/1");
  const auto without = routes.match("GET", "/b/1", values);
  EXPECT_EQ(filled(without.route->resource_id(), values), "");
}

TEST(Routes, APathWithoutARouteHasNeitherRouteNorMethods) {
  const auto routes = Routes::make({route("GET", "/invoices/{invoice}", "{invoice}")}).value();
  std::vector<std::string_view> values;
  for (const std::string_view path : {"/", "/invoices", "/invoices/", "/invoices/a/b", "/invoices/a/",
                                      "/Invoices/a", "/invoices//a", "invoices/a", ""}) {
    const auto match = routes.match("GET", path, values);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allow, nullptr) << path;
  }
}

TEST(Routes, AnotherMethodIsToldWhichMethodsThereAre) {
  const auto routes = Routes::make({route("GET", "/invoices"), route("POST", "/invoices"),
                                    route("DELETE", "/invoices/{invoice}", "{invoice}")})
                          .value();
  std::vector<std::string_view> values;
  const auto match = routes.match("PUT", "/invoices", values);
  EXPECT_EQ(match.route, nullptr);
  ASSERT_NE(match.allow, nullptr);
  EXPECT_EQ(*match.allow, "GET, POST");
  EXPECT_EQ(*routes.match("GET", "/invoices/1", values).allow, "DELETE");
}

TEST(Routes, HeadIsNotImpliedByGetAndMethodsAreCaseSensitive) {
  const auto routes = Routes::make({route("GET", "/invoices")}).value();
  std::vector<std::string_view> values;
  for (const std::string_view method : {"HEAD", "OPTIONS", "get", "Get", "GET ", ""}) {
    const auto match = routes.match(method, "/invoices", values);
    EXPECT_EQ(match.route, nullptr) << method;
    EXPECT_NE(match.allow, nullptr) << method;
  }
}

TEST(Routes, TheMoreSpecificTemplateWinsAlsoWithoutTheMethod) {
  const auto routes =
      Routes::make({route("GET", "/users/{user}", "{user}"), route("POST", "/users/me")}).value();
  std::vector<std::string_view> values;
  // The other template matches too, but it would be another resource under the same path.
  const auto match = routes.match("GET", "/users/me", values);
  EXPECT_EQ(match.route, nullptr);
  ASSERT_NE(match.allow, nullptr);
  EXPECT_EQ(*match.allow, "POST");
}

TEST(Routes, WithoutRoutesNothingMatches) {
  const auto routes = Routes::make({}).value();
  std::vector<std::string_view> values;
  EXPECT_EQ(routes.match("GET", "/", values).route, nullptr);
  EXPECT_EQ(routes.size(), 0u);
}

TEST(Routes, RefusesTwoRoutesForOneMethodAndPath) {
  const auto error = error_of({route("GET", "/invoices"), route("GET", "/invoices", "others")});
  EXPECT_EQ(error.code, ErrorCode::kConflict);
  EXPECT_EQ(error.message, "route `GET /invoices`: there is another route for this method and path");
}

TEST(Routes, RefusesAmbiguousTemplates) {
  for (const auto& [a, b] : {std::pair("/{kind}/me", "/users/{id}"), {"/users/{id}", "/users/{name}"}}) {
    const auto error = error_of({route("GET", a), route("POST", b)});
    EXPECT_EQ(error.code, ErrorCode::kConflict) << a;
    EXPECT_THAT(error.message, AllOf(StartsWith("route `POST "), HasSubstr(a), HasSubstr(b)));
  }
}

TEST(Routes, RefusesAPathThatIsNoTemplate) {
  for (const auto* path :
       {"", "invoices", "/a//b", "/a/..", "/a;b", "/%41", "/a/{x", "/a/{}", "/a/{x}/{x}", "/a/{x}.{y}"})
    EXPECT_THAT(message_of(route("GET", path)), StartsWith("route `GET " + std::string(path) + "`: "))
        << path;
}

TEST(Routes, RefusesAParameterThatThePathDoesNotHave) {
  EXPECT_EQ(message_of(route("GET", "/invoices/{invoice}", "{id}")),
            "route `GET /invoices/{invoice}`: the path has no parameter `id`");
  for (const auto* id : {"{}", "{Invoice}", "{ invoice }", "{{invoice}}"})
    EXPECT_THAT(message_of(route("GET", "/invoices/{invoice}", id)), HasSubstr("the path has no parameter"));
  auto spec = route("GET", "/invoices/{invoice}", "{invoice}");
  spec.attributes = {{"tenant", "{tenant}"}};
  EXPECT_THAT(message_of(spec), HasSubstr("the path has no parameter `tenant`"));
}

// `{a}{b}` would be one resource for /1/23 and /12/3, and `{a}-{b}` for /1-2/3 and /1/2-3.
TEST(Routes, RefusesTwoParametersWithoutASlashBetween) {
  for (const auto* id : {"{a}{b}", "{a}-{b}", "x/{a}{b}", "{a}{a}", "{a}/{b}.{a}"})
    EXPECT_THAT(message_of(route("GET", "/{a}/{b}", id)), HasSubstr("a text with a `/` must stand before `{"))
        << id;
  for (const auto* id : {"{a}/{b}", "{a}-/-{b}", "x{a}/{b}y", "{a}/{b}/{a}"})
    EXPECT_TRUE(Routes::make({route("GET", "/{a}/{b}", id)}).has_value()) << id;
}

TEST(Routes, DifferentPathsHaveDifferentResources) {
  const auto routes = Routes::make({route("GET", "/{a}/{b}", "n-{a}/{b}-n")}).value();
  std::vector<std::string> all;
  for (const auto* path : {"/1/23", "/12/3", "/-/-", "/n-/n", "/n-n/1", "/n/n-1"}) {
    std::vector<std::string_view> values;
    all.push_back(filled(routes.match("GET", path, values).route->resource_id(), values));
  }
  std::ranges::sort(all);
  EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
}

TEST(Routes, RefusesUnbalancedBraces) {
  for (const auto* id : {"{a", "{", "x{a"})
    EXPECT_THAT(message_of(route("GET", "/{a}", id)), HasSubstr("a `{` stands without its `}`")) << id;
  for (const auto* id : {"a}", "}", "}{a}", "{a}}", "{a}}{"})
    EXPECT_THAT(message_of(route("GET", "/{a}", id)), HasSubstr("a `}` stands without its `{`")) << id;
}

TEST(Routes, RefusesAnAttributeThatIsGivenTwice) {
  auto spec = route("GET", "/{a}");
  spec.attributes = {{"tenant", "{a}"}, {"tenant", "north"}};
  EXPECT_THAT(message_of(spec), HasSubstr("the attribute `tenant` is given twice"));
}

TEST(Routes, RefusesMethodsThatCannotBeForwarded) {
  for (const auto* method : {"CONNECT", "TRACE"})
    EXPECT_THAT(message_of(route(method, "/")), HasSubstr("can't be forwarded"));
  for (const auto* method : {"", "GET ", "G\r\nT", "GET,POST", "\xc3\xa4"})
    EXPECT_THAT(message_of(route(method, "/")), HasSubstr("is not a method")) << method;
  EXPECT_TRUE(Routes::make({route("PURGE", "/")}).has_value());
}

TEST(Routes, RefusesAnUpstreamThatIsNoOrigin) {
  for (const auto* upstream : {"", "127.0.0.1:9001", "ftp://a", "http://u@a", "http://a/?q"}) {
    auto spec = route("GET", "/");
    spec.upstream = upstream;
    EXPECT_THAT(message_of(spec), StartsWith("route `GET /`: ")) << upstream;
  }
}

TEST(Routes, TakesSoManyRoutesAndNotOneMore) {
  std::vector<RouteSpec> specs;
  for (std::size_t i = 0; i < kMaxRoutes; ++i)
    specs.push_back(route("M" + std::to_string(i % 100), "/p" + std::to_string(i / 100)));
  EXPECT_TRUE(Routes::make(specs).has_value());
  specs.push_back(route("GET", "/one-more"));
  const auto error = error_of(std::move(specs));
  EXPECT_EQ(error.code, ErrorCode::kLimit);
  EXPECT_EQ(error.message, "there are more than 200000 routes");
}

}  // namespace
}  // namespace writ::gateway::routes_test
