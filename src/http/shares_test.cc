#include "http/shares.h"

#include <gtest/gtest.h>

namespace writ::http {
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
}  // namespace writ::http
