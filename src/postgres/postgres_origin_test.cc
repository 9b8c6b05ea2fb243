// A real PostgreSQL server that is asked for facts: it is read and nothing else, whatever is asked about.
#include "postgres/postgres_origin.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "http/testing/certificates.h"
#include "postgres/testing/real_server.h"

namespace writ::postgres::postgres_origin_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kStatement = "SELECT id, customer, open FROM orders WHERE id = :id";

constexpr auto kOrders = R"(
  CREATE ROLE reader LOGIN PASSWORD 'secret';
  CREATE TYPE state AS ENUM ('new', 'paid');
  CREATE TABLE orders(id text, customer text, open boolean, amount numeric(12, 6), made timestamptz, number bigint,
                      rate float8, state state, tags text[], tenant text, home inet);
  INSERT INTO orders VALUES
    ('o-1', 'nora', true, 12.5, '2026-11-28 10:00:00.5+01', 17, 0.1, 'paid', '{a,"b,c"}', 'north', '10.0.0.1'),
    ('o-2', NULL, false, 7, NULL, 18, 1, 'new', '{}', 'south', NULL),
    ('twice', 'nora', true, 1, NULL, 1, 1, 'new', '{}', 'north', NULL),
    ('twice', 'sofia', true, 1, NULL, 1, 1, 'new', '{}', 'north', NULL);
  GRANT SELECT ON orders TO reader;)";

PostgresOriginSettings settings_of(const ServerSettings& server, std::string_view statement = kStatement) {
  return {.server = server,
          .statement = Select::parse(statement).value(),
          .id = "id",
          .attributes = {{"customer", "customer"}, {"open", "open"}}};
}

std::string said(sources::Origin& origin, const std::string& id,
                 const std::optional<std::string>& tenant = "north") {
  const auto answer = origin.ask({tenant, id});
  if (answer) return *answer ? (*answer)->dump() : "unknown";
  return fmt::format("{}: {}", answer.error().code == ErrorCode::kUnavailable ? "down" : "unbelieved",
                     answer.error().message);
}

class PostgresOriginTest : public ::testing::Test {
 protected:
  PostgresOriginTest() { server.execute(kOrders); }

  std::string asked(std::string_view statement, const std::string& id = "o-1",
                    const std::optional<std::string>& tenant = "north") {
    PostgresOrigin origin(settings_of(server.reader(), statement));
    return said(origin, id, tenant);
  }
  std::string column(const std::string& name) {
    auto settings =
        settings_of(server.reader(), fmt::format("SELECT id, {} AS it FROM orders WHERE id = :id", name));
    settings.attributes = {{"it", "it"}};
    PostgresOrigin origin(settings);
    return said(origin, "o-1");
  }
  std::string sessions() {
    return server.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'");
  }

  testing::RealServer server;
};

TEST_F(PostgresOriginTest, ItTellsTheAttributesOfOneRow) {
  PostgresOrigin origin(settings_of(server.reader()));
  EXPECT_TRUE(origin.check());
  EXPECT_EQ(said(origin, "o-1"), R"({"customer":"nora","open":true})");
  EXPECT_EQ(said(origin, "o-2"), R"({"customer":null,"open":false})");
  EXPECT_EQ(said(origin, "o-3"), "unknown");
  EXPECT_THAT(said(origin, "twice"), HasSubstr("unbelieved: the statement gives more than one row"));
  EXPECT_EQ(said(origin, "o-1"), R"({"customer":"nora","open":true})");
}

TEST_F(PostgresOriginTest, NothingThatIsAskedAboutIsPartOfTheStatement) {
  PostgresOrigin origin(settings_of(server.reader()));
  for (const auto* id : {"o-1' OR '1'='1", "o-1'; DELETE FROM orders; --",
                         "' UNION SELECT 'o-1','eve',true --", "$1", ":id", "\\", "%", "o-1 ", ""})
    EXPECT_EQ(said(origin, id), "unknown") << id;
  EXPECT_THAT(said(origin, std::string("o-1\0x", 5)), HasSubstr("unbelieved: the id is not a text"));
  EXPECT_THAT(said(origin, "o-1\xff"), HasSubstr("unbelieved: the id is not a text"));
  const auto* with_tenant = "SELECT id, customer, open FROM orders WHERE id = :id AND tenant = :tenant";
  EXPECT_THAT(asked(with_tenant, "o-1", "north"), HasSubstr("nora"));
  for (const auto* tenant : {"south", "' OR '1'='1", "north' --", ""})
    EXPECT_EQ(asked(with_tenant, "o-1", tenant), "unknown") << tenant;
  EXPECT_THAT(asked(with_tenant, "o-1", std::nullopt), HasSubstr("unbelieved: the statement wants a tenant"));
  EXPECT_EQ(server.value("SELECT count(*) FROM orders"), "4");
}

