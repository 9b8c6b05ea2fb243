#include "inventory/directory.h"

#include <gtest/gtest.h>
#include <thread>

#include "inventory/testing/memory_store.h"

namespace writ::inventory {
namespace {

Identity agent(std::string id, Status status = Status::kActive) {
  return {.id = std::move(id), .kind = Kind::kAgent, .status = status};
}

Api api(std::string id, std::string audience) {
  return {.id = std::move(id), .audience = std::move(audience), .actions = {"read"}};
}

class DirectoryTest : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Directory directory{store};

  Status status_of(std::string_view id) const { return (*directory.snapshot()->find(id))->status; }
  void declare(std::vector<Identity> identities) {
    ASSERT_TRUE(directory.declare({std::move(identities), {}}));
  }
};

TEST_F(DirectoryTest, ActsOnTheNextSnapshotAndLeavesOlderOnesAlone) {
  ASSERT_TRUE(directory.create(agent("a")));
  const auto before = directory.snapshot();
  ASSERT_TRUE(directory.set_status("a", Status::kSuspended));
  EXPECT_EQ((*before->find("a"))->status, Status::kActive);
  EXPECT_EQ(status_of("a"), Status::kSuspended);
}

TEST_F(DirectoryTest, WhoActsForWhomNeverGoesInACircle) {
  const auto acting = [](std::string id, std::vector<std::string> for_whom) {
    auto identity = agent(std::move(id));
    identity.acts_for = std::move(for_whom);
    return identity;
  };
  const auto refused = [](const Result<void>& done, std::string_view circle) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kInvalid);
    EXPECT_NE(done.error().message.find(std::string("`acts_for` goes in a circle: ") + std::string(circle)),
              std::string::npos)
        << done.error().message;
  };
  refused(directory.create(acting("a", {"a"})), "a, a");
  ASSERT_TRUE(directory.create(acting("a", {"users", "nobody-yet"})));
  ASSERT_TRUE(directory.create(acting("b", {"a", "users"})));
  ASSERT_TRUE(directory.create(acting("c", {"a", "b"})));
  refused(directory.update(acting("a", {"users", "c"})), "a, c, a");
  refused(directory.create(acting("nobody-yet", {"x", "c"})), "nobody-yet, c, a, nobody-yet");
  refused(directory.declare({{acting("d", {"e"}), acting("e", {"d"})}, {}}), "d, e, d");
  EXPECT_EQ(directory.snapshot()->find("d"), nullptr);
  // What stops somebody always works.
  EXPECT_TRUE(directory.set_status("a", Status::kSuspended));
}

TEST_F(DirectoryTest, ARetiredIdentityIsRetiredForGood) {
  ASSERT_TRUE(directory.create(agent("a")));
  ASSERT_TRUE(directory.set_status("a", Status::kRetired));
  EXPECT_EQ(directory.set_status("a", Status::kActive).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.update(agent("a")).error().code, ErrorCode::kConflict);
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kRetired);
}

TEST_F(DirectoryTest, ASuspensionOverTheApiOutlivesTheConfigurationsWord) {
  declare({agent("a")});
  ASSERT_TRUE(directory.set_status("a", Status::kSuspended));
  Directory next(store);
  ASSERT_TRUE(next.load());
  ASSERT_TRUE(next.declare({{agent("a")}, {}}));
  EXPECT_EQ((*next.snapshot()->find("a"))->status, Status::kSuspended);
}

