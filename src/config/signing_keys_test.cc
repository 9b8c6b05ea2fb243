#include "config/signing_keys.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>

#include "config/config.h"
#include "store/testing/samples.h"

namespace writ::config::signing_keys_test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kText(64, 'a');

class SigningKeysSection : public ::testing::Test {
 protected:
  // Of the minimal configuration with this section.
  std::optional<Config> read(std::string_view section) {
    files::Issues issues;
    auto config = parse_config(
        fmt::format("version: 1\nissuer: https://writ.example\nlisten: {{api: \"127.0.0.1:1\"}}\n"
                    "policies: {{files: [p]}}\ninventory: {{}}\nsigning_keys: {}\n",
                    section),
        folder_ / "writ.yaml", issues);
    said_.clear();
    for (const auto& issue : issues.all()) said_ += render(issue) + "\n";
    return config;
  }
  std::string said_of(std::string_view section) {
    (void)read(section);
    return said_;
  }
  Result<token::Wrapping> wrapping(std::string_view section) {
    const auto config = read(section);
    EXPECT_TRUE(config) << said_;
    return read_wrapping(config->signing_keys, Writers::kOwner);
  }
  void write(const std::string& name, std::string_view text, unsigned mode = 0600) {
    std::ofstream(folder_.path() / name) << text;
    std::filesystem::permissions(folder_.path() / name, std::filesystem::perms(mode));
  }

  store::testing::Folder folder_;
  std::string said_;
};

TEST_F(SigningKeysSection, HasDefaults) {
  const auto keys = read("{}")->signing_keys;
  EXPECT_EQ(keys.rotate_after, std::chrono::days(90));
  EXPECT_EQ(keys.publish_ahead, 1h);
  EXPECT_FALSE(keys.encrypted_with || keys.encrypted_before_with);
  EXPECT_FALSE(wrapping("{}").value().now);
}

TEST_F(SigningKeysSection, SaysHowLongAKeySigns) {
  const auto keys = read("{rotate_after_days: 7, publish_ahead_seconds: 600}")->signing_keys;
  EXPECT_EQ(keys.rotate_after, std::chrono::days(7));
  EXPECT_EQ(keys.publish_ahead, 10min);
  EXPECT_EQ(read("{rotate_after_days: 0, publish_ahead_seconds: 600}")->signing_keys.rotate_after, 0ms);
}

TEST_F(SigningKeysSection, AKeyIsPublishedForLessLongThanItSigns) {
  EXPECT_THAT(said_of("{rotate_after_days: 1, publish_ahead_seconds: 86400}"),
              HasSubstr("must be less than `rotate_after_days`"));
  EXPECT_TRUE(read("{rotate_after_days: 1, publish_ahead_seconds: 86399}"));
  for (const auto* outside : {"{rotate_after_days: 3651}", "{rotate_after_days: -1}",
                              "{publish_ahead_seconds: 0}", "{publish_ahead_seconds: 2592001}"})
    EXPECT_FALSE(read(outside)) << outside;
}

TEST_F(SigningKeysSection, NamesOnePlaceOfTheWrappingKey) {
  for (const auto* section : {"{encrypted_with: {}}", "{encrypted_with: {file: a, environment: B}}"})
    EXPECT_THAT(said_of(section), HasSubstr("exactly one of `file`, `environment` and `credential`"))
        << section;
  EXPECT_THAT(said_of("{encrypted_with: {credential: ../key}}"),
              HasSubstr("is not the name of a credential"));
  EXPECT_THAT(said_of("{encrypted_before_with: {environment: A}}"), HasSubstr("and that is missing"));
}

// Whoever copies the folder would have the key with what it protects.
TEST_F(SigningKeysSection, AWrappingKeyInTheDataFolderIsRefused) {
  EXPECT_THAT(said_of("{encrypted_with: {file: data/wrapping.key}}"), HasSubstr("lies in the data folder"));
  EXPECT_THAT(said_of("{encrypted_with: {file: keys/../data/a/wrapping.key}}"),
              HasSubstr("lies in the data folder"));
  EXPECT_TRUE(read("{encrypted_with: {file: data.key}}"));
}

TEST_F(SigningKeysSection, TheKeyIsReadFromAFileAtTheStartOnly) {
  const auto* section = "{encrypted_with: {file: w.key}}";
  EXPECT_TRUE(read(section)) << "a configuration is checked without it";
  const auto missing = wrapping(section);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("the wrapping key in the file"), HasSubstr("w.key")));
  write("w.key", kText + "\n");
  EXPECT_EQ(wrapping(section).value().now->id(), token::WrappingKey::parse(Secret(kText)).value().id());
}

TEST_F(SigningKeysSection, AFileThatOthersMayReadIsRefused) {
  write("w.key", kText, 0604);
  const auto read = wrapping("{encrypted_with: {file: w.key}}");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("may be read by anyone"));
}

TEST_F(SigningKeysSection, AFileWithSomethingElseIsToldWithoutItsContent) {
  write("w.key", "a-passphrase");
  const auto read = wrapping("{encrypted_with: {file: w.key}}");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, AllOf(HasSubstr("32 random bytes"), Not(HasSubstr("a-passphrase"))));
}

TEST_F(SigningKeysSection, TheKeyIsReadFromTheEnvironment) {
  const auto* section = "{encrypted_with: {environment: WRIT_TEST_WRAPPING_KEY}}";
  ::unsetenv("WRIT_TEST_WRAPPING_KEY");
  EXPECT_THAT(wrapping(section).error().message, HasSubstr("no variable `WRIT_TEST_WRAPPING_KEY`"));
  ::setenv("WRIT_TEST_WRAPPING_KEY", kText.c_str(), 1);
  EXPECT_TRUE(wrapping(section).value().now);
  ::unsetenv("WRIT_TEST_WRAPPING_KEY");
}

TEST_F(SigningKeysSection, TheKeysAreReadFromCredentialsOfSystemd) {
  const auto* section =
      "{encrypted_with: {credential: new-key}, encrypted_before_with: {credential: old-key}}";
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_THAT(wrapping(section).error().message, HasSubstr("`LoadCredential=new-key:…`"));
  write("new-key", kText, 0400);
  write("old-key", std::string(64, 'b'), 0400);
  ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
  const auto both = wrapping(section).value();
  EXPECT_NE(both.now->id(), both.before->id());
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace writ::config::signing_keys_test
