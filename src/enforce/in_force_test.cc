#include "enforce/in_force.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "cedar/compile.h"
#include "cedar/parse.h"
#include "enforce/testing/world.h"

namespace writ::enforce::in_force_test {
namespace {

std::shared_ptr<const decision::PolicySnapshot> policies(std::string revision) {
  return std::make_shared<decision::PolicySnapshot>(decision::PolicySnapshot{
      .policies = cedar::CompiledPolicySet::compile(cedar::parse_policies("").value()).value(),
      .entities = cedar::Entities::empty(),
      .revision = std::move(revision)});
}

std::shared_ptr<const inventory::Snapshot> of_one(std::string id) {
  return inventory::Snapshot::empty()
      ->with({{.id = std::move(id), .kind = inventory::Kind::kUser}}, {}, {})
      .value();
}

TEST(InForce, WhatIsReplacedIsReadByTheNextRequest) {
  Current current({inventory::Snapshot::empty(), policies("r1")});
  EXPECT_EQ(current.read()->policies->revision, "r1");
  current.replace(policies("r2"));
  EXPECT_EQ(current.read()->policies->revision, "r2");
  EXPECT_EQ(current.get()->policies->revision, "r2");
}

TEST(InForce, TwoThatAreReadInTurnAreNotMixedUp) {
  Current one({inventory::Snapshot::empty(), policies("one")}), other({of_one("a"), policies("other")});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(one.read()->policies->revision, "one");
    EXPECT_EQ(other.read()->policies->revision, "other");
  }
}

TEST(InForce, AChangeIsSeenWholeOrNotAtAll) {
  Current current({of_one("0"), policies("0")});
  std::atomic<bool> done = false;
  std::atomic<int> mixed = 0, seen = 0;
  std::thread reader([&] {
    while (!done) {
      const auto& now = current.read();
      if (now->inventory->find(now->policies->revision) == nullptr) ++mixed;
      ++seen;
    }
  });
  for (int i = 1; i < 2000; ++i) {
    const Current::Change change(current);
    current.replace(of_one(std::to_string(i)));
    current.replace(policies(std::to_string(i)));
  }
  done = true;
  reader.join();
  EXPECT_EQ(mixed, 0);
  EXPECT_GT(seen, 0);
}

TEST(InForce, AStopOfAnotherThreadDoesNotGetLostInAChange) {
  Current current({inventory::Snapshot::empty(), policies("0")});
  std::thread other;
  {
    const Current::Change change(current);
    current.replace(policies("1"));
    other = std::thread([&] { current.replace(of_one("stopped")); });
  }
  other.join();
  EXPECT_EQ(current.get()->policies->revision, "1");
  EXPECT_NE(current.get()->inventory->find("stopped"), nullptr);
}

// Workers rule on the calls of Writ's own API, one of them on the reload itself: each would keep a
// configuration.
TEST(InForce, WhoRulesOnAThreadThatIsNoLoopKeepsNothingAlive) {
  testing::World world;
  const http::Headers headers{{"Authorization", "Bearer " + world.token()}};
  const auto rules = [&] {
    return world.enforcer
        .enforce({.point = "gateway",
                  .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                  .credentials = token::Presented::from_headers(headers),
                  .api = "invoices",
                  .action = {"Billing::Action", "read"},
                  .resource = {"Billing::Invoice", "inv-1"}})
        .has_value();
  };
  EXPECT_TRUE(rules());
  const std::weak_ptr<const InForce> before = world.current.get();
  world.current.replace(policies("r2"));
  EXPECT_TRUE(before.expired());
  EXPECT_FALSE(rules());  // no policy permits it any more
}

}  // namespace
}  // namespace writ::enforce::in_force_test
