// What `writ check` says of facts that routes find in requests: one type, one source.
#include "policy/fact_sources.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "policy/load.h"

namespace writ::policy::fact_sources_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kConfig = R"(version: 1
issuer: http://127.0.0.1:8180
listen: {{api: "127.0.0.1:8180"}}
policies: {{files: [p.cedar], schemas: [s.cedarschema], entities: e.json}}
inventory:
  identities:
    - {{id: portal, kind: application}}
  apis:
    - id: shop
      audience: https://shop.example
      namespace: Shop
      actions: [pay, show]
      upstream: http://127.0.0.1:1
      routes:
        - method: POST
          path: "/orders/{{order}}/pay"
          action: pay
          resource: 'Shop::Order::"{{order}}"'
          {}
        - method: GET
          path: "/orders/{{order}}"
          action: show
          resource: 'Shop::Order::"{{order}}"'
          {}
)";
constexpr std::string_view kSchema = R"(namespace Shop {
  entity Order = { open: Bool, amount?: decimal };
  action pay, show appliesTo { principal: [Writ::Application], resource: [Order], context: Writ::Context };
})";
constexpr std::string_view kPolicy = R"(@id("pays") permit (principal, action, resource is Shop::Order)
when { resource has amount && resource.amount.lessThan(decimal("5.0")) };)";

class FactSources : public ::testing::Test {
 protected:
  FactSources() {
    fs::create_directories(root_);
    write("p.cedar", kPolicy);
    write("s.cedarschema", kSchema);
    write("e.json", R"([{"uid":{"type":"Shop::Order","id":"1"},"attrs":{"open":true},"parents":[]}])");
  }
  ~FactSources() override { fs::remove_all(root_); }
  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }
  std::string issues(std::string_view pay, std::string_view show = "") {
    write("writ.yaml", fmt::format(kConfig, pay, show));
    files::Issues issues;
    loaded = load(root_ / "writ.yaml", issues);
    std::string out;
    for (const auto& issue : issues.all()) out += render(issue) + "\n";
    return out;
  }

  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-facts-{}", ::getpid());
  std::optional<Loaded> loaded;
};

constexpr std::string_view kAmount = "attributes: {amount: {from: body /amount, type: decimal}}";

TEST_F(FactSources, AnAttributeOfTheSchemasTypeIsTaken) {
  EXPECT_THAT(issues(kAmount), IsEmpty());
  const auto rules = facts_rules(loaded->world, *loaded->policies.snapshot);
  EXPECT_EQ(rules.told.size(), 1U);
  EXPECT_NE(rules.schema, nullptr);
}

TEST_F(FactSources, AnAttributeThatTheSchemaDoesNotDeclareIsAnError) {
  EXPECT_THAT(issues("attributes: {colour: {from: query colour, type: string}}"),
              HasSubstr("finds the attribute `colour`, which the schema does not declare for `Shop::Order`"));
}

TEST_F(FactSources, AnAttributeOfAnotherTypeThanTheSchemasIsAnError) {
  EXPECT_THAT(issues("attributes: {amount: {from: body /amount, type: long}}"),
              HasSubstr("says that the attribute `amount` is of type `Long`, and the schema says `decimal`"));
}

TEST_F(FactSources, AnAttributeThatARequestMayLackIsOptionalInTheSchema) {
  EXPECT_THAT(issues("attributes: {open: {from: body /open, type: bool}}"),
              HasSubstr("write `open?` in the schema"));
}

TEST_F(FactSources, TwoSourcesForOneAttributeAreAnError) {
  write(
      "e.json",
      R"([{"uid":{"type":"Shop::Order","id":"1"},"attrs":{"open":true,"amount":{"__extn":{"fn":"decimal","arg":"1.0"}}},"parents":[]}])");
  const auto found = issues(kAmount);
  EXPECT_THAT(found, HasSubstr("route `POST /orders/{order}/pay` finds the attribute `amount`"));
  EXPECT_THAT(found, HasSubstr(R"(the entities file has it for Shop::Order::"1")"));
}

TEST_F(FactSources, ATenantIsNotFoundInARequest) {
  EXPECT_THAT(issues("attributes: {tenant: {from: body /tenant, type: string}}"),
              HasSubstr("a guard goes by"));
}

TEST_F(FactSources, AHeaderThatDoesNotReachTheApiIsAnError) {
  EXPECT_THAT(issues("context: {reason: {from: header X-Reason, type: string}}"),
              HasSubstr("`X-Reason` does not reach the API"));
}

TEST_F(FactSources, PoliciesThatReadWhatRoutesDeclareValidate) {
  write("p.cedar", R"(@id("a") permit (principal, action == Shop::Action::"pay", resource)
when { context.input has reason && context.input.reason == "due" &&
       context.amounts has paid && context.amounts.paid.lessThan(decimal("5.0")) };)");
  EXPECT_THAT(issues("context: {reason: {from: body /reason, type: string}}", "amounts: {paid: none}"),
              IsEmpty());
}

TEST_F(FactSources, PoliciesThatReadWhatNoRouteDeclaresDoNot) {
  write("p.cedar", R"(@id("a") permit (principal, action, resource) when { context.input has reason &&
context.input.reason == "due" };)");
  const auto none = issues("");
  write("p.cedar",
        R"(@id("a") permit (principal, action, resource) when { context.input.reason == "due" };)");
  EXPECT_THAT(issues(""), HasSubstr("reason"));
  // Nor without asking whether it is there.
  EXPECT_THAT(issues("context: {reason: {from: body /reason, type: string}}"), HasSubstr("reason"));
}

TEST_F(FactSources, ContextEntriesOfOneNameHaveOneType) {
  EXPECT_THAT(issues("context: {size: {from: body /size, type: long}}",
                     "context: {size: {from: query size, type: string}}"),
              HasSubstr("give one of them another name"));
}

}  // namespace
}  // namespace writ::policy::fact_sources_test
