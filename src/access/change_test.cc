// What a change gives and takes, and how it is shown.
#include "access/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/change_page.h"
#include "access/testing/random_world.h"

namespace writ::access::change_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// A shop with these identities and policies, asked about.
struct Side {
  std::shared_ptr<const inventory::Snapshot> inventory;
  decision::PolicySnapshot policies;
  std::unique_ptr<Asker> asker;

  Side(std::string_view identities, const std::vector<std::string>& texts) {
    std::vector<inventory::Identity> all;
    const auto json = codec::parse_json(identities).value();
    for (const auto& each : *json.if_array()) all.push_back(inventory::identity_from_json(each).value());
    const auto api = codec::parse_json(
        R"({"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read"]})");
    inventory =
        inventory::Snapshot::empty()->with(std::move(all), {inventory::api_from_json(*api).value()}).value();
    policies.policies = testing::compiled(texts);
    policies.entities = cedar::Entities::empty();
    policies.revision = "test";
    asker = Asker::make(*inventory, policies, testing::kNow).value();
  }
};

AccessChange change_of(const Side& before, const Side& after, const MaySee& may_see = {}) {
  return changes_between(*before.asker, *after.asker, {.links = 2}, may_see);
}

std::vector<std::string> told(const AccessChange& change) {
  std::vector<std::string> all;
  const auto json = to_json(change);
  for (const auto& each : *json.find("changes")->if_array())
    all.push_back(*each.find_string("change") + " " + each.find("chain")->dump() + " " +
                  *each.find_string("target") + " " + *each.find_string("before") + " " +
                  *each.find_string("after"));
  return all;
}

constexpr std::string_view kTwo =
    R"([{"id": "batch", "kind": "service"}, {"id": "export", "kind": "service"}])";
const std::string kAll = "permit (principal, action, resource);";

TEST(AccessChange, WhatAPolicyGivesAndTakesIsToldByChain) {
  const Side before(kTwo, {R"(permit (principal == Writ::Service::"batch", action, resource);)"});
  const Side after(kTwo, {R"(permit (principal == Writ::Service::"export", action, resource);)"});
  EXPECT_THAT(told(change_of(before, after)),
              UnorderedElementsAre("taken [\"batch\"] shop read when never",
                                   "taken [\"batch\"] token for shop always never",
                                   "given [\"export\"] shop read never when",
                                   "given [\"export\"] token for shop never always"));
  EXPECT_TRUE(change_of(before, before).empty());
  EXPECT_EQ("nobody's access changes\n", changes_text(change_of(before, before)));
}

TEST(AccessChange, OtherTermsAreToldWithWhatIsLeftBeforeAndAfter) {
  const Side before(R"([{"id": "batch", "kind": "service"}])", {kAll});
  const Side after(
      R"([{"id": "batch", "kind": "service"}])",
      {R"(permit (principal, action, resource) when { context has purpose && context.purpose == "support" };)"});
  const auto change = change_of(before, after);
  ASSERT_THAT(told(change), ::testing::Contains("other terms [\"batch\"] shop read when when"));
  const auto text = changes_text(change);
  EXPECT_THAT(text, HasSubstr("~ shop read: when → when on other terms"));
  EXPECT_THAT(text, HasSubstr("    before: `p0` permits it in any case"));
  EXPECT_THAT(text, HasSubstr("the purpose is `support`"));
}

TEST(AccessChange, WhoIsNewOrGoneCountsAsNever) {
  const Side before(R"([{"id": "old", "kind": "service"}])", {kAll});
  const Side after(R"([{"id": "new", "kind": "service"}])", {kAll});
  const auto json = to_json(change_of(before, after));
  EXPECT_EQ(R"({"given":2,"taken":2,"other_terms":0})", json.find("counts")->dump());
  EXPECT_THAT(json.find("identities")->dump(), HasSubstr(R"("id":"new")"));
}

