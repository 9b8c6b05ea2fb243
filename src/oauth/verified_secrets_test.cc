#include "oauth/verified_secrets.h"

#include <gtest/gtest.h>
#include <thread>

namespace writ::oauth::verified_secrets_test {
namespace {

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

crypto::Digest print_of(const VerifiedSecrets& secrets, std::string client = "portal", std::string hash = "h",
                        std::string secret = "s") {
  return secrets.fingerprint(client, hash, Secret(std::move(secret)));
}

TEST(VerifiedSecrets, RemembersForALimitedTime) {
  VerifiedSecrets secrets(8);
  const auto print = print_of(secrets);
  EXPECT_FALSE(secrets.contains(print, kNow));
  secrets.remember(print, kNow);
  EXPECT_TRUE(secrets.contains(print, kNow + kSecretRemembered - Duration(1)));
  EXPECT_FALSE(secrets.contains(print, kNow + kSecretRemembered));
}

TEST(VerifiedSecrets, AnotherClientHashOrSecretIsNotFound) {
  VerifiedSecrets secrets(8);
  secrets.remember(print_of(secrets), kNow);
  EXPECT_FALSE(secrets.contains(print_of(secrets, "portal2"), kNow));
  EXPECT_FALSE(secrets.contains(print_of(secrets, "portal", "h2"), kNow));
  EXPECT_FALSE(secrets.contains(print_of(secrets, "portal", "h", "s2"), kNow));
  // The boundaries between the parts count.
  EXPECT_NE(print_of(secrets, "ab", "c"), print_of(secrets, "a", "bc"));
}

TEST(VerifiedSecrets, AnotherProcessHasAnotherKey) {
  EXPECT_NE(print_of(VerifiedSecrets(1)), print_of(VerifiedSecrets(1)));
}

TEST(VerifiedSecrets, IsBoundedAndForgetsTheOldest) {
  VerifiedSecrets secrets(4);  // one bucket
  for (int i = 0; i < 5; ++i) secrets.remember(print_of(secrets, std::to_string(i)), kNow + Duration(i));
  EXPECT_FALSE(secrets.contains(print_of(secrets, "0"), kNow + Duration(4)));
  for (int i = 1; i < 5; ++i)
    EXPECT_TRUE(secrets.contains(print_of(secrets, std::to_string(i)), kNow + Duration(4))) << i;
}

TEST(VerifiedSecrets, MayBeUsedFromManyThreads) {
  VerifiedSecrets secrets(16);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const auto print = print_of(secrets, std::to_string(t * 31 + i % 40));
        secrets.remember(print, kNow);
        (void)secrets.contains(print, kNow);
      }
    });
  }
}

}  // namespace
}  // namespace writ::oauth::verified_secrets_test
