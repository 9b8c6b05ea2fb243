#include "enforce/unlisted.h"

#include <gtest/gtest.h>

namespace writ::enforce::unlisted_test {
namespace {

TEST(UnlistedTest, DaysAndWhetherItWasEverPermitted) {
  Unlisted unlisted;
  unlisted.note("nora", 7, false);
  unlisted.note("nora", 7, false);
  unlisted.note("nora", 9, true);
  unlisted.note("nora", 8, false);
  const auto seen = unlisted.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].first, 7u);
  EXPECT_EQ(seen[0].last, 9u);
  EXPECT_TRUE(seen[0].permitted);
}

TEST(UnlistedTest, WhatComesWhenItIsFullIsCounted) {
  Unlisted unlisted(2);
  for (const auto* id : {"a", "b", "c", "d", "a"}) unlisted.note(id, 1, true);
  EXPECT_EQ(unlisted.seen().size(), 2u);
  EXPECT_EQ(unlisted.left_out(), 2u);
}

}  // namespace
}  // namespace writ::enforce::unlisted_test
