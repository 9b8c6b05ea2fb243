#include "control/identities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "control/testing/desk.h"

namespace writ::control::identities_test {
namespace {

using codec::Json;
using inventory::Status;
using ::testing::ElementsAre;
using testing::word;

class IdentitiesTest : public ::testing::Test {
 protected:
  static Json service(std::string_view id) { return Json::object({{"id", id}, {"kind", "service"}}); }

  testing::Desk desk;
  const Identities identities{desk.authority, desk.directory};
};

TEST_F(IdentitiesTest, ASuspensionIsRecordedFirstAndActsOnTheNextRequest) {
  EXPECT_EQ(word(identities.order(desk.as_operator(), "marketing-app", Status::kSuspended)), "done");
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "identity.suspended"));
  EXPECT_EQ(desk.current.get()->inventory->ordered("marketing-app"), Status::kSuspended);
}

TEST_F(IdentitiesTest, WithoutItsRecordNothingIsStopped) {
  const auto caller = desk.as_operator();
  desk.audit.broken = true;
  EXPECT_EQ(word(identities.order(caller, "marketing-app", Status::kSuspended)), "not_recorded");
  EXPECT_EQ(desk.current.get()->inventory->ordered("marketing-app"), Status::kActive);
}

TEST_F(IdentitiesTest, AnyIdThatATokenCouldCarryCanBeStopped) {
  EXPECT_EQ(word(identities.order(desk.as_operator(), "nobody/knows;me", Status::kSuspended)), "done");
  const auto shown = identities.show(desk.as_operator(), "nobody/knows;me");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->member, nullptr);
  EXPECT_EQ(shown->stop.status, Status::kSuspended);
  EXPECT_EQ(word(identities.order(desk.as_operator(), std::string("a\0b", 3), Status::kSuspended)),
            "invalid");
}

TEST_F(IdentitiesTest, AStopOfANameThatIsLinkedNamesWhomToStop) {
  const Identities linked{desk.authority, desk.directory, {}, nullptr, {{"partner:nora.nord", "nora"}}};
  const auto refused = linked.order(desk.as_operator(), "partner:nora.nord", Status::kSuspended);
  EXPECT_EQ(word(refused), "conflict");
  EXPECT_EQ(desk.current.get()->inventory->ordered("partner:nora.nord"), Status::kActive);
  EXPECT_EQ(word(linked.order(desk.as_operator(), "nora", Status::kSuspended)), "done");
}

TEST_F(IdentitiesTest, WhoMayNotSeeAnIdentityIsToldThatItIsNotThere) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  EXPECT_EQ(word(identities.order(desk.as(token), "nora", Status::kSuspended)), "not_found");
  EXPECT_EQ(word(identities.show(desk.as(token), "nora")), "not_found");
  EXPECT_EQ(word(identities.show(desk.as(token), "is-not-there")), "not_found");
  EXPECT_EQ(desk.current.get()->inventory->ordered("nora"), Status::kActive);
}

TEST_F(IdentitiesTest, AStopOfOneWhoAsksIsSaidToBeThat) {
  const auto stopped = identities.order(desk.as_operator(), "ops-console", Status::kSuspended);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->asker_stopped);
}

TEST_F(IdentitiesTest, ASecretIsHashedAndNeverRecorded) {
  auto body = service("nightly");
  body.set("secret", "a secret of many bytes");
  const auto created = identities.create(desk.as_operator(), body);
  ASSERT_TRUE(created);
  EXPECT_TRUE((*created->member)->secret_hash.has_value());
  for (const auto& line : desk.audit.lines()) EXPECT_EQ(line.dump().find("many bytes"), std::string::npos);
  body = service("short");
  body.set("secret", "short");
  EXPECT_EQ(word(identities.create(desk.as_operator(), body)), "invalid");
}

TEST_F(IdentitiesTest, WhatIsThereAlreadyIsAConflict) {
  EXPECT_EQ(word(identities.create(desk.as_operator(), service("nightly"))), "done");
  EXPECT_EQ(word(identities.create(desk.as_operator(), service("nightly"))), "conflict");
}

TEST_F(IdentitiesTest, AChangeKeepsTheOrdersThatItDoesNotMention) {
  EXPECT_EQ(word(identities.create(desk.as_operator(), service("nightly"))), "done");
  EXPECT_EQ(word(identities.order(desk.as_operator(), "nightly", Status::kSuspended)), "done");
  auto body = service("nightly");
  body.set("purposes", Json::array());
  const auto changed = identities.update(desk.as_operator(), body);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->member->ordered(), Status::kSuspended);
}

TEST_F(IdentitiesTest, AnIdThatLooksLikeAProvidersUserIsRefusedAsInTheConfiguration) {
  const Identities named{
      desk.authority, desk.directory, {{"https://partner.example", "partner:"}, {"own", ""}}};
  EXPECT_EQ(word(named.create(desk.as_operator(), service("partner:bot"))), "invalid");
  EXPECT_EQ(desk.current.get()->inventory->find("partner:bot"), nullptr);
  EXPECT_EQ(word(named.create(desk.as_operator(), service("partners-bot"))), "done");
  auto user = service("partner:nora");
  user.set("kind", "user");
  EXPECT_EQ(word(named.create(desk.as_operator(), user)), "done");
}

