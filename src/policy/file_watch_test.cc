#include "policy/file_watch.h"

#include <condition_variable>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace writ::policy::file_watch_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class FileWatchTest : public ::testing::Test {
 protected:
  fs::path root_, policies_;

  void SetUp() override {
    char name[] = "/tmp/writ-watch-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    policies_ = root_ / "policies";
    write(policies_ / "a.cedar", "a");
  }
  void TearDown() override {
    watch_.reset();
    fs::remove_all(root_);
  }
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void configure(const std::string& policies) const {
    write(root_ / "writ.yaml.new",
          fmt::format("version: 1\nissuer: http://127.0.0.1:8180\nlisten: {{api: \"127.0.0.1:8180\"}}\n"
                      "inventory: {{}}\npolicies: {{files: [{}]}}\n",
                      policies));
    fs::rename(root_ / "writ.yaml.new", root_ / "writ.yaml");
  }
  void start(const std::string& policies) {
    configure(policies);
    watch_.emplace(look_at_configured(root_ / "writ.yaml"), [this] {
      const std::lock_guard lock(mutex_);
      ++calls_;
      called_.notify_all();
    });
    expect_told("what happened before it began");
    settle();
  }
  // What was changed is in force within a second; less than that is left for reading it.
  void expect_told(std::string_view of) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(called_.wait_for(lock, 10s, [&] { return calls_ > seen_; })) << of;
    seen_ = calls_;
  }
  // What one change makes happen may end in more than one call.
  void settle() {
    std::unique_lock lock(mutex_);
    while (called_.wait_for(lock, 2 * Watcher::kGlance, [&] { return calls_ > seen_; })) seen_ = calls_;
  }

  std::mutex mutex_;
  std::condition_variable called_;
  int calls_ = 0, seen_ = 0;
  std::optional<FileWatch> watch_;
};

TEST_F(FileWatchTest, LooksOftenEnoughThatAChangeIsInForceWithinASecond) {
  EXPECT_LE(Watcher::kSlowest + Watcher::kQuiet, 600ms);
}

TEST_F(FileWatchTest, TellsOfFilesThatAreWrittenRenamedAndRemoved) {
  start("policies");
  write(policies_ / "a.cedar", "b");  // of the same size
  expect_told("a file written in place");
  write(root_ / "new", "c");
  fs::rename(root_ / "new", policies_ / "a.cedar");
  expect_told("a file put in the place of another");
  fs::remove(policies_ / "a.cedar");
  expect_told("a file removed");
  write(policies_ / "deny.cedar.txt", "c");
  expect_told("a file of no use, which is an error");
}

TEST_F(FileWatchTest, TellsOfNewLinksSymbolicAndHard) {
  write(root_ / "elsewhere/deny.cedar", "d");
  start("policies");
  fs::create_symlink(root_ / "elsewhere/deny.cedar", policies_ / "deny.cedar");
  expect_told("a symbolic link");
  write(root_ / "elsewhere/deny.cedar", "other");
  expect_told("what it leads to");
  fs::create_hard_link(root_ / "elsewhere/deny.cedar", policies_ / "hard.cedar");
  expect_told("a hard link");
}

TEST_F(FileWatchTest, TellsOfALinkOnTheWayThatLeadsElsewhere) {
  write(root_ / "repo/one/policies/a.cedar", "a");
  write(root_ / "repo/two/policies/a.cedar", "a");
  fs::create_symlink("one", root_ / "repo/current");
  start("repo/current/policies");
  // As git-sync does it.
  fs::create_symlink("two", root_ / "repo/next");
  fs::rename(root_ / "repo/next", root_ / "repo/current");
  expect_told("the link that was exchanged");
  write(root_ / "repo/two/policies/b.cedar", "b");
  expect_told("a file where it leads now");
}

TEST_F(FileWatchTest, TellsOfKubernetesExchangingItsDataFolder) {
  write(policies_ / "..1/all.cedar", "a");
  write(policies_ / "..2/all.cedar", "b");
  fs::create_symlink("..1", policies_ / "..data");
  fs::create_symlink("..data/all.cedar", policies_ / "all.cedar");
  start("policies");
  fs::create_symlink("..2", policies_ / "..data_tmp");
  fs::rename(policies_ / "..data_tmp", policies_ / "..data");
  expect_told("the data folder that was exchanged");
}

TEST_F(FileWatchTest, TellsOfAFolderThatIsReplacedAndOfWhatHappensInTheNewOne) {
  start("policies");
  fs::rename(policies_, root_ / "old");
  expect_told("the folder that is away");
  settle();
  write(policies_ / "a.cedar", "a");
  expect_told("the new folder");
  write(policies_ / "a.cedar", "b");
  expect_told("a file in the new folder");
}

TEST_F(FileWatchTest, TellsOfANewSubfolderWithAFileInIt) {
  start("policies");
  write(root_ / "new/deny.cedar", "d");
  fs::rename(root_ / "new", policies_ / "emergency");
  expect_told("the subfolder");
  write(policies_ / "emergency/deny.cedar", "e");
  expect_told("a file in it");
}

TEST_F(FileWatchTest, TellsOfAMountOverTheFolder) {
  write(root_ / "over/a.cedar", "b");
  start("policies");
  if (::mount((root_ / "over").c_str(), policies_.c_str(), nullptr, MS_BIND, nullptr) != 0)
    GTEST_SKIP() << "this user may not mount";
  expect_told("the mount");
  EXPECT_EQ(::umount(policies_.c_str()), 0);
  expect_told("its end");
}

TEST_F(FileWatchTest, LooksAtWhatTheConfigurationNamesNow) {
  write(root_ / "other/a.cedar", "a");
  start("policies");
  configure("other");
  expect_told("the configuration");
  settle();
  write(root_ / "other/a.cedar", "b");
  expect_told("a file that it names now");
  write(root_ / "writ.yaml", "version: ");
  expect_told("a configuration that is broken");
  settle();
  write(root_ / "other/a.cedar", "c");
  expect_told("a file that it named before");
}

TEST_F(FileWatchTest, FilesThatDoNotMatterAreNotTold) {
  start("policies");
  write(policies_ / ".a.cedar.swp", "x");
  write(policies_ / "a.cedar~", "x");
  write(root_ / "report.xml", "x");
  const int before = seen_;
  settle();
  EXPECT_EQ(seen_, before);
}

TEST_F(FileWatchTest, ManyChangesAtOnceAreToldOnce) {
  start("policies");
  for (int i = 0; i < 50; ++i) write(policies_ / "a.cedar", std::string(static_cast<std::size_t>(i), 'x'));
  expect_told("the changes");
  settle();
  EXPECT_LE(calls_, 4);
}

}  // namespace
}  // namespace writ::policy::file_watch_test
