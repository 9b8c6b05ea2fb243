#include "files/folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace writ::files::folder_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-folder-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    base_ = name;
    root_ = base_ / "policies";
    fs::create_directory(root_);
  }
  void TearDown() override { fs::remove_all(base_); }

  void write(const fs::path& path, std::string_view content = "x") const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  void look() {
    issues_ = {};
    folder_ = look_into(root_, rules_, issues_);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : folder_.files) names.push_back(file.path.lexically_relative(root_).string());
    return names;
  }
  std::vector<std::string> errors() const {
    std::vector<std::string> texts;
    for (const auto& issue : issues_.all())
      texts.push_back(fmt::format("{}: {}", fs::path(issue.place.file).lexically_relative(root_).string(),
                                  issue.message));
    return texts;
  }
  std::vector<std::string> left_out() const {
    std::vector<std::string> texts;
    for (const auto& each : folder_.left_out)
      texts.push_back(
          fmt::format("{}: {}", fs::path(each.path).lexically_relative(root_).string(), each.why));
    return texts;
  }

  fs::path base_, root_;
  FolderRules rules_{
      .use = [](std::string_view name,
                const FileStamp&) { return ends_like(name, ".cedar") ? FileUse::kRead : FileUse::kNone; },
      .unusable = "nothing would read it",
  };
  Issues issues_;
  Folder folder_;
};

