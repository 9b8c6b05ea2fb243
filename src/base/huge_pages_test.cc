#include "base/huge_pages.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace writ::huge_pages_test {
namespace {

TEST(HugePages, MemoryStaysWhatItIsAndIsWrittenAsBefore) {
  std::vector<std::uint32_t> words(4 * HugePages::kBytes / sizeof(std::uint32_t));
  for (std::size_t at = 0; at < words.size(); ++at) words[at] = static_cast<std::uint32_t>(at * 2654435761U);
  HugePages pages;
  pages.add(words.data(), words.size() * sizeof(std::uint32_t));
  EXPECT_GE(pages.ask(), 3U);
  // Once more: they are there already.
  EXPECT_GE(pages.ask(), 3U);
  for (std::size_t at = 0; at < words.size(); ++at)
    ASSERT_EQ(words[at], static_cast<std::uint32_t>(at * 2654435761U));
  std::fill(words.begin(), words.end(), 7);
  EXPECT_EQ(words.back(), 7U);
}

TEST(HugePages, AreNotAskedForWhereLittleLies) {
  const auto memory = std::make_unique<char[]>(4 * HugePages::kBytes);
  HugePages pages;
  EXPECT_EQ(pages.ask(), 0U);
  for (std::size_t at = 0; at < 4; ++at) pages.add(&memory[at * HugePages::kBytes], 1000);
  EXPECT_EQ(pages.ask(), 0U);
}

TEST(HugePages, ManySmallPiecesFillOneTogether) {
  const auto memory = std::make_unique<char[]>(3 * HugePages::kBytes);
  HugePages pages;
  for (std::size_t at = 0; at < 3 * HugePages::kBytes; at += 4096) pages.add(&memory[at], 3000);
  EXPECT_GE(pages.ask(), 2U);
}

TEST(HugePages, WhereNoMemoryIsNothingHappens) {
  HugePages pages;
  pages.add(reinterpret_cast<const void*>(HugePages::kBytes), HugePages::kBytes);
  EXPECT_EQ(pages.ask(), 1U);
}

}  // namespace
}  // namespace writ::huge_pages_test