TEST_F(PostgresOriginTest, ARowOfAnotherIdIsNotBelieved) {
  EXPECT_THAT(asked("SELECT id, customer, open FROM orders WHERE lower(id) = lower(:id)", "O-1"),
              HasSubstr("unbelieved: the column `id` is not the id that was asked for"));
  const auto* by_number = "SELECT number AS id, customer, open FROM orders WHERE number = :id";
  EXPECT_THAT(asked(by_number, "17"), HasSubstr("nora"));
  for (const auto* id : {"017", " 17", "+17"})
    EXPECT_THAT(asked(by_number, id), HasSubstr("not the id")) << id;
}

TEST_F(PostgresOriginTest, AnIdThatTheServerRefusesCostsNoConnection) {
  PostgresOrigin origin(
      settings_of(server.reader(), "SELECT number AS id, customer, open FROM orders WHERE number = :id"));
  EXPECT_THAT(said(origin, "17"), HasSubstr("nora"));
  const auto first = server.value("SELECT pid FROM pg_stat_activity WHERE usename = 'reader'");
  EXPECT_THAT(said(origin, "seventeen"), HasSubstr("unbelieved: the statement: invalid input syntax"));
  EXPECT_THAT(said(origin, "17"), HasSubstr("nora"));
  EXPECT_EQ(server.value("SELECT pid FROM pg_stat_activity WHERE usename = 'reader'"), first);
}

TEST_F(PostgresOriginTest, EachColumnHasATypeThatIsReadInOneWay) {
  EXPECT_EQ(column("amount"), R"({"it":{"__extn":{"fn":"decimal","arg":"12.5"}}})");
  EXPECT_EQ(column("made"), R"({"it":{"__extn":{"fn":"datetime","arg":"2026-11-28T09:00:00.500Z"}}})");
  EXPECT_EQ(column("home"), R"({"it":{"__extn":{"fn":"ip","arg":"10.0.0.1"}}})");
  EXPECT_EQ(column("number"), R"({"it":17})");
  EXPECT_EQ(column("number::text"), R"({"it":"17"})");
  EXPECT_EQ(column("state"), R"({"it":"paid"})");
  EXPECT_EQ(column("tags"), R"({"it":["a","b,c"]})");
  EXPECT_THAT(column("rate"), HasSubstr("unbelieved: the column `it` is of the type `double precision`"));
  EXPECT_THAT(column("to_jsonb(tags)"), HasSubstr("of the type `jsonb`"));
  EXPECT_THAT(column("made::timestamp"), HasSubstr("of the type `timestamp without time zone`"));
}

TEST_F(PostgresOriginTest, AStatementThatDoesMoreThanReadFails) {
  for (const auto* statement :
       {"WITH gone AS (DELETE FROM orders RETURNING *) SELECT id, customer, open FROM gone WHERE id = :id",
        "SELECT id, customer, open INTO TABLE copied FROM orders WHERE id = :id",
        "SELECT id, customer, open FROM orders WHERE id = :id FOR UPDATE",
        "SELECT id, customer, open FROM orders WHERE id = :id; DELETE FROM orders"})
    EXPECT_THAT(asked(statement), StartsWith("unbelieved: the statement")) << statement;
  EXPECT_EQ(server.value("SELECT count(*) FROM orders"), "4");
}

TEST_F(PostgresOriginTest, ARoleThatMayWriteIsNotUsed) {
  const auto refused = [&](std::string_view grant, const std::string& why) {
    server.execute(grant);
    PostgresOrigin origin(settings_of(server.reader()));
    const auto checked = origin.check();
    ASSERT_FALSE(checked) << grant;
    EXPECT_EQ(checked.error().code, ErrorCode::kConflict);
    EXPECT_THAT(checked.error().message, HasSubstr(why));
    EXPECT_THAT(said(origin, "o-1"), StartsWith("down: the role `reader`"));
  };
  refused("GRANT UPDATE (open) ON orders TO reader", "may write to `orders`");
  refused("REVOKE UPDATE (open) ON orders FROM reader; GRANT DELETE ON orders TO reader",
          "may write to `orders`");
  refused("REVOKE DELETE ON orders FROM reader; GRANT pg_write_all_data TO reader", "may write to `orders`");
  refused("REVOKE pg_write_all_data FROM reader; ALTER ROLE reader CREATEROLE", "may make roles");
  refused("ALTER ROLE reader NOCREATEROLE SUPERUSER", "is a superuser");
  server.execute("ALTER ROLE reader NOSUPERUSER; ALTER ROLE reader SET default_transaction_read_only = off");
  EXPECT_THAT(asked(kStatement), HasSubstr("nora"));
}

TEST_F(PostgresOriginTest, TheStatementHasItsColumns) {
  EXPECT_THAT(asked("SELECT id, customer FROM orders WHERE id = :id"), HasSubstr("no column `open`"));
  EXPECT_THAT(asked("SELECT id, customer, open, open FROM orders WHERE id = :id"),
              HasSubstr("two columns `open`"));
  EXPECT_THAT(asked("SELECT open AS id, customer, open FROM orders WHERE id = :id"),
              HasSubstr("neither a text nor an integer"));
  EXPECT_THAT(asked("SELECT id, customer, open FROM nothing WHERE id = :id"), HasSubstr("does not exist"));
  EXPECT_THAT(asked("SELECT id FROM pg_authid WHERE :id = ''"), StartsWith("unbelieved"));
}

