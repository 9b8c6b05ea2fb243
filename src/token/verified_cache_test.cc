#include "token/verified_cache.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace writ::token::verified_cache_test {
namespace {

constexpr std::uint64_t kGeneration = 1;

std::shared_ptr<const AccessClaims> claims_of(std::string subject) {
  AccessClaims claims;
  claims.subject = std::move(subject);
  claims.expires_at = Instant(std::chrono::hours(1));
  return std::make_shared<const AccessClaims>(std::move(claims));
}

// Only the end is hashed.
TEST(VerifiedCache, TokensThatEndAlikeAreToldApart) {
  VerifiedCache cache(16);
  const std::string end(1000, 's');
  cache.insert("a" + end, kGeneration, claims_of("ann"));
  cache.insert("b" + end, kGeneration, claims_of("bob"));
  EXPECT_EQ(cache.find("a" + end, kGeneration)->subject, "ann");
  EXPECT_EQ(cache.find("b" + end, kGeneration)->subject, "bob");
  EXPECT_EQ(cache.find("c" + end, kGeneration), nullptr);
  EXPECT_EQ(cache.find(end, kGeneration), nullptr);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(VerifiedCache, TokensOfAnySizeAreFoundByTheirWholeText) {
  VerifiedCache cache(4096);
  for (const std::size_t size : {0, 1, 7, 127, 128, 129, 500})
    cache.insert(std::string(size, 'x'), kGeneration, claims_of(std::to_string(size)));
  for (const std::size_t size : {0, 1, 7, 127, 128, 129, 500}) {
    const auto found = cache.find(std::string(size, 'x'), kGeneration);
    ASSERT_NE(found, nullptr) << size;
    EXPECT_EQ(found->subject, std::to_string(size));
    EXPECT_EQ(cache.find(std::string(size, 'x') + 'y', kGeneration), nullptr);
  }
}

TEST(VerifiedCache, ATokenOfAnEarlierGenerationIsNotFound) {
  VerifiedCache cache(16);
  cache.insert("token", kGeneration, claims_of("ann"));
  EXPECT_EQ(cache.find("token", kGeneration + 1), nullptr);
}

}  // namespace
}  // namespace writ::token::verified_cache_test
