#include "token/revocation.h"

#include <gtest/gtest.h>

namespace writ::token {
namespace {

using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

struct FakeStore final : RevocationStore {
  std::vector<Revocation> saved;
  bool broken = false;
  Result<void> save(const Revocation& revocation) override {
    if (broken) return failure(ErrorCode::kIo, "disk full");
    saved.push_back(revocation);
    return {};
  }
  Result<std::vector<Revocation>> load() override {
    if (broken) return failure(ErrorCode::kIo, "unreadable");
    return saved;
  }
};

TEST(Revocations, AreSavedAndComeBack) {
  FakeStore store;
  Revocations before(&store);
  ASSERT_TRUE(before.revoke({"a", kNow + 1min}).has_value());
  EXPECT_TRUE(before.revoked("a"));
  EXPECT_FALSE(before.revoked("b"));

  Revocations after(&store);
  ASSERT_TRUE(after.load().has_value());
  EXPECT_TRUE(after.revoked("a"));
}

TEST(Revocations, AFailedSaveIsReportedAndStillRefuses) {
  FakeStore store;
  store.broken = true;
  Revocations revocations(&store);
  EXPECT_FALSE(revocations.revoke({"a", kNow + 1min}).has_value());
  EXPECT_TRUE(revocations.revoked("a"));
  EXPECT_FALSE(revocations.load().has_value());
}

TEST(Revocations, AreForgottenOnlyAfterTheTokenHasExpired) {
  Revocations revocations;
  ASSERT_TRUE(revocations.revoke({"a", kNow + 1min}).has_value());
  ASSERT_TRUE(revocations.revoke({"a", kNow}).has_value());  // an earlier instant does not shorten it
  revocations.prune(kNow + 59s);
  EXPECT_TRUE(revocations.revoked("a"));
  revocations.prune(kNow + 60s);
  EXPECT_EQ(revocations.size(), 0U);
}

}  // namespace
}  // namespace writ::token
