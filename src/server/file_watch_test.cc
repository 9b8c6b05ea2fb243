#include "server/file_watch.h"

#include <condition_variable>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <unistd.h>

namespace writ::server {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class FileWatchTest : public ::testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-watch-{}", ::getpid());
  fs::path policies_ = root_ / "policies";

  void SetUp() override {
    fs::create_directories(policies_);
    write("a");
    Config config;
    config.file = root_ / "writ.yaml";
    config.policies.policies = {policies_};
    watch_ = FileWatch::start(folders_of(config), [this] {
               const std::lock_guard lock(mutex_);
               ++calls_;
               called_.notify_all();
             }).value();
    expect_told("what happened before it began");
  }
  void TearDown() override {
    watch_.reset();
    fs::remove_all(root_);
  }
  void write(const std::string& text) const { std::ofstream(policies_ / "a.cedar") << text; }
  void expect_told(std::string_view of) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(called_.wait_for(lock, 10s, [&] { return calls_ > seen_; })) << of;
    seen_ = calls_;
  }
  // What one change makes happen may end in more than one call.
  void settle() {
    std::unique_lock lock(mutex_);
    while (called_.wait_for(lock, 600ms, [&] { return calls_ > seen_; })) seen_ = calls_;
  }

  std::mutex mutex_;
  std::condition_variable called_;
  int calls_ = 0, seen_ = 0;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(FileWatchTest, TellsOfFilesThatAreWrittenRenamedAndRemoved) {
  write("b");
  expect_told("a file written in place");
  settle();
  std::ofstream(policies_ / "new") << "c";
  settle();
  fs::rename(policies_ / "new", policies_ / "a.cedar");
  expect_told("a file put in the place of another");
  settle();
  fs::remove(policies_ / "a.cedar");
  expect_told("a file removed");
}

TEST_F(FileWatchTest, TellsOfAFolderThatIsReplacedAndOfWhatHappensInTheNewOne) {
  fs::rename(policies_, root_ / "old");
  settle();
  fs::create_directory(policies_);
  expect_told("the new folder");
  settle();
  write("b");
  expect_told("a file in the new folder");
}

TEST_F(FileWatchTest, ManyChangesAtOnceAreToldOnce) {
  settle();
  for (int i = 0; i < 50; ++i) write(std::string(static_cast<std::size_t>(i), 'x'));
  expect_told("the changes");
  settle();
  const std::lock_guard lock(mutex_);
  EXPECT_LE(calls_, 8);
}

TEST_F(FileWatchTest, AFolderThatIsNotThereCannotBeWatched) {
  EXPECT_EQ(FileWatch::start({root_ / "nowhere"}, [] {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace writ::server
