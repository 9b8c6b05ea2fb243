#include "server/folder_watch.h"

#include <fstream>
#include <gtest/gtest.h>
#include <thread>

namespace writ::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class Watched : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-watch-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    write("a.cedar");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name) const { std::ofstream(folder_ / name) << name; }
  FolderWatch watch() const {
    return *FolderWatch::open({folder_}, [](std::string_view name) { return name.ends_with(".cedar"); });
  }

  fs::path folder_;
};

TEST_F(Watched, AFileThatIsWrittenIsAChange) {
  auto watch = this->watch();
  write("a.cedar");
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
}

TEST_F(Watched, AFileThatComesOrGoesOrTakesThePlaceOfAnotherIsAChange) {
  auto watch = this->watch();
  write("b.cedar");
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
  fs::remove(folder_ / "b.cedar");
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
  write("new");
  fs::rename(folder_ / "new", folder_ / "a.cedar");
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
}

TEST_F(Watched, AFileThatDoesNotMatterIsNone) {
  auto watch = this->watch();
  write("report.xml");
  EXPECT_FALSE(*watch.wait(milliseconds(50)));
}

TEST_F(Watched, ChangesThatFollowEachOtherCloselyAreOne) {
  auto watch = this->watch();
  for (int i = 0; i < 5; ++i) write("a.cedar");
  std::thread later([this] {
    std::this_thread::sleep_for(FolderWatch::kQuiet / 4);
    write("b.cedar");
  });
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
  later.join();
  EXPECT_FALSE(*watch.wait(milliseconds(50)));
}

TEST_F(Watched, TheFolderItselfThatGoesIsAChange) {
  auto watch = this->watch();
  fs::rename(folder_, folder_.string() + "-gone");
  EXPECT_TRUE(*watch.wait(milliseconds(5'000)));
  fs::rename(folder_.string() + "-gone", folder_);
}

TEST_F(Watched, WhatIsNoFolderIsLeftOutAndNoneAtAllIsRefused) {
  const auto all = [](std::string_view) { return true; };
  EXPECT_TRUE(FolderWatch::open({"/nonexistent", folder_}, all));
  const auto none = FolderWatch::open({"/nonexistent", folder_ / "a.cedar"}, all);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace writ::server
