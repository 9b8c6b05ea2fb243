// What SqliteStore owes beyond the contract of every store: files that are not its own, damage, rights, keys.
#include "store/sqlite_store.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <map>
#include <sys/stat.h>

#include "store/schema.h"
#include "store/testing/samples.h"

namespace writ::store::sqlite_store_test {
namespace {

using ::testing::AllOf;
using testing::Folder;
using ::testing::HasSubstr;
using testing::kLater;
using testing::make_task;

class SqliteStoreFile : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(SqliteOptions options = {}) {
    return SqliteStore::open(path_, options).value();
  }
  // As another program would; nothing of it stays in the log alone.
  void change(const std::string& sql) {
    auto database = Database::open(path_).value();
    ASSERT_TRUE(database.execute(sql));
    ASSERT_TRUE(database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> bytes_by_name;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      bytes_by_name[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return bytes_by_name;
  }
  // Every refusal names the file and says what to do, and leaves the folder as it was.
  Error refusal() {
    const auto before = files();
    const auto opened = SqliteStore::open(path_);
    EXPECT_FALSE(opened);
    EXPECT_TRUE(files() == before) << "something changed in the folder";
    if (opened) return {ErrorCode::kInternal, "it was opened"};
    EXPECT_THAT(opened.error().message, HasSubstr(fmt::format("database `{}`", path_.string())));
    return opened.error();
  }
  Error load_error() { return open()->load_tasks().error(); }

  Folder folder_;
  std::filesystem::path path_ = folder_ / "writ.db";
};

TEST_F(SqliteStoreFile, IsMarkedAsWritsAndWithItsVersion) {
  open();
  auto database = Database::look(path_).value();
  EXPECT_EQ(database.number("PRAGMA application_id").value(), 0x57524954);
  EXPECT_EQ(database.number("PRAGMA user_version").value(), kSchemaVersion);
}

TEST_F(SqliteStoreFile, OfAnotherVersionIsRefusedAndUnchanged) {
  for (const auto version : {std::int64_t{0}, kSchemaVersion - 1, kSchemaVersion + 1}) {
    open();
    change(fmt::format("PRAGMA user_version={}", version));
    const auto error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kConflict);
    EXPECT_THAT(error.message, HasSubstr(fmt::format(
                                   "has version {} of the schema, expected {}; start the Writ that wrote it, "
                                   "or name another data folder",
                                   version, kSchemaVersion)));
    for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + suffix);
  }
}

TEST_F(SqliteStoreFile, OfAnotherVersionInItsLogIsRefused) {
  auto newer = Database::open(path_).value();
  open();
  ASSERT_TRUE(newer.execute(fmt::format("PRAGMA user_version={}", kSchemaVersion + 1)));
  // As a crash leaves it: the version is in the log alone.
  const auto crashed = folder_ / "crashed.db";
  std::filesystem::copy_file(path_, crashed);
  std::filesystem::copy_file(path_.string() + "-wal", crashed.string() + "-wal");
  const auto before = files();
  const auto opened = SqliteStore::open(crashed);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(fmt::format("has version {}", kSchemaVersion + 1)));
  auto after = files();
  EXPECT_TRUE(after.at("crashed.db") == before.at("crashed.db"));
  EXPECT_TRUE(after.at("crashed.db-wal") == before.at("crashed.db-wal"));
}

TEST_F(SqliteStoreFile, OfAnotherProgramIsRefusedAndUnchanged) {
  change("CREATE TABLE songs (title TEXT)");
  EXPECT_EQ(refusal().code, ErrorCode::kConflict);
  change("PRAGMA application_id=42");
  const auto error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kConflict);
  EXPECT_THAT(error.message,
              HasSubstr("is another program's: its application id is 0x2a, expected 0x57524954; "
                        "move it away, or name another data folder"));
}

TEST_F(SqliteStoreFile, OfAnotherProgramWithAllItsContentInItsLogIsRefusedAndUnchanged) {
  auto songs = Database::open(folder_ / "songs.db").value();
  ASSERT_TRUE(songs.execute("PRAGMA journal_mode=WAL; CREATE TABLE songs (title TEXT)"));
  std::filesystem::copy_file(folder_ / "songs.db", path_);
  std::filesystem::copy_file(folder_ / "songs.db-wal", path_.string() + "-wal");
  const auto before = files();
  const auto opened = SqliteStore::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConflict);
  auto after = files();
  EXPECT_TRUE(after.at("writ.db") == before.at("writ.db"));
  EXPECT_TRUE(after.at("writ.db-wal") == before.at("writ.db-wal"));
}

TEST_F(SqliteStoreFile, OfAnotherProgramIsNotMadePrivate) {
  change("CREATE TABLE songs (title TEXT)");
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  refusal();
  struct stat status = {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644u);
}

