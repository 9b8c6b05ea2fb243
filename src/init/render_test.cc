#include "init/render.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "files/files.h"
#include "init/testing/documents.h"
#include "init/text.h"

namespace writ::init::render_test {
namespace {

using testing::draft_of;
using ::testing::HasSubstr;
using testing::tried;

TEST(Render, WhatIsWrittenPassesCheckAndItsOwnTests) {
  EXPECT_EQ(tried(draft_of(R"(servers: [{url: 'http://127.0.0.1:9000/v1'}]
paths:
  /orders: {get: {parameters: [{name: limit, in: query}]}, post: {}}
  /orders/{order_id}: {get: {}, delete: {}}
  /orders/{order_id}/invoice: {put: {}}
  /events: {get: {}}
)")),
            "");
}

TEST(Render, OneOperationIsEnough) {
  for (const auto* method : {"get", "post", "delete", "head", "patch"})
    for (const auto* path : {"/", "/a", "/{x}", "/a/{x}/b/{y}/"})
      EXPECT_EQ(tried(draft_of(fmt::format("paths: {{'{}': {{{}: {{}}}}}}\n", path, method))), "")
          << method << path;
}

// Orders with an owner, and a list of them at the pointer.
std::string owned_orders(std::string_view list, std::string_view order =
                                                    "required: [id, owner], properties: {id: {type: "
                                                    "integer}, owner: {type: string}}") {
  return fmt::format(R"(paths:
  /orders: {{get: {{responses: {{'200': {{content: {{application/json: {{schema: {}}}}}}}}}}}, post: {{}}}}
  /orders/{{order_id}}:
    get: {{responses: {{'200': {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/Order'}}}}}}}}}}}}
    delete: {{}}
  /orders/{{order_id}}/lines: {{get: {{responses: {{'200': {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/Order'}}}}}}}}}}}}}}
components: {{schemas: {{Order: {{type: object, {}}}}}}}
)",
                     list, order);
}
constexpr std::string_view kOrders = "{type: array, items: {$ref: '#/components/schemas/Order'}}";

std::string config_of(const Draft& draft) {
  return render_config(draft, make_credentials(true).value());
}

TEST(Render, AnAnswerThatNamesTheOwnerDecides) {
  const auto draft = draft_of(owned_orders(kOrders));
  EXPECT_EQ(tried(draft), "");
  const auto config = config_of(draft);
  EXPECT_THAT(config, HasSubstr(R"(decide: on response, id: "/id", attributes: {owner: "answer /owner"})"));
  EXPECT_THAT(config, HasSubstr(R"(decide: on response, id: "/id", elements: ".", each: {action: )"));
  EXPECT_THAT(render_policies(draft), HasSubstr("users-use-their-own-in-orders"));
  EXPECT_THAT(render_tests(draft), HasSubstr("what is somebody else's"));
  // What stands behind an order is another answer, and the order is read before.
  EXPECT_EQ(config.find("decide: on response", config.find("/lines")), std::string::npos);
}

TEST(Render, WhatHappensToAResourceWithAnOwnerIsDecidedOnWhatIsReadBefore) {
  const auto config = config_of(draft_of(owned_orders(kOrders)));
  EXPECT_THAT(config, HasSubstr(R"(decide: on read, id: "/id", attributes: {owner: "answer /owner"})"));
  EXPECT_THAT(config,
              HasSubstr(R"(decide: on read, read: "/orders/{order_id}", id: "/id", attributes: {owner: )"));
  // What is created has nobody yet.
  const auto created = config.substr(config.find("method: POST"));
  EXPECT_EQ(created.substr(0, created.find('\n')).find("decide"), std::string::npos);
}

TEST(Render, WhatIsCreatedIsForWhomItsBodySays) {
  const auto with_body = [](std::string_view body) {
    auto text = owned_orders(kOrders);
    const std::string_view post = "post: {}";
    text.replace(
        text.find(post), post.size(),
        fmt::format("post: {{requestBody: {{content: {{application/json: {{schema: {}}}}}}}}}", body));
    return text;
  };
  const auto draft = draft_of(
      with_body("{required: [owner, item], properties: {owner: {type: string}, item: {type: string}}}"));
  EXPECT_EQ(tried(draft), "");
  EXPECT_THAT(config_of(draft), HasSubstr(R"(attributes: {owner: {from: "body /owner", type: Writ::User}})"));
  EXPECT_THAT(render_tests(draft), HasSubstr("what is created is the user's own"));
  // What the body need not say, the API may know better.
  for (const auto* body : {"{properties: {owner: {type: string}}}", "{required: [owner]}",
                           "{required: [owner], properties: {owner: {type: boolean}}}",
                           "{required: [maker], properties: {maker: {type: string}}}"}) {
    const auto other = draft_of(with_body(body));
    EXPECT_EQ(config_of(other).find("body /owner"), std::string::npos) << body;
    EXPECT_EQ(tried(other), "") << body;
  }
}

// With one more path.
std::string with_path(std::string text, std::string_view path, std::string_view what) {
  const std::string_view lines = "/orders/{order_id}/lines: ";
  return text.insert(text.find(lines), fmt::format("{}: {}\n  ", path, what));
}

std::string route_of(const std::string& config, std::string_view path) {
  const auto at = config.find(fmt::format("path: \"{}\"", path));
  return at == config.npos ? "" : config.substr(at, config.find('\n', at) - at);
}

TEST(Render, AStreamOfEventsOfAResourceIsItsOwners) {
  constexpr std::string_view kEvents = "{get: {responses: {'200': {content: {text/event-stream: {}}}}}}";
  const auto draft = draft_of(with_path(owned_orders(kOrders), "/orders/{order_id}/events", kEvents));
  EXPECT_EQ(tried(draft), "");
  EXPECT_THAT(route_of(config_of(draft), "/orders/{order_id}/events"),
              HasSubstr(R"(decide: on read, read: "/orders/{order_id}", id: "/id", stream: true, )"));
  // What may be JSON as well is known by its answer.
  constexpr std::string_view kBoth =
      "{get: {responses: {'200': {content: {text/event-stream: {}, application/json: {}}}}}}";
  const auto both = draft_of(with_path(owned_orders(kOrders), "/orders/{order_id}/events", kBoth));
  EXPECT_EQ(config_of(both).find("stream: true"), std::string::npos);
}

TEST(Render, AListThatStandsElsewhereHasOnlyWhatIsTheUsers) {
  const auto get = [](std::string_view schema) {
    return fmt::format("{{get: {{responses: {{'200': {{content: {{application/json: {{schema: {}}}}}}}}}}}}}",
                       schema);
  };
  const auto draft = draft_of(with_path(
      owned_orders(kOrders), "/orders/search",
      get(fmt::format("{{type: object, properties: {{hits: {}, total: {{type: integer}}}}}}", kOrders))));
  EXPECT_EQ(tried(draft), "");
  EXPECT_THAT(
      route_of(config_of(draft), "/orders/search"),
      HasSubstr(
          R"(decide: on response, id: "/id", elements: "/hits", each: {action: getOrder, resource: "Orders::Order"}, )"));
  // Described in other words it may be something else.
  const auto other = draft_of(
      with_path(owned_orders(kOrders), "/orders/search",
                get("{type: array, items: {properties: {id: {type: integer}, owner: {type: string}}}}")));
  EXPECT_EQ(route_of(config_of(other), "/orders/search").find("decide"), std::string::npos);
  EXPECT_THAT(testing::notes_of(other),
              HasSubstr("GET /orders/search: its answer says whose each resource is (`owner`), and cannot be "
                        "decided by that, since no path leads to each of them by its id"));
}

// `{"order": {"id": …, "owner": …}}` from GET, and to POST.
std::string wrapped_orders(std::string_view name) {
  return fmt::format(R"(paths:
  /orders: {{post: {{requestBody: {{content: {{application/json: {{schema: {{required: [{0}], properties: {{{0}: {{$ref: '#/components/schemas/Order'}}}}}}}}}}}}}}}}
  /orders/{{order_id}}:
    get: {{responses: {{'200': {{content: {{application/json: {{schema: {{properties: {{{0}: {{$ref: '#/components/schemas/Order'}}}}}}}}}}}}}}}}
    put: {{}}
components: {{schemas: {{Order: {{type: object, required: [owner], properties: {{id: {{type: integer}}, owner: {{type: string}}}}}}}}}}
)",
                     name);
}

TEST(Render, AnAnswerThatIsAllInOneMemberDecides) {
  for (const auto* name : {"order", "orders", "data", "Order"}) {
    const auto draft = draft_of(wrapped_orders(name));
    EXPECT_EQ(tried(draft), "") << name;
    const auto config = config_of(draft);
    EXPECT_THAT(
        config,
        HasSubstr(fmt::format(
            R"(decide: on response, id: "/{0}/id", attributes: {{owner: "answer /{0}/owner"}})", name)));
    EXPECT_THAT(config,
                HasSubstr(fmt::format(R"(owner: {{from: "body /{}/owner", type: Writ::User}})", name)));
  }
  // What has another name may be something that the order has, with an owner of its own.
  const auto draft = draft_of(wrapped_orders("shop"));
  EXPECT_EQ(config_of(draft).find("decide"), std::string::npos);
  EXPECT_THAT(testing::notes_of(draft),
              HasSubstr("(`shop/owner`), and cannot be decided by that, since it may be"));
}

TEST(Render, ANumberIsNotComparedWithANameThatIsAskedFor) {
  const auto of = [](std::string_view parameter, std::string_view type) {
    return config_of(draft_of(fmt::format(
        R"(paths:
  /orgs/{{{0}}}:
    get:
      parameters: [{{name: {0}, in: path, required: true, schema: {{type: {1}}}}}]
      responses: {{'200': {{content: {{application/json: {{schema: {{properties: {{id: {{type: integer}}, owner: {{type: string}}}}}}}}}}}}}}
)",
        parameter, type)));
  };
  EXPECT_EQ(of("org", "string").find("id: \"/id\""), std::string::npos);
  EXPECT_THAT(of("org", "string"), HasSubstr("decide: on response, attributes"));
  EXPECT_THAT(of("org", "integer"), HasSubstr("id: \"/id\""));
  EXPECT_THAT(of("org_id", "string"), HasSubstr("id: \"/id\""));
}

TEST(Render, WhatMayNameAnOwnerIsProposedWhereNothingUsualDoes) {
  const auto draft = draft_of(owned_orders(kOrders,
                                           "properties: {id: {type: integer}, email: {type: string}, "
                                           "customer_id: {type: string}, customer_note: {type: string}}"));
  EXPECT_THAT(draft.likely_owners, ::testing::ElementsAre("customer_id", "email"));
}

TEST(Render, AListInsideTheAnswerIsFoundWhereThereIsOne) {
  EXPECT_THAT(
      config_of(draft_of(owned_orders(fmt::format("{{type: object, properties: {{items: {}}}}}", kOrders)))),
      HasSubstr(R"(elements: "/items")"));
  const auto two =
      draft_of(owned_orders(fmt::format("{{type: object, properties: {{a: {0}, b: {0}}}}}", kOrders)));
  EXPECT_EQ(config_of(two).find("elements"), std::string::npos);
  EXPECT_EQ(tried(two), "");
}

TEST(Render, AnOwnerThatIsNoTextDecidesNothing) {
  for (const auto* order :
       {"properties: {id: {type: integer}, owner: {type: object}}", "properties: {id: {type: integer}}",
        "properties: {'owner name': {type: string}}", "properties: []", "allOf: 3"}) {
    const auto draft = draft_of(owned_orders(kOrders, order));
    EXPECT_EQ(config_of(draft).find("on response"), std::string::npos) << order;
    EXPECT_EQ(tried(draft), "") << order;
  }
}

TEST(Render, AnOwnerInOneOfSeveralSchemasIsFound) {
  const auto draft = draft_of(owned_orders(
      kOrders,
      "allOf: [{properties: {id: {type: string}}}, {properties: {ownerId: {type: [string, 'null']}}}]"));
  EXPECT_THAT(config_of(draft), HasSubstr(R"(attributes: {owner: "answer /ownerId"})"));
  EXPECT_EQ(tried(draft), "");
}

TEST(Render, AnOwnerThatMayBeNullIsFoundAsFastApiWritesIt) {
  const auto draft = draft_of(owned_orders(
      kOrders, "properties: {id: {type: string}, owner: {anyOf: [{type: string}, {type: 'null'}]}}"));
  EXPECT_THAT(config_of(draft), HasSubstr(R"(attributes: {owner: "answer /owner"})"));
  EXPECT_EQ(tried(draft), "");
  // It could be either.
  const auto two = draft_of(owned_orders(
      kOrders, "properties: {id: {type: string}, owner: {anyOf: [{type: string}, {type: integer}]}}"));
  EXPECT_EQ(config_of(two).find("on response"), std::string::npos);
}

TEST(Render, AnOwnerThatIsAnObjectWithAnIdIsFound) {
  const auto draft = draft_of(
      owned_orders(kOrders, "properties: {id: {type: string}, owner: {properties: {id: {type: string}}}}"));
  EXPECT_THAT(config_of(draft), HasSubstr(R"(attributes: {owner: "answer /owner/id"})"));
  EXPECT_EQ(tried(draft), "");
}

TEST(Render, AnOwnerThatIsAnIntegerIsTheUserOfThatIdAndTheOutputAndTheFileSayWhatTokensNeed) {
  for (const auto* owner : {"owner_id: {type: integer}", "owner_id: {type: [integer, 'null'], format: int64}",
                            "owner_id: {anyOf: [{type: integer}, {type: 'null'}]}"}) {
    const auto draft =
        draft_of(owned_orders(kOrders, fmt::format("properties: {{id: {{type: integer}}, {}}}", owner)));
    EXPECT_EQ(tried(draft), "");
    EXPECT_THAT(config_of(draft), HasSubstr(R"(attributes: {owner: "answer /owner_id"})"));
    const auto* said = "`owner_id` is an integer, and 42 there is the user Writ::User::\"42\"";
    EXPECT_THAT(testing::notes_of(draft), HasSubstr(said));
    EXPECT_THAT(config_of(draft), HasSubstr(std::string("      # ") + said));
  }
  const auto inside = draft_of(
      owned_orders(kOrders, "properties: {id: {type: integer}, owner: {properties: {id: {type: integer}}}}"));
  EXPECT_THAT(config_of(inside), HasSubstr(R"(attributes: {owner: "answer /owner/id"})"));
  EXPECT_THAT(config_of(inside), HasSubstr("`owner/id` is an integer"));
  // Of a text nothing of the kind is said, and a fraction names nobody.
  EXPECT_EQ(config_of(draft_of(owned_orders(kOrders))).find("is an integer"), std::string::npos);
  const auto fraction =
      draft_of(owned_orders(kOrders, "properties: {id: {type: integer}, owner_id: {type: number}}"));
  EXPECT_EQ(config_of(fraction).find("on response"), std::string::npos);
}

TEST(Render, WhatStandsInAResourceBelongsToWhomThatBelongs) {
  constexpr std::string_view kOwned =
      "get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, "
      "owner: {type: string}}}}}}}}";
  const auto draft = draft_of(fmt::format(R"(paths:
  /orders/{{order}}: {{{0}}}
  /orders/{{order}}/items: {{get: {{}}}}
  /orders/{{order}}/items/{{item}}: {{get: {{}}, delete: {{}}}}
  /orders/{{number}}/items/{{item}}/notes/{{note}}.txt: {{put: {{}}}}
  /orders/{{order}}/comments/{{comment}}: {{{0}, patch: {{}}}}
  /stores/{{store}}/shelves/{{shelf}}: {{get: {{}}}}
)",
                                          kOwned));
  EXPECT_EQ(tried(draft), "");
  const auto config = config_of(draft);
  const auto line_of = [&](std::string_view route) {
    const auto at = config.find(route);
    return at == config.npos ? std::string() : config.substr(at, config.find('\n', at) - at);
  };
  for (const auto* method : {"GET", "DELETE"})
    EXPECT_THAT(
        line_of(fmt::format("{{method: {}, path: \"/orders/{{order}}/items/{{item}}\"", method)),
        HasSubstr(R"(decide: on read, read: "/orders/{order}", attributes: {owner: "answer /owner"})"));
  EXPECT_THAT(
      line_of("{method: PUT, path: \"/orders/{number}/items/{item}/notes"),
      HasSubstr(R"(decide: on read, read: "/orders/{number}", attributes: {owner: "answer /owner"})"));
  // What tells its own owner is decided by that one.
  EXPECT_THAT(line_of("{method: PATCH, path: \"/orders/{order}/comments"),
              HasSubstr(R"(decide: on read, attributes: {owner: "answer /owner"})"));
  EXPECT_EQ(line_of("{method: GET, path: \"/stores/").find("decide"), std::string::npos);
  EXPECT_THAT(
      testing::notes_of(draft),
      HasSubstr("GET /orders/{order}/items/{item}: its owner is that of `/orders/{order}`, so the API"));
  EXPECT_THAT(config, HasSubstr("the API must look\n"));
  // It is asked about its own resource, whose id the parent's answer does not have.
  EXPECT_THAT(line_of("{method: GET, path: \"/orders/{order}/items\""), HasSubstr("id: \"/id\""));
}

TEST(Render, AnOwnerThatCannotBeReadIsNotReplacedByAnotherUserBesideIt) {
  const auto draft = draft_of(owned_orders(
      kOrders,
      "properties: {id: {type: string}, owner: {properties: {id: {type: number}}}, user: {type: string}}"));
  EXPECT_EQ(config_of(draft).find("on response"), std::string::npos);
  const auto beside = draft_of(owned_orders(
      kOrders, "properties: {id: {type: string}, owner: {type: object}, owner_id: {type: string}}"));
  EXPECT_THAT(config_of(beside), HasSubstr(R"(attributes: {owner: "answer /owner_id"})"));
}

TEST(Render, WhatHappensToAResourceIsDecidedByItsOwnerWhateverAPathCallsItsParameter) {
  constexpr std::string_view kOrder =
      "get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, "
      "owner: "
      "{type: string}}}}}}}}";
  const auto draft = draft_of(fmt::format(R"(paths:
  /orders/{{order_id}}: {{{0}}}
  /orders/{{id}}/share: {{put: {{}}}}
  /orders/{{number}}:cancel: {{post: {{}}}}
  /orders/{{number}}/events: {{get: {{responses: {{'200': {{content: {{text/event-stream: {{}}}}}}}}}}}}
  /notes/{{note}}.json: {{delete: {{}}, {0}}}
  /notes/{{id}}/share.json: {{put: {{}}}}
)",
                                          kOrder));
  const auto config = config_of(draft);
  EXPECT_THAT(config, HasSubstr(R"(decide: on read, read: "/orders/{id}", id: "/id", attributes: {owner: )"));
  EXPECT_THAT(config,
              HasSubstr(R"(decide: on read, read: "/orders/{number}", id: "/id", attributes: {owner: )"));
  EXPECT_THAT(config, HasSubstr(R"(path: "/notes/{note}.json", action: deleteNoteJson, resource: )"));
  EXPECT_THAT(testing::notes_of(draft),
              HasSubstr("PUT /notes/{id}/share.json: whose it is, only `GET /notes/{id}.json` tells"));
  EXPECT_THAT(config,
              HasSubstr(R"(read: "/orders/{number}", id: "/id", stream: true, attributes: {owner: )"));
  EXPECT_EQ(tried(draft), "");
}

TEST(Render, TheOwnerThatIsNamedIsTheOneThatDecides) {
  const auto text = owned_orders(
      kOrders, "properties: {id: {type: string}, owner: {type: string}, customer_id: {type: string}}");
  files::Issues issues;
  const auto document = Document::parse(std::string(testing::kHead) + text, "openapi.yaml", issues);
  ASSERT_TRUE(document);
  const auto with = [&](std::string owner) {
    Settings settings;
    settings.owner = std::move(owner);
    return make_draft(read_operations(*document, settings.owner), settings);
  };
  const auto draft = with("customer_id");
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_THAT(config_of(*draft), HasSubstr(R"(attributes: {owner: "answer /customer_id"})"));
  EXPECT_EQ(tried(*draft), "");
  const auto wrong = with("customer");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("nothing would be decided by the owner `customer`"));
}

TEST(Render, ASchemaInACircleEnds) {
  const auto draft = draft_of(owned_orders(kOrders, "allOf: [{$ref: '#/components/schemas/Order'}]"));
  EXPECT_EQ(tried(draft), "");
}

TEST(Render, TypesThatCedarAndWritHaveAlreadyGetOtherNames) {
  const auto draft = draft_of(
      "paths: {'/actions/{a}': {get: {}}, '/strings/{s}': {get: {}}, '/collections/{c}': {get: {}}, "
      "'/sets/{s}': "
      "{get: {}}, '/users/{u}': {get: {}}, '/longs/{l}': {get: {}}, '/entities/{e}': {get: {}}, /x: {get: "
      "{}}}\n");
  EXPECT_THAT(draft.types,
              ::testing::ElementsAre("ActionResource", "StringResource", "CollectionResource", "SetResource",
                                     "User", "LongResource", "EntityResource", "Collection"));
  EXPECT_EQ(tried(draft), "");
}

TEST(Render, OtherScriptsAreFine) {
  const auto draft = draft_of(R"(paths:
  /bestellungen/größe: {get: {operationId: Größe lesen}}
  /注文/{注文番号}: {get: {operationId: 注文取得}}
  /%E6%B3%A8%E6%96%87: {get: {}}
)");
  EXPECT_EQ(draft.routes.size(), 3u);
  EXPECT_EQ(tried(draft), "");
}

// Each would end a string, a comment or a line of one of the files, if it were written as it is. As JSON.
constexpr std::string_view kHostile[] = {
    "\\\"); permit(principal, action, resource); //",
    "x\\n@id(\\\"evil\\\") permit(principal, action, resource);",
    "*/ permit(principal, action, resource); /*",
    "' , routes: [] }, {method: GET",
    "\\u2028permit(principal,action,resource);",
    "\\u0000",
    "\\u001b[2J",
    "\\u202e",
    "{{}}",
    "{0}",
    "%n%s",
    "$(touch /tmp/writ-init-evil)",
    "`id`",
    "# yes",
    "]}",
    "\\\"",
    "\\\\",
    "- a: b",
    "!!tag",
    "&anchor",
    "*alias",
    "\\r\\nversion: 2",
};

std::string hostile_document(std::string_view text, std::string_view base) {
  return fmt::format(
      R"({{"openapi": "3.1.0", "info": {{"title": "{0}", "version": "{0}"}},
          "servers": [{{"url": "https://api.example/{1}"}}], "tags": [{{"name": "{0}"}}],
          "security": [{{"{0}": ["{0}"]}}],
          "paths": {{"/{0}": {{"get": {{"operationId": "{0}", "summary": "{0}"}}}},
                     "/a/{{{0}}}": {{"put": {{"operationId": "a{0}", "tags": ["{0}"],
                        "parameters": [{{"name": "{0}", "in": "query"}}, {{"name": "{0}", "in": "header"}}]}}}},
                     "/good/{{id}}": {{"get": {{}}}}}},
          "components": {{"securitySchemes": {{"{0}": {{"type": "apiKey", "name": "{0}", "in": "header"}}}}}}}})",
      text, base);
}

void expect_harmless(const Draft& draft, std::string_view text) {
  EXPECT_EQ(tried(draft), "") << text;
  for (const auto& route : draft.routes) EXPECT_EQ(route.action.find('"'), route.action.npos) << text;
  for (const auto& note : draft.notes) {
    EXPECT_EQ((note.place + note.text).find('\n'), std::string::npos) << text;
    EXPECT_EQ((note.place + note.text).find('\x1b'), std::string::npos) << text;
  }
}

TEST(Render, NothingOfTheDocumentEscapes) {
  for (const auto text : kHostile) {
    for (const auto base : {std::string_view("v1"), text}) {
      files::Issues issues;
      const auto document = Document::parse(hostile_document(text, base), "d", issues);
      ASSERT_TRUE(document) << text;
      const auto draft = make_draft(read_operations(*document), {});
      if (draft) {
        expect_harmless(*draft, text);
      } else {
        // The base path may spoil every path, and that is said.
        EXPECT_EQ(base, text);
        EXPECT_THAT(draft.error().message, HasSubstr("the document has no operation")) << text;
      }
    }
  }
}

TEST(Text, YamlReadsBackAsItWas) {
  for (const std::string text :
       {"",       "a",      "true",   "null",   "yes",      "12",           "1.5",    "~",
        "a: b",   "a #b",   "- a",    "'",      "\"",       "\\",           "'\"",    "a\"b'c\\d",
        "\n",     "\t",     "\x7f",   "\u0080", "a\u0085b", "\u009f",       "\u00a0", "\u2028",
        "\u2029", "\ufeff", "\uffff", "größe",  " a ",      "{a}",          "[a]",    "&a",
        "*a",     "!a",     "%a",     "@a",     "`a",       "http://a:1/b", "a:b"}) {
    files::Issues issues;
    const auto tree = files::parse_yaml("[" + yaml(text) + "]", "t", issues);
    ASSERT_TRUE(tree) << text;
    ASSERT_EQ(tree->items.size(), 1u) << text;
    EXPECT_EQ(tree->items[0].kind, files::YamlNode::Kind::kText) << text;
    EXPECT_EQ(tree->items[0].text, text);
  }
}

TEST(Text, AShellReadsOneWord) {
  EXPECT_EQ(shell("/orders/1"), "/orders/1");
  EXPECT_EQ(shell("a b"), "'a b'");
  EXPECT_EQ(shell("$(x)"), "'$(x)'");
  EXPECT_EQ(shell("it's"), "'it'\\''s'");
  EXPECT_EQ(shell(""), "''");
}

TEST(Folder, WhatIsThereIsNotWrittenOver) {
  const testing::TemporaryFolder folder;
  const std::vector<NewFile> files{{"a/b.txt", "one"}, {"c.txt", "two", true}};
  ASSERT_TRUE(write_folder(folder.path(), files, Overwrite::kNever));
  const auto again = write_folder(folder.path(), {{"new.txt", "x"}, {"c.txt", "three"}}, Overwrite::kNever);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("has c.txt already; nothing was written"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "new.txt"));
  EXPECT_EQ(files::read_file(folder.path() / "c.txt", 100).value(), "two");
  ASSERT_TRUE(write_folder(folder.path(), {{"c.txt", "three"}}, Overwrite::kWhatInitWrites));
  EXPECT_EQ(files::read_file(folder.path() / "c.txt", 100).value(), "three");
}

TEST(Folder, ALinkIsNotWrittenThrough) {
  const testing::TemporaryFolder folder, elsewhere;
  std::filesystem::create_directories(folder.path());
  std::filesystem::create_symlink(elsewhere.path(), folder.path() / "c.txt");
  for (const auto overwrite : {Overwrite::kNever, Overwrite::kWhatInitWrites})
    EXPECT_FALSE(write_folder(folder.path(), {{"c.txt", "x"}}, overwrite));
  EXPECT_FALSE(std::filesystem::exists(elsewhere.path()));
}

TEST(Folder, SecretsAreForTheirOwnerAlone) {
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(write_folder(folder.path(), {{"key", "x", true}}, Overwrite::kNever));
  struct stat status {};
  ASSERT_EQ(::stat((folder.path() / "key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace writ::init::render_test