TEST_F(IdentitiesTest, APageGoesOnWhereTheLastOneEnded) {
  ASSERT_EQ(word(identities.order(desk.as_operator(), "nobody", Status::kSuspended)), "done");
  const auto whole = identities.list(desk.as_operator(), {});
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->next);
  std::vector<std::string> ids;
  IdPage page{.limit = 2};
  for (;;) {
    const auto listed = identities.list(desk.as_operator(), page);
    ASSERT_TRUE(listed);
    for (const auto* member : listed->members) ids.push_back((*member)->id);
    for (const auto& stop : listed->stops) ids.push_back(stop.id);
    EXPECT_LE(listed->members.size() + listed->stops.size(), 2u);
    if (!listed->next) break;
    page.after = *listed->next;
  }
  EXPECT_EQ(ids.size(), whole->members.size() + whole->stops.size());
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
  EXPECT_NE(std::ranges::find(ids, "nobody"), ids.end());
}

TEST_F(IdentitiesTest, APageGoesOnAfterAnIdThatIsNotThere) {
  const auto listed = identities.list(desk.as_operator(), {.limit = 1, .after = "nobody"});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->members.size(), 1u);
  EXPECT_EQ((*listed->members.front())->id, "nora");
  EXPECT_EQ(listed->next, "nora");
}

TEST_F(IdentitiesTest, AStopThatIsRefusedForWantOfRoomIsNotRecordedAsDone) {
  inventory::testing::MemoryStore store;
  inventory::Directory full{store, {.unlisted_stops = 0}};
  const Identities bounded{desk.authority, full};
  EXPECT_EQ(word(bounded.order(desk.as_operator(), "nobody", Status::kSuspended)), "limit");
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit"));
}

TEST_F(IdentitiesTest, AListHasWhatTheCallerMaySee) {
  const auto all = identities.list(desk.as_operator(), {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->members.size(), 5u) << "the portal is of another environment";
  const auto token = desk.own_token("marketing-app", "marketing-app");
  EXPECT_EQ(word(identities.list(desk.as(token), {})), "policy_no_permit");
}

// Operators of one tenant, whatever policies permit them.
class TenantsOperatorTest : public IdentitiesTest {
 protected:
  TenantsOperatorTest() {
    desk.add({.id = "ops-north", .kind = inventory::Kind::kService, .tenant = "north"});
    desk.policies = enforce::testing::compiled(
        std::string(testing::kOperators) +
        R"(@id("north") permit (principal == Writ::Service::"ops-north", action, resource);)");
    token_ = desk.own_token("ops-north", "ops-north");
  }
  Caller north() { return desk.as(token_); }
  static Json of(Json identity, std::string_view tenant) {
    identity.set("tenant", tenant);
    return identity;
  }

 private:
  std::string token_;
};

// The id may be that of another tenant's user whom nobody listed: to list it would stop that user.
TEST_F(TenantsOperatorTest, MakesNoIdentity) {
  for (const auto& body : {of(service("spy"), "south"), of(service("ours"), "north"), service("nightly")})
    EXPECT_EQ(word(identities.create(north(), body)), "tenant_mismatch");
  EXPECT_EQ(desk.current.get()->inventory->find("spy"), nullptr);
}

TEST_F(TenantsOperatorTest, MovesNoneToAnotherTenant) {
  desk.add({.id = "nightly", .kind = inventory::Kind::kService, .tenant = "north"});
  EXPECT_EQ(word(identities.update(north(), of(service("nightly"), "south"))), "tenant_mismatch");
  EXPECT_EQ(word(identities.update(north(), service("nightly"))), "done");
  EXPECT_EQ((*desk.current.get()->inventory->find("nightly"))->tenant, "north");
}

TEST_F(TenantsOperatorTest, TakesOverNoneThatServesAllTenants) {
  auto taken = service("ops-console");
  taken.set("secret", "a secret of many bytes");
  EXPECT_EQ(word(identities.update(north(), taken)), "tenant_mismatch");
  EXPECT_FALSE((*desk.current.get()->inventory->find("ops-console"))->secret_hash.has_value());
  EXPECT_EQ(word(identities.order(north(), "marketing-app", Status::kSuspended)), "tenant_mismatch");
  EXPECT_EQ(desk.current.get()->inventory->ordered("marketing-app"), Status::kActive);
}

TEST_F(TenantsOperatorTest, SeesNoneOfAnotherTenantAndStopsNone) {
  EXPECT_EQ(word(identities.show(north(), "sofia")), "not_found");
  EXPECT_EQ(word(identities.order(north(), "sofia", Status::kSuspended)), "not_found");
  EXPECT_EQ(word(identities.order(north(), "nora", Status::kSuspended)), "done");
}

TEST_F(TenantsOperatorTest, ChangesNothingThatIsOfAllTenants) {
  EXPECT_EQ(word(identities.create_api(north(), Json::object({}))), "tenant_mismatch");
  for (const auto* action : {"manage-policies", "manage-keys", "explain-decisions", "read-audit"})
    EXPECT_EQ(word(desk.authority.allow_for_all_tenants(north(), action, "they are")), "tenant_mismatch")
        << action;
}

}  // namespace
}  // namespace writ::control::identities_test
