#include "inventory/directory.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>

#include "inventory/testing/memory_store.h"

namespace writ::inventory::directory_test {
namespace {

Identity agent(std::string id, Status status = Status::kActive) {
  return {.id = std::move(id), .kind = Kind::kAgent, .configured_status = status};
}

Api api(std::string id, std::string audience) {
  return {.id = std::move(id), .audience = std::move(audience), .actions = {"read"}};
}

class DirectoryTest : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Directory directory{store};

  Status status_of(std::string_view id) const { return directory.snapshot()->find(id)->status(); }
  void declare(std::vector<Identity> identities) {
    ASSERT_TRUE(directory.declare({std::move(identities), {}}));
  }
};

TEST_F(DirectoryTest, ActsOnTheNextSnapshotAndLeavesOlderOnesAlone) {
  ASSERT_TRUE(directory.create(agent("a")));
  const auto before = directory.snapshot();
  ASSERT_TRUE(directory.order("a", Status::kSuspended));
  EXPECT_EQ(before->find("a")->status(), Status::kActive);
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
  EXPECT_TRUE(directory.order("a", Status::kSuspended));
}

TEST_F(DirectoryTest, ARetiredIdentityIsRetiredForGood) {
  ASSERT_TRUE(directory.create(agent("a")));
  ASSERT_TRUE(directory.order("a", Status::kRetired));
  EXPECT_EQ(directory.order("a", Status::kActive).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.update(agent("a")).error().code, ErrorCode::kConflict);
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kRetired);
}

TEST_F(DirectoryTest, ASuspensionOverTheApiOutlivesTheConfigurationsWord) {
  declare({agent("a")});
  ASSERT_TRUE(directory.order("a", Status::kSuspended));
  Directory next(store);
  ASSERT_TRUE(next.load());
  ASSERT_TRUE(next.declare({{agent("a")}, {}}));
  EXPECT_EQ(next.snapshot()->find("a")->status(), Status::kSuspended);
}

TEST_F(DirectoryTest, WhatLeavesTheConfigurationIsRetiredUntilItComesBack) {
  declare({agent("a"), agent("b")});
  declare({agent("b")});
  EXPECT_EQ(status_of("a"), Status::kRetired);
  declare({agent("a"), agent("b")});
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, ASuspensionOverTheApiOutlivesTheIdentitysAbsenceFromTheConfiguration) {
  declare({agent("a")});
  ASSERT_TRUE(directory.order("a", Status::kSuspended));
  declare({});
  EXPECT_EQ(status_of("a"), Status::kRetired);
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kSuspended);
  ASSERT_TRUE(directory.order("a", Status::kActive));
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, RetiringOverTheApiIsForGoodAlsoWhileItIsNotInTheConfiguration) {
  declare({agent("a")});
  declare({});
  ASSERT_TRUE(directory.order("a", Status::kRetired));
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kRetired);
  EXPECT_EQ(directory.order("a", Status::kActive).error().code, ErrorCode::kConflict);
}

