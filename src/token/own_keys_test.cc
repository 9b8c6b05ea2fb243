#include "token/own_keys.h"

#include <algorithm>
#include <gmock/gmock.h>

#include "jose/jws.h"
#include "token/revocation.h"

namespace writ::token::own_keys_test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);
constexpr Duration kDays90 = std::chrono::days(90);

class MemoryKeys final : public KeyStore {
 public:
  Result<std::vector<StoredKey>> load_keys() override { return rows; }
  Result<void> save_keys(std::span<const StoredKey> keys) override {
    if (broken) return failure(ErrorCode::kIo, "the disk is full");
    ++saved;
    rows.assign(keys.begin(), keys.end());
    return {};
  }
  std::vector<StoredKey> rows;
  bool broken = false;
  int saved = 0;
};

Wrapping wrapped(char now, std::optional<char> before = {}) {
  const auto key = [](char c) { return WrappingKey::parse(Secret(std::string(64, c))).value(); };
  return {key(now), before ? std::optional(key(*before)) : std::nullopt};
}

class OwnKeysTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<OwnKeys>> try_open(Wrapping wrapping = {}, Instant now = kNow) {
    return OwnKeys::open(store_, std::move(wrapping), plan_, now);
  }
  void open(Wrapping wrapping = {}, Instant now = kNow) {
    auto opened = try_open(std::move(wrapping), now);
    ASSERT_TRUE(opened) << opened.error().message;
    keys_ = *std::move(opened);
    keys_->follow([this](const jose::JwkSet& set) { told_ = set.keys().size(); });
  }
  std::size_t tend(Duration after) { return keys_->tend(kNow + after, recorder_).value(); }
  Result<void> rotate(Urgency urgency, Duration after = 0ms) {
    return keys_->rotate(urgency, kNow + after, recorder_);
  }
  // "signing retired", the newest first.
  std::string states() const {
    std::string all;
    for (const auto& key : keys_->status())
      all += std::string(all.empty() ? "" : " ") + std::string(key_state_name(key.state));
    return all;
  }
  std::string signing() const { return keys_->ring().snapshot()->signing.kid(); }
  bool published(const std::string& kid) const {
    return keys_->ring().snapshot()->public_keys.find(kid) != nullptr;
  }
  std::string sign() const {
    return jose::sign_jws(keys_->ring().snapshot()->signing, "{}", "at+jwt").value();
  }
  bool verifies(const std::string& token) const {
    const auto jws = jose::parse_jws(token).value();
    const auto keys = keys_->ring().snapshot();
    const auto* key = keys->public_keys.find(jws.kid());
    return key != nullptr && jws.verify(*key);
  }

  KeyPlan plan_{crypto::Algorithm::kEs256, kDays90, 1h};
  MemoryKeys store_;
  std::unique_ptr<OwnKeys> keys_;
  std::vector<std::string> recorded_;
  bool audit_works_ = true;
  KeyRecorder recorder_ = [this](const KeyEvent& event) -> Result<void> {
    if (!audit_works_) return failure(ErrorCode::kUnavailable, "no audit");
    recorded_.push_back(std::string(event.type) + (event.stops ? "!" : ""));
    return {};
  };
  std::size_t told_ = 0;
};

TEST_F(OwnKeysTest, TheFirstStartMakesAKeyThatSigns) {
  open();
  EXPECT_EQ(states(), "signing");
  EXPECT_EQ(store_.rows.size(), 1u);
  const auto kid = signing();
  open();
  EXPECT_EQ(signing(), kid);
  EXPECT_EQ(store_.saved, 1) << "what is as it should be is not written again";
}

TEST_F(OwnKeysTest, ByScheduleAKeyIsPublishedAheadThenSignsAndTheOneBeforeIsRemovedWhenItsTokensAreDead) {
  open();
  const auto first = signing();
  const auto token = sign();
  EXPECT_EQ(tend(kDays90 - 1h - 1ms), 0u);
  EXPECT_EQ(tend(kDays90 - 1h), 1u);
  EXPECT_EQ(states(), "published signing");
  EXPECT_EQ(signing(), first);
  const auto second = keys_->status()[0].kid;
  EXPECT_TRUE(published(second));
  EXPECT_EQ(tend(kDays90 - 1ms), 0u);
  EXPECT_EQ(tend(kDays90), 1u);
  EXPECT_EQ(states(), "signing retired");
  EXPECT_EQ(signing(), second);
  EXPECT_TRUE(verifies(token));
  // No token lives longer than this.
  EXPECT_EQ(tend(kDays90 + kMaxAccessLifetime), 0u);
  EXPECT_TRUE(verifies(token));
  EXPECT_EQ(tend(kDays90 + kMaxAccessLifetime + 1min), 1u);
  EXPECT_EQ(states(), "signing");
  EXPECT_FALSE(published(first));
  EXPECT_FALSE(verifies(token));
  EXPECT_THAT(recorded_, ElementsAre("signing_key.published", "signing_key.signs", "signing_key.removed"));
}

