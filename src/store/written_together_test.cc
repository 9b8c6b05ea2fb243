// What requests need written, many in one transaction; and what is forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blocking.h"
#include "store/sqlite_store.h"
#include "store/testing/samples.h"

namespace writ::store::written_together_test {
namespace {

using ::testing::ElementsAre;
using testing::Folder;
using testing::make_call;
using testing::make_task;

class WrittenTogether : public ::testing::Test {
 protected:
  // "written", or the error's number, of each.
  std::vector<std::string> write(const std::vector<task::Write>& writes) {
    std::vector<const task::Write*> pointers;
    for (const auto& each : writes) pointers.push_back(&each);
    std::vector<std::string> words;
    for (const auto& each : store_->write(pointers))
      words.push_back(each                                           ? "written"
                      : each.error().code == ErrorCode::kNotFound    ? "not found"
                      : each.error().code == ErrorCode::kUnavailable ? "unavailable"
                                                                     : each.error().message);
    return words;
  }
  void reopen() {
    store_.reset();
    store_ = SqliteStore::open(path_).value();
  }
  std::size_t rows(const std::string& table) {
    auto database = Database::open(path_).value();
    return static_cast<std::size_t>(database.number("SELECT count(*) FROM " + table).value());
  }

  Folder folder_;
  const std::filesystem::path path_ = folder_ / "writ.db";
  std::unique_ptr<SqliteStore> store_ = SqliteStore::open(path_).value();
};

TEST_F(WrittenTogether, EachIsWholeAndOneOfAnUnknownTaskLeavesTheOthersAlone) {
  ASSERT_TRUE(store_->save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(store_->save_call(make_call("a-1")));
  std::vector<task::Write> writes(4);
  writes[0].reservations = {{"t1", "", 8}};
  writes[0].labels = {{"t1", {"read:confidential"}}};
  writes[1].reservations = {{"nobody's", "", 8}};
  writes[2].call.emplace(make_call("a-2"), task::CallState::kPending);
  writes[2].lapsed = "a-1";
  writes[3].reservations = {{"t1", "", 9}};
  EXPECT_THAT(write(writes), ElementsAre("written", "not found", "written", "written"));
  reopen();
  const auto tasks = store_->load_tasks().value();
  EXPECT_THAT(tasks[0].labels, ElementsAre("read:confidential"));
  EXPECT_EQ(tasks[0].reserved[0].amount, 9);
  const auto calls = store_->load_calls().value();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].approval.id, "a-2");
}

TEST_F(WrittenTogether, NothingOfItIsThereWhenItCannotBeCommitted) {
  ASSERT_TRUE(store_->save_task(make_task("t1"), task::State::kActive));
  auto other = Database::open(path_).value();
  ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
  std::vector<task::Write> writes(2);
  writes[0].reservations = writes[1].reservations = {{"t1", "", 8}};
  EXPECT_THAT(write(writes), ElementsAre("unavailable", "unavailable"));
  ASSERT_TRUE(other.execute("ROLLBACK"));
  EXPECT_THAT(write(writes), ElementsAre("written", "written"));
}

TEST_F(WrittenTogether, WhatPeopleHaveDecidedOnDoesNotLapse) {
  ASSERT_TRUE(store_->save_call(make_call("a-1")));
  ASSERT_TRUE(store_->save_call_state(make_call("a-1"), task::CallState::kApproved));
  ASSERT_TRUE(store_->forget_call("a-1"));
  EXPECT_EQ(rows("calls"), 1u);
}

TEST_F(WrittenTogether, AForgottenTaskLeavesNothingBehind) {
  for (const auto* id : {"t1", "t2"}) {
    ASSERT_TRUE(store_->save_task(make_task(id), task::State::kEnded));
    ASSERT_TRUE(store_->save_labels(id, {"read:confidential"}));
    ASSERT_TRUE(store_->reserve({id, "", 8}));
  }
  const std::vector<std::string> ids{"t1", "not there"};
  ASSERT_TRUE(store_->forget_tasks(ids));
  for (const auto* table : {"tasks", "budgets", "task_labels"}) EXPECT_EQ(rows(table), 1u) << table;
  EXPECT_EQ(store_->reserve({"t1", "", 9}).error().code, ErrorCode::kNotFound);
}

TEST_F(WrittenTogether, AnEventLoopNeverComesHere) {
  const ThreadNeverBlocks loop;
  EXPECT_THROW((void)store_->load_tasks(), std::logic_error);
}

}  // namespace
}  // namespace writ::store::written_together_test
