// The prefixes of issuers stay, over restarts too.
#include "store/issuer_prefixes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite_store.h"
#include "store/testing/samples.h"

namespace writ::store::issuer_prefixes_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class IssuerPrefixesTest : public ::testing::Test {
 protected:
  // As a start with these issuers: what it ends with, or nothing.
  std::string start(const IssuerPrefixes& issuers) const {
    auto store = SqliteStore::open(folder_.path() / "writ.db");
    EXPECT_TRUE(store);
    const auto kept = (*store)->keep_issuer_prefixes(issuers);
    return kept ? "" : kept.error().message;
  }

  const testing::Folder folder_;
};

TEST_F(IssuerPrefixesTest, OneThatStaysAndOneThatComesAreFine) {
  EXPECT_EQ(start({{"https://a", ""}}), "");
  EXPECT_EQ(start({{"https://a", ""}, {"https://b", "b:"}}), "");
  EXPECT_EQ(start({{"https://a", ""}, {"https://b", "b:"}}), "");
}

TEST_F(IssuerPrefixesTest, AnotherPrefixIsRefusedAndTheOldOneStays) {
  ASSERT_EQ(start({{"https://a", ""}, {"https://b", "b:"}}), "");
  EXPECT_THAT(start({{"https://a", ""}, {"https://b", "c:"}}),
              AllOf(HasSubstr("issuer `https://b` are named with the prefix `b:`"), HasSubstr("`c:`")));
  EXPECT_THAT(start({{"https://a", "a:"}, {"https://b", "b:"}}), HasSubstr("are named without a prefix"));
  EXPECT_THAT(start({{"https://b", ""}, {"https://c", "c:"}}), HasSubstr("names them without a prefix"));
  EXPECT_EQ(start({{"https://a", ""}, {"https://b", "b:"}}), "");
}

TEST_F(IssuerPrefixesTest, AStartWithoutTheIssuerForgetsIt) {
  ASSERT_EQ(start({{"https://b", "b:"}}), "");
  EXPECT_EQ(start({}), "");
  EXPECT_EQ(start({{"https://b", "c:"}}), "");
}

}  // namespace
}  // namespace writ::store::issuer_prefixes_test
