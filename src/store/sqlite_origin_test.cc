// A real SQLite file that is asked for facts: it is read and nothing else, whatever is asked about.
#include "store/sqlite_origin.h"

#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <thread>
#include <unistd.h>

#include "store/sqlite.h"

namespace writ::store::sqlite_origin_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kStatement = "SELECT id, customer, open, amount, note FROM orders WHERE id = :id";

class SqliteOriginTest : public ::testing::Test {
 protected:
  SqliteOriginTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    settings.file = folder_ / "shop.db";
    settings.statement = kStatement;
    settings.id = "id";
    settings.attributes = {{"customer", "customer"}, {"open", "open"}};
    settings.timeout = 20s;
    make(settings.file, "nora");
  }
  ~SqliteOriginTest() override { fs::remove_all(folder_); }

  static void make(const fs::path& file, std::string_view customer) {
    auto database = Database::open(file).value();
    const auto done = database.execute(fmt::format(
        "CREATE TABLE orders(id TEXT COLLATE NOCASE, customer TEXT, open INTEGER, amount REAL, note BLOB, "
        "tenant TEXT);"
        "INSERT INTO orders VALUES('o-1','{}',1,12.5,x'00ff','north'),('o-2',NULL,0,7,'two','south'),"
        "('twice','nora',1,1,'a','north'),('twice','sofia',1,1,'b','north');",
        customer));
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string asked(const std::string& id, const std::optional<std::string>& tenant = "north") {
    SqliteOrigin origin(settings);
    return said(origin, id, tenant);
  }
  static std::string said(SqliteOrigin& origin, const std::string& id,
                          const std::optional<std::string>& tenant = "north") {
    const auto answer = origin.ask({tenant, id});
    if (!answer)
      return (answer.error().code == ErrorCode::kUnavailable ? "down: " : "unbelieved: ") +
             answer.error().message;
    return *answer ? (*answer)->dump() : "unknown";
  }
  std::string with(std::string statement) {
    settings.statement = std::move(statement);
    return asked("o-1");
  }
  std::int64_t rows() { return Database::open(settings.file)->number("SELECT count(*) FROM orders").value(); }

  const fs::path folder_ = fs::temp_directory_path() / fmt::format("writ-sqlite-origin-{}", ::getpid());
  SqliteOriginSettings settings;
};

TEST_F(SqliteOriginTest, ItTellsWhatTheColumnsHold) {
  EXPECT_EQ(asked("o-1"), R"({"customer":"nora","open":1})");
  EXPECT_EQ(asked("o-2"), R"({"customer":null,"open":0})");
  EXPECT_EQ(asked("o-3"), "unknown");
  settings.attributes = {{"amount", "amount"}};
  EXPECT_EQ(asked("o-1"), R"({"amount":12.5})");
}

TEST_F(SqliteOriginTest, NoIdIsPartOfTheStatement) {
  for (const auto* id : {"' OR '1'='1", "o-1' --", "o-1'; DROP TABLE orders; --", "\" OR 1=1", "%", "*",
                         "o-1 UNION SELECT 1", ":id", "?", ""})
    EXPECT_EQ(asked(id), "unknown") << id;
  EXPECT_EQ(asked(std::string("o-1\0' OR 1=1", 12)), "unknown");
  EXPECT_EQ(rows(), 4);
}

TEST_F(SqliteOriginTest, NoTenantIsPartOfTheStatement) {
  settings.statement += " AND tenant = :tenant";
  EXPECT_THAT(asked("o-1", "north"), HasSubstr("nora"));
  for (const auto* tenant : {"south", "' OR '1'='1", "north' --", ""})
    EXPECT_EQ(asked("o-1", tenant), "unknown");
  EXPECT_THAT(asked("o-1", std::nullopt), HasSubstr("unbelieved: the statement wants a tenant"));
}

TEST_F(SqliteOriginTest, TwoRowsAreAnError) {
  EXPECT_THAT(asked("twice"), HasSubstr("unbelieved: the statement gives more than one row"));
}

TEST_F(SqliteOriginTest, ARowWhoseIdOnlyResemblesTheOneThatWasAskedForIsNotBelieved) {
  EXPECT_THAT(asked("O-1"), HasSubstr("is not the id that was asked for"));
  EXPECT_THAT(with("SELECT 'o-2' AS id, 'nora' AS customer, 1 AS open WHERE :id IS NOT NULL"),
              HasSubstr("is not the id that was asked for"));
}

