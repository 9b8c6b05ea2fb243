#include "base/append.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace writ::append_test {
namespace {

TEST(Append, PartsStandBehindWhatIsThereInTheirOrder) {
  std::string out = "a";
  const std::string owned = "owned";
  append(out, ",\"", owned, "\":", std::string_view("view"), "");
  EXPECT_EQ(out, "a,\"owned\":view");
  append(out, "");
  EXPECT_EQ(out, "a,\"owned\":view");
}

TEST(Append, RandomPartsGiveWhatOneAfterTheOtherGives) {
  std::mt19937 random(1);
  std::string out, expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string first(random() % 70, 'a'), second(random() % 3, '\0'), third(random() % 20, '\xe4');
    append(out, first, second, third);
    expected.append(first).append(second).append(third);
    ASSERT_EQ(out, expected);
    if (out.size() > 5000) out.clear(), expected.clear();
  }
}

}  // namespace
}  // namespace writ::append_test
