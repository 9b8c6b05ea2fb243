// What would tell callers apart does: each change is applied to the policies, or to the resource, and the
// real decision tells the two apart by it, which it did not before.
#include "access/findings.h"

#include <gtest/gtest.h>
#include <iostream>

#include "access/look_alikes.h"
#include "access/testing/asked_world.h"
#include "access/testing/shop.h"
#include "cedar/schema_syntax.h"

namespace writ::access::findings_test {
namespace {

using testing::Random;
using testing::Shop;

// With the change in place the first is permitted and the second is not; as it was both are.
void expect_separates(const ClassFinding& finding, const testing::RandomWorld& world, Court& court) {
  ASSERT_TRUE(finding.shown.has_value()) << finding.kind;
  auto texts = world.texts;
  if (!finding.policy.empty()) texts.push_back(finding.policy);
  testing::RandomWorld after = world;
  after.policies.policies = testing::compiled(texts);
  const auto permitted = [&](const Trial& trial, const testing::RandomWorld& in) {
    const auto judged = court.judge(trial, in.frame());
    return judged && judged->permitted;
  };
  auto one = finding.shown->first, other = finding.shown->second;
  EXPECT_TRUE(permitted(one, after)) << finding.kind << " " << finding.policy;
  EXPECT_FALSE(permitted(other, after)) << finding.kind << " " << finding.policy;
  if (finding.fact) {
    EXPECT_EQ(finding.fact->second, *one.attributes.find_string(finding.fact->first));
    for (Trial* trial : {&one, &other}) {
      auto without = codec::Json::object();
      for (const auto& [name, value] : *trial->attributes.if_object())
        if (name != finding.fact->first) without.set(name, value);
      trial->attributes = std::move(without);
    }
  }
  EXPECT_TRUE(permitted(one, world)) << finding.kind;
  EXPECT_TRUE(permitted(other, world)) << finding.kind;
}

const ClassFinding* finding_of(const TargetClasses& classes, std::string_view kind) {
  const auto found = std::ranges::find(classes.findings, kind, &ClassFinding::kind);
  return found != classes.findings.end() ? &*found : nullptr;
}

constexpr std::string_view kCallers = R"([
  {"id": "nora", "kind": "user", "tenant": "north"},
  {"id": "sofia", "kind": "user", "tenant": "south"},
  {"id": "portal", "kind": "application", "acts_for": ["users"]},
  {"id": "marketing", "kind": "application", "acts_for": ["users"]},
  {"id": "batch", "kind": "service", "environment": "production"},
  {"id": "trial", "kind": "service", "environment": "test"}])";
const std::vector<std::string> kAll = {"permit (principal, action, resource);"};

class FindingsOfAKind : public ::testing::TestWithParam<const char*> {};

TEST_P(FindingsOfAKind, ComeWithAChangeThatSeparates) {
  Shop shop(kCallers, kAll);
  const auto classes = shop.classes();
  const auto* finding = finding_of(classes, GetParam());
  ASSERT_NE(finding, nullptr);
  EXPECT_TRUE(!finding->policy.empty() || finding->fact);
  expect_separates(*finding, shop.world, *shop.court);
  const auto text = to_text(classes);
  EXPECT_NE(text.find(finding->fact ? "a resource with " + finding->fact->first : finding->policy),
            text.npos);
}

INSTANTIATE_TEST_SUITE_P(Each, FindingsOfAKind,
                         ::testing::Values("same user through two applications", "with and without a task",
                                           "two tenants", "two environments"));

// Both work for an agent, so that both need a task and `context has agent` holds of both.
TEST(Findings, AServiceAndAnAgentAreToldApartByTheirNames) {
  Shop shop(R"([
    {"id": "helper", "kind": "agent"},
    {"id": "batch", "kind": "service", "acts_for": ["helper"]},
    {"id": "second", "kind": "agent", "acts_for": ["helper"]}])",
            kAll);
  const auto classes = shop.classes();
  const auto* finding = finding_of(classes, "a service and an agent");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->policy.find("principal == "), std::string::npos) << finding->policy;
  expect_separates(*finding, shop.world, *shop.court);
}

TEST(Findings, WhereTheTypeHasNoTenantAPolicyOnTheContextSeparates) {
  Shop shop(kCallers, kAll);
  // A resource that says another tenant is not there to be asked about, so the fact is left aside.
  std::vector<cedar::SchemaFragment> fragments;
  fragments.push_back(
      cedar::parse_schema_text("namespace Shop { entity Order = { amount: Long }; }").value());
  shop.world.policies.schema = cedar::resolve_schema(fragments).value();
  const auto classes = shop.classes();
  const auto* finding = finding_of(classes, "two tenants");
  ASSERT_NE(finding, nullptr);
  EXPECT_FALSE(finding->fact);
  EXPECT_NE(finding->policy.find("context.tenant"), std::string::npos) << finding->policy;
  expect_separates(*finding, shop.world, *shop.court);
}

TEST(Findings, InRandomWorldsEveryChangeThatIsNamedSeparates) {
  Random random(31);
  const auto court = Court::make().value();
  std::size_t named = 0, all = 0;
  for (int number = 0; number < 25; ++number) {
    const auto world = testing::random_world(random);
    const auto classes = testing::AskedWorld(world, *court).classes();
    for (const ClassFinding& each : classes.findings) {
      ++all;
      if (!each.shown) continue;
      ++named;
      expect_separates(each, world, *court);
    }
  }
  std::cout << named << " of " << all << " findings come with a change that separates\n";
  EXPECT_GT(named, 20u);
}

TEST(LookAlikes, TheClaimThatWouldTellThemApartDoes) {
  Shop shop(kCallers, kAll);
  std::vector<std::string> reads{"scope"};
  const auto before = look_alikes(*shop.survey, {shop.read()}, reads).value();
  ASSERT_FALSE(before.empty());
  for (const LookAlikes& each : before) {
    ASSERT_TRUE(each.change.has_value());
    auto more = reads;
    more.push_back(*each.change);
    // Of those that looked alike some do not any more.
    const auto after = look_alikes(*shop.survey, {shop.read()}, more).value();
    for (const LookAlikes& still : after) EXPECT_LT(still.chains.size(), each.chains.size());
  }
}

}  // namespace
}  // namespace writ::access::findings_test
