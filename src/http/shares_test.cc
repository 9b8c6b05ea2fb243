#include "http/shares.h"

#include <gtest/gtest.h>

namespace writ::http::shares_test {
namespace {

std::size_t take_all(Shares& shares, Shares::Party party) {
  std::size_t count = 0;
  while (shares.take(party)) ++count;
  return count;
}

TEST(Shares, OneCallerNeverTakesThePlacesOfOthers) {
  Shares shares(100);
  std::size_t greedy = 0;
  for (std::uint64_t subject = 1; subject < 50; ++subject) greedy += take_all(shares, {1, subject});
  EXPECT_LE(greedy, 50u);
  EXPECT_GE(take_all(shares, {2, 1}), 15u);
  EXPECT_TRUE(shares.take({3, 1}));
  EXPECT_TRUE(shares.take({4, 1}));
}

TEST(Shares, OneUserOfAnApplicationNeverTakesThePlacesOfItsOthers) {
  Shares shares(120);
  const auto greedy = take_all(shares, {1, 1});
  EXPECT_GE(greedy, 30u);
  EXPECT_LE(greedy, 60u);
  EXPECT_TRUE(shares.take({1, 2}));
  EXPECT_TRUE(shares.take({1, 3}));
}

TEST(Shares, EachGreedyCallerLeavesHalfOfWhatItFinds) {
  Shares shares(1024);
  std::size_t left = 1024;
  for (std::uint64_t client = 1; client <= 6; ++client) {
    for (std::uint64_t subject = 1; subject <= 50; ++subject) take_all(shares, {client, subject});
    EXPECT_GE(1024 - shares.taken(), left / 2 - 1);
    left = 1024 - shares.taken();
  }
  EXPECT_TRUE(shares.take({1000, 1}));
}

TEST(Shares, ColludingCallersLeaveTheReserveToThoseWhoHoldFew) {
  Shares shares(1024);
  const auto greedy = [&](std::uint64_t client) {
    std::size_t taken = 0;
    for (std::uint64_t subject = 1; subject <= 100; ++subject) taken += take_all(shares, {client, subject});
    return taken;
  };
  for (std::uint64_t client = 1; client <= 10; ++client) greedy(client);
  EXPECT_GE(1024 - shares.taken(), 40u) << "ten that collude";
  EXPECT_GE(greedy(100), 4u) << "and one that comes after them";
  for (std::uint64_t client = 11; client <= 20; ++client) greedy(client);
  EXPECT_GE(1024 - shares.taken(), 8u) << "twenty that collude";
  // Counts are never too small, and seldom too large.
  EXPECT_GE(shares.take({101, 1}) + shares.take({102, 1}) + shares.take({103, 1}) + shares.take({104, 1}), 2);
}

TEST(Shares, WhoHoldsManyGetsNoMoreWhilePlacesAreShort) {
  Shares shares(80);
  std::size_t first = 0;
  for (std::uint64_t subject = 1; subject <= 40; ++subject) first += take_all(shares, {1, subject});
  for (std::uint64_t client = 2; client <= 4; ++client)
    for (std::uint64_t subject = 1; subject <= 40; ++subject) take_all(shares, {client, subject});
  ASSERT_LE(80 - shares.taken(), 10u);
  EXPECT_EQ(take_all(shares, {1, 99}), 0u) << "it holds " << first;
  EXPECT_TRUE(shares.take({9, 1})) << "whoever holds none gets a first one";
}

TEST(Shares, ColludingUsersOfAnApplicationLeavePlacesToItsOthers) {
  Shares shares(1024);
  for (std::uint64_t subject = 1; subject <= 10; ++subject) take_all(shares, {1, subject});
  EXPECT_GE(take_all(shares, {1, 11}), 1u);
  EXPECT_GE(take_all(shares, {1, 12}), 1u);
}

TEST(Shares, AnUpstreamThatIsNotShortServesThoseWhoAskForMuch) {
  Shares shares(1024);
  std::size_t alone = 0;
  for (std::uint64_t subject = 1; subject <= 100; ++subject) alone += take_all(shares, {1, subject});
  EXPECT_GE(alone, 450u);
}

TEST(Shares, WhatIsGivenBackIsFreeAgain) {
  Shares shares(10);
  const auto first = take_all(shares, {1, 1});
  for (std::size_t i = 0; i < first; ++i) shares.give_back({1, 1});
  EXPECT_EQ(shares.taken(), 0u);
  EXPECT_EQ(take_all(shares, {1, 1}), first);
}

TEST(Shares, TheOnlyPlaceIsForWhoComesFirst) {
  Shares shares(1);
  EXPECT_TRUE(shares.take({1, 1}));
  EXPECT_FALSE(shares.take({2, 1}));
}

TEST(Shares, WritsOwnCallsAreNotCounted) {
  Shares shares(8);
  EXPECT_EQ(take_all(shares, {}), 8u);
  for (int i = 0; i < 8; ++i) shares.give_back({});
  EXPECT_TRUE(shares.take({1, 1}));
}

}  // namespace
}  // namespace writ::http::shares_test
