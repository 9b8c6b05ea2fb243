// API keys: what their text is, how many there may be, and that none comes back.
#include "inventory/api_key_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

#include "inventory/testing/memory_api_key_store.h"

namespace writ::inventory::api_key_registry_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'795'000'000);
constexpr Duration kDay = 24h;

// The text.

TEST(ApiKeyText, IsWhatScannersAreToldToLookFor) {
  const std::regex told("writ_ak_[0-9a-f]{16}_[0-9a-f]{56}");
  const auto made = new_api_key();
  EXPECT_TRUE(std::regex_match(std::string(made.text.expose()), told)) << made.text.expose();
  EXPECT_EQ(api_key_id(made.text.expose()), made.id);
  EXPECT_EQ(api_key_digest(made.text.expose()), made.digest);
  EXPECT_THAT(made.digest, ::testing::Not(HasSubstr(made.text.expose().substr(25, 48))));
  EXPECT_NE(new_api_key().text.expose(), made.text.expose());
}

TEST(ApiKeyText, ThatWasMistypedOrCutOffIsKnownByItsChecksum) {
  const auto made = new_api_key();
  const std::string good(made.text.expose());
  for (std::size_t i = kApiKeyPrefix.size(); i < good.size(); ++i) {
    auto mistyped = good;
    mistyped[i] = mistyped[i] == '0' ? '1' : '0';
    EXPECT_FALSE(api_key_id(mistyped)) << i;
  }
  EXPECT_FALSE(api_key_id(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(api_key_id(good + "0"));
  EXPECT_FALSE(api_key_id(""));
  auto upper = good;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_FALSE(api_key_id(upper));
  EXPECT_TRUE(is_api_key(good.substr(0, 12))) << "it was meant as one";
  EXPECT_FALSE(is_api_key("writ_a"));
}

// What is asked for.

Json request() {
  return Json::object({{"identity", "erp"}, {"api", "ledger"}});
}

TEST(ApiKeyRequest, WithoutAnEndIsGoodFor90DaysAndNeverForMoreThan366) {
  EXPECT_EQ(api_key_from_request(request(), kNow).value().expires_at, kNow + 90 * kDay);
  auto long_one = request();
  long_one.set("expires_at", date_text(kNow + 366 * kDay));
  EXPECT_TRUE(api_key_from_request(long_one, kNow));
  long_one.set("expires_at", date_text(kNow + 367 * kDay));
  EXPECT_THAT(api_key_from_request(long_one, kNow).error().message, HasSubstr("more than 366 days"));
  long_one.set("expires_at", date_text(kNow));
  EXPECT_THAT(api_key_from_request(long_one, kNow).error().message, HasSubstr("over already"));
  long_one.set("expires_at", "soon");
  EXPECT_THAT(api_key_from_request(long_one, kNow).error().message, HasSubstr("expected a date"));
}

TEST(ApiKeyRequest, ThatSaysMoreOrLessIsRefused) {
  auto more = request();
  more.set("digest", "x");
  EXPECT_FALSE(api_key_from_request(more, kNow));
  EXPECT_FALSE(api_key_from_request(Json::object({{"identity", "erp"}}), kNow));
}

TEST(ApiKeyRecord, ComesBackWholeAndIsShownWithoutItsDigest) {
  auto key = api_key_from_request(request(), kNow).value();
  key.id = "0123456789abcdef";
  key.digest = "d1g357";
  key.made_by = "ops-console";
  key.purpose = "export";
  key.description = "the old ERP";
  key.revoked_at = kNow + 1h;
  EXPECT_EQ(api_key_from_record(api_key_record(key)).value(), key);
  const auto shown = api_key_to_json(key, kNow).dump();
  EXPECT_THAT(shown, ::testing::Not(HasSubstr("d1g357")));
  EXPECT_THAT(shown, HasSubstr(R"("status":"revoked")"));
  EXPECT_FALSE(api_key_from_record("{}"));
}

// All of them.

class ApiKeyRegistryTest : public ::testing::Test {
 protected:
  static ApiKey key(std::string id, std::string identity = "erp", std::string api = "ledger") {
    return {.id = std::move(id),
            .identity = std::move(identity),
            .api = std::move(api),
            .digest = "d",
            .created_at = kNow,
            .expires_at = kNow + 10 * kDay,
            .made_by = "ops"};
  }
  // As the next process finds it.
  ApiKey stored(std::string_view id) {
    ApiKeyRegistry next(store_);
    EXPECT_TRUE(next.load());
    const auto found = next.find(id);
    return found != nullptr ? found->key() : ApiKey{};
  }

  testing::MemoryApiKeyStore store_;
  ApiKeyRegistry keys_{store_, {.all = 5, .at_one_time = 2}};
};

TEST_F(ApiKeyRegistryTest, OneThatCouldNotBeStoredIsNotThere) {
  store_.broken = true;
  EXPECT_FALSE(keys_.add(key("a"), kNow));
  EXPECT_EQ(keys_.find("a"), nullptr);
}

TEST_F(ApiKeyRegistryTest, ARevokedOneIsRefusedEvenWhenThatCannotBeStoredAndStaysRevoked) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  store_.broken = true;
  EXPECT_FALSE(keys_.revoke("a", kNow + 1h));
  EXPECT_FALSE((*keys_.find("a"))->in_force(kNow)) << "whatever a clock says";
  store_.broken = false;
  EXPECT_TRUE(keys_.revoke("a", kNow + 2h)) << "once more, so that it is stored";
  EXPECT_EQ(stored("a").revoked_at, kNow + 1h);
  EXPECT_EQ(keys_.revoke("b", kNow).error().code, ErrorCode::kNotFound);
}

TEST_F(ApiKeyRegistryTest, AnIdentityHasNoMoreForOneApiThanARotationNeeds) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  ASSERT_TRUE(keys_.add(key("b"), kNow));
  const auto third = keys_.add(key("c"), kNow);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kLimit);
  EXPECT_TRUE(keys_.add(key("d", "erp", "mail"), kNow)) << "for another API";
  EXPECT_TRUE(keys_.add(key("e", "portal"), kNow)) << "of another identity";
  ASSERT_TRUE(keys_.revoke("a", kNow));
  EXPECT_TRUE(keys_.add(key("c"), kNow)) << "one that is over does not count";
}

