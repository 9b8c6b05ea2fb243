// The page of answers, with names that would be markup, and that would turn the text round.
#include "access/page.h"

#include <gtest/gtest.h>

#include "access/testing/random_world.h"

namespace writ::access::page_test {
namespace {

constexpr std::string_view kHostile = R"json([
  {"id": "<script>alert(1)</script>", "kind": "user", "tenant": "\"><img src=x onerror=alert(2)>"},
  {"id": "a&b'\"--><svg/onload=alert(3)>", "kind": "user"},
  {"id": "\u202egnp.exe", "kind": "user"},
  {"id": "portal", "kind": "application", "acts_for": ["users"], "environment": "</title><script>alert(4)</script>"},
  {"id": "desk", "kind": "application", "acts_for": ["users"]},
  {"id": "helper", "kind": "agent", "acts_for": ["portal"], "owner": "javascript:alert(5)"
}])json";

struct Shop {
  std::shared_ptr<const inventory::Snapshot> inventory;
  decision::PolicySnapshot policies;
  std::unique_ptr<Asker> asker;

  explicit Shop(std::string_view identities) {
    std::vector<inventory::Identity> all;
    const auto json = codec::parse_json(identities).value();
    for (const auto& each : *json.if_array()) all.push_back(inventory::identity_from_json(each).value());
    const auto api = codec::parse_json(
        R"({"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read"]})");
    inventory =
        inventory::Snapshot::empty()->with(std::move(all), {inventory::api_from_json(*api).value()}).value();
    policies.policies = testing::compiled({"permit (principal, action, resource);",
                                           R"(forbid (principal, action, resource)
                                              when { context.request has path && context.request.path == "<script>" };)"});
    policies.entities = cedar::Entities::empty();
    policies.revision = "<b>revision</b>";
    asker = Asker::make(*inventory, policies, testing::kNow).value();
  }

  std::string page() {
    const auto answered = asker->ask({.links = 2, .never = true}).value();
    std::vector<ClassesAnswered> classes;
    classes.push_back(asker->classes({.api = "shop", .action = {}, .reads = {"sub"}, .links = 2}).value());
    return access_page({.asker = *asker,
                        .answered = answered,
                        .overview = overview_of(*asker, answered, {"shop"}),
                        .classes = std::move(classes)});
  }
};

TEST(AccessPage, NamesOfIdentitiesCannotBecomeMarkup) {
  const std::string page = Shop(kHostile).page();
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;"), page.npos);
  EXPECT_NE(page.find("⟨U+202E⟩gnp.exe"), page.npos);
  for (const auto* bad : {"<script", "<img", "onerror=alert(2)>", "<svg/", "</title><script", "<b>revision",
                          "href=\"javascript"})
    EXPECT_EQ(page.find(bad), page.npos) << bad;
  EXPECT_EQ(page.find("\u202e"), page.npos);
}

TEST(AccessPage, ItFetchesAndRunsNothing) {
  const std::string page =
      Shop(R"([{"id": "a", "kind": "user"}, {"id": "portal", "kind": "application", "acts_for": ["users"]}])")
          .page();
  for (const auto* bad :
       {" src=", "http-equiv=\"refresh", "<link", "<iframe", "<object", "@import", "url(http"})
    EXPECT_EQ(page.find(bad), page.npos) << bad;
  EXPECT_NE(page.find("default-src 'none'"), page.npos);
}

TEST(AccessPage, TheSameIsAlwaysTheSamePage) {
  EXPECT_EQ(Shop(kHostile).page().size(), Shop(kHostile).page().size());
}

TEST(AccessOverview, IdentitiesOfEqualAnswerAreOneGroup) {
  Shop shop(R"([{"id": "a", "kind": "user"}, {"id": "b", "kind": "user"},
                {"id": "off", "kind": "user", "status": "suspended"},
                {"id": "portal", "kind": "application", "acts_for": ["users"]},
                {"id": "desk", "kind": "application", "acts_for": ["users"]},
                {"id": "lone", "kind": "application"}])");
  const auto answered = shop.asker->ask({.links = 2}).value();
  const auto overview = overview_of(*shop.asker, answered, {"shop"});
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < overview.groups.size(); ++i)
    for (const ChainLink* link : overview.groups[i].members) place[link->id] = i;
  EXPECT_EQ(place.at("a"), place.at("b"));
  EXPECT_NE(place.at("a"), place.at("off"));
  EXPECT_EQ(place.at("portal"), place.at("desk"));
  EXPECT_NE(place.at("portal"), place.at("lone"));
  EXPECT_TRUE(overview.groups[place.at("portal")].any_user);
  EXPECT_FALSE(overview.groups[place.at("off")].active);
  EXPECT_TRUE(overview.groups[place.at("off")].reaches.empty());
  EXPECT_EQ(overview.groups[place.at("a")].reaches.at("shop").actions, 1u);
}

TEST(AccessAsker, ChainsWithSomebodyWhoMustNotBeSeenAreLeftOut) {
  Shop shop(R"([{"id": "a", "kind": "user"}, {"id": "secret", "kind": "user"},
                {"id": "portal", "kind": "application", "acts_for": ["users"]}])");
  const MaySee may_see = [](const ChainLink& link) { return link.member != nullptr && link.id != "secret"; };
  const auto seen = shop.asker->ask({.links = 2, .never = true}, may_see).value();
  std::size_t count = 0;
  for (const Row& row : seen.rows) {
    row.each_chain([&](const Chain& chain) {
      ++count;
      for (const ChainLink& link : chain) {
        EXPECT_NE(link.id, "secret");
        EXPECT_NE(link.id, shop.asker->census().any_other_user());
      }
    });
  }
  EXPECT_GT(count, 0u);
  const auto hidden = shop.asker->ask({.of = "secret", .links = 2}, may_see);
  const auto absent = shop.asker->ask({.of = "absent", .links = 2}, may_see);
  ASSERT_FALSE(hidden || absent);
  EXPECT_EQ(hidden.error().code, absent.error().code);
  EXPECT_EQ(hidden.error().message.size(), absent.error().message.size());
}

}  // namespace
}  // namespace writ::access::page_test
