// /v1/policies without HTTP: the use cases over the sets of policies in a folder.
#include "policy/policies_in_force.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "control/testing/desk.h"

namespace writ::policy::policies_in_force_test {
namespace {

namespace fs = std::filesystem;
using control::testing::word;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::string_view kConfig = R"(version: 1
issuer: https://writ.example
listen: {api: "127.0.0.1:8180"}
policies: {files: [p.cedar]}
inventory:
  identities: [{id: ops-desk, kind: service}]
  apis: [{id: shop, audience: "https://shop.example", namespace: Shop, actions: [read]}]
)";
constexpr std::string_view kPolicies = R"(
@id("console") permit (principal == Writ::Service::"ops-console", action, resource);
@id("app") permit (principal == Writ::Application::"marketing-app",
                   action == Writ::Action::"read-policies", resource);
)";
constexpr std::string_view kOneMore = R"(@id("users") permit (principal is Writ::User, action, resource);)";

class PoliciesInForceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "data");
    write("writ.yaml", kConfig);
    write("p.cedar", kPolicies);
    files::Issues issues;
    loaded_ = load(root_ / "writ.yaml", issues);
    ASSERT_TRUE(loaded_) << (issues.all().empty() ? "" : render(issues.all().front()));
    desk.current.replace(loaded_->policies.snapshot);
    const auto record = [this](audit::Record line) {
      Result<void> result;
      desk.audit.append(std::move(line), [&](Result<void> done) { result = std::move(done); });
      return result;
    };
    sets_.emplace(
        PoliciesInForce::Parts{desk.clock, record, desk.current, desk.directory, [](const Loaded&) {}},
        *loaded_);
    const auto started = sets_->start(loaded_->texts, waiting_);
    ASSERT_TRUE(started) << started.error().message;
    policies.emplace(desk.authority, *sets_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }
  void add_one() { write("p.cedar", std::string(kPolicies) + std::string(kOneMore)); }
  std::string in_force() const { return sets_->get()->revision; }
  const control::AccessWorlds& worlds() const { return *sets_; }
  control::Caller app() { return desk.as(app_token_); }

  control::testing::Desk desk;
  std::optional<control::Policies> policies;

 private:
  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-in-force-{}", ::getpid());
  const std::string app_token_ = desk.own_token("marketing-app", "marketing-app");
  std::optional<Loaded> loaded_;
  std::optional<PoliciesInForce> sets_;
  files::Issues waiting_;
};

TEST_F(PoliciesInForceTest, WhatTheFilesSayTakesForceAndIsOnRecord) {
  const auto before = in_force();
  add_one();
  const auto replaced = policies->reload(desk.as_operator());
  ASSERT_TRUE(replaced) << word(replaced);
  EXPECT_FALSE(replaced->issues.has_errors());
  EXPECT_TRUE(replaced->changed);
  EXPECT_NE(in_force(), before);
  EXPECT_EQ(in_force(), replaced->revision);
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "policies.replaced"));
}

TEST_F(PoliciesInForceTest, AMistakeChangesNothing) {
  const auto before = in_force();
  write("p.cedar", "permit (principal");
  const auto replaced = policies->reload(desk.as_operator());
  ASSERT_TRUE(replaced);
  EXPECT_TRUE(replaced->issues.has_errors());
  EXPECT_EQ(replaced->revision, before);
  EXPECT_EQ(in_force(), before);
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit"));
}

TEST_F(PoliciesInForceTest, WithoutTheRecordOfItNothingIsReplaced) {
  const auto before = in_force();
  add_one();
  desk.record = [](audit::Record, audit::Log::Done done) { done({}); };  // that it was permitted is recorded
  desk.audit.broken = true;
  EXPECT_EQ(word(policies->reload(desk.as_operator())), "io");
  EXPECT_EQ(in_force(), before);
}

