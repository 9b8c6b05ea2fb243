#include "init/draft.h"

#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>

#include "init/testing/documents.h"

namespace writ::init::draft_test {
namespace {

using testing::draft_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::notes_of;
using testing::reading_of;
using testing::routes_of;

TEST(Draft, TheLastParameterNamesTheResourceAndTheRestOfThePathTheAction) {
  EXPECT_EQ(routes_of(draft_of(R"(paths:
  /orders: {get: {operationId: listOrders}, post: {}}
  /orders/{order_id}: {get: {}, delete: {}, patch: {}, put: {}}
  /orders/{order_id}/items: {get: {}, post: {}}
  /orders/{order_id}/approve: {post: {}}
  /orders/{order_id}/items/{item}: {get: {}}
  /v1/{account}/user/settings: {get: {}}
  /: {get: {}}
)")),
            "GET /orders listOrders Collection orders\n"
            "POST /orders createOrder Collection orders\n"
            "GET /orders/{order_id} getOrder Order {order_id}\n"
            "DELETE /orders/{order_id} deleteOrder Order {order_id}\n"
            "PATCH /orders/{order_id} updateOrder Order {order_id}\n"
            "PUT /orders/{order_id} replaceOrder Order {order_id}\n"
            "GET /orders/{order_id}/items listOrderItems Order {order_id}\n"
            "POST /orders/{order_id}/items createOrderItem Order {order_id}\n"
            "POST /orders/{order_id}/approve approveOrder Order {order_id}\n"
            "GET /orders/{order_id}/items/{item} getItem Item {order_id}/{item}\n"
            "GET /v1/{account}/user/settings listAccountSettings Account {account}\n"
            "GET / getRoot Collection orders\n");
}

TEST(Draft, TwoKindsOfIdAreTwoTypes) {
  EXPECT_EQ(routes_of(draft_of(R"(paths:
  /customers/{customer}/orders/{order}: {get: {}}
  /orders/{id}: {get: {}}
  /v2/orders/{id}: {get: {}}
)")),
            "GET /customers/{customer}/orders/{order} getCustomerOrder CustomerOrder {customer}/{order}\n"
            "GET /orders/{id} getOrder Order {id}\n"
            "GET /v2/orders/{id} getV2Order V2Order {id}\n");
}

TEST(Draft, TheServersPathStandsBeforeEachRoute) {
  const auto draft = draft_of(
      "servers: [{url: 'https://api.shop.example/{stage}/', variables: {stage: {default: v1}}}]\n"
      "paths: {/orders: {get: {}}}\n");
  EXPECT_EQ(routes_of(draft), "GET /v1/orders listOrders Collection orders\n");
  EXPECT_EQ(draft.settings.upstream, "https://api.shop.example");
  EXPECT_EQ(draft.settings.audience, "https://api.shop.example/v1");
}

TEST(Draft, ATenantInThePathIsTheResources) {
  const auto draft = draft_of("paths: {'/tenants/{tenantId}/orders/{order}': {get: {}}}\n");
  ASSERT_EQ(draft.routes.size(), 1u);
  EXPECT_EQ(draft.routes[0].attributes,
            (std::vector<std::pair<std::string, std::string>>{{"tenant", "{tenantId}"}}));
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, PathsThatNoRequestCanTellApartAreOne) {
  const auto draft = draft_of(R"(paths:
  /orders/{id}: {get: {}}
  /orders/{order}: {get: {}, put: {}}
)");
  EXPECT_EQ(routes_of(draft),
            "GET /orders/{id} getOrder Order {id}\nPUT /orders/{id} replaceOrder Order {id}\n");
  EXPECT_THAT(notes_of(draft),
              HasSubstr("! GET /orders/{order}: no request can tell it from `GET /orders/{id}`"));
}

TEST(Draft, OfPathsThatOverlapTheOneThatIsMostInTheWayIsLeftOut) {
  const auto draft = draft_of(R"(paths:
  /guilds/templates/{code}: {get: {}}
  /guilds/{guild}/roles: {get: {}}
  /guilds/{guild}/channels: {get: {}, post: {}}
  /guilds/me: {get: {}}
  /guilds/{guild}: {get: {}}
)");
  EXPECT_EQ(draft.routes.size(), 5u);
  EXPECT_THAT(notes_of(draft), HasSubstr("! GET /guilds/templates/{code}: some requests match"));
}

TEST(Draft, WhatCannotBeARouteIsNamedWithItsReason) {
  const auto draft = draft_of(R"(paths:
  /good: {get: {}}
  /files/{name}.{kind}: {get: {}}
  /files/{+rest}: {get: {}}
  /a//b: {get: {}}
  /a/../b: {get: {}}
  /all/**: {get: {}}
  /aws/{proxy+}: {get: {}}
  /a%2Fb: {get: {}}
  no-slash: {get: {}}
  "/a\u202eb": {get: {}}
  /trace: {trace: {}}
  /far: {$ref: 'https://elsewhere.example/paths.yaml#/far'}
  /round: {$ref: '#/paths/~1round'}
  /nothing: {$ref: '#/components/pathItems/none'}
  /newer: {query: {}}
  /else: {servers: [{url: 'https://other.example'}], get: {}}
  /list: []
webhooks: {paid: {post: {}}}
)");
  EXPECT_EQ(routes_of(draft), "GET /good getGood Collection good\n");
  const auto notes = notes_of(draft);
  for (const auto* said :
       {"! GET /files/{name}.{kind}: `{name}.{kind}`: a segment has one parameter at most; it is not routed",
        "! GET /files/{+rest}: `{+rest}` may stand for more than one segment, and a route that ends in "
        "`/**` is written by hand",
        "! GET /all/**: `**` may stand for", "! GET /aws/{proxy+}: `{proxy+}` may stand for",
        "! GET /a//b: it has an empty segment", "! GET /a/../b: it has a dot segment",
        "! GET /a%2Fb: `a%2Fb` has one of", "! GET /a?b: the segment `a?b` has letters that are not seen",
        "! GET no-slash: a path begins with `/`", "! TRACE /trace: TRACE shows",
        "! /far: `https://elsewhere.example/", "! /round: its references go in a circle",
        "! /nothing: `#/components/pathItems/none` leads to nothing", "! /newer: `query` is of OpenAPI 3.2",
        "! GET /else: it is served elsewhere (`https://other.example`)", "! /list: it is not a map",
        "webhooks: calls that the API makes itself are not routed: paid"})
    EXPECT_THAT(notes, HasSubstr(said));
}

TEST(Draft, WhatStandsBehindAParameterInItsSegmentBelongsToTheRouteAndNotToTheId) {
  const auto draft = draft_of(R"(paths:
  /orders/{order}: {get: {}}
  /orders/{order}.pdf: {get: {}}
  /orders/{order}:cancel: {post: {}}
  /orders/{order}:refund: {post: {operationId: refund}}
  /accounts/{id}.json: {get: {}}
  /accounts/{account}/calls.json: {get: {}}
)");
  EXPECT_EQ(routes_of(draft),
            "GET /orders/{order} getOrder Order {order}\n"
            "GET /orders/{order}.pdf getOrderPdf Order {order}\n"
            "POST /orders/{order}:cancel cancelOrder Order {order}\n"
            "POST /orders/{order}:refund refund Order {order}\n"
            "GET /accounts/{id}.json getAccountJson Account {id}\n"
            "GET /accounts/{account}/calls.json getAccountCallsJson Account {account}\n");
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, AVersionAndTheKindOfAFileNameNoResource) {
  const auto draft = draft_of(R"(paths:
  /v{version}/orders: {get: {}, post: {}}
  /v{version}/orders.{format}: {put: {}}
  /v{version}/orders/{order}: {get: {}}
  /v{version}/orders/{order}/invoice.{format}: {get: {}}
  /packages/{package}/v{version}: {get: {}}
)");
  EXPECT_EQ(routes_of(draft),
            "GET /v{version}/orders listOrders Collection orders\n"
            "POST /v{version}/orders createOrder Collection orders\n"
            "PUT /v{version}/orders.{format} replaceOrders Collection orders\n"
            "GET /v{version}/orders/{order} getOrder Order {order}\n"
            "GET /v{version}/orders/{order}/invoice.{format} getOrderInvoice Order {order}\n"
            "GET /packages/{package}/v{version} getVersion Version {package}/{version}\n");
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, WhatStandsBeforeAParameterInItsSegmentMakesAnotherKindOfId) {
  const auto draft = draft_of(R"(paths:
  /users/{id}: {get: {}}
  /users/@{name}: {get: {}}
  /users/@{name}/posts: {get: {}}
  /reports/of-{year}.csv: {get: {}}
)");
  EXPECT_EQ(routes_of(draft),
            "GET /users/{id} getUser User {id}\n"
            "GET /users/@{name} getUserName UserName {name}\n"
            "GET /users/@{name}/posts listUserNamePosts UserName {name}\n"
            "GET /reports/of-{year}.csv getReportYearCsv ReportYear {year}\n");
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, EndsOfSegmentsThatOverlapWithNeitherMoreSpecificAreFound) {
  const auto draft = draft_of(R"(paths:
  /{kind}/me: {get: {}, post: {}}
  /users/{id}e: {get: {}}
  /users/{id}.json: {get: {}}
)");
  EXPECT_EQ(draft.routes.size(), 3u);
  EXPECT_THAT(notes_of(draft), HasSubstr("! GET /users/{id}e: some requests match `/{kind}/me` too"));
  const auto begins = draft_of(
      "paths: {'/files/v{version}': {get: {}, put: {}}, '/files/{file}.json': {get: {}}, "
      "'/files/x{file}.json': {get: {}}}\n");
  EXPECT_EQ(begins.routes.size(), 3u);
  EXPECT_THAT(notes_of(begins),
              HasSubstr("! GET /files/{file}.json: some requests match `/files/v{version}` too"));
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, WhatADocumentWritesBehindAPathIsNoPartOfIt) {
  const auto draft = draft_of(R"(paths:
  /answers: {post: {parameters: [{name: stream, in: query}]}}
  /answers?beta=true&x: {post: {}}
  /files/{file}#upload: {put: {}}
  /search?kind=a: {get: {}}
)");
  EXPECT_EQ(routes_of(draft),
            "POST /answers createAnswer Collection answers\n"
            "PUT /files/{file} replaceFile File {file}\n"
            "GET /search getSearch Collection search\n");
  EXPECT_EQ(draft.routes[0].query, (std::vector<std::string>{"stream", "beta", "x"}));
  EXPECT_EQ(draft.routes[2].query, std::vector<std::string>{"kind"});
  EXPECT_THAT(notes_of(draft),
              HasSubstr("! POST /answers?beta=true&x: no request can tell it from `POST /answers`"));
}

TEST(Draft, AVariableOfTheServersPathThatNamesSomethingIsAParameter) {
  const auto draft = draft_of(
      "servers: [{url: 'https://{region}.shop.example/{v}/shops/{shopId}', variables: {region: {default: "
      "eu}, "
      "v: {default: v2, enum: [v1, v2]}, shopId: {default: unknown}}}]\n"
      "paths: {/orders: {get: {}}, '/orders/{id}': {get: {}}}\n");
  EXPECT_EQ(routes_of(draft),
            "GET /v2/shops/{shopId}/orders listShopOrders Shop {shopId}\n"
            "GET /v2/shops/{shopId}/orders/{id} getOrder Order {shopId}/{id}\n");
  EXPECT_EQ(draft.settings.upstream, "https://eu.shop.example");
  EXPECT_EQ(draft.settings.audience, "https://eu.shop.example/v2/shops");
  EXPECT_THAT(notes_of(draft), HasSubstr("servers: `{shopId}` in its path is a parameter of every route"));
  EXPECT_THAT(notes_of(draft),
              HasSubstr("servers: `{v}` in its path is `v2` in the routes; other values are not"));
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Draft, ATypeIsCalledAfterOneOfWhatItsPathNames) {
  const auto draft = draft_of(R"(paths:
  /networks/{owner}/{repo}/events: {get: {}}
  /repos/{owner}/{repo}: {get: {}, patch: {}}
  /caches/{c}: {get: {}}
  /warehouses/{w}: {get: {}}
  /campaign-statuses/{s}: {get: {}}
  /emailAliases/{a}: {get: {}}
  /sms/{s}: {get: {}}
  /analyses/{a}: {get: {}}
)");
  EXPECT_THAT(draft.types, ::testing::ElementsAre("NetworkRepo", "Repo", "Cache", "Warehouse",
                                                  "CampaignStatus", "EmailAlias", "Sms", "Analysis"));
}

TEST(Draft, EveryOperationIsARouteOrHasANote) {
  const auto draft = draft_of(R"(paths:
  /a/{x}: {get: {operationId: same}, put: {operationId: same}}
  /a/{y}: {get: {}, delete: {}}
  /{z}/b: {get: {}}
  /b.{c}: {post: {}}
)");
  std::size_t left_out = 0;
  for (const auto& note : draft.notes) left_out += note.not_routed;
  EXPECT_EQ(draft.routes.size() + left_out, draft.operations);
}

TEST(Draft, AnOperationIdThatIsGivenTwiceOrCannotBeANameIsNotUsed) {
  const auto draft = draft_of(R"(paths:
  /a: {get: {operationId: same}}
  /b: {get: {operationId: same}}
  /c: {get: {operationId: 'say "hi"'}}
  /d: {get: {operationId: any-read}}
  /e: {get: {operationId: repos/list}}
)");
  EXPECT_EQ(routes_of(draft),
            "GET /a getA Collection a\nGET /b getB Collection b\nGET /c getC Collection c\n"
            "GET /d getD Collection d\nGET /e repos/list Collection e\n");
  EXPECT_THAT(notes_of(draft), HasSubstr("the operationId `same` is given twice"));
  EXPECT_THAT(notes_of(draft), HasSubstr("the operationId `say \"hi\"` has other signs"));
  EXPECT_THAT(notes_of(draft), HasSubstr("the operationId `any-read` is the name of something else"));
}

TEST(Draft, FastApisOperationIdsAreCut) {
  EXPECT_EQ(routes_of(draft_of(R"(paths:
  /orders/{order_id}: {get: {operationId: get_order_orders__order_id__get}}
  /a: {get: {operationId: read_a_get}}
  /b: {get: {operationId: read_b_get}}
)")),
            "GET /orders/{order_id} get_order Order {order_id}\nGET /a read_a_get Collection a\n"
            "GET /b read_b_get Collection b\n");
}

TEST(Draft, ARouteTakesTheQueryParametersOfTheDocument) {
  const auto draft = draft_of(R"(paths:
  /a:
    parameters: [{$ref: '#/components/parameters/Limit'}]
    get: {parameters: [{name: 'filter[x]', in: query}, {name: 'a b', in: query}, {name: api_key, in: query}, {name: sid, in: cookie}]}
    post: {parameters: [{name: filter, in: query, style: deepObject, schema: {type: object}}]}
    put: {parameters: [{$ref: 'other.yaml'}]}
  /b: {get: {}}
components: {parameters: {Limit: {name: limit, in: query, schema: {type: integer}}}}
)");
  ASSERT_EQ(draft.routes.size(), 4u);
  EXPECT_EQ(draft.routes[0].query, (std::vector<std::string>{"limit", "filter[x]"}));
  EXPECT_EQ(draft.routes[1].query, std::nullopt);
  EXPECT_EQ(draft.routes[2].query, std::nullopt);
  EXPECT_EQ(draft.routes[3].query, std::vector<std::string>{});
  const auto notes = notes_of(draft);
  EXPECT_THAT(notes, HasSubstr("GET /a: the query parameter `a b` is not taken"));
  EXPECT_THAT(notes, HasSubstr("GET /a: the query parameter `api_key` is not taken: it is a credential's"));
  EXPECT_THAT(notes, HasSubstr("the cookie `sid` does not reach the API"));
  EXPECT_THAT(notes, HasSubstr("PUT /a: a parameter: `other.yaml` is outside of the document"));
}

TEST(Draft, HeaderFieldsOfTheDocumentReachTheApiIfTheyMay) {
  const auto draft = draft_of(
      "paths: {/a: {get: {parameters: [{name: X-Trace, in: header}, {name: Accept, in: header}, "
      "{name: Host, in: header}, {name: Cookie, in: header}]}}}\n");
  EXPECT_EQ(draft.forward_headers, std::vector<std::string>{"x-trace"});
  EXPECT_THAT(notes_of(draft), HasSubstr("the header field `Host` does not reach the API"));
  EXPECT_THAT(notes_of(draft), HasSubstr("the header field `Cookie` does not reach the API"));
}

TEST(Draft, WhatTheDocumentSaysOfCredentialsIsTold) {
  const auto draft = draft_of(R"(security: [{oidc: [read]}]
paths: {/a: {get: {}}, /open: {get: {security: []}}, /b: {get: {security: [{oidc: [write, read]}]}}}
components:
  securitySchemes:
    oidc: {type: openIdConnect, openIdConnectUrl: 'https://login.example/.well-known/openid-configuration'}
    key: {type: apiKey, in: header, name: X-Key}
    basic: {type: http, scheme: basic}
    bearer: {type: http, scheme: bearer}
)");
  EXPECT_EQ(draft.routes[2].scopes, (std::vector<std::string>{"read", "write"}));
  const auto notes = notes_of(draft);
  EXPECT_THAT(notes, HasSubstr("also where the document asks for none: GET /open"));
  EXPECT_THAT(notes, HasSubstr("`X-Key` in the header"));
  EXPECT_THAT(notes, HasSubstr("callers' `basic` credentials"));
  EXPECT_THAT(notes, HasSubstr("the document names the issuer `https://login.example`"));
  EXPECT_THAT(notes, Not(HasSubstr("bearer")));
}

TEST(Draft, NothingToGuardIsAnError) {
  for (const auto* text : {"paths: {}\n", "", "paths: []\n", "paths: {/a: {$ref: 'x.yaml'}}\n"}) {
    const auto draft = make_draft(reading_of(text), {});
    ASSERT_FALSE(draft) << text;
    EXPECT_THAT(draft.error().message, HasSubstr("the document has no operation")) << text;
  }
}

TEST(Draft, SettingsThatCannotBeAreErrors) {
  const auto with = [](Settings settings) {
    const auto draft = make_draft(reading_of("paths: {/a: {get: {}}}\n"), std::move(settings));
    return draft ? std::string() : draft.error().message;
  };
  EXPECT_THAT(with({.name = "Or ders"}), HasSubstr("cannot be the API's name"));
  EXPECT_THAT(with({.app = "a\" b"}), HasSubstr("cannot be an id here"));
  EXPECT_THAT(with({.purpose = "x: y"}), HasSubstr("cannot be an id here"));
  EXPECT_THAT(with({.user = "web-app"}), HasSubstr("three different ids"));
  EXPECT_NE(with({.upstream = "ftp://x"}), "");
}

// Whose a resource is, an answer may say where no path names it.
TEST(Draft, NoAnswerThatSaysWhoseAResourceIsGoesUndecidedAndUnsaid) {
  const std::string document = R"(paths:
  /wallets/{wallet}: {get: {responses: {'200': {content: {application/hal+json: {schema: {$ref: "#/components/schemas/Wallet"}}}}}}}
  /me/wallet: {get: {responses: {'200': {content: {'application/json; charset=utf-8': {schema: {$ref: '#/components/schemas/Wallet'}}}}}}}
  /wallets/search: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Wallet'}}}}}}}}
  /wallets/batch: {post: {responses: {'200': {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Wallet'}}}}}}}}
  /wallets: {post: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Wallet'}}}}}}}
components: {schemas: {Wallet: {properties: {id: {type: string}, owner: {type: string}}}}}
)";
  const auto draft = testing::draft_of(document);
  const auto on_answer = [&](std::string_view path) {
    const auto route = std::ranges::find(draft.routes, path, &PlannedRoute::path);
    return route != draft.routes.end() && route->on_answer && route->on_answer->owner == "/owner";
  };
  EXPECT_TRUE(on_answer("/wallets/{wallet}"));
  EXPECT_FALSE(on_answer("/me/wallet"));
  std::vector<std::string> warned;
  for (const Note& note : draft.notes)
    if (note.text.find("its answer says whose") != std::string::npos) warned.push_back(note.place);
  EXPECT_TRUE(on_answer("/wallets/search"));
  EXPECT_THAT(warned, ::testing::UnorderedElementsAre("GET /me/wallet", "POST /wallets/batch"));
  EXPECT_EQ(testing::tried(draft), "");
}

// What is somebody's now is decided; to whom a change gives it, nobody looks at.
TEST(Draft, AChangeThatMayGiveAResourceToSomebodyElseIsNamed) {
  const std::string document = R"(paths:
  /wallets/{wallet}:
    get: {responses: {'200': {content: {application/json: {schema: {$ref: "#/components/schemas/Wallet"}}}}}}
    put: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Wallet'}}}}}
    patch: {requestBody: {content: {application/merge-patch+json: {schema: {properties: {name: {type: string}}}}}}}
    delete: {}
  /wallets/{wallet}/gift: {post: {requestBody: {content: {application/x-www-form-urlencoded: {schema: {properties: {owner: {type: string}}}}}}}}
components: {schemas: {Wallet: {properties: {id: {type: string}, owner: {type: string}}}}}
)";
  const auto draft = testing::draft_of(document);
  std::vector<std::string> warned;
  for (const Note& note : draft.notes)
    if (note.text.find("its body may name another `owner`") != std::string::npos)
      warned.push_back(note.place);
  EXPECT_THAT(warned,
              ::testing::UnorderedElementsAre("PUT /wallets/{wallet}", "POST /wallets/{wallet}/gift"));
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Document, OnlyOpenApi30And31AreRead) {
  const auto issues_of = [](std::string_view text) {
    files::Issues issues;
    EXPECT_FALSE(Document::parse(text, "d", issues));
    return issues.all().empty() ? std::string() : issues.all().front().message;
  };
  EXPECT_THAT(issues_of("swagger: '2.0'\n"), HasSubstr("convert it to OpenAPI 3.0"));
  EXPECT_THAT(issues_of("openapi: 3.2.0\n"), HasSubstr("`3.2.0` is not read"));
  EXPECT_THAT(issues_of("openapi: 3.1\n"), HasSubstr("no text `openapi`"));
  EXPECT_THAT(issues_of("[]"), HasSubstr("not a map"));
  EXPECT_THAT(issues_of("{\"openapi\": \"3.1.0\", \"openapi\": \"3.0.0\"}"), HasSubstr("json:"));
  std::string deep = "openapi: 3.1.0\na: ";
  deep.append(300, '[').append(300, ']');
  EXPECT_THAT(issues_of(deep), HasSubstr("nested deeper than 256 levels"));
}

TEST(Document, JsonWithNumbersBeyond64BitsIsReadAllTheSame) {
  for (const auto* number : {"18446744073709551615", "-9223372036854776000", "9223372036854776000"}) {
    files::Issues issues;
    EXPECT_TRUE(Document::parse(fmt::format(R"({{"openapi": "3.0.3", "x-max": {}}})", number), "d", issues))
        << number;
    EXPECT_FALSE(issues.has_errors()) << number;
  }
}

// A document and the files beside it.
struct Files {
  void add(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << text;
  }
  Draft draft() const {
    files::Issues issues;
    const auto document = Document::read(folder.path() / "api" / "openapi.yaml", issues);
    for (const auto& issue : issues.all()) ADD_FAILURE() << render(issue);
    auto draft =
        document ? make_draft(read_operations(*document), {}) : failure(ErrorCode::kInvalid, "no document");
    if (!draft) ADD_FAILURE() << draft.error().message;
    return draft ? *std::move(draft) : Draft{};
  }
  testing::TemporaryFolder folder;
};

TEST(Document, MayBeInSeveralFiles) {
  const Files files;
  files.add("api/openapi.yaml", std::string(testing::kHead) + R"(paths:
  /orders/{id}: {$ref: 'paths/order%20one.yaml'}
  /items: {get: {$ref: './paths/all.yaml#/items~1all'}}
components: {schemas: {Name: {type: string}}}
)");
  files.add("api/paths/order one.yaml", R"(get:
  parameters: [{$ref: 'all.yaml#/fields'}]
  responses: {'200': {content: {application/json: {schema: {$ref: '../schemas/order.json'}}}}}
)");
  files.add("api/paths/all.yaml",
            "fields: {name: fields, in: query}\nitems/all: {parameters: [{$ref: '#/fields'}]}\n");
  files.add(
      "api/schemas/order.json",
      R"({"properties": {"id": {"type": "string"}, "owner": {"$ref": "../openapi.yaml#/components/schemas/Name"},
                "next": {"$ref": "order.json"}}})");
  const auto draft = files.draft();
  EXPECT_EQ(routes_of(draft),
            "GET /orders/{id} getOrder Order {id}\nGET /items listItems Collection items\n");
  ASSERT_EQ(draft.routes.size(), 2u);
  EXPECT_TRUE(draft.routes[0].on_answer);
  EXPECT_EQ(draft.routes[0].query, std::vector<std::string>{"fields"});
  EXPECT_EQ(draft.routes[1].query, std::vector<std::string>{"fields"});
  EXPECT_EQ(testing::tried(draft), "");
}

TEST(Document, NothingOutsideOfItsFolderIsRead) {
  const Files files;
  files.add("secret.yaml", "get: {operationId: leaked}\n");
  files.add("api/openapi.yaml", std::string(testing::kHead) + R"(paths:
  /good: {get: {}}
  /above: {$ref: '../secret.yaml'}
  /absolute: {$ref: '/etc/hostname'}
  /link: {$ref: 'link.yaml'}
  /url: {$ref: 'file:///etc/hostname'}
  /missing: {$ref: 'missing.yaml'}
  /broken: {$ref: 'broken.yaml'}
)");
  files.add("api/broken.yaml", "get: {operationId: [\n");
  std::filesystem::create_symlink(files.folder.path() / "secret.yaml",
                                  files.folder.path() / "api" / "link.yaml");
  const auto draft = files.draft();
  EXPECT_EQ(routes_of(draft), "GET /good getGood Collection good\n");
  const auto notes = notes_of(draft);
  for (const auto* said :
       {"! /above: `../secret.yaml` is outside", "! /absolute: `/etc/hostname` is outside",
        "! /link: `link.yaml` is outside", "! /url: `file:///etc/hostname` is outside",
        "! /missing: `missing.yaml` is outside of the document, or not there, and is not read",
        "! /broken: `broken.yaml` is outside"})
    EXPECT_THAT(notes, HasSubstr(said));
}

}  // namespace
}  // namespace writ::init::draft_test