TEST_F(DirectoryTest, TheConfigurationLiftsWhatItImposedAndNothingElseDoes) {
  declare({agent("a", Status::kSuspended)});
  EXPECT_EQ(directory.order("a", Status::kActive).error().code, ErrorCode::kConflict);
  EXPECT_EQ(status_of("a"), Status::kSuspended);
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kActive);
  declare({agent("a", Status::kRetired)});
  declare({agent("a")});
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, AnOrderOnAnIdThatNobodyHasListedIsKept) {
  ASSERT_TRUE(directory.order("ACME\\nora", Status::kSuspended));
  ASSERT_TRUE(directory.order("later", Status::kSuspended));
  ASSERT_TRUE(directory.order("never-again", Status::kRetired));
  Directory next(store);
  ASSERT_TRUE(next.load());
  EXPECT_EQ(next.snapshot()->ordered("ACME\\nora"), Status::kSuspended);
  ASSERT_TRUE(next.create(agent("later")));
  EXPECT_EQ(next.snapshot()->find("later")->status(), Status::kSuspended);
  EXPECT_EQ(next.create(agent("never-again")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(next.snapshot()->stopped(), 3u);
  ASSERT_TRUE(next.order("ACME\\nora", Status::kActive));
  EXPECT_EQ(next.snapshot()->stopped(), 2u);
  EXPECT_EQ(next.order("ACME\\nora", Status::kActive).error().code, ErrorCode::kNotFound);
}

TEST_F(DirectoryTest, NoOrderIsOnWhatNobodyCanBeCalled) {
  for (const std::string& id :
       {std::string(), std::string("a\nb"), std::string("\xff"), std::string(513, 'a')})
    EXPECT_EQ(directory.order(id, Status::kSuspended).error().code, ErrorCode::kInvalid) << id;
}

TEST_F(DirectoryTest, ChangingAnIdentityLiftsNoOrderUnlessItSaysSo) {
  ASSERT_TRUE(directory.create(agent("a"), Status::kSuspended));
  EXPECT_EQ(status_of("a"), Status::kSuspended);
  ASSERT_TRUE(directory.update(agent("a")));
  EXPECT_EQ(status_of("a"), Status::kSuspended);
  ASSERT_TRUE(directory.update(agent("a"), Status::kActive));
  EXPECT_EQ(status_of("a"), Status::kActive);
}

// Whatever happens in whatever order: in force is the stricter of what the configuration says last and what
// operators ordered last.
TEST(DirectoryProperty, TheStricterOfTwoWordsIsInForceAndEachIsItsOwnersToTakeBack) {
  const std::vector<std::string> ids{"a", "b", "c"};
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto any = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
    constexpr Status kWords[] = {Status::kActive, Status::kSuspended, Status::kRetired, Status::kActive};
    const auto any_status = [&] { return kWords[any(4)]; };
    testing::MemoryStore store;
    auto directory = std::make_unique<Directory>(store);
    std::map<std::string, Status> file, said, ordered;  // what is declared now; last words
    std::string story;
    for (int step = 0; step < 25; ++step) {
      const std::string& id = ids[static_cast<std::size_t>(any(3))];
      const int what = any(4);
      if (what == 0) {
        file.erase(id);
        if (any(3) != 0) file[id] = any_status();
        for (auto& [each, status] : said) status = Status::kRetired;
        for (const auto& [each, status] : file) said[each] = status;
      } else if (what == 1) {
        directory = std::make_unique<Directory>(store);
        ASSERT_TRUE(directory->load());
      } else {
        const Status status = any_status();
        story += " order " + id + " " + std::string(status_name(status));
        const bool done = directory->order(id, status).has_value();
        const bool for_good = ordered[id] == Status::kRetired && status != Status::kRetired;
        const bool lifts_nothing = ordered[id] == Status::kActive && status == Status::kActive;
        EXPECT_EQ(done, !for_good && !(lifts_nothing && (!said.contains(id) || said[id] != Status::kActive)))
            << story;
        if (!for_good) ordered[id] = status;
      }
      if (what < 2) {
        std::vector<Identity> declared;
        for (const auto& [each, status] : file) declared.push_back(agent(each, status));
        story += what == 0 ? " reload" : " restart";
        for (const auto& [each, status] : file) story += " " + each + ":" + std::string(status_name(status));
        ASSERT_TRUE(directory->declare({std::move(declared), {}})) << story;
      }
      const auto now = directory->snapshot();
      for (const auto& each : ids) {
        const auto* member = now->find(each);
        ASSERT_EQ(member != nullptr, said.contains(each)) << story;
        if (member != nullptr) {
          ASSERT_EQ(member->status(), std::max(said[each], ordered[each])) << story;
        }
        ASSERT_EQ(now->ordered(each), ordered[each]) << story;
      }
    }
  }
}

TEST_F(DirectoryTest, RefusesAnIdThatIsTakenAndAKindThatChanges) {
  ASSERT_TRUE(directory.create(agent("a")));
  EXPECT_EQ(directory.create(agent("a")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.update({.id = "a", .kind = Kind::kService}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(directory.declare({{{.id = "a", .kind = Kind::kService}}, {}}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(directory.update(agent("b")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(directory.order("b", Status::kActive).error().code, ErrorCode::kNotFound);
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
  EXPECT_FALSE(directory.order("a", Status::kSuspended));
  EXPECT_EQ(directory.snapshot()->find("b"), nullptr);
  EXPECT_EQ(status_of("a"), Status::kActive);
}

TEST_F(DirectoryTest, ReadersSeeWholeSnapshotsWhileItChanges) {
  ASSERT_TRUE(directory.create(agent("a")));
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i)
      (void)directory.order("a", i % 2 == 0 ? Status::kSuspended : Status::kActive);
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
           {"a user nobody can call", {.id = "a\nb", .kind = Kind::kUser}},
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
  ASSERT_TRUE(validate(Identity{.id = "CN=Nora Smith,OU=Users", .kind = Kind::kUser}));
  identity.tenant = "north";
  identity.acts_for = {"users", "b"};
  identity.purposes = {"support"};
  identity.dropped = true;
  const auto again = identity_from_record(identity_record(identity));
  ASSERT_TRUE(again);
  EXPECT_EQ(identity_record(*again), identity_record(identity));
  EXPECT_EQ(identity_to_json(identity, Status::kActive).find("secret_hash"), nullptr);
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

TEST(Member, ThatNamesVeryManyActsForEachOfThem) {
  Identity identity = agent("a");
  for (int i = 99; i >= 0; --i) identity.acts_for.push_back("app-" + std::to_string(i));
  const Member named(identity);
  for (const auto& id : identity.acts_for) EXPECT_TRUE(named.acts_for(id, Kind::kApplication)) << id;
  EXPECT_FALSE(named.acts_for("app-100", Kind::kApplication));
  EXPECT_FALSE(named.acts_for("nora", Kind::kUser));
  identity.acts_for.emplace_back("users");
  EXPECT_TRUE(Member(identity).acts_for("nora", Kind::kUser));
}

}  // namespace
}  // namespace writ::inventory::directory_test