// Also one that was due while Writ was down is not signed with before others can know it.
TEST_F(OwnKeysTest, AKeyThatIsLongOverdueIsStillPublishedAhead) {
  open();
  EXPECT_EQ(tend(2 * kDays90), 1u);
  EXPECT_EQ(states(), "published signing");
  EXPECT_EQ(tend(2 * kDays90 + 1h - 1ms), 0u);
  EXPECT_EQ(tend(2 * kDays90 + 1h), 1u);
  EXPECT_EQ(states(), "signing retired");
}

TEST_F(OwnKeysTest, WithoutAScheduleNothingHappensByItself) {
  plan_.rotate_after = 0ms;
  open();
  EXPECT_EQ(tend(100 * kDays90), 0u);
  EXPECT_FALSE(keys_->status()[0].until);
}

TEST_F(OwnKeysTest, AnOrderlyRotationWaitsUntilTheKeyWasPublishedForLongEnough) {
  open();
  const auto first = signing();
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  EXPECT_EQ(states(), "published signing");
  EXPECT_EQ(signing(), first);
  EXPECT_EQ(tend(1h - 1ms), 0u);
  EXPECT_EQ(tend(1h), 1u);
  EXPECT_NE(signing(), first);
}

TEST_F(OwnKeysTest, AnOrderlyRotationBringsTheScheduleForwardAndMakesNoOtherKey) {
  plan_.publish_ahead = std::chrono::days(30);
  open();
  ASSERT_EQ(tend(std::chrono::days(60)), 1u);
  const auto next = keys_->status()[0].kid;
  EXPECT_EQ(*keys_->status()[0].until, kNow + kDays90);
  ASSERT_TRUE(rotate(Urgency::kOrderly, std::chrono::days(70)));
  EXPECT_EQ(keys_->status()[0].kid, next);
  EXPECT_EQ(*keys_->status()[0].until, kNow + kDays90) << "not before it was published for long enough";
  EXPECT_EQ(states(), "published signing");
}

TEST_F(OwnKeysTest, AtOnceSignsAtOnceAndWhatWasSignedBeforeStaysGood) {
  open();
  const auto first = signing();
  const auto token = sign();
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  EXPECT_EQ(states(), "signing retired");
  EXPECT_NE(signing(), first);
  EXPECT_TRUE(verifies(token));
}

TEST_F(OwnKeysTest, AStolenKeyIsGoneAtOnceWithAllOthersAndWhatTheySigned) {
  open();
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  EXPECT_EQ(states(), "published signing retired");
  const auto token = sign();
  ASSERT_TRUE(rotate(Urgency::kStolen));
  EXPECT_EQ(states(), "signing");
  EXPECT_FALSE(verifies(token));
  EXPECT_EQ(told_, 1u);
  EXPECT_EQ(store_.rows.size(), 1u);
  EXPECT_EQ(recorded_.back(), "signing_key.stolen!");
}

// It may have been stolen with the others.
TEST_F(OwnKeysTest, AfterATheftNoKeySignsThatWasThereBefore) {
  open();
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  const auto ahead = keys_->status()[0].kid;
  ASSERT_TRUE(rotate(Urgency::kStolen));
  EXPECT_NE(signing(), ahead);
  EXPECT_FALSE(published(ahead));
}

TEST_F(OwnKeysTest, NoMoreKeysThanTheLimitArePublishedAndATheftIsNotHeldUp) {
  open();
  for (std::size_t i = 1; i < kMaxOwnKeys; ++i) ASSERT_TRUE(rotate(Urgency::kAtOnce));
  for (const auto urgency : {Urgency::kAtOnce, Urgency::kOrderly}) {
    const auto more = rotate(urgency);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::kLimit);
    EXPECT_THAT(more.error().message, HasSubstr("16 keys are published already"));
  }
  EXPECT_TRUE(rotate(Urgency::kStolen));
}

