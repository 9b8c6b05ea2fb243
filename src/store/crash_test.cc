// A crash at any write, cut, sync or removal that SQLite makes, of the process or of the whole machine: the
// next start has everything that was acknowledged and nothing more. Each step below is one kind of durable
// write; at each of its changes to the disk the folder is set aside as a crash would leave it
// (store/testing/crashes.h), and a store is opened on it.
#include <fmt/format.h>
#include <functional>
#include <gmock/gmock.h>
#include <unistd.h>

#include "store/sqlite_store.h"
#include "store/testing/crashes.h"
#include "store/testing/samples.h"

namespace writ::store::crash_test {
namespace {

using testing::Crashes;
using testing::Files;
using testing::Folder;
using ::testing::HasSubstr;
using testing::kLater;
using testing::make_api;
using testing::make_call;
using testing::make_identity;
using testing::make_task;
using token::KeyState;

std::string text_of(Database& database, const std::string& sql) {
  std::string text;
  auto statement = database.prepare(sql).value();
  EXPECT_TRUE(statement.for_each_row([&](const Statement& row) -> Result<void> {
    text.append(row.text(0)).push_back('\n');
    return {};
  }));
  return text;
}

// Every row of every table, so that what is added later is looked at too.
std::string everything_in(const std::filesystem::path& path) {
  auto database = Database::look(path).value();
  EXPECT_EQ(text_of(database, "PRAGMA integrity_check"), "ok\n");
  const auto selects = text_of(
      database,
      "SELECT 'SELECT ''' || t.name || ': '' || ' || group_concat('quote(' || c.name || ')', '||''|''||') "
      "|| ' FROM ' || t.name || ' ORDER BY 1' "
      "FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' GROUP BY t.name ORDER BY "
      "t.name");
  std::string all;
  std::size_t begin = 0;
  for (auto end = selects.find('\n'); end != selects.npos; begin = end + 1, end = selects.find('\n', begin))
    all += text_of(database, selects.substr(begin, end - begin));
  return all;
}

class ACrash : public ::testing::Test {
 protected:
  using Step = std::function<bool(SqliteStore&)>;

  void open() { store_ = SqliteStore::open(path_).value(); }
  void close() { store_.reset(); }

  // Does the step, and looks at what a crash at each of its changes would have left.
  void expect_all_or_nothing_of(const std::string& name, const std::function<bool()>& step) {
    SCOPED_TRACE(name);
    const auto before = std::exchange(acknowledged_, {});
    ASSERT_TRUE(step());
    const auto left = crashes_->take();
    acknowledged_ = everything_in(path_);
    ASSERT_FALSE(left.empty());
    for (const auto& each : left) {
      SCOPED_TRACE(each.when);
      const auto found = after_start_on(each.files);
      if (each.when.ends_with("after it was acknowledged")) {
        EXPECT_EQ(found, acknowledged_);
      } else {
        EXPECT_TRUE(found == before || found == acknowledged_) << found;
      }
      if (HasFailure()) return;
    }
    looked_at_ += left.size();
  }
  void expect_all_or_nothing_of(const std::string& name, const Step& step) {
    expect_all_or_nothing_of(name, [&] { return step(*store_); });
  }

  // As SQLite does of itself every thousand pages, but at once.
  bool checkpoint() {
    return Database::open(path_).value().execute("PRAGMA wal_checkpoint(TRUNCATE)").has_value();
  }

  std::string after_start_on(const Files& files) {
    testing::put_files(crashed_.path(), files);
    const auto path = crashed_ / "writ.db";
    {
      const auto started = SqliteStore::open(path);
      if (!started) return "not started: " + started.error().message;
      auto& store = **started;
      const bool loads = store.load_inventory() && store.load_tasks() && store.load_calls() && store.load() &&
                         store.load_keys();
      if (!loads) return "not loaded";
      if (!store.save({"a later one", kLater})) return "not written to";
    }
    const auto database =
        Database::open(path).value().execute("DELETE FROM revocations WHERE jti = 'a later one'");
    return database ? everything_in(path) : "not changed";
  }

