#include "store/data_folder.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::store::data_folder_test {
namespace {

namespace fs = std::filesystem;

class DataFolderTest : public ::testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-data-{}", ::getpid());
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }
};

TEST_F(DataFolderTest, IsMadeForItsOwnerOnly) {
  const auto folder = DataFolder::open(root_ / "a" / "b");
  ASSERT_TRUE(folder) << folder.error().message;
  struct stat status {};
  ASSERT_EQ(::stat((root_ / "a" / "b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(DataFolderTest, IsHeldByOneAtATime) {
  {
    const auto first = DataFolder::open(root_ / "d");
    ASSERT_TRUE(first);
    const auto second = DataFolder::open(root_ / "d");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_NE(second.error().message.find("in use by another Writ"), std::string::npos);
  }
  EXPECT_TRUE(DataFolder::open(root_ / "d"));
}

TEST_F(DataFolderTest, AFileInItsPlaceIsRefused) {
  std::ofstream(root_ / "f") << "x";
  const auto folder = DataFolder::open(root_ / "f");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace writ::store::data_folder_test
