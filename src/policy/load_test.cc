#include "policy/load.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

namespace writ::policy::load_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kHead = "version: 1\nissuer: http://127.0.0.1:8180\n";
constexpr std::string_view kListen = "listen: {api: \"127.0.0.1:8180\"}\n";
constexpr std::string_view kWorld =
    R"(policies: {files: [p.cedar], schemas: [s.cedarschema], entities: e.json}
inventory:
  identities:
    - {id: portal, kind: application}
  apis:
    - id: shop
      audience: https://shop.example
      namespace: Shop
      actions: [read]
      upstream: http://127.0.0.1:1
      routes:
        - {method: GET, path: "/orders/{order}", action: read, resource: 'Shop::Order::"{order}"'}
)";
constexpr std::string_view kPolicy =
    "@id(\"reads\") permit (principal == Writ::Application::\"portal\", action == Shop::Action::\"read\", "
    "resource is Shop::Order) when { resource.open };\n";
constexpr std::string_view kSchema =
    "namespace Shop { entity Order = { open: Bool }; action read appliesTo { principal: [Writ::Application], "
    "resource: [Order], context: Writ::Context }; }\n";
constexpr std::string_view kOrder =
    R"({"uid":{"type":"Shop::Order","id":"1"},"attrs":{"open":true},"parents":[]})";

class Load : public ::testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-load-{}", ::getpid());

  void SetUp() override {
    fs::create_directories(root_);
    write("writ.yaml", std::string(kHead) + std::string(kListen) + std::string(kWorld));
    write("p.cedar", kPolicy);
    write("s.cedarschema", kSchema);
    write("e.json", fmt::format("[{}]", kOrder));
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }

  std::string issues() {
    files::Issues issues;
    const auto loaded = load(root_ / "writ.yaml", issues);
    EXPECT_EQ(loaded.has_value(), !issues.has_errors());
    std::string out;
    for (const files::Issue& issue : issues.all()) out += render(issue) + "\n";
    return out;
  }
  void listen_nowhere() {
    write("writ.yaml", std::string(kHead) + "listen: {api: nowhere}\n" + std::string(kWorld));
  }
  void world(std::string_view old, std::string_view with) {
    std::string text(kWorld);
    text.replace(text.find(old), old.size(), with);
    write("writ.yaml", std::string(kHead) + std::string(kListen) + text);
  }
};

TEST_F(Load, WhatIsRightHasNoIssues) {
  EXPECT_EQ(issues(), "");
}

TEST_F(Load, AMistakeInTheConfigurationDoesNotHideThoseInPolicies) {
  listen_nowhere();
  write("p.cedar",
        std::string(kPolicy) + "permit (principal, action, resource) when { resource.opne };\npermit (");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("found `nowhere`"));
  EXPECT_THAT(found, HasSubstr("p.cedar:3:"));
}

TEST_F(Load, OneMistakeOfAPolicyIsOneErrorHoweverManyActionsItIsAbout) {
  write("p.cedar",
        std::string(kPolicy) + "permit (principal, action, resource) when { context.nope == 1 };\n");
  files::Issues issues;
  EXPECT_FALSE(load(root_ / "writ.yaml", issues));
  EXPECT_EQ(issues.errors(), 1U);
  EXPECT_THAT(issues.all().front().message, HasSubstr("there is no attribute `nope` in `context` of `"));
  EXPECT_THAT(issues.all().front().message, HasSubstr("; the same for "));
}

TEST_F(Load, ARouteToATypeThatTheSchemaDoesNotHaveIsWarnedOfOnce) {
  world("resource: 'Shop::Order::\"{order}\"'}",
        "resource: 'Shop::Odrer::\"{order}\"'}\n"
        "        - {method: HEAD, path: \"/orders/{order}\", action: read, resource: "
        "'Shop::Odrer::\"{order}\"'}");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("writ.yaml:15:"));
  EXPECT_THAT(found,
              HasSubstr("warning: the schema does not declare the type `Shop::Odrer` of this route's"));
  EXPECT_THAT(found, HasSubstr("help: did you mean `Shop::Order`?"));
  EXPECT_EQ(found.find("Odrer"), found.rfind("Odrer")) << found;
}

TEST_F(Load, ARouteToAnActionThatTheSchemaDoesNotHaveIsWarnedOf) {
  world("actions: [read]", "actions: [read, print]");
  EXPECT_EQ(issues(), "");
  std::string text(kWorld);
  text.replace(text.find("actions: [read]"), 15, "actions: [read, print]");
  text.replace(text.find("action: read,"), 13, "action: print,");
  write("writ.yaml", std::string(kHead) + std::string(kListen) + text);
  EXPECT_THAT(issues(),
              HasSubstr("warning: the schema does not declare the action `Shop::Action::\"print\"` of "
                        "this route, so no policy can name it"));
}

TEST_F(Load, ARouteWhoseTypeTheActionDoesNotApplyToIsWarnedOf) {
  std::string schema(kSchema);
  schema.insert(schema.find("entity Order"), "entity Bill; ");
  write("s.cedarschema", schema);
  world("resource: 'Shop::Order::", "resource: 'Shop::Bill::");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("by the schema, `Shop::Action::\"read\"` does not apply to `Shop::Bill`"));
  EXPECT_THAT(found, HasSubstr("help: it applies to Shop::Order"));
}

TEST_F(Load, WithoutASchemaRoutesAreHeldAgainstNothing) {
  std::string text(kWorld);
  const std::string_view schemas = "schemas: [s.cedarschema], ";
  text.erase(text.find(schemas), schemas.size());
  text.replace(text.find("Shop::Order::"), 13, "Shop::Odrer::");
  write("writ.yaml", std::string(kHead) + std::string(kListen) + text);
  EXPECT_THAT(issues(), Not(HasSubstr("the schema")));
}

