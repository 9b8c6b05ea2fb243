#include "store/sqlite.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "store/testing/samples.h"

namespace writ::store::sqlite_test {
namespace {

using testing::Folder;
using ::testing::HasSubstr;

class Sqlite : public ::testing::Test {
 protected:
  Database open() {
    auto database = Database::open(path_).value();
    EXPECT_TRUE(database.adopt());
    return database;
  }
  std::int64_t count(Database& database) { return database.number("SELECT count(*) FROM notes").value(); }

  Folder folder_;
  std::filesystem::path path_ = folder_ / "notes.db";
};

constexpr const char* kNotes = "CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT";

TEST_F(Sqlite, SyncsEveryCommitAndTrustsNothingInTheFile) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  EXPECT_EQ(database.number("PRAGMA synchronous").value(), 2);  // FULL
  EXPECT_EQ(database.number("PRAGMA foreign_keys").value(), 1);
  EXPECT_EQ(database.number("PRAGMA trusted_schema").value(), 0);
  EXPECT_EQ(database.number("PRAGMA secure_delete").value(), 1);
  EXPECT_EQ(database.number("PRAGMA busy_timeout").value(), 5000);
  EXPECT_TRUE(std::filesystem::exists(path_.string() + "-wal"));
}

TEST_F(Sqlite, AStatementIsReadyForItsNextUseHoweverTheLastOneEnded) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  auto insert = database.prepare("INSERT INTO notes (id, text) VALUES (?1, ?2)").value();
  EXPECT_EQ(insert.bind(1, "a").bind(2, "one").run().value(), 1);
  EXPECT_FALSE(insert.bind(1, "a").bind(2, "again").run());
  EXPECT_EQ(insert.bind(1, "b").bind(2, "two").run().value(), 1);
  // A binding of the last use must not slip into this one.
  EXPECT_FALSE(insert.bind(1, "c").run());

  auto select = database.prepare("SELECT id FROM notes ORDER BY id").value();
  const auto stopped = select.for_each_row(
      [](const Statement&) -> Result<void> { return failure(ErrorCode::kInvalid, "enough"); });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "enough");
  std::string all;
  const auto append = [&](const Statement& row) -> Result<void> {
    all += row.text(0);
    return {};
  };
  ASSERT_TRUE(select.for_each_row(append));
  EXPECT_EQ(all, "ab");
}

// What is written to a file that no start would find is not stored, though SQLite would say so.
TEST_F(Sqlite, NothingIsCommittedToFilesThatWereRemovedMovedOrReplaced) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  int number = 0;
  const auto store = [&] {
    return database.execute(fmt::format("INSERT INTO notes VALUES ('{}', 'one')", ++number));
  };
  ASSERT_TRUE(store());
  for (const auto* suffix : {"", "-wal"}) {
    const std::filesystem::path file = path_.string() + suffix, aside = folder_ / "aside";
    std::filesystem::rename(file, aside);
    const auto moved = store();
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().code, ErrorCode::kIo);
    EXPECT_THAT(moved.error().message, HasSubstr("was removed, moved or replaced"));
    std::filesystem::copy_file(aside, file);
    EXPECT_FALSE(store()) << "a copy is another file";
    {
      auto transaction = Transaction::begin(database).value();
      ASSERT_TRUE(store());
      EXPECT_FALSE(transaction.commit());
    }
    std::filesystem::rename(aside, file);
    EXPECT_TRUE(store());
  }
  EXPECT_EQ(count(database), 3) << "and nothing of what was refused";
}

TEST_F(Sqlite, ABrokenConstraintIsAConflict) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  ASSERT_TRUE(database.execute("INSERT INTO notes VALUES ('a', 'one')"));
  const auto again = database.execute("INSERT INTO notes VALUES ('a', 'two')");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_THAT(again.error().message,
              HasSubstr("database `" + path_.string() + "`: UNIQUE constraint failed"));
}

TEST_F(Sqlite, AParameterThatCannotBeBoundStopsTheStatement) {
  auto database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE loose (text TEXT)"));
  auto insert = database.prepare("INSERT INTO loose VALUES (?1)").value();
  EXPECT_FALSE(insert.bind(1, "a").bind(2, "there is no second one").run());
  EXPECT_EQ(database.number("SELECT count(*) FROM loose").value(), 0);
  EXPECT_TRUE(insert.bind(1, "a").run());
}

TEST_F(Sqlite, ATransactionThatIsNotCommittedLeavesNothing) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  {
    auto transaction = Transaction::begin(database).value();
    ASSERT_TRUE(database.execute("INSERT INTO notes VALUES ('a', 'one')"));
  }
  EXPECT_EQ(count(database), 0);
  {
    auto transaction = Transaction::begin(database).value();
    ASSERT_TRUE(database.execute("INSERT INTO notes VALUES ('a', 'one')"));
    ASSERT_TRUE(transaction.commit());
  }
  EXPECT_EQ(count(database), 1);
}

TEST_F(Sqlite, AFullDatabaseIsAnErrorAndKeepsWhatItHas) {
  auto database = open();
  ASSERT_TRUE(database.execute(kNotes));
  ASSERT_TRUE(database.execute("PRAGMA max_page_count=20"));
  auto insert = database.prepare("INSERT INTO notes (id, text) VALUES (?1, ?2)").value();
  const std::string text(1000, 'x');
  std::int64_t written = 0;
  Result<std::int64_t> last = 1;
  while ((last = insert.bind(1, std::to_string(written)).bind(2, text).run())) ASSERT_LT(++written, 1000);
  EXPECT_EQ(last.error().code, ErrorCode::kIo);
  EXPECT_THAT(last.error().message, HasSubstr("database or disk is full"));
  EXPECT_EQ(count(database), written);
  ASSERT_TRUE(database.execute("PRAGMA max_page_count=1000"));
  EXPECT_TRUE(insert.bind(1, "more").bind(2, text).run());
}

TEST_F(Sqlite, AFileHeldByAnotherProcessIsUnavailable) {
  auto one = open(), other = open();
  ASSERT_TRUE(other.execute("PRAGMA busy_timeout=20"));
  auto transaction = Transaction::begin(one).value();
  const auto refused = Transaction::begin(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

TEST_F(Sqlite, AFolderThatIsNotThereIsNamed) {
  const auto opened = Database::open(folder_ / "missing/notes.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr("missing/notes.db`: it cannot be made: No such file"));
}

TEST_F(Sqlite, LookingLeavesNoTraceAndCannotWrite) {
  const auto path = folder_ / "odd ?#%41 name.db";
  {
    auto database = Database::open(path).value();
    ASSERT_TRUE(database.execute(kNotes));
  }
  auto glance = Database::look(path).value();
  EXPECT_EQ(count(glance), 0);
  EXPECT_FALSE(glance.execute("INSERT INTO notes VALUES ('a', 'one')"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace writ::store::sqlite_test