  Folder folder_, crashed_;
  const std::filesystem::path path_ = folder_ / "writ.db";
  std::string acknowledged_;
  std::size_t looked_at_ = 0;
  std::unique_ptr<Crashes> crashes_ = std::make_unique<Crashes>(folder_.path());
  std::unique_ptr<SqliteStore> store_;
};

// As OwnKeys keeps them, the newest first.
std::vector<token::StoredKey> make_keys(std::initializer_list<KeyState> states) {
  std::vector<token::StoredKey> keys;
  for (const auto state : states)
    keys.push_back(
        {fmt::format("k{}", states.size() - keys.size()), "the text of a key", state, kLater, kLater});
  return keys;
}

task::CallApproval decided(const std::string& id) {
  auto call = make_call(id);
  call.decided_by = "niklas";
  return call;
}

TEST_F(ACrash, AtAnyChangeOfAnyKindOfWriteLosesNothingAcknowledgedAndRevivesNothing) {
  {
    const Folder empty;
    SqliteStore::open(empty / "writ.db").value();
    acknowledged_ = everything_in(empty / "writ.db");
  }
  expect_all_or_nothing_of("the making of the schema", [&] {
    open();
    return true;
  });
  using enum task::State;
  using Call = task::CallState;
  const inventory::Stop suspension{"support-agent", inventory::Status::kSuspended};
  auto requested = make_task("t2");
  requested.approvals = {1, requested.expires_at, {}};
  const std::vector<std::pair<std::string, Step>> steps = {
      {"identities",
       [](auto& s) {
         return s.save_inventory({{make_identity("support-agent")}, {}}).has_value();
       }},
      {"an API",
       [](auto& s) {
         return s.save_inventory({{}, {make_api("invoices")}}).has_value();
       }},
      {"a suspension",
       [&](auto& s) {
         return s.save_inventory({{}, {}, {suspension}}).has_value();
       }},
      {"a task", [](auto& s) { return s.save_task(make_task("t1"), kActive).has_value(); }},
      {"a request for one", [&](auto& s) { return s.save_task(requested, kRequested).has_value(); }},
      {"its approval", [&](auto& s) { return s.save_approved(requested, kActive).has_value(); }},
      {"a narrowed task", [](auto& s) { return s.save_narrowed(make_task("t1", 10)).has_value(); }},
      {"labels",
       [](auto& s) {
         return s.save_labels("t1", {"read:confidential", "a"}).has_value();
       }},
      {"a reservation",
       [](auto& s) {
         return s.reserve({"t1", "", 8}).has_value();
       }},
      {"a further one",
       [](auto& s) {
         return s.reserve({"t1", "", 16}).has_value();
       }},
      {"what was not used",
       [](auto& s) {
         return s.settle({"t1", "", 3}).has_value();
       }},
      {"a suspended task", [](auto& s) { return s.save_state("t1", kSuspended).has_value(); }},
      {"a checkpoint", [&](auto&) { return checkpoint(); }},
      {"a resumed task", [](auto& s) { return s.save_state("t1", kActive).has_value(); }},
      {"an ended task", [](auto& s) { return s.save_state("t1", kEnded).has_value(); }},
      {"a revoked task", [](auto& s) { return s.save_state("t2", kRevoked).has_value(); }},
      {"a call that waits", [](auto& s) { return s.save_call(make_call("a-1")).has_value(); }},
      {"its approval",
       [](auto& s) { return s.save_call_state(decided("a-1"), Call::kApproved).has_value(); }},
      {"its use", [](auto& s) { return s.save_call_state(decided("a-1"), Call::kUsed).has_value(); }},
      {"a revocation",
       [](auto& s) {
         return s.save({"jti-1", kLater}).has_value();
       }},
      {"a used identifier", [](auto& s) { return s.first_use("c", "jti", kLater, Instant()).value(); }},
      {"a key", [](auto& s) { return s.save_keys(make_keys({KeyState::kSigning})).has_value(); }},
      {"a key that is published ahead",
       [](auto& s) {
         return s.save_keys(make_keys({KeyState::kPublished, KeyState::kSigning})).has_value();
       }},
      {"another checkpoint", [&](auto&) { return checkpoint(); }},
      {"a key that signs from now on",
       [](auto& s) {
         return s.save_keys(make_keys({KeyState::kSigning, KeyState::kRetired})).has_value();
       }},
      {"a key that is removed",
       [](auto& s) { return s.save_keys(make_keys({KeyState::kSigning})).has_value(); }},
      {"a call that is forgotten",
       [](auto& s) { return s.forget_calls(kLater + std::chrono::hours(2)).has_value(); }},
  };
  for (const auto& [name, step] : steps) {
    expect_all_or_nothing_of(name, step);
    if (HasFailure()) return;
  }
  expect_all_or_nothing_of("an orderly end, which is a checkpoint", [&] {
    close();
    return true;
  });
  expect_all_or_nothing_of("a start", [&] {
    open();
    return true;
  });
  EXPECT_GT(looked_at_, 200u);
}

// A database of a Writ that noted no states of keys.
TEST_F(ACrash, WhileAnEarlierDatabaseLearnsOfTheStatesOfKeysLosesNone) {
  open();
  ASSERT_TRUE(store_->save_keys(make_keys({KeyState::kSigning, KeyState::kRetired})));
  close();
  {
    auto database = Database::open(path_).value();
    for (const auto* column : {"state", "since_ms", "until_ms"})
      ASSERT_TRUE(database.execute(fmt::format("ALTER TABLE signing_keys DROP COLUMN {}", column)));
    ASSERT_TRUE(database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  crashes_->take();
  open();
  const auto left = crashes_->take();
  ASSERT_GT(left.size(), 3u);
  for (const auto& each : left) {
    SCOPED_TRACE(each.when);
    testing::put_files(crashed_.path(), each.files);
    const auto keys = SqliteStore::open(crashed_ / "writ.db").value()->load_keys().value();
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0], (token::StoredKey{"k2", "the text of a key", KeyState::kSigning, {}, {}}));
    EXPECT_EQ(keys[1], (token::StoredKey{"k1", "the text of a key", KeyState::kRetired, {}, {}}));
  }
}

// What lies beside the database after a crash, or does not.
class AfterACrash : public ::testing::Test {
 protected:
  // A store with a task in it, as kill -9 leaves it: with a write-ahead log that holds all of it.
  void crash() {
    const Folder lived;
    {
      const auto store = SqliteStore::open(lived / "writ.db").value();
      ASSERT_TRUE(store->save_task(make_task("t1"), task::State::kActive));
      ASSERT_TRUE(store->save_state("t1", task::State::kRevoked));
      testing::put_files(folder_.path(), testing::files_in(lived.path()));
    }
    ASSERT_GT(std::filesystem::file_size(log_), 0u);
  }
  task::State state_after_start() {
    const auto store = SqliteStore::open(path_).value();
    return store->load_tasks().value().at(0).state;
  }

