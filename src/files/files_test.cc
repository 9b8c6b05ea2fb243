#include "files/files.h"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::files::files_test {
namespace {

using ::testing::HasSubstr;

// The process is in a folder of its own until the scope ends.
class InFolder {
 public:
  InFolder() : before_(std::filesystem::current_path()) {
    char name[] = "/tmp/writ-files-XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    folder_ = name;
    std::filesystem::current_path(folder_);
  }
  ~InFolder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path before_, folder_;
};

TEST(PutPrivateFile, ANameWithoutAFolderIsWrittenWhereTheProcessIs) {
  const InFolder in;
  ASSERT_TRUE(put_private_file("report.html", "one"));
  ASSERT_TRUE(put_private_file("report.html", "two"));
  EXPECT_EQ(read_file("report.html", 100).value(), "two");
  struct stat status {};
  ASSERT_EQ(::stat("report.html", &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_TRUE(remove_file("report.html"));
  EXPECT_FALSE(std::filesystem::exists("report.html"));
}

TEST(PutPrivateFile, AFolderIsRefusedAndLeftAsItWas) {
  const InFolder in;
  std::filesystem::create_directory("reports");
  for (const auto* folder : {".", "reports", "reports/"}) {
    const auto written = put_private_file(folder, "text");
    ASSERT_FALSE(written) << folder;
    EXPECT_THAT(written.error().message, HasSubstr("it is a folder"));
  }
  EXPECT_TRUE(std::filesystem::is_empty("reports"));
}

}  // namespace
}  // namespace writ::files::files_test