TEST_F(PoliciesInForceTest, WhoMayReadMayNotReplace) {
  const auto before = in_force();
  add_one();
  EXPECT_EQ(word(policies->list(app())), "done");
  EXPECT_EQ(word(policies->show(app(), before)), "done");
  EXPECT_EQ(word(policies->reload(app())), "policy_no_permit");
  EXPECT_EQ(word(policies->roll_back(app(), codec::Json::object({{"revision", before}}))),
            "policy_no_permit");
  EXPECT_EQ(in_force(), before);
}

TEST_F(PoliciesInForceTest, GoesBackByTheFirstDigitsOfARevision) {
  const auto first = in_force();
  add_one();
  const auto second = policies->reload(desk.as_operator());
  ASSERT_TRUE(second);
  const auto back =
      policies->roll_back(desk.as_operator(), codec::Json::object({{"revision", first.substr(0, 12)}}));
  ASSERT_TRUE(back) << word(back);
  EXPECT_EQ(in_force(), first);
  const auto state = policies->list(desk.as_operator());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->revision, first);
  EXPECT_EQ(state->instead_of, second->revision) << "the files still say the second";
  EXPECT_THAT(state->kept, SizeIs(2));
}

TEST_F(PoliciesInForceTest, WhatIsNotKeptOrNotNamedIsNotGoneBackTo) {
  const auto before = in_force();
  const auto back = [&](codec::Json request) {
    return word(policies->roll_back(desk.as_operator(), request));
  };
  EXPECT_EQ(back(codec::Json::object({{"revision", "0123456789abcdef"}})), "not_found");
  EXPECT_EQ(back(codec::Json::object()), "invalid");
  EXPECT_EQ(back(codec::Json::object({{"revision", before}, {"force", true}})), "invalid");
  EXPECT_EQ(in_force(), before);
}

TEST_F(PoliciesInForceTest, ShowsTheTextsOfARevision) {
  const auto shown = policies->show(desk.as_operator(), in_force());
  ASSERT_TRUE(shown);
  ASSERT_THAT(shown->files, SizeIs(1));
  EXPECT_EQ(shown->files.front().kind, "policies");
  EXPECT_EQ(*shown->files.front().text, kPolicies);
  EXPECT_EQ(word(policies->show(desk.as_operator(), "0123456789abcdef")), "not_found");
}

// ---- the sides of a change of access

TEST_F(PoliciesInForceTest, TheFilesAreASideAsAReloadWouldPutThemInForceAndStayOnDisk) {
  const auto before = in_force();
  add_one();
  ASSERT_TRUE(desk.directory.order("marketing-app", inventory::Status::kSuspended));
  const auto files = worlds().world("files");
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_NE(files->policies->revision, before);
  EXPECT_NE(files->inventory->find("ops-desk"), nullptr) << "the files declare it";
  EXPECT_EQ(inventory::Status::kSuspended, files->inventory->find("marketing-app")->status())
      << "what operators ordered stays";
  EXPECT_EQ(in_force(), before);
  EXPECT_EQ(desk.directory.snapshot()->find("ops-desk"), nullptr);
}

TEST_F(PoliciesInForceTest, FilesThatWouldNotBeTakenOverAreNoSide) {
  write("p.cedar", "permit (principal");
  const auto files = worlds().world("files");
  ASSERT_FALSE(files);
  EXPECT_EQ(ErrorCode::kInvalid, files.error().code);
  EXPECT_THAT(files.error().message, ::testing::HasSubstr("writ check"));
}

TEST_F(PoliciesInForceTest, ARevisionIsASideBesideTheInventoryInForce) {
  const auto first = in_force();
  add_one();
  ASSERT_TRUE(policies->reload(desk.as_operator()));
  const auto before = worlds().world(first.substr(0, 12));
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(first, before->policies->revision);
  const auto now = worlds().world("in_force");
  ASSERT_TRUE(now);
  EXPECT_EQ(in_force(), now->policies->revision);
  EXPECT_EQ(now->inventory, before->inventory);
  EXPECT_EQ(ErrorCode::kNotFound, worlds().world("0123456789abcdef").error().code);
}

}  // namespace
}  // namespace writ::policy::policies_in_force_test