  Folder folder_;
  const std::filesystem::path path_ = folder_ / "writ.db", log_ = folder_ / "writ.db-wal",
                              shared_ = folder_ / "writ.db-shm";
};

TEST_F(AfterACrash, ALogWithoutItsSharedMemoryIsRecovered) {
  crash();
  std::filesystem::remove(shared_);
  EXPECT_EQ(state_after_start(), task::State::kRevoked);
}

TEST_F(AfterACrash, SharedMemoryThatIsGarbageIsMadeAnew) {
  crash();
  testing::put_files(folder_.path(), [&] {
    auto files = testing::files_in(folder_.path());
    files["writ.db-shm"] = std::string(32768, '\xa5');
    return files;
  }());
  EXPECT_EQ(state_after_start(), task::State::kRevoked);
}

TEST_F(AfterACrash, TheLastFrameOfTheLogMayBeTornAtAnyByte) {
  crash();
  const auto whole = testing::files_in(folder_.path());
  const auto& log = whole.at("writ.db-wal");
  const std::size_t frame = 4096 + 24;
  for (std::size_t cut = 1; cut < frame; cut += 97) {
    auto torn = whole;
    torn.at("writ.db-wal").resize(log.size() - cut);
    testing::put_files(folder_.path(), torn);
    // The revocation was that frame: it was not acknowledged, then.
    EXPECT_EQ(state_after_start(), task::State::kActive) << cut;
  }
}

TEST_F(AfterACrash, ALogWhoseDatabaseIsGoneOrEmptyIsKeptAndRefused) {
  for (const bool gone : {true, false}) {
    crash();
    if (gone) {
      std::filesystem::remove(path_);
    } else {
      std::filesystem::resize_file(path_, 0);
    }
    const auto before = testing::files_in(folder_.path());
    const auto opened = SqliteStore::open(path_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("but its write-ahead log"));
    EXPECT_TRUE(testing::files_in(folder_.path()) == before);
  }
}

TEST_F(AfterACrash, WhatIsReallyMalformedIsTold) {
  crash();
  { const auto orderly = SqliteStore::open(path_).value(); }
  auto files = testing::files_in(folder_.path());
  auto& bytes = files.at("writ.db");
  bytes.replace(4096, bytes.size() - 4096, bytes.size() - 4096, '\xa5');
  testing::put_files(folder_.path(), files);
  const auto opened = SqliteStore::open(path_);
  const auto loaded = opened ? (*opened)->load_tasks() : std::unexpected(opened.error());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
}

// As a crash leaves another program's, or ours while its schema was being made.
Files with_a_hot_journal(const std::string& sql_before, const std::string& sql) {
  const Folder folder;
  const auto path = folder / "writ.db";
  if (!sql_before.empty()) {
    EXPECT_TRUE(Database::open(path).value().execute(sql_before));
  }
  Crashes crashes(folder.path());
  EXPECT_TRUE(Database::open(path).value().execute(sql));
  // Everything is written, and the journal is still there.
  for (auto& left : crashes.take()) {
    if (left.when.ends_with("killed before a sync of writ.db")) return left.files;
  }
  ADD_FAILURE() << "the database was not synced";
  return {};
}

TEST_F(AfterACrash, AHotJournalOfADatabaseThatWasBeingMadeIsRolledBack) {
  testing::put_files(folder_.path(), with_a_hot_journal("", "CREATE TABLE half (made TEXT)"));
  ASSERT_TRUE(std::filesystem::exists(folder_ / "writ.db-journal"));
  const auto store = SqliteStore::open(path_).value();
  EXPECT_TRUE(store->save_task(make_task("t1"), task::State::kActive));
}

TEST_F(AfterACrash, AHotJournalOfAnotherProgramIsLeftAsItIs) {
  testing::put_files(folder_.path(), with_a_hot_journal("CREATE TABLE songs (title TEXT)",
                                                        "INSERT INTO songs VALUES ('one')"));
  const auto before = testing::files_in(folder_.path());
  ASSERT_TRUE(before.contains("writ.db-journal"));
  const auto opened = SqliteStore::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConflict);
  EXPECT_THAT(opened.error().message, HasSubstr("is another program's"));
  EXPECT_TRUE(testing::files_in(folder_.path()) == before);
}

TEST_F(AfterACrash, AFolderThatCannotBeWrittenIsNamed) {
  crash();
  std::filesystem::remove(shared_);
  using std::filesystem::perms;
  std::filesystem::permissions(folder_.path(), perms::owner_read | perms::owner_exec);
  if (::access(folder_.path().c_str(), W_OK) == 0) GTEST_SKIP() << "who runs as root may write everywhere";
  const auto opened = SqliteStore::open(path_);
  std::filesystem::permissions(folder_.path(), perms::owner_all);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(path_.string()));
  EXPECT_EQ(state_after_start(), task::State::kRevoked);
}

}  // namespace
}  // namespace writ::store::crash_test
