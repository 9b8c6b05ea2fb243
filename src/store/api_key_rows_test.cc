// API keys in SQLite: whole across a restart, and a last use that never goes back.
#include "store/api_key_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/api_key_registry.h"
#include "store/sqlite_store.h"
#include "store/testing/samples.h"

namespace writ::store::api_key_rows_test {
namespace {

using ::testing::HasSubstr;

const Instant kThen = instant_from_unix_seconds(1'795'000'000);
constexpr Duration kMinute = std::chrono::minutes(1);

class ApiKeys : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open() { return SqliteStore::open(path_).value(); }
  static inventory::ApiKey key(std::string id) {
    return {.id = std::move(id),
            .identity = "erp",
            .api = "ledger",
            .digest = "d",
            .created_at = kThen,
            .expires_at = kThen + kMinute,
            .purpose = "export",
            .made_by = "ops-console"};
  }

  testing::Folder folder_;
  std::filesystem::path path_ = folder_ / "writ.db";
};

TEST_F(ApiKeys, ComeBackAsTheyWere) {
  auto revoked = key("a");
  revoked.revoked_at = kThen;
  const inventory::ApiKey both[]{revoked, key("b")};
  ASSERT_TRUE(open()->save_api_keys(both));
  auto loaded = open()->load_api_keys().value();
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded[0], revoked);
  EXPECT_EQ(loaded[1], both[1]);
}

TEST_F(ApiKeys, TheLastUseNeverGoesBack) {
  auto used = key("a");
  used.last_used_at = kThen + kMinute;
  ASSERT_TRUE(open()->save_api_keys({&used, 1}));
  auto later = key("a");
  later.revoked_at = kThen;
  ASSERT_TRUE(open()->save_api_keys({&later, 1}));
  const auto loaded = open()->load_api_keys().value();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].last_used_at, kThen + kMinute);
  EXPECT_EQ(loaded[0].revoked_at, kThen);
}

TEST_F(ApiKeys, AreForgottenByTheirIds) {
  const inventory::ApiKey both[]{key("a"), key("b")};
  ASSERT_TRUE(open()->save_api_keys(both));
  const std::string ids[]{"a", "c"};
  ASSERT_TRUE(open()->forget_api_keys(ids));
  const auto loaded = open()->load_api_keys().value();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].id, "b");
}

TEST_F(ApiKeys, AreSeenWhileWritHoldsTheDatabase) {
  const auto writ = open();
  const auto one = key("a");
  ASSERT_TRUE(writ->save_api_keys({&one, 1}));
  const auto seen = store::ApiKeyRows::look(path_.parent_path());
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_EQ(seen->size(), 1u);
  EXPECT_EQ(seen->front(), one);
  const auto none = store::ApiKeyRows::look(path_.parent_path() / "elsewhere");
  EXPECT_FALSE(none);
  EXPECT_FALSE(std::filesystem::exists(path_.parent_path() / "elsewhere")) << "nothing is made";
}

TEST_F(ApiKeys, OneThatCannotBeReadIsDamageAndNamesItself) {
  const auto one = key("a");
  ASSERT_TRUE(open()->save_api_keys({&one, 1}));
  {
    auto database = Database::open(path_).value();
    ASSERT_TRUE(database.execute("UPDATE api_keys SET record = '{}'"));
  }
  const auto loaded = open()->load_api_keys();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(loaded.error().message, HasSubstr("API key `a`"));
}

}  // namespace
}  // namespace writ::store::api_key_rows_test