TEST_F(DirectoryTest, WhatLeavesTheConfigurationIsRetiredUntilItComesBack) {
  declare({agent("a"), agent("b")});
  declare({agent("b")});
  EXPECT_EQ(status_of("a"), Status::kRetired);
  declare({agent("a"), agent("b")});
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, RefusesAnIdThatIsTakenAndAKindThatChanges) {
  ASSERT_TRUE(directory.create(agent("a")));
  EXPECT_EQ(directory.create(agent("a")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.update({.id = "a", .kind = Kind::kService}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.declare({{{.id = "a", .kind = Kind::kService}}, {}}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(directory.update(agent("b")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(directory.set_status("b", Status::kActive).error().code, ErrorCode::kNotFound);
}

TEST_F(DirectoryTest, RefusesToChangeOverTheApiWhatTheConfigurationDeclares) {
  declare({agent("a")});
  EXPECT_EQ(directory.update(agent("a")).error().code, ErrorCode::kConflict);
}

TEST_F(DirectoryTest, RefusesTwoApisForOneAudience) {
  ASSERT_TRUE(directory.create(api("one", "https://a.example")));
  EXPECT_EQ(directory.create(api("two", "https://a.example")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.snapshot()->find_api("two"), nullptr);
}

TEST_F(DirectoryTest, WhatCouldNotBeStoredDoesNotAct) {
  ASSERT_TRUE(directory.create(agent("a")));
  store.broken = true;
  EXPECT_FALSE(directory.create(agent("b")));
  EXPECT_FALSE(directory.set_status("a", Status::kSuspended));
  EXPECT_EQ(directory.snapshot()->find("b"), nullptr);
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, ReadersSeeWholeSnapshotsWhileItChanges) {
  ASSERT_TRUE(directory.create(agent("a")));
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i)
      (void)directory.set_status("a", i % 2 == 0 ? Status::kSuspended : Status::kActive);
  });
  for (int i = 0; i < 2000; ++i) ASSERT_NE(directory.snapshot()->find("a"), nullptr);
}

TEST(Identity, RefusesWhatCannotBe) {
  for (const auto& [why, identity] : std::initializer_list<std::pair<std::string_view, Identity>>{
           {"no id", agent("")},
           {"a space in the id", agent("a b")},
           {"a quote in the id", agent("a\"b")},
           {"an id that is too long", agent(std::string(kMaxIdBytes + 1, 'a'))},
           {"the name of every user", agent("users")},
           {"a user with a secret", {.id = "u", .kind = Kind::kUser, .secret_hash = "x"}},
           {"a user that acts for others", {.id = "u", .kind = Kind::kUser, .acts_for = {"v"}}},
           {"a secret's hash that is none", {.id = "a", .kind = Kind::kAgent, .secret_hash = "plain"}},
           {"attributes that are no object", {.id = "a", .kind = Kind::kAgent, .attributes = codec::Json(1)}},
           {"an attribute with a place of its own",
            {.id = "a", .kind = Kind::kAgent, .attributes = codec::Json::object({{"tenant", "north"}})}},
           {"attributes beyond the limit",
            {.id = "a",
            .kind = Kind::kAgent,
            .attributes = codec::Json::object({{"a", std::string(kMaxAttributeBytes, 'a')}})}}}) {
    EXPECT_FALSE(validate(identity)) << why;
  }
}

TEST(Identity, RecordsComeBackWholeAndTheOutwardFormKeepsSecrets) {
  Identity identity = agent("a", Status::kSuspended);
  identity.tenant = "north";
  identity.acts_for = {"users", "b"};
  identity.purposes = {"support"};
  identity.dropped = true;
  const auto again = identity_from_record(identity_record(identity));
  ASSERT_TRUE(again);
  EXPECT_EQ(identity_record(*again), identity_record(identity));
  EXPECT_EQ(identity_to_json(identity).find("secret_hash"), nullptr);
  EXPECT_FALSE(
      identity_from_json(codec::parse_json(R"({"id":"a","kind":"agent","secret_hash":"x"})").value()));
  EXPECT_FALSE(identity_from_json(codec::parse_json(R"({"id":"a","kind":"robot"})").value()));
}

TEST(Member, ActsForThoseItNamesAndForUsersWhereItSaysSo) {
  Identity identity = agent("a");
  identity.acts_for = {"portal"};
  const Member member(identity);
  EXPECT_TRUE(member.acts_for("portal", Kind::kApplication));
  EXPECT_FALSE(member.acts_for("other", Kind::kApplication));
  EXPECT_FALSE(member.acts_for("nora", Kind::kUser));
  identity.acts_for = {"users"};
  const Member open(identity);
  EXPECT_TRUE(open.acts_for("nora", Kind::kUser));
  EXPECT_FALSE(open.acts_for("portal", Kind::kApplication));
}

}  // namespace
}  // namespace writ::inventory
