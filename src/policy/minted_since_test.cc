#include "policy/minted_since.h"

#include <gtest/gtest.h>

namespace writ::policy::minted_since_test {
namespace {

using namespace std::chrono_literals;
using Optional = std::optional<Instant>;

const Instant kNow = instant_from_unix_seconds(1'800'000'000);
constexpr Duration kLife = 300s;

token::ClaimsContract carrying(const std::vector<std::string>& names) {
  return token::ClaimsContract::of(names).value();
}
MintedSince::ByApi shop(const std::vector<std::string>& names) {
  return {{"shop", carrying(names)}};
}
MintedSince lacking_acr() {
  MintedSince minted(kLife);
  minted.drop(shop({"purpose"}));
  minted.add(shop({"purpose"}), kNow);
  return minted;
}

TEST(MintedSinceTest, WhereTokensCarryEverythingNothingIsKept) {
  MintedSince minted(kLife);
  EXPECT_FALSE(minted.drop({{"shop", {}}}));
  EXPECT_FALSE(minted.add({{"shop", {}}}, kNow));
  EXPECT_TRUE(minted.empty());
  EXPECT_EQ(Optional(), minted.lacked_until("shop", "acr", kNow));
}

TEST(MintedSinceTest, WhatIsNotMintedIsLackedForOneLifeFromWheneverItIs) {
  const auto minted = lacking_acr();
  EXPECT_EQ(Optional(kNow + 10s + kLife), minted.lacked_until("shop", "acr", kNow + 10s));
  EXPECT_EQ(Optional(), minted.lacked_until("shop", "purpose", kNow));
  EXPECT_EQ(Optional(), minted.lacked_until("other", "acr", kNow));
}

TEST(MintedSinceTest, OnceMintedTheEndStaysAndIsForgottenWhenItIsOver) {
  auto minted = lacking_acr();
  EXPECT_TRUE(minted.add(shop({"purpose", "acr"}), kNow));
  EXPECT_EQ(Optional(kNow + kLife), minted.lacked_until("shop", "acr", kNow + 200s));
  EXPECT_FALSE(minted.add(shop({"purpose", "acr"}), kNow + 200s)) << "the same, so no news";
  EXPECT_EQ(Optional(kNow + kLife), minted.lacked_until("shop", "acr", kNow + 200s));
  minted.add(shop({"purpose", "acr"}), kNow + kLife);
  EXPECT_EQ(Optional(), minted.lacked_until("shop", "acr", kNow + kLife));
}

TEST(MintedSinceTest, WhereTheReadingsDifferItIsOverByTheEarlierOne) {
  auto minted = lacking_acr();
  minted.add(shop({"purpose", "acr"}), {kNow - 60s, kNow});
  minted.add(shop({"purpose", "acr"}), {kNow + kLife - 1ms, kNow + kLife + 60s});
  EXPECT_EQ(Optional(kNow + kLife), minted.lacked_until("shop", "acr", kNow + kLife));
}

TEST(MintedSinceTest, WhatIsDroppedAgainBeginsAnew) {
  auto minted = lacking_acr();
  minted.add(shop({"purpose", "acr"}), kNow);
  EXPECT_TRUE(minted.drop(shop({"purpose"})));
  EXPECT_EQ(Optional(kNow + 400s + kLife), minted.lacked_until("shop", "acr", kNow + 400s));
}

TEST(MintedSinceTest, AnApiThatWentAwayLacksNothingAfterOneLife) {
  auto minted = lacking_acr();
  EXPECT_TRUE(minted.add({}, kNow));
  EXPECT_EQ(Optional(kNow + kLife), minted.lacked_until("shop", "acr", kNow));
  EXPECT_TRUE(minted.add({}, kNow + kLife));
  EXPECT_TRUE(minted.empty());
}

TEST(MintedSinceTest, IsTheSameAfterItWasKept) {
  auto minted = lacking_acr();
  minted.add(shop({"purpose", "acr"}), kNow);
  const auto read = MintedSince::from_json(minted.to_json(), kLife, kNow);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(Optional(kNow + kLife), read->lacked_until("shop", "acr", kNow + 20s));
  EXPECT_EQ(Optional(kNow + 20s + kLife), read->lacked_until("shop", "tenant", kNow + 20s));
}

TEST(MintedSinceTest, TokensThatWereToLiveLongerBeforeARestartAreWaitedFor) {
  const auto kept = lacking_acr().to_json();
  const auto read = MintedSince::from_json(kept, 60s, kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(Optional(kNow + kLife), read->lacked_until("shop", "acr", kNow + 10s));
  const auto again = MintedSince::from_json(read->to_json(), 60s, kNow + 20s);
  ASSERT_TRUE(again);
  EXPECT_EQ(Optional(kNow + kLife), again->lacked_until("shop", "acr", kNow + 30s)) << "over two restarts";
}

TEST(MintedSinceTest, WhatIsNotWhatWasKeptIsRefused) {
  for (
      const auto* text :
      {"[]", "{}", R"({"token_lifetime_ms": -1, "others_end_ms": 0, "lacking": []})",
       R"({"token_lifetime_ms": 1, "others_end_ms": 0, "lacking": {}})",
       R"({"token_lifetime_ms": 1, "others_end_ms": 0, "lacking": [{"api": "shop"}]})",
       R"({"token_lifetime_ms": 1, "others_end_ms": 0, "lacking": [{"api": "shop", "claim": "acr", "until_ms": "x"}]})"}) {
    const auto read = MintedSince::from_json(codec::parse_json(text).value(), kLife, kNow);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(ErrorCode::kCorrupt, read.error().code) << text;
  }
}

}  // namespace
}  // namespace writ::policy::minted_since_test