// Two chains of one text, if names are put side by side.
TEST(AccessChange, NamesWithArrowsInThemAreNotTakenForChains) {
  const Side before(
      R"([{"id": "a → b", "kind": "user"}, {"id": "a", "kind": "user"}, {"id": "app", "kind": "application", "acts_for": ["users"]}])",
      {R"(permit (principal, action, resource) when { principal != Writ::User::"a" };)"});
  const Side after(
      R"([{"id": "a → b", "kind": "user"}, {"id": "a", "kind": "user"}, {"id": "app", "kind": "application", "acts_for": ["users"]}])",
      {R"(permit (principal, action, resource) when { principal != Writ::User::"a → b" };)"});
  std::size_t given = 0, taken = 0;
  for (const auto& each : change_of(before, after).changes) {
    if (each.chain.size() != 2) continue;
    given += each.kind == ReachChange::Kind::kGiven && each.chain.front().id == "a" ? 1 : 0;
    taken += each.kind == ReachChange::Kind::kTaken && each.chain.front().id == "a → b" ? 1 : 0;
  }
  EXPECT_EQ(2u, given);
  EXPECT_EQ(2u, taken);
}

TEST(AccessChange, WhoMustNotBeSeenOnOneSideIsSeenOnNone) {
  const Side before(
      R"([{"id": "batch", "kind": "service", "tenant": "north"}, {"id": "export", "kind": "service", "tenant": "north"}])",
      {kAll});
  const Side after(
      R"([{"id": "batch", "kind": "service", "tenant": "south"}, {"id": "export", "kind": "service", "tenant": "north"}])",
      {"permit (principal, action, resource) when { context.approved };"});
  const auto change = change_of(before, after, [](const ChainLink& link) {
    return link.member != nullptr && (*link.member)->tenant == "north";
  });
  EXPECT_FALSE(change.changes.empty());
  for (const auto& each : change.changes) EXPECT_EQ("export", each.chain.front().id);
}

TEST(AccessChange, MoreChangesThanAreKeptAreSaid) {
  const Side before(kTwo, {kAll}), after(kTwo, {"forbid (principal, action, resource);"});
  const auto change = changes_between(*before.asker, *after.asker, {.links = 2, .changes = 1});
  EXPECT_TRUE(change.cut);
  EXPECT_FALSE(change_of(before, after).cut);
}

TEST(AccessChange, WhatIsOpenToAllIsComparedToo) {
  AccessChange change{.changes = {}};
  compare({.public_routes = {{"shop", "GET", "/old"}, {"shop", "GET", "/same"}}, .observed = {"mail"}},
          {.public_routes = {{"shop", "GET", "/same"}, {"shop", "GET", "/new"}}, .observed = {"shop"}},
          change);
  EXPECT_FALSE(change.empty());
  const auto text = changes_text(change);
  EXPECT_THAT(text, HasSubstr("+ anybody, without a token: GET /new of `shop`, a public route"));
  EXPECT_THAT(text, HasSubstr("- anybody, without a token: GET /old of `shop`"));
  EXPECT_THAT(text, HasSubstr("+ anybody, without a token: everything of `shop`, only observed"));
  EXPECT_THAT(text, Not(HasSubstr("/same")));
  EXPECT_THAT(changes_csv(change),
              HasSubstr("given,\"anybody, without a token\",shop GET /new,never,always,"));
}

TEST(AccessChange, ThePageShowsNamesAsText) {
  const std::string_view identities = R"([{"id": "<script>alert(1)</script>", "kind": "service"}])";
  const Side before(identities, {kAll}), after(identities, {"forbid (principal, action, resource);"});
  const auto page = report::page("change", change_part(change_of(before, after), "old", "<new>"));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("From old to &lt;new&gt;."));
  EXPECT_THAT(page, HasSubstr("when → never"));
}

}  // namespace
}  // namespace writ::access::change_test