TEST_F(OwnKeysTest, TheNextStartGoesOnWhereTheLastOneWas) {
  open();
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  const auto before = keys_->status();
  open({}, kNow + 5s);
  const auto after = keys_->status();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].kid, before[i].kid);
    EXPECT_EQ(after[i].state, before[i].state);
    EXPECT_EQ(after[i].since, before[i].since);
    EXPECT_EQ(after[i].until, before[i].until);
  }
}

TEST_F(OwnKeysTest, ThePrivateHalfIsDeletedWhenAKeyRetires) {
  open();
  EXPECT_THAT(store_.rows[0].text, HasSubstr("\"d\":"));
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  EXPECT_THAT(store_.rows[0].text, HasSubstr("\"d\":"));
  EXPECT_THAT(store_.rows[1].text, AllOf(Not(HasSubstr("\"d\":")), HasSubstr("\"kty\":")));
}

TEST_F(OwnKeysTest, WhatCannotBeRecordedDoesNotHappen) {
  open();
  audit_works_ = false;
  for (const auto urgency : {Urgency::kOrderly, Urgency::kAtOnce, Urgency::kStolen})
    EXPECT_FALSE(rotate(urgency));
  EXPECT_FALSE(keys_->tend(kNow + kDays90, recorder_));
  EXPECT_EQ(states(), "signing");
  EXPECT_EQ(store_.saved, 1);
}

TEST_F(OwnKeysTest, WhatCannotBeWrittenDoesNotHappenAndIsTriedAgain) {
  open();
  const auto first = signing();
  store_.broken = true;
  EXPECT_FALSE(rotate(Urgency::kAtOnce));
  EXPECT_FALSE(keys_->tend(kNow + kDays90, recorder_));
  EXPECT_EQ(signing(), first);
  EXPECT_EQ(states(), "signing");
  store_.broken = false;
  EXPECT_EQ(tend(kDays90), 1u);
}

TEST_F(OwnKeysTest, AnotherAlgorithmSignsFromTheStartOnAndTheOldKeyVerifies) {
  open();
  const auto token = sign();
  ASSERT_TRUE(rotate(Urgency::kOrderly));  // of the algorithm that is not wanted any more
  plan_.algorithm = crypto::Algorithm::kEdDsa;
  open();
  EXPECT_EQ(states(), "signing retired");
  EXPECT_EQ(keys_->ring().snapshot()->signing.algorithm(), crypto::Algorithm::kEdDsa);
  EXPECT_TRUE(verifies(token));
}

// ---- What lies on disk.

// As the Writ before this one kept them: plain, all with their private halves, without times.
void keep_as_before(MemoryKeys& store, std::vector<jose::PrivateJwk> newest_first) {
  store.rows.clear();
  for (const auto& key : newest_first)
    store.rows.push_back({key.kid(),
                          std::string(key.serialise().expose()),
                          store.rows.empty() ? KeyState::kSigning : KeyState::kRetired,
                          {},
                          {}});
}

TEST_F(OwnKeysTest, ThePlainKeysOfAnEarlierDatabaseAreRead) {
  const auto newest = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto older = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  keep_as_before(store_, {newest, older});
  open();
  EXPECT_EQ(states(), "signing retired");
  EXPECT_EQ(signing(), newest.kid());
  // Since when nobody noted, so from now on.
  EXPECT_EQ(keys_->status()[0].since, kNow);
  EXPECT_EQ(*keys_->status()[1].until, kNow + kMaxAccessLifetime + 1min);
  EXPECT_THAT(store_.rows[1].text, Not(HasSubstr("\"d\":")));
  open({}, kNow + 30min);
  EXPECT_EQ(*keys_->status()[1].until, kNow + kMaxAccessLifetime + 1min) << "a restart does not begin anew";
}

TEST_F(OwnKeysTest, PlainKeysAreEncryptedAtTheStartThatHasAKey) {
  open();
  const auto kid = signing();
  open(wrapped('1'));
  EXPECT_EQ(signing(), kid);
  EXPECT_TRUE(keys_->sealed());
  for (const auto& row : store_.rows) {
    EXPECT_TRUE(is_sealed(row.text));
    EXPECT_THAT(row.text, Not(HasSubstr("kty")));
  }
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  EXPECT_TRUE(std::ranges::all_of(store_.rows, [](const auto& row) { return is_sealed(row.text); }));
}

TEST_F(OwnKeysTest, ADatabaseThatWasCopiedWithoutTheWrappingKeyIsWorthNothing) {
  open(wrapped('1'));
  const auto before = store_.rows;
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConflict);
  EXPECT_THAT(opened.error().message,
              AllOf(HasSubstr("signing key `" + before[0].kid + "`"), HasSubstr("none is configured")));
  EXPECT_EQ(store_.rows, before);
  EXPECT_FALSE(read_signing_key(store_, {}));
}

