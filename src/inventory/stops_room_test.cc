// How many ids that nobody knows may be stopped, and who is stopped all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "inventory/directory.h"
#include "inventory/testing/memory_store.h"

namespace writ::inventory::stops_room_test {
namespace {

using ::testing::HasSubstr;

class StopsRoomTest : public ::testing::Test {
 protected:
  StopsRoomTest() {
    EXPECT_TRUE(directory.create({.id = "portal", .kind = Kind::kApplication}));
    for (const auto* id : {"made-up-1", "made-up-2", "made-up-3"})
      EXPECT_TRUE(directory.order(id, Status::kSuspended)) << id;
  }

  testing::MemoryStore store;
  std::set<std::string, std::less<>> active;
  const DirectoryLimits limits{3, [this](std::string_view id) { return active.contains(id); }};
  Directory directory{store, limits};
};

TEST_F(StopsRoomTest, NoMoreIdsThatNobodyKnowsAreStoppedThanMayBe) {
  const auto refused = directory.order("made-up-4", Status::kSuspended);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("limits.max_unlisted_stops"));
  EXPECT_EQ(directory.snapshot()->ordered("made-up-4"), Status::kActive);
  EXPECT_EQ(directory.snapshot()->stopped_unlisted(), 3u);
  EXPECT_EQ(directory.stops_refused(), 1u);
}

TEST_F(StopsRoomTest, WhoIsInTheInventoryIsStoppedAllTheSame) {
  EXPECT_TRUE(directory.order("portal", Status::kSuspended));
  EXPECT_EQ(directory.snapshot()->ordered("portal"), Status::kSuspended);
  EXPECT_EQ(directory.snapshot()->stopped_unlisted(), 3u);
}

TEST_F(StopsRoomTest, WhoTakesPartInSomethingIsStoppedAllTheSame) {
  active = {"nora"};
  EXPECT_TRUE(directory.order("nora", Status::kRetired));
  EXPECT_FALSE(directory.order("made-up-4", Status::kSuspended));
}

TEST_F(StopsRoomTest, AStopThatIsThereIsMadeStricterAllTheSame) {
  EXPECT_TRUE(directory.order("made-up-1", Status::kRetired));
}

TEST_F(StopsRoomTest, AStopThatIsLiftedMakesRoom) {
  ASSERT_TRUE(directory.order("made-up-1", Status::kActive));
  EXPECT_TRUE(directory.order("made-up-4", Status::kSuspended));
}

TEST_F(StopsRoomTest, AnIdThatIsListedLaterMakesRoom) {
  ASSERT_TRUE(directory.create({.id = "made-up-1", .kind = Kind::kService}));
  EXPECT_EQ(directory.snapshot()->stopped_unlisted(), 2u);
  EXPECT_EQ(directory.snapshot()->find("made-up-1")->status(), Status::kSuspended);
  EXPECT_TRUE(directory.order("made-up-4", Status::kSuspended));
}

TEST_F(StopsRoomTest, AreCountedAgainAfterARestart) {
  Directory again(store, limits);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.snapshot()->stopped_unlisted(), 3u);
  EXPECT_FALSE(again.order("made-up-4", Status::kSuspended));
}

TEST_F(StopsRoomTest, WhatIsKnownComesInPagesInTheOrderOfIds) {
  ASSERT_TRUE(directory.order("portal", Status::kSuspended));
  std::vector<std::string> ids;
  std::string last;
  for (;;) {
    const auto snapshot = directory.snapshot();
    const auto some = snapshot->known_after(last, 2);
    if (some.empty()) break;
    for (const auto& known : some) ids.emplace_back(known.id);
    last = ids.back();
  }
  EXPECT_THAT(ids, ::testing::ElementsAre("made-up-1", "made-up-2", "made-up-3", "portal"));
  EXPECT_TRUE(directory.snapshot()->known_after("portal", 2).empty());
  EXPECT_TRUE(directory.snapshot()->known_after("", 0).empty());
  EXPECT_EQ(directory.snapshot()->known_after("made-up-3", 9).front().member->status(), Status::kSuspended);
}

}  // namespace
}  // namespace writ::inventory::stops_room_test