TEST_F(FolderTest, SubfoldersAndEndingsInAnyCaseAreReadInTheOrderOfNames) {
  for (const auto* name : {"b.cedar", "a/z.CEDAR", "a/b/c/d.Cedar", "a-b.cedar", "B2.cedar"}) write(name);
  look();
  EXPECT_THAT(files(), ElementsAre("B2.cedar", "a/b/c/d.Cedar", "a/z.CEDAR", "a-b.cedar", "b.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(FolderTest, AFileOfNoUseIsAnErrorAndNamed) {
  for (const auto* name :
       {"a.cedar", "deny.cedar.txt", "deny", "emergency/deny.ceder", "cedar", "deny.cedar "})
    write(name);
  look();
  EXPECT_THAT(files(), ElementsAre("a.cedar"));
  EXPECT_THAT(errors(),
              ElementsAre("cedar: nothing would read it", "deny: nothing would read it",
                          "deny.cedar : nothing would read it", "deny.cedar.txt: nothing would read it",
                          "emergency/deny.ceder: nothing would read it"));
}

TEST_F(FolderTest, HiddenNamesAndBackupsOfEditorsAreLeftOutAndNamed) {
  write(".git/config");
  for (const auto* name : {"a.cedar", "._a.cedar", "a.cedar~", "#a.cedar#", ".cedar"}) write(name);
  fs::create_symlink("somebody@host.1234", root_ / ".#a.cedar");
  look();
  EXPECT_THAT(files(), ElementsAre("a.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(left_out(),
              UnorderedElementsAre(".git: hidden", "._a.cedar: hidden", ".#a.cedar: hidden", ".cedar: hidden",
                                   "a.cedar~: an editor's backup", "#a.cedar#: an editor's backup"));
}

TEST_F(FolderTest, WhatIsIgnoredByNameOrByPathIsLeftOutWithWhatIsInIt) {
  rules_.ignore = {"*.md", "drafts", "teams/*/old.cedar"};
  for (const auto* name : {"a.cedar", "README.md", "teams/one/README.md", "teams/one/old.cedar",
                           "teams/one/drafts/new.cedar", "teams/one/deep/old.cedar", "old.cedar"})
    write(name);
  look();
  EXPECT_THAT(files(), ElementsAre("a.cedar", "old.cedar", "teams/one/deep/old.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(left_out(), ElementsAre("README.md: ignore", "teams/one/README.md: ignore",
                                      "teams/one/drafts: ignore", "teams/one/old.cedar: ignore"));
}

TEST_F(FolderTest, LinksToFilesAndFoldersAreFollowed) {
  write(base_ / "elsewhere/deny.txt");
  write(base_ / "elsewhere/more/b.cedar");
  fs::create_symlink(base_ / "elsewhere/deny.txt", root_ / "deny.cedar");
  fs::create_symlink("../elsewhere/more", root_ / "more");
  fs::create_hard_link(base_ / "elsewhere/deny.txt", root_ / "hard.cedar");
  look();
  EXPECT_THAT(files(), ElementsAre("deny.cedar", "hard.cedar", "more/b.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_TRUE(folder_.files[0].stamp.same_file(folder_.files[1].stamp));
}

TEST_F(FolderTest, KubernetesVolumesAreReadOnce) {
  write("..2026_03_02/all.cedar");
  write("..2026_03_02/sub/more.cedar");
  fs::create_symlink("..2026_03_02", root_ / "..data");
  fs::create_symlink("..data/all.cedar", root_ / "all.cedar");
  fs::create_symlink("..data/sub", root_ / "sub");
  look();
  EXPECT_THAT(files(), ElementsAre("all.cedar", "sub/more.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(FolderTest, AFolderThatIsReachedTwiceIsReadOnce) {
  write("a/x.cedar");
  fs::create_symlink("a", root_ / "b");
  look();
  EXPECT_THAT(files(), ElementsAre("a/x.cedar"));
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(FolderTest, LinksInACircleAreErrors) {
  write("a/x.cedar");
  fs::create_symlink("..", root_ / "a/up");
  fs::create_symlink("two.cedar", root_ / "one.cedar");
  fs::create_symlink("one.cedar", root_ / "two.cedar");
  look();
  EXPECT_THAT(files(), ElementsAre("a/x.cedar"));
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("a/up: this link leads in a circle, back to"),
                                    "one.cedar: this link leads in a circle",
                                    "two.cedar: this link leads in a circle"));
}

TEST_F(FolderTest, ALinkThatLeadsNowhereIsAnError) {
  write("a.cedar");
  fs::create_symlink("gone.cedar", root_ / "b.cedar");
  fs::create_symlink("a.cedar/b", root_ / "c.cedar");
  look();
  EXPECT_THAT(errors(), ElementsAre("b.cedar: this link leads nowhere", "c.cedar: this link leads nowhere"));
}

TEST_F(FolderTest, APipeASocketAndADeviceAreErrorsAndNotOpened) {
  ASSERT_EQ(::mkfifo((root_ / "a.cedar").c_str(), 0600), 0);  // whoever opens it waits
  const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (root_ / "b.cedar").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(listening);
  fs::create_symlink("/dev/null", root_ / "c.cedar");
  look();
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_THAT(errors(), ElementsAre("a.cedar: it is not a file: a pipe, a socket or a device",
                                    "b.cedar: it is not a file: a pipe, a socket or a device",
                                    "c.cedar: it is not a file: a pipe, a socket or a device"));
}

TEST_F(FolderTest, AFolderThatMayNotBeReadIsAnError) {
  write("a.cedar");
  write("secret/deny.cedar");
  ASSERT_EQ(::chmod(base_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod((root_ / "secret").c_str(), 0), 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  look();
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_EQ(::chmod((root_ / "secret").c_str(), 0755), 0);
  EXPECT_THAT(files(), ElementsAre("a.cedar"));
  EXPECT_THAT(errors(), ElementsAre("secret: cannot read this folder: Permission denied"));
}

TEST_F(FolderTest, NamesThatAreNoPlainTextAreErrorsThatCanBePrinted) {
  write("a\xff.cedar");
  write("b\n.cedar");
  look();
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_THAT(errors(), ElementsAre("a\\xff.cedar: its name is not plain text in UTF-8",
                                    "b\\x0a.cedar: its name is not plain text in UTF-8"));
}

TEST_F(FolderTest, NamesThatDifferByCaseAloneAreAnError) {
  write("deny.cedar");
  write("Deny.cedar");
  write("A/x.cedar");
  write("a/y.cedar");
  look();
  EXPECT_THAT(errors(), ElementsAre("a: its name and `A` differ only by case",
                                    "deny.cedar: its name and `Deny.cedar` differ only by case"));
}

TEST_F(FolderTest, FoldersThatAreTooDeepAreAnErrorAndOnesAtTheLimitAreRead) {
  fs::path path;
  for (std::size_t depth = 1; depth < kMaxFolderDepth; ++depth) path /= "d";
  write(path / "a.cedar");
  look();
  EXPECT_EQ(files().size(), 1U);
  EXPECT_THAT(errors(), IsEmpty());
  write(path / "d/b.cedar");
  look();
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("folders are more than 16 deep")));
}

TEST_F(FolderTest, MoreEntriesThanTheLimitAreAnErrorAndAsManyAreNot) {
  rules_.max_entries = 10;
  for (int i = 0; i < 10; ++i) write(fmt::format("{}.cedar", i));
  look();
  EXPECT_THAT(errors(), IsEmpty());
  write("11.cedar");
  look();
  EXPECT_THAT(errors(), ElementsAre(".: there are more than 10 files and folders in it"));
}

TEST_F(FolderTest, WhoLooksForSomeFilesIsNotConcernedByOthers) {
  rules_.concerns = [](std::string_view name) { return name.ends_with(".cedar"); };
  rules_.subfolders = false;
  write("a.cedar");
  write("sub/b.cedar");
  write("notes");
  fs::create_symlink("gone", root_ / "broken");
  fs::create_symlink("gone", root_ / "broken.cedar");
  look();
  EXPECT_THAT(files(), ElementsAre("a.cedar"));
  EXPECT_THAT(errors(), ElementsAre("broken.cedar: this link leads nowhere"));
}

TEST_F(FolderTest, WhatIsSeenChangesWithEverythingThatMattersAndWithNothingElse) {
  write("a.cedar");
  look();
  const auto seen = [this] { return look(), folder_.seen; };
  auto before = folder_.seen;
  EXPECT_EQ(seen(), before);
  write(".a.cedar.swp");
  write("a.cedar~");
  EXPECT_EQ(seen(), before);
  const auto expect_other = [&](std::string_view what) {
    EXPECT_NE(seen(), before) << what;
    before = folder_.seen;
  };
  write("b.txt");
  expect_other("a file of no use");
  write("sub/c.cedar");
  expect_other("a file in a new subfolder");
  fs::create_symlink("gone", root_ / "d.cedar");
  expect_other("a link that leads nowhere");
  write("gone");
  expect_other("what it leads to");
  fs::create_hard_link(root_ / "a.cedar", root_ / "e.cedar");
  expect_other("a hard link");
  fs::rename(root_ / "sub", base_ / "sub");
  write("sub/c.cedar");
  expect_other("another folder in the place of one");
}

}  // namespace
}  // namespace writ::files::folder_test