TEST_F(SqliteStoreFile, ThatIsNoDatabaseIsRefusedAndUnchanged) {
  for (const std::size_t size : {1, 5, 99, 100, 511, 512, 4096, 10'000}) {
    write(std::string(size, 'g'));
    const auto error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << size;
    EXPECT_THAT(error.message,
                HasSubstr("this file is not a database; move it away, or name another data folder"));
  }
}

TEST_F(SqliteStoreFile, ThatIsAFolderIsRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(refusal().code, ErrorCode::kIo);
}

TEST_F(SqliteStoreFile, ThatIsCutShortIsRefusedOrFailsToLoad) {
  {
    const auto store = open();
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(store->save_task(make_task(fmt::format("t{}", i)), task::State::kActive));
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const auto opened = SqliteStore::open(path_);
  const auto loaded = opened ? (*opened)->load_tasks() : std::unexpected(opened.error());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
}

TEST_F(SqliteStoreFile, ThatIsEmptyBecomesADatabase) {
  write("");
  EXPECT_TRUE(open()->save_task(make_task("t1"), task::State::kActive));
  EXPECT_EQ(open()->load_tasks().value().size(), 1u);
}

TEST_F(SqliteStoreFile, AndItsHelpersArePrivateToTheirOwner) {
  const auto mode = [&](const std::string& suffix) {
    struct stat status = {};
    EXPECT_EQ(::stat((path_.string() + suffix).c_str(), &status), 0) << suffix;
    return status.st_mode & 07777;
  };
  const auto umask = ::umask(0);
  const auto store = open();
  EXPECT_TRUE(store->save_task(make_task("t1"), task::State::kActive));
  ::umask(umask);
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    EXPECT_EQ(mode(suffix), 0600u) << suffix;
    ASSERT_EQ(::chmod((path_.string() + suffix).c_str(), 0644), 0);
  }
  const auto again = open();
  for (const auto* suffix : {"", "-wal", "-shm"}) EXPECT_EQ(mode(suffix), 0600u) << suffix;
}

TEST_F(SqliteStoreFile, WithADamagedRecordSaysWhichOne) {
  open()->save_task(make_task("t1"), task::State::kActive).value();
  change("UPDATE tasks SET record = '{}'");
  const auto error = load_error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message, AllOf(HasSubstr(path_.string()), HasSubstr("task `t1`: ")));
}

TEST_F(SqliteStoreFile, WithTheRecordOfAnotherTaskIsDamaged) {
  open()->save_task(make_task("t1"), task::State::kActive).value();
  change("UPDATE tasks SET id = 't2'");
  EXPECT_THAT(load_error().message, HasSubstr("task `t2` has the record of task `t1`"));
}

TEST_F(SqliteStoreFile, WithAnUnknownStateIsDamaged) {
  open()->save_task(make_task("t1"), task::State::kActive).value();
  change("UPDATE tasks SET state = 'paused'");
  const auto error = load_error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("task `t1`: there is no task state `paused`"));
}

token::StoredKey make_key(const std::string& kid, token::KeyState state) {
  return {kid, "text of " + kid, state, kLater, kLater + std::chrono::hours(1)};
}

TEST_F(SqliteStoreFile, KeepsKeysWithTheirStatesInTheirOrder) {
  const std::vector keys{make_key("c", token::KeyState::kPublished), make_key("a", token::KeyState::kSigning),
                         make_key("b", token::KeyState::kRetired)};
  ASSERT_TRUE(open()->save_keys(keys));
  EXPECT_EQ(open()->load_keys().value(), keys);
}

TEST_F(SqliteStoreFile, KeysComeInPlaceOfAllThatWereThere) {
  const auto store = open();
  ASSERT_TRUE(store->save_keys(std::vector{make_key("a", token::KeyState::kSigning)}));
  ASSERT_TRUE(store->save_keys(std::vector{make_key("b", token::KeyState::kSigning)}));
  ASSERT_EQ(store->load_keys().value().size(), 1u);
  EXPECT_EQ(store->load_keys().value()[0].kid, "b");
}

// A kid is one key's only: such a set is not written, and what was there stays.
TEST_F(SqliteStoreFile, TwoKeysOfOneKidAreRefusedWhole) {
  const auto store = open();
  ASSERT_TRUE(store->save_keys(std::vector{make_key("a", token::KeyState::kSigning)}));
  const auto twice = store->save_keys(
      std::vector{make_key("b", token::KeyState::kSigning), make_key("b", token::KeyState::kRetired)});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kConflict);
  EXPECT_EQ(store->load_keys().value()[0].kid, "a");
}

TEST_F(SqliteStoreFile, AKeyInAnUnknownStateIsDamage) {
  ASSERT_TRUE(open()->save_keys(std::vector{make_key("a", token::KeyState::kSigning)}));
  change("UPDATE signing_keys SET state = 'eternal'");
  const auto loaded = open()->load_keys();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(loaded.error().message, HasSubstr("signing key `a`: there is no state `eternal`"));
}