TEST_F(OwnKeysTest, AWrongWrappingKeyIsRefusedAndNothingIsLost) {
  open(wrapped('1'));
  const auto kid = signing();
  const auto before = store_.rows;
  const auto opened = try_open(wrapped('2'));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConflict);
  EXPECT_THAT(opened.error().message, HasSubstr("`signing_keys.encrypted_before_with`"));
  EXPECT_EQ(store_.rows, before);
  open(wrapped('1'));
  EXPECT_EQ(signing(), kid);
}

TEST_F(OwnKeysTest, TheWrappingKeyCanBeReplaced) {
  open(wrapped('1'));
  const auto kid = signing();
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  open(wrapped('2', '1'));
  open(wrapped('2'));
  EXPECT_EQ(signing(), kid);
  EXPECT_EQ(states(), "published signing");
  EXPECT_FALSE(try_open(wrapped('1')));
}

TEST_F(OwnKeysTest, ARowThatWasChangedIsRefused) {
  open(wrapped('1'));
  auto& text = store_.rows[0].text;
  text[text.size() - 1] = text.back() == 'A' ? 'E' : 'A';
  const auto opened = try_open(wrapped('1'));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

TEST_F(OwnKeysTest, RowsThatWereSwappedAreRefused) {
  open(wrapped('1'));
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  std::swap(store_.rows[0].text, store_.rows[1].text);
  const auto texts = try_open(wrapped('1'));
  ASSERT_FALSE(texts);
  EXPECT_EQ(texts.error().code, ErrorCode::kCorrupt);
  std::swap(store_.rows[0].text, store_.rows[1].text);
  ASSERT_TRUE(try_open(wrapped('1')));
}

// Without the private half it cannot sign, whatever its row says.
TEST_F(OwnKeysTest, ARetiredKeyIsNotMadeToSignAgain) {
  open(wrapped('1'));
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  std::swap(store_.rows[0].state, store_.rows[1].state);
  const auto opened = try_open(wrapped('1'));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

// Whoever can write the database, and has not the wrapping key, adds no key to it.
TEST_F(OwnKeysTest, APlainKeyAmongEncryptedOnesIsRefused) {
  open(wrapped('1'));
  for (const auto state : {KeyState::kPublished, KeyState::kRetired}) {
    const auto rows = store_.rows;
    const auto foreign = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
    store_.rows.push_back({foreign.kid(), foreign.public_jwk().to_json().dump(), state, kNow, kNow + 24h});
    const auto opened = try_open(wrapped('1'));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("was put there by somebody else"));
    store_.rows = rows;
  }
}

TEST_F(OwnKeysTest, TwoKeysThatSignOrNoneIsDamage) {
  open();
  ASSERT_TRUE(rotate(Urgency::kOrderly));
  const auto rows = store_.rows;
  for (const auto state : {KeyState::kSigning, KeyState::kPublished}) {
    store_.rows[0].state = store_.rows[1].state = state;
    const auto opened = try_open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("not exactly one signs"));
    store_.rows = rows;
  }
}

TEST_F(OwnKeysTest, ADamagedKeyIsNamedAndNotShown) {
  open();
  store_.rows[0].text = R"({"kty":"OKP","d":"hidden-part"})";
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(opened.error().message,
              AllOf(HasSubstr("signing key `" + store_.rows[0].kid + "`"), Not(HasSubstr("hidden-part"))));
}

TEST_F(OwnKeysTest, TheKeyThatSignsIsReadWithoutAChange) {
  EXPECT_EQ(read_signing_key(store_, {}).error().code, ErrorCode::kNotFound);
  open(wrapped('1'));
  ASSERT_TRUE(rotate(Urgency::kAtOnce));
  const auto saved = store_.saved;
  EXPECT_EQ(read_signing_key(store_, wrapped('1')).value().kid(), signing());
  EXPECT_EQ(store_.saved, saved);
}

TEST(KeyNames, AreReadBack) {
  for (const auto state : {KeyState::kPublished, KeyState::kSigning, KeyState::kRetired})
    EXPECT_EQ(key_state_from_name(key_state_name(state)), state);
  EXPECT_FALSE(key_state_from_name("eternal"));
  EXPECT_EQ(urgency_from_name("stolen"), Urgency::kStolen);
  EXPECT_FALSE(urgency_from_name("now"));
}

}  // namespace
}  // namespace writ::token::own_keys_test