TEST_F(SqliteOriginTest, AStatementThatDoesMoreThanReadIsRefused) {
  for (const auto* statement :
       {"DELETE FROM orders WHERE id = :id",
        "UPDATE orders SET open = 0 WHERE id = :id RETURNING id, customer, open",
        "INSERT INTO orders(id) VALUES(:id)", "PRAGMA user_version", "ATTACH ':memory:' AS other",
        "CREATE TABLE x(a)", "BEGIN", "VACUUM", "SELECT load_extension(:id) AS id, 1 AS customer, 1 AS open"})
    EXPECT_THAT(with(statement), HasSubstr("unbelieved")) << statement;
  EXPECT_EQ(rows(), 4);
}

TEST_F(SqliteOriginTest, ThereIsOneStatementWithItsParameters) {
  EXPECT_THAT(with(std::string(kStatement) + "; DELETE FROM orders"), HasSubstr("more than one statement"));
  EXPECT_THAT(with(std::string(kStatement) + " ; "), HasSubstr("nora"));
  EXPECT_THAT(with(""), HasSubstr("there is no statement"));
  EXPECT_THAT(with("SELECT id, customer, open FROM orders WHERE id = 'o-1'"),
              HasSubstr("the parameter `:id`"));
  EXPECT_THAT(with("SELECT id, customer, open FROM orders WHERE id = :id AND open = :other"),
              HasSubstr("not `:other`"));
  EXPECT_THAT(with("SELECT id, customer, open FROM orders WHERE id = :id AND open = ?"), HasSubstr("not `?"));
  EXPECT_THAT(with("SELECT id, customer FROM orders WHERE id = :id"), HasSubstr("no column `open`"));
  EXPECT_THAT(with("SELECT id, customer, open, note AS open FROM orders WHERE id = :id"),
              HasSubstr("two columns `open`"));
  EXPECT_THAT(with("SELECT id, customer, open FROM nothing WHERE id = :id"), HasSubstr("unbelieved"));
}

TEST_F(SqliteOriginTest, BytesAreNoFact) {
  settings.attributes = {{"note", "note"}};
  EXPECT_THAT(asked("o-1"), HasSubstr("holds bytes"));
  EXPECT_THAT(with("SELECT id, CAST(x'ff' AS TEXT) AS note FROM orders WHERE id = :id"),
              HasSubstr("not UTF-8"));
}

TEST_F(SqliteOriginTest, AStatementThatTakesTooLongIsEnded) {
  settings.timeout = 50ms;
  EXPECT_THAT(with("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                   "SELECT id, customer, open FROM orders WHERE id = :id AND (SELECT count(*) FROM n) > 0"),
              HasSubstr("down: the database"));
}

TEST_F(SqliteOriginTest, ItsEndEndsAStatementThatIsUnderWay) {
  settings.statement =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
      "SELECT id, customer, open FROM orders WHERE id = :id AND (SELECT count(*) FROM n) > 0";
  settings.timeout = 1h;
  SqliteOrigin origin(settings);
  std::jthread stopping([&] { origin.stop(); });
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("down"));
}

TEST_F(SqliteOriginTest, AValueThatIsHugeIsNotRead) {
  EXPECT_THAT(with("SELECT id, hex(zeroblob(1000000)) AS customer, open FROM orders WHERE id = :id"),
              HasSubstr("unbelieved"));
}

TEST_F(SqliteOriginTest, WhatIsNotThereOrNoDatabaseIsDown) {
  settings.file = folder_ / "none.db";
  EXPECT_THAT(asked("o-1"), HasSubstr("down"));
  EXPECT_FALSE(fs::exists(settings.file));
  std::ofstream(settings.file) << std::string(5000, 'x');
  EXPECT_THAT(asked("o-1"), HasSubstr("down"));
}

TEST_F(SqliteOriginTest, AFileInThePlaceOfAnotherIsOpenedAnew) {
  SqliteOrigin origin(settings);
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
  make(folder_ / "next.db", "sofia");
  for (const auto* beside : {"-wal", "-shm"}) fs::remove(settings.file.string() + beside);
  fs::rename(folder_ / "next.db", settings.file);
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("sofia"));
}

TEST_F(SqliteOriginTest, ManyThreadsAskAtATime) {
  SqliteOrigin origin(settings);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 50; ++n) good += said(origin, "o-1") == R"({"customer":"nora","open":1})";
      });
  }
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace writ::store::sqlite_origin_test
