#include "policy/revisions.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/files.h"

namespace writ::policy::revisions_test {
namespace {

namespace fs = std::filesystem;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

PolicyTexts texts(const std::string& policy) {
  return {
      {{TextKind::kSchema, "schema.cedarschema", "schema.cedarschema",
        std::make_shared<std::string>("entity A;")},
       {TextKind::kPolicies, "policies/a.cedar", "policies/a.cedar", std::make_shared<std::string>(policy)}},
      2,
      {{"freeze",
        {{kNow, kNow + std::chrono::hours(1)}, {kNow + std::chrono::hours(2), kNow + std::chrono::hours(3)}},
        {}},
       {"business-hours", {}, {{Duration(1), Duration(2)}}}}};
}

class RevisionsTest : public ::testing::Test {
 protected:
  fs::path data_ = fs::temp_directory_path() / fmt::format("writ-revisions-{}", ::getpid());
  fs::path folder_ = data_ / "policy-revisions";
  Revisions revisions_{data_, 3};

  void SetUp() override { fs::create_directories(data_); }
  void TearDown() override { fs::remove_all(data_); }

  // Keeps a set so many seconds after the others; its revision.
  std::string keep(const std::string& policy, int after) {
    const auto set = texts(policy);
    const auto kept = revisions_.keep(set, revision_of(set), kNow + std::chrono::seconds(after));
    EXPECT_TRUE(kept) << kept.error().message;
    return revision_of(set);
  }
  std::vector<std::string> kept() const {
    std::vector<std::string> all;
    const auto listed = revisions_.list().value();
    for (const auto& each : listed) all.push_back(each.revision);
    return all;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_)) all.push_back(entry.path().filename().string());
    return all;
  }
  using List = std::vector<std::string>;
};

TEST_F(RevisionsTest, BeforeTheFirstThereIsNone) {
  EXPECT_EQ(kept(), List{});
  EXPECT_EQ(revisions_.find("0123456789").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(revisions_.choice().value(), std::nullopt);
  EXPECT_TRUE(revisions_.clear_choice());
}

TEST_F(RevisionsTest, WhatIsKeptComesBackAsItWas) {
  const std::string text = "permit (principal, action, resource) when { \"ü\\n\" == \"\" };\n// \x01";
  const auto revision = keep(text, 0);
  const auto read = revisions_.read(revisions_.find(revision.substr(0, 8)).value());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(revision_of(*read), revision);
  EXPECT_EQ(*read->files[1].text, text);
  EXPECT_EQ(read->files[1].path, "policies/a.cedar");
  EXPECT_EQ(read->files[0].kind, TextKind::kSchema);
  EXPECT_EQ(read->max_chain, 2U);
  ASSERT_EQ(read->calendars.size(), 2U);
  EXPECT_EQ(read->calendars[0].spans[1].until, kNow + std::chrono::hours(3));
  EXPECT_EQ(read->calendars[1].hours[0].from, Duration(1));
}

TEST_F(RevisionsTest, OnlyItsOwnerReadsThem) {
  keep("a", 0);
  struct stat status {};
  ASSERT_EQ(::stat(folder_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat((folder_ / names().front()).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(RevisionsTest, TheOldestBeyondTheLimitAreForgotten) {
  const auto a = keep("a", 0), b = keep("b", 1), c = keep("c", 2);
  EXPECT_EQ(kept(), (List{c, b, a}));
  const auto d = keep("d", 3);
  EXPECT_EQ(kept(), (List{d, c, b}));
  EXPECT_EQ(keep("b", 4), b) << "it is in force again, and counts once";
  EXPECT_EQ(kept(), (List{b, d, c}));
}

TEST_F(RevisionsTest, WhatWasChosenAndWhatItReplacesAreNotForgotten) {
  const auto a = keep("a", 0), b = keep("b", 1);
  ASSERT_TRUE(revisions_.choose({a, b}));
  keep("c", 2), keep("d", 3);
  const auto e = keep("e", 4);
  EXPECT_EQ(kept(), (List{e, b, a}));
  ASSERT_TRUE(revisions_.clear_choice());
  keep("f", 5);
  EXPECT_EQ(kept().size(), 3U);
}

TEST_F(RevisionsTest, AChoiceSurvivesUntilItIsCleared) {
  keep("a", 0);
  ASSERT_TRUE(revisions_.choose({"one", "two"}));
  const auto choice = Revisions(data_, 3).choice().value();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->revision, "one");
  EXPECT_EQ(choice->instead_of, "two");
  ASSERT_TRUE(revisions_.clear_choice());
  EXPECT_EQ(Revisions(data_, 3).choice().value(), std::nullopt);
}

TEST_F(RevisionsTest, AChangedFileIsRefused) {
  const auto revision = keep("permit (principal, action, resource);", 0);
  const auto kept = revisions_.find(revision).value();
  const auto path = folder_ / names().front();
  auto text = files::read_file(path, 1 << 20).value();
  text.replace(text.find("permit"), 6, "forbid");
  std::ofstream(path) << text;
  EXPECT_EQ(revisions_.read(kept).error().code, ErrorCode::kCorrupt);
  std::ofstream(path) << "[";
  EXPECT_EQ(revisions_.read(kept).error().code, ErrorCode::kCorrupt);
  std::ofstream(path) << "{}";
  EXPECT_EQ(revisions_.read(kept).error().code, ErrorCode::kCorrupt);
}

TEST_F(RevisionsTest, AChoiceThatIsNoneIsNotTakenForNone) {
  keep("a", 0);
  std::ofstream(folder_ / "choice") << "{}";
  EXPECT_EQ(revisions_.choice().error().code, ErrorCode::kCorrupt);
}

TEST_F(RevisionsTest, WhatACrashLeftIsNotListedAndDoesNotStandInTheWay) {
  const auto a = keep("a", 0);
  std::ofstream(folder_ / (names().front() + ".new")) << "half";
  EXPECT_EQ(kept(), List{a});
  keep("a", 0);
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(RevisionsTest, APrefixMustSayWhichIsMeant) {
  keep("a", 0);
  EXPECT_EQ(revisions_.find("abc").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(revisions_.find("").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(revisions_.find("../../etc/passwd").error().code, ErrorCode::kInvalid);
  std::ofstream(folder_ / fmt::format("{:015}-{}.json", 1, std::string(64, '0')));
  std::ofstream(folder_ / fmt::format("{:015}-{}.json", 1, std::string(63, '0') + "1"));
  EXPECT_EQ(revisions_.find("00000000").error().code, ErrorCode::kConflict);
}

TEST_F(RevisionsTest, WhatCannotBeWrittenIsSaid) {
  fs::remove_all(data_);
  const auto set = texts("a");
  EXPECT_EQ(revisions_.keep(set, revision_of(set), kNow).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace writ::policy::revisions_test