// Neither in a page that was freed nor in the log; also what an earlier Writ wrote in plain text.
TEST_F(SqliteStoreFile, OfAKeyThatIsReplacedNothingIsLeftInTheFiles) {
  const auto store = open();
  auto secret = make_key("a", token::KeyState::kSigning);
  secret.text = "the-private-half-" + std::string(6000, 'x');
  ASSERT_TRUE(store->save_keys(std::vector{secret}));
  const auto holds_it = [&] {
    const auto all = files();
    return std::ranges::any_of(
        all, [](const auto& file) { return file.second.find("the-private-half-") != std::string::npos; });
  };
  EXPECT_TRUE(holds_it());
  ASSERT_TRUE(store->save_keys(std::vector{make_key("b", token::KeyState::kSigning)}));
  EXPECT_FALSE(holds_it());
}

TEST_F(SqliteStoreFile, AnIdentifierUsedBeforeARestartIsUsed) {
  const auto until = kLater + std::chrono::minutes(5);
  EXPECT_TRUE(open()->first_use("client", "jti-1", until, kLater).value());
  EXPECT_FALSE(open()->first_use("client", "jti-1", until, kLater).value());
  EXPECT_TRUE(open()->first_use("client", "jti-1", until, until).value());
}

TEST_F(SqliteStoreFile, RemembersNoMoreIdentifiersThanItsLimitAndRefusesMore) {
  const auto until = kLater + std::chrono::minutes(5);
  const auto store = open({.max_used_identifiers = 3});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(store->first_use("client", fmt::format("{}", i), until, kLater).value());
  const auto refused = store->first_use("client", "3", until, kLater);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  // Those that are forgotten make room.
  ASSERT_TRUE(store->forget_used(until - Duration(1)));
  EXPECT_FALSE(store->first_use("client", "3", until, kLater));
  ASSERT_TRUE(store->forget_used(until));
  EXPECT_TRUE(store->first_use("client", "3", until + std::chrono::minutes(5), until).value());
}

TEST_F(SqliteStoreFile, ForgetsNoRevocationOfItself) {
  const auto store = open();
  ASSERT_TRUE(store->save({"long ago", Instant(Duration(1))}));
  ASSERT_TRUE(store->save({"later", kLater}));
  EXPECT_EQ(store->load().value().size(), 2u);
}

TEST_F(SqliteStoreFile, ForgetsManyThingsInParts) {
  const auto store = open();
  change(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
      "INSERT INTO revocations SELECT 'jti-' || i, i FROM n");
  change("INSERT INTO used_identifiers SELECT jti, expires_at_ms FROM revocations");
  ASSERT_TRUE(store->forget_revocations(Instant(Duration(1100))));
  ASSERT_TRUE(store->forget_used(Instant(Duration(1100))));
  EXPECT_EQ(store->load().value().size(), 100u);
  EXPECT_EQ(Database::look(path_).value().number("SELECT count(*) FROM used_identifiers").value(), 100);
}

TEST_F(SqliteStoreFile, GivesBackWhatWasReservedAndNotUsed) {
  const auto store = open();
  ASSERT_TRUE(store->save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(store->reserve({"t1", "", 16}));
  ASSERT_TRUE(store->settle({"t1", "", 9}));
  EXPECT_EQ(store->load_tasks().value().at(0).reserved.at(0).amount, 9);
  for (const auto& wrong : {task::Reservation{"t1", "", 10}, {"t1", "unknown", 0}, {"nobody", "", 0}}) {
    const auto settled = store->settle(wrong);
    ASSERT_FALSE(settled);
    EXPECT_EQ(settled.error().code, ErrorCode::kConflict);
  }
}

TEST_F(SqliteStoreFile, RemembersTheHeadOfTheAudit) {
  EXPECT_EQ(open()->load_head().value(), std::nullopt) << "it was made just now";
  EXPECT_EQ(open()->load_head().value(), audit::Head{}) << "it was there, and knows of none";
  const audit::Head first{7, std::string(64, 'a')}, then{8, std::string(64, 'b')};
  ASSERT_TRUE(open()->save_head(first));
  ASSERT_TRUE(open()->save_head(then));
  EXPECT_EQ(open()->load_head().value(), then);
}

TEST_F(SqliteStoreFile, WhereItIsNotInItsPlaceNoStopIsAcknowledged) {
  const auto store = open();
  const auto stop = [&] {
    return store->save_inventory({.stops = {{"nora", inventory::Status::kSuspended}}});
  };
  const auto aside = path_.string() + ".aside";
  std::filesystem::rename(path_, aside);
  EXPECT_FALSE(stop());
  EXPECT_FALSE(store->save_head({7, std::string(64, 'a')}));
  EXPECT_FALSE(store->can_note());
  std::filesystem::rename(aside, path_);
  EXPECT_TRUE(stop());
  EXPECT_TRUE(store->save_head({7, std::string(64, 'a')}));
  EXPECT_TRUE(store->can_note());
  EXPECT_EQ(store->load_inventory()->stops.size(), 1u);
}

}  // namespace
}  // namespace writ::store::sqlite_store_test