TEST_F(Load, AMistakeInTheConfigurationDoesNotHideWhatTheSchemaFinds) {
  listen_nowhere();
  write("p.cedar",
        "@id(\"a\") permit (principal, action == Shop::Action::\"read\", resource) when { resource.opne };");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("found `nowhere`"));
  EXPECT_THAT(found, HasSubstr("opne"));
}

TEST_F(Load, AMistakeInTheConfigurationDoesNotHideThoseInTheSchemaTheEntitiesAndTheRoutes) {
  listen_nowhere();
  write("s.cedarschema", "namespace Shop { entity Order = { open: Bol }; }");
  write("e.json", R"([{"uid":{"type":"Shop::Order","id":"1"},"attrs":{"open":null},"parents":[]}])");
  std::string text(kWorld);
  text.replace(text.find("/orders/{order}"), 15, "orders/{order}");
  write("writ.yaml", std::string(kHead) + "listen: {api: nowhere}\n" + text);
  const auto found = issues();
  for (const auto* part : {"found `nowhere`", "s.cedarschema", "e.json", "path template `orders/{order}`"})
    EXPECT_THAT(found, HasSubstr(part));
}

TEST_F(Load, ABrokenSchemaDrawsNoFalseComplaintsAboutPolicies) {
  write("s.cedarschema", "namespace Shop {");
  EXPECT_THAT(issues(), Not(HasSubstr("p.cedar")));
}

TEST_F(Load, ASchemaThatCannotBeReadDrawsNoFalseComplaintsAboutTheOther) {
  write("other.cedarschema", "namespace Other { entity Thing = { order: Shop::Order }; }");
  world("schemas: [s.cedarschema]", "schemas: [other.cedarschema, absent.cedarschema]");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("absent.cedarschema"));
  EXPECT_THAT(found, Not(HasSubstr("Shop::Order")));
}

TEST_F(Load, AnIdentityWithAMistakeIsNotCalledUnknownByPolicies) {
  world("{id: portal, kind: application}", "{id: portal, kind: application, secret_hash: \"guess\"}");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("the secret's hash is malformed; `writ keys hash` makes one"));
  EXPECT_THAT(found, Not(HasSubstr("which the configuration does not have")));
}

TEST_F(Load, EveryWrongEntityIsReportedWithItsNumber) {
  write("e.json",
        fmt::format(R"([{{"uid":{{"type":"Shop::Order","id":"a"}},"attrs":{{"open":1}},"parents":[]}},{},
      {{"uid":{{"type":"Shop::Odrer","id":"b"}},"attrs":{{}},"parents":[]}}])",
                    kOrder));
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("entity 0:"));
  EXPECT_THAT(found, HasSubstr("entity 2:"));
  EXPECT_THAT(found, Not(HasSubstr("entity 1:")));
}

TEST_F(Load, OfManyWrongEntitiesTheFirstTwentyAreReportedAndTheRestCounted) {
  std::string all;
  for (int i = 0; i < 23; ++i)
    all += fmt::format(R"({}{{"uid":{{"type":"Shop::Order","id":"{}"}},"attrs":{{}},"parents":[]}})",
                       i > 0 ? "," : "", i);
  write("e.json", "[" + all + "]");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("entity 19:"));
  EXPECT_THAT(found, Not(HasSubstr("entity 20:")));
  EXPECT_THAT(found, HasSubstr("3 more entities are wrong"));
}

TEST_F(Load, EveryWrongRouteIsReportedAtItsPlace) {
  world(R"(path: "/orders/{order}", action: read, resource: 'Shop::Order::"{order}"'})",
        R"(path: "/orders//{order}", action: read, resource: 'Shop::Order::"{order}"'}
        - {method: GET, path: "/orders/{order}", action: read, resource: 'Shop::Order::"{order}"'}
        - {method: GET, path: "/orders/{id}", action: read, resource: 'Shop::Order::"{id}"'})");
  const auto found = issues();
  EXPECT_THAT(found, HasSubstr("writ.yaml:15:11: error: route `GET /orders//{order}`"));
  EXPECT_THAT(found, HasSubstr("help: write `/orders/{order}`"));
  EXPECT_THAT(found, HasSubstr("writ.yaml:17:11: error: route `GET /orders/{id}`"));
}

TEST_F(Load, APathThatIsMeantAsAPatternIsAWarning) {
  world(R"("/orders/{order}", action: read, resource: 'Shop::Order::"{order}"')",
        R"("/orders/*", action: read, resource: 'Shop::Order::"all"')");
  EXPECT_THAT(issues(), HasSubstr("warning: `*` in the path `/orders/*`: a `*` stands for itself\n"
                                  "  help: write `/orders/{name}`"));
}

TEST_F(Load, AHashWithoutQuotesInAMapIsToldToBePutInQuotes) {
  world("{id: portal, kind: application}",
        "{id: portal, kind: application, secret_hash: $scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA, tenant: north}");
  const auto found = issues();
  EXPECT_THAT(found,
              HasSubstr("the value of `secret_hash` ends at a comma, and `r=8` stands alone in an identity"));
  EXPECT_THAT(found, HasSubstr("put a value that has a comma in quotes: secret_hash: "
                               "\"$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA\""));
  EXPECT_THAT(found, Not(HasSubstr("unknown key")));
}

TEST_F(Load, AnUnknownKeyWithoutAValueIsStillUnknownWhereNoTextIsBeforeIt) {
  world("{id: portal, kind: application}", "{oddity, id: portal, kind: application}");
  EXPECT_THAT(issues(), HasSubstr("unknown key `oddity` in an identity"));
}

}  // namespace
}  // namespace writ::policy::load_test
