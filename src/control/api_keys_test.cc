#include "control/api_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/desk.h"
#include "inventory/testing/memory_api_key_store.h"

namespace writ::control::api_keys_test {
namespace {

using codec::Json;
using inventory::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::word;
using namespace std::chrono_literals;

class ApiKeysControl : public ::testing::Test {
 protected:
  ApiKeysControl() {
    EXPECT_TRUE(desk.directory.create(inventory::Api{.id = "ledger",
                                                     .audience = "https://ledger.acme.example",
                                                     .name_space = "Ledger",
                                                     .actions = {"read"},
                                                     .api_keys = true}));
    desk.add({.id = "erp", .kind = Kind::kService, .purposes = {"export"}});
  }
  static Json wanted(std::string_view identity = "erp", std::string_view api = "ledger") {
    return Json::object({{"identity", identity}, {"api", api}});
  }
  std::string make(const Json& json) { return word(keys.make(desk.as_operator(), json)); }
  ApiKeys::Made made() { return keys.make(desk.as_operator(), wanted()).value(); }

  testing::Desk desk;
  inventory::testing::MemoryApiKeyStore store;
  inventory::ApiKeyRegistry all{store};
  const ApiKeys keys{desk.authority, desk.directory, all};
};

TEST_F(ApiKeysControl, AKeyIsRecordedFirstAndItsTextIsToldOnce) {
  const auto key = made();
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "decision/permit", "api_key.made"));
  EXPECT_EQ(inventory::api_key_id(key.text.expose()), key.key.id);
  EXPECT_EQ(key.key.made_by, "ops-console");
  const auto listed = keys.list(desk.as_operator());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1u);
  const auto secret = key.text.expose().substr(25);
  EXPECT_EQ(api_key_record(listed->front()).find(secret), std::string::npos);
  for (const auto& line : desk.audit.lines()) {
    EXPECT_EQ(line.dump().find(secret), std::string::npos);
    EXPECT_EQ(line.dump().find(key.key.digest), std::string::npos);
  }
}

TEST_F(ApiKeysControl, WithoutItsRecordThereIsNoKeyAndNoRevocation) {
  const auto key = made();
  const auto caller = desk.as_operator();
  desk.audit.broken = true;
  EXPECT_EQ(word(keys.make(caller, wanted())), "not_recorded");
  EXPECT_EQ(word(keys.revoke(caller, key.key.id)), "not_recorded");
  EXPECT_EQ(word(keys.rotate(caller, {.id = key.key.id})), "not_recorded");
  EXPECT_EQ(all.size(), 1u);
  EXPECT_TRUE((*all.find(key.key.id))->in_force(desk.clock.now()));
}

TEST_F(ApiKeysControl, WhatCouldNeverBeUsedIsNotMade) {
  EXPECT_EQ(make(wanted("erp", "invoices")), "conflict") << "an API that takes no keys";
  EXPECT_EQ(make(wanted("erp", "writ")), "conflict") << "Writ's own";
  EXPECT_EQ(make(wanted("erp", "nowhere")), "not_found");
  EXPECT_EQ(make(wanted("nobody")), "not_found");
  EXPECT_EQ(make(wanted("nora")), "conflict") << "a user";
  EXPECT_EQ(make(wanted("support-agent")), "conflict") << "an agent";
  auto purpose = wanted();
  purpose.set("purpose", "marketing");
  EXPECT_EQ(make(purpose), "conflict");
  purpose.set("purpose", "export");
  EXPECT_EQ(make(purpose), "done");
  desk.add({.id = "bound", .kind = Kind::kService, .certificate_bound = true});
  EXPECT_EQ(make(wanted("bound")), "conflict") << "a key would be worth more than its token";
  ASSERT_TRUE(desk.directory.order("erp", inventory::Status::kRetired));
  EXPECT_EQ(make(wanted()), "conflict");
}

TEST_F(ApiKeysControl, WhoMayNotManageAnIdentityMakesNoKeyForIt) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  EXPECT_EQ(word(keys.make(desk.as(token), wanted())), "policy_no_permit");
  EXPECT_EQ(word(keys.list(desk.as(token))), "policy_no_permit");
  const auto key = made();
  EXPECT_EQ(word(keys.revoke(desk.as(token), key.key.id)), "not_found") << "nor is it told that there is one";
  EXPECT_EQ(word(keys.revoke(desk.as(token), "0123456789abcdef")), "not_found");
  EXPECT_EQ(word(keys.rotate(desk.as(token), {.id = key.key.id})), "not_found");
}

TEST_F(ApiKeysControl, WhileOneIsRotatedBothAreGoodAndThenTheNewOneAlone) {
  const auto old = made();
  const auto next = keys.rotate(desk.as_operator(), {.id = old.key.id});
  ASSERT_TRUE(next);
  EXPECT_NE(next->key.id, old.key.id);
  EXPECT_EQ(next->key.expires_at, old.key.expires_at) << "as long as the old one was to be";
  const auto in_force = [&](Duration later) {
    return std::pair((*all.find(old.key.id))->in_force(desk.clock.now() + later),
                     (*all.find(next->key.id))->in_force(desk.clock.now() + later));
  };
  EXPECT_EQ(in_force(24h), std::pair(true, true));
  EXPECT_EQ(in_force(24h * 7), std::pair(false, true));
  EXPECT_THAT(desk.audit.lines().back().dump(), HasSubstr(old.key.id));
}

TEST_F(ApiKeysControl, ARotationThatIsOverOrLastsTooLongIsRefused) {
  const auto old = made();
  const auto now = desk.clock.now();
  EXPECT_EQ(word(keys.rotate(desk.as_operator(), {.id = old.key.id, .old_until = now + 24h * 91})),
            "invalid");
  EXPECT_EQ(word(keys.rotate(desk.as_operator(), {.id = old.key.id, .expires_at = now})), "invalid");
  EXPECT_EQ(word(keys.rotate(desk.as_operator(), {.id = old.key.id, .expires_at = now + 24h * 400})),
            "invalid");
  EXPECT_EQ(word(keys.revoke(desk.as_operator(), old.key.id)), "done");
  EXPECT_EQ(word(keys.rotate(desk.as_operator(), {.id = old.key.id})), "conflict")
      << "nothing brings it back";
  EXPECT_EQ(word(keys.rotate(desk.as_operator(), {.id = "0123456789abcdef"})), "not_found");
}

TEST_F(ApiKeysControl, ARevocationActsOnTheNextRequestAndIsRecordedFirst) {
  const auto key = made();
  const auto revoked = keys.revoke(desk.as_operator(), key.key.id);
  ASSERT_TRUE(revoked);
  EXPECT_TRUE(revoked->revoked_at);
  EXPECT_EQ(desk.told().back(), "api_key.revoked");
  EXPECT_FALSE((*all.find(key.key.id))->in_force(desk.clock.now()));
}

TEST_F(ApiKeysControl, MoreThanMayBeAtOneTimeAreNotMadeAndNotRecorded) {
  for (int i = 0; i < 4; ++i) ASSERT_EQ(make(wanted()), "done");
  const auto before = desk.audit.size();
  EXPECT_EQ(make(wanted()), "limit");
  EXPECT_EQ(desk.audit.size(), before + 2) << "the two decisions";
}

}  // namespace
}  // namespace writ::control::api_keys_test