TEST_F(PostgresOriginTest, AStatementThatTakesTooLongIsEndedThereToo) {
  auto slow = server.reader();
  slow.timeout = 300ms;
  auto settings = settings_of(slow, "SELECT id, customer, open FROM orders, pg_sleep(3600) WHERE id = :id");
  PostgresOrigin origin(settings);
  EXPECT_THAT(said(origin, "o-1"), StartsWith("down: "));
  while (sessions() != "0") std::this_thread::sleep_for(10ms);  // for ever, if the server went on
}

TEST_F(PostgresOriginTest, ItsEndEndsAStatementThatIsUnderWay) {
  auto patient = server.reader();
  patient.timeout = 1h;
  PostgresOrigin origin(
      settings_of(patient, "SELECT id, customer, open FROM orders, pg_sleep(3600) WHERE id = :id"));
  std::jthread stopping([&] { origin.stop(); });
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("Writ is stopping"));
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("Writ is stopping"));
}

TEST_F(PostgresOriginTest, AValueThatIsHugeIsNotRead) {
  EXPECT_THAT(asked("SELECT id, repeat('x', 100000000) AS customer, open FROM orders WHERE id = :id"),
              StartsWith("unbelieved: the statement answers with more than"));
}

TEST_F(PostgresOriginTest, AServerThatStartedAnewIsAskedWithoutAFailure) {
  PostgresOrigin origin(settings_of(server.reader()));
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
  server.stop();
  EXPECT_THAT(said(origin, "o-1"), StartsWith("down: the database `shop`"));
  server.start();
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
  server.stop();
  server.start();
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
  server.execute("ALTER TABLE orders ALTER COLUMN customer TYPE varchar");
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
}

TEST_F(PostgresOriginTest, APasswordOfAFileIsReadAnewAndAnotherCredentialIsTold) {
  auto reader = server.reader();
  reader.password = nullptr;
  reader.password_file = server.folder() / "password";
  const auto put = [&](std::string_view password) {
    std::ofstream(server.folder() / "next") << password << '\n';
    fs::rename(server.folder() / "next", reader.password_file);
  };
  PostgresOrigin origin(settings_of(reader));
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("down: its password"));
  put("secret");
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("nora"));
  EXPECT_EQ(origin.generation(), 0u);
  put("wrong");
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("password authentication failed"));
  EXPECT_EQ(origin.generation(), 1u);
}

TEST_F(PostgresOriginTest, ManyThreadsHaveAConnectionEach) {
  PostgresOrigin origin(settings_of(server.reader()));
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 25; ++n) good += said(origin, "o-1") == R"({"customer":"nora","open":true})";
      });
  }
  EXPECT_EQ(good, 100);
  EXPECT_LE(std::stoi(sessions()), 4);
}

// The certificate is for another name, of another CA, or not there at all.
TEST(PostgresTls, AServerThatCannotShowItsNameIsNotAsked) {
  const http::testing::TestAuthority ours("Ours"), others("Others");
  const auto identity = ours.issue({"127.0.0.1"});
  testing::RealServer server(&identity);
  server.execute(kOrders);
  auto reader = server.reader();
  reader.tls = true;
  reader.ca = server.folder() / "ca.pem";
  const auto asked = [&](const http::testing::TestAuthority& ca) {
    std::ofstream(reader.ca) << ca.certificate();
    PostgresOrigin origin(settings_of(reader));
    return said(origin, "o-1");
  };
  EXPECT_THAT(asked(ours), HasSubstr("nora"));
  EXPECT_EQ(server.value("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                         "WHERE usename = 'reader' AND NOT ssl"),
            "0");
  EXPECT_THAT(asked(others), HasSubstr("certificate verify failed"));
  reader.host = "localhost";
  EXPECT_THAT(asked(ours), HasSubstr("does not match host name"));
}

TEST_F(PostgresOriginTest, AServerWithoutTlsIsNotAskedWhereTlsIsWanted) {
  const http::testing::TestAuthority ours;
  auto reader = server.reader();
  reader.tls = true;
  reader.ca = server.folder() / "ca.pem";
  std::ofstream(reader.ca) << ours.certificate();
  PostgresOrigin origin(settings_of(reader));
  EXPECT_THAT(said(origin, "o-1"), HasSubstr("does not support SSL"));
}

TEST(Postgres, ThisMachineNeedsNoTls) {
  for (const auto* host : {"/run/postgresql", "localhost", "127.0.0.1", "127.9.9.9", "::1"})
    EXPECT_TRUE(is_this_machine(host)) << host;
  for (const auto* host :
       {"", "db.internal", "localhost.example", "10.0.0.1", "0.0.0.0", "::", "127.0.0.1.example"})
    EXPECT_FALSE(is_this_machine(host)) << host;
}

}  // namespace
}  // namespace writ::postgres::postgres_origin_test