TEST_F(ApiKeyRegistryTest, NoMoreAreKeptThanMayBe) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(keys_.add(key(id, id), kNow));
  EXPECT_EQ(keys_.add(key("f", "f"), kNow).error().code, ErrorCode::kLimit);
}

TEST_F(ApiKeyRegistryTest, OneThatIsReplacedEndsWithoutAGapAndNeverLaterThanItWould) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  ASSERT_TRUE(keys_.replace("a", kNow + kDay, key("b"), kNow));
  EXPECT_EQ(stored("a").expires_at, kNow + kDay);
  EXPECT_EQ(stored("b").expires_at, kNow + 10 * kDay);
  ASSERT_TRUE(keys_.revoke("b", kNow));
  ASSERT_TRUE(keys_.replace("a", kNow + 5 * kDay, key("c"), kNow));
  EXPECT_EQ((*keys_.find("a"))->expires_at, kNow + kDay) << "an end is only brought forward";
  EXPECT_EQ(keys_.replace("b", kNow + kDay, key("d"), kNow).error().code, ErrorCode::kConflict) << "revoked";
}

TEST_F(ApiKeyRegistryTest, AReplacementThatCannotBeStoredChangesNothing) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  store_.broken = true;
  EXPECT_FALSE(keys_.replace("a", kNow + kDay, key("b"), kNow));
  EXPECT_EQ(keys_.find("b"), nullptr);
  EXPECT_EQ((*keys_.find("a"))->expires_at, kNow + 10 * kDay);
}

TEST_F(ApiKeyRegistryTest, WhenOneWasUsedIsKeptAndGoesOnAfterItChanged) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  EXPECT_FALSE(keys_.find("a")->was_shown());
  keys_.find("a")->note_shown(kNow + 1h);
  keys_.find("a")->note_shown(kNow + 1h + 30s);
  EXPECT_EQ(keys_.find("a")->key().last_used_at, kNow + 1h) << "to the minute";
  EXPECT_EQ(keys_.keep_use(), 1u);
  EXPECT_EQ(keys_.keep_use(), 0u);
  EXPECT_EQ(stored("a").last_used_at, kNow + 1h);
  ASSERT_TRUE(keys_.revoke("a", kNow + 2h));
  EXPECT_TRUE(keys_.find("a")->was_shown());
  EXPECT_EQ(stored("a").last_used_at, kNow + 1h);
}

TEST_F(ApiKeyRegistryTest, OneThatIsOverIsForgottenAfterThirtyDaysAndNotBefore) {
  ASSERT_TRUE(keys_.add(key("a"), kNow));
  ASSERT_TRUE(keys_.add(key("b"), kNow));
  ASSERT_TRUE(keys_.revoke("b", kNow + kDay));
  EXPECT_EQ(keys_.forget(kNow + 31 * kDay - Duration(1)), 0u);
  EXPECT_EQ(keys_.forget(kNow + 31 * kDay), 1u);
  EXPECT_EQ(keys_.find("b"), nullptr);
  EXPECT_EQ(stored("b").id, "");
  EXPECT_EQ(keys_.forget(kNow + 40 * kDay), 1u);
  EXPECT_EQ(keys_.size(), 0u);
}

}  // namespace
}  // namespace writ::inventory::api_key_registry_test
