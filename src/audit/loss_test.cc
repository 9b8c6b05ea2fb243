// A log that was lost, cut, exchanged or rotated, while Writ was down and while it ran.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/testing/log_folder.h"

namespace writ::audit::loss_test {
namespace {

using testing::event;
using ::testing::HasSubstr;
using testing::kNow;
using ::testing::Not;

class LossTest : public testing::LogFolder {
 protected:
  std::filesystem::path beside(std::string_view end) const { return path_.string() + std::string(end); }
  void expect_lost(std::string_view why) {
    const auto log = try_open(options());
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(log.error().message, HasSubstr(std::string(why)));
    EXPECT_THAT(log.error().message, HasSubstr("--accept-lost-audit"));
  }
};

TEST_F(LossTest, TheHeadIsNotedAtTheEnd) {
  fill(3);
  EXPECT_EQ(heads_.head()->seq, 3u);
  EXPECT_EQ(heads_.head(), verified().head);
}

TEST_F(LossTest, TheHeadIsNotedWhileItRuns) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("t")));
  EXPECT_TRUE(comes([&] { return heads_.head() && heads_.head()->seq == 1; }));
  EXPECT_TRUE(comes([&] { return log->stats().noted == 1; }));
}

TEST_F(LossTest, ADatabaseThatFailsHoldsUpNoRecordAndIsToldOfOnce) {
  std::atomic<int> told = 0;
  auto with = options();
  with.tell = [&](const std::string&) { ++told; };
  heads_.fails = true;
  const auto log = open(std::move(with));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(log->append(event("t")));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  EXPECT_EQ(told, 1);
}

TEST_F(LossTest, ALogThatWasRemovedWhileDownStopsTheStart) {
  fill(3);
  std::filesystem::remove(path_);
  expect_lost("it is not there");
  EXPECT_FALSE(std::filesystem::exists(path_)) << "nothing new began";
}

TEST_F(LossTest, ALogThatWasEmptiedWhileDownStopsTheStart) {
  fill(3);
  write({});
  expect_lost("it is empty");
}

TEST_F(LossTest, ALogWhoseEndWasCutWhileDownStopsTheStart) {
  fill(3);
  auto all = lines();
  all.pop_back();
  write(all);
  expect_lost("it ends with record 2");
}

TEST_F(LossTest, ALogThatWasWrittenAnewWhileDownStopsTheStart) {
  fill(3);
  const auto forged = folder_ / "forged";
  {
    const auto log = Log::open(forged, {.durable = false}, kNow).value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->append(event("forged")));
  }
  std::filesystem::rename(forged, path_);
  expect_lost("its record 3 is a different one");
}

TEST_F(LossTest, ARecordThatWasAlteredAfterTheNotedHeadStopsTheStart) {
  fill(2);
  const auto noted = heads_.head();
  fill(3);
  heads_.set(noted);
  auto all = lines();
  all[2].replace(all[2].find("portal"), 6, "Portal");
  write(all);
  expect_lost("record 3 was altered");
}

TEST_F(LossTest, WhatWasWrittenAfterTheHeadWasNotedIsNoLoss) {
  fill(2);
  const auto noted = heads_.head();
  fill(3);
  heads_.set(noted);
  EXPECT_EQ(open()->head().seq, 5u);
}

TEST_F(LossTest, ADatabaseThatIsOlderThanTheLogIsToldOfAndRecorded) {
  std::string told;
  auto with = options();
  with.tell = [&](const std::string& line) { told += line; };
  fill(2);
  const auto copied = heads_.head();
  {
    const auto log = open();
    const Event stopped{.type = "identity.suspended", .object = "bob"};
    ASSERT_TRUE(log->append(make_record(kNow + std::chrono::minutes(5), stopped)));
  }
  heads_.set(copied);
  EXPECT_TRUE(open(with));
  EXPECT_THAT(told, HasSubstr("the database is older than the audit log: it knows of record 2 of "));
  EXPECT_THAT(lines().back(), HasSubstr("audit.database_older"));
  told.clear();
  EXPECT_TRUE(open(with)) << "it is noted by now";
  EXPECT_EQ(told, "");
  EXPECT_TRUE(whole());
}

// Somebody removed the database, or emptied it: every stop in it is gone.
TEST_F(LossTest, ADatabaseThatKnowsNothingOfALogIsToldOfAndRecorded) {
  std::string told;
  auto with = options();
  with.tell = [&](const std::string& line) { told += line; };
  fill(2);
  {
    const auto log = open();
    const Event stopped{.type = "identity.suspended", .object = "bob"};
    ASSERT_TRUE(log->append(make_record(kNow + std::chrono::minutes(5), stopped)));
  }
  for (const auto& nothing : {std::optional<Head>(), std::optional(Head{})}) {
    heads_.set(nothing);
    told.clear();
    EXPECT_TRUE(open(with));
    EXPECT_THAT(told, HasSubstr("the database is older than the audit log: it knows of no record"));
    EXPECT_THAT(lines().back(), HasSubstr("audit.database_older"));
  }
  EXPECT_TRUE(whole());
}

// Which the first second of a first start may leave, when it ends by force.
TEST_F(LossTest, ADatabaseThatKnowsNothingOfALogThatHasJustBegunIsNotOlder) {
  std::string told;
  auto with = options();
  with.tell = [&](const std::string& line) { told += line; };
  fill(2);
  heads_.set(Head{});
  EXPECT_TRUE(open(with));
  EXPECT_EQ(told, "");
  EXPECT_THAT(lines().back(), Not(HasSubstr("audit.database_older")));
}

// Whoever ends in order notes the last record: a database that lacks it is a copy, however young.
TEST_F(LossTest, ADatabaseThatLacksTheEndOfALogThatEndedInOrderIsToldOfAtOnce) {
  for (const std::string_view last : {"server.stopped", "identity.suspended"}) {
    std::string told;
    auto with = options();
    with.tell = [&](const std::string& line) { told += line; };
    fill(2);
    const auto copied = heads_.head();
    {
      const auto log = open();
      ASSERT_TRUE(log->append(event("t-1")));
      ASSERT_TRUE(log->append(make_record(kNow, Event{.type = last})));
    }
    EXPECT_TRUE(open(with));
    EXPECT_EQ(told, "") << "it is noted";
    heads_.set(copied);
    EXPECT_TRUE(open(with));
    EXPECT_EQ(told.contains("the database is older"), last == "server.stopped") << told;
  }
}

// One that this start made knew of nothing before, however short the log is.
TEST_F(LossTest, ADatabaseThatWasMadeAnewBesideALogIsToldOfAtOnce) {
  std::string told;
  auto with = options();
  with.tell = [&](const std::string& line) { told += line; };
  EXPECT_TRUE(open(with));
  EXPECT_EQ(told, "") << "both are new";
  fill(2);
  heads_.set(std::nullopt);
  EXPECT_TRUE(open(with));
  EXPECT_THAT(told, HasSubstr("the database is older than the audit log: it knows of no record"));
  EXPECT_THAT(lines().back(), HasSubstr("audit.database_older"));
}

TEST_F(LossTest, ALossThatIsAcceptedIsRecordedWithTheHeadThatWasKnown) {
  fill(3);
  const auto noted = *heads_.head();
  auto all = lines();
  all.pop_back();
  write(all);
  auto other = options();
  other.accept_lost = 2;
  EXPECT_FALSE(try_open(std::move(other))) << "another loss than the one that was accepted";
  auto accepted = options();
  accepted.accept_lost = 3;
  accepted.tick = std::chrono::hours(1);
  {
    const auto log = open(std::move(accepted));
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->head().seq, 4u);
    EXPECT_EQ(heads_.head()->seq, 4u) << "noted at once: an end by force does not ask for it again";
    ASSERT_TRUE(log->append(event("t")));
  }
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_THAT(lines()[0], HasSubstr(R"("type":"audit.lost")"));
  EXPECT_THAT(lines()[0], HasSubstr(noted.hash));
  EXPECT_EQ(lines_of(beside(".lost-3")).size(), 2u) << "what there was is kept";
  const auto result = verify(path_).value();
  EXPECT_FALSE(result.first_break);
  EXPECT_EQ(result.first, 4u);
  EXPECT_TRUE(open()) << "and the next start needs nothing";
}

TEST_F(LossTest, ALogThatWasRotatedWhileDownGoesOn) {
  fill(3);
  std::filesystem::rename(path_, beside(".1"));
  fill(2);
  std::filesystem::rename(path_, beside("-20261127"));
  write({});
  ::chmod(path_.c_str(), 0600);
  fill(1);
  EXPECT_EQ(verified().records, 3 + 1 + 2 + 1 + 1u) << "each new file begins with a record of its own";
  EXPECT_TRUE(whole());
  EXPECT_THAT(lines()[0], HasSubstr(R"("type":"audit.continued","object":"audit.log-20261127")"));
}

TEST_F(LossTest, AFileThatAKillLeftWithHalfARecordBehindItsRotationGoesOnWhole) {
  fill(3);
  std::filesystem::rename(path_, beside(".1"));
  std::ofstream(beside(".1"), std::ios::app) << R"({"seq":4,"prev":"0123)";
  {
    const auto log = open();
    ASSERT_TRUE(log->append(event("after")));
    EXPECT_EQ(log->head().seq, 6u) << "what was cut off is recorded";
  }
  EXPECT_TRUE(whole());
}

// A file that has its size already, and not its bytes: also behind lines that seem whole.
TEST_F(LossTest, ZerosThatALossOfPowerLeftBehindTheNotedHeadAreDropped) {
  for (const bool rotated : {false, true}) {
    fill(3);
    const auto file = rotated ? beside(".1") : path_;
    if (rotated) std::filesystem::rename(path_, file);
    std::ofstream(file, std::ios::app | std::ios::binary) << std::string(5000, '\0') << "\"}\n"
                                                          << R"({"seq":9})" << '\n';
    {
      const auto log = open();
      ASSERT_TRUE(log);
      ASSERT_TRUE(log->append(event("after")));
    }
    EXPECT_TRUE(whole()) << rotated;
  }
}

TEST_F(LossTest, RecordsBehindAHoleOfZerosAreDroppedWithIt) {
  for (const bool noted : {true, false}) {
    std::filesystem::remove(path_);
    heads_.set(std::nullopt);
    fill(2);
    const auto second = heads_.head();
    fill(3);
    auto all = lines();
    all[2].assign(all[2].size(), '\0');
    write(all);
    heads_.set(noted ? second : Head{});
    {
      const auto log = open();
      ASSERT_TRUE(log);
      EXPECT_EQ(log->head().seq, 3u) << "what was dropped is recorded";
    }
    EXPECT_TRUE(whole()) << noted;
  }
}

TEST_F(LossTest, ZerosInPlaceOfTheNotedHeadAreALoss) {
  fill(3);
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size - 10);
  std::filesystem::resize_file(path_, size);
  EXPECT_FALSE(try_open(options()));
  EXPECT_EQ(std::filesystem::file_size(path_), size) << "it stays as evidence";
}

TEST_F(LossTest, AChainThatWasRotatedBeforeItsHeadWasEverNotedGoesOn) {
  fill(3);
  std::filesystem::rename(path_, beside(".1"));
  heads_.set(Head{});
  {
    const auto log = open();
    ASSERT_TRUE(log->append(event("after")));
    EXPECT_EQ(log->head().seq, 5u);
  }
  EXPECT_TRUE(whole());
}

TEST_F(LossTest, ALogThatIsMovedWhileOpenIsClosedAndTheNextRecordIsInItsPlace) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::filesystem::rename(path_, beside(".1"));
  ASSERT_TRUE(log->append(event("after")));
  EXPECT_THAT(lines_of(beside(".1")).back(), HasSubstr("audit.closed"));
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_THAT(lines()[0], HasSubstr(R"("type":"audit.continued","object":"audit.log.1")"));
  EXPECT_THAT(lines()[1], HasSubstr("after"));
  EXPECT_TRUE(whole());
  EXPECT_EQ(verified().records, log->head().seq);
}

// As logrotate's `create` does it.
TEST_F(LossTest, AnEmptyFileThatWaitsInItsPlaceIsTaken) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::filesystem::rename(path_, beside(".1"));
  ::close(::open(path_.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600));
  ASSERT_TRUE(log->reopen());
  EXPECT_EQ(lines().size(), 1u);
  ASSERT_TRUE(log->append(event("after")));
  EXPECT_TRUE(whole());
}

TEST_F(LossTest, AFileOfSomebodyElseInItsPlaceIsNotWrittenTo) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::filesystem::create_hard_link(path_, beside(".1"));
  std::ofstream(folder_ / "letter") << "a letter\n";
  std::filesystem::rename(folder_ / "letter", path_);
  EXPECT_FALSE(log->append(event("after")));
  EXPECT_FALSE(log->available());
  EXPECT_EQ(lines().size(), 1u);
  std::filesystem::remove(path_);
  EXPECT_TRUE(comes([&] { return log->available(); })) << "without a request";
  EXPECT_TRUE(log->append(event("after")));
  EXPECT_TRUE(whole());
}

TEST_F(LossTest, ReopeningALogThatIsInItsPlaceChangesNothing) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("t")));
  ASSERT_TRUE(log->reopen());
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(LossTest, ALogThatIsRemovedWhileOpenRefusesUntilItIsReopened) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::filesystem::remove(path_);
  EXPECT_TRUE(comes([&] { return !log->available(); })) << "without a request";
  const auto refused = log->append(event("t"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("SIGHUP"));
  ASSERT_TRUE(log->reopen());
  EXPECT_TRUE(log->available());
  ASSERT_TRUE(log->append(event("after")));
  EXPECT_THAT(lines()[0], HasSubstr(R"("type":"audit.lost")"));
  const auto result = verified();
  EXPECT_FALSE(result.first_break);
  EXPECT_EQ(result.first, 2u) << "record 1 is gone";
}

// As logrotate's `copytruncate` does it.
TEST_F(LossTest, ALogThatIsCutWhileOpenRefusesAndStaysWithoutZeros) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::filesystem::copy_file(path_, beside(".1"));
  std::filesystem::resize_file(path_, 0);
  EXPECT_FALSE(log->append(event("t")));
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
  ASSERT_TRUE(log->reopen());
  ASSERT_TRUE(log->append(event("after")));
  EXPECT_THAT(lines()[0], HasSubstr(R"("type":"audit.lost")"));
  EXPECT_TRUE(whole());
}

TEST_F(LossTest, ALogThatSomebodyElseWritesToRefuses) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("before")));
  std::ofstream(path_, std::ios::app) << "a note\n";
  EXPECT_FALSE(log->append(event("t")));
  ASSERT_TRUE(log->reopen());
  EXPECT_TRUE(log->append(event("after")));
  EXPECT_TRUE(verified().first_break) << "what was written in between is told of";
}

TEST_F(LossTest, ALogIsWrittenByOneProcessAtATime) {
  const auto log = open();
  EXPECT_EQ(try_open(options()).error().code, ErrorCode::kConflict);
}

TEST_F(LossTest, AFileThatHasItsSizeIsRotated) {
  {
    auto rotating = options();
    rotating.rotate_bytes = 2000;
    const auto log = open(std::move(rotating));
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(log->append(event("t")));
    EXPECT_GT(log->stats().files, 2u);
  }
  const auto parts = parts_beside(path_).value();
  EXPECT_GT(parts.size(), 3u);
  EXPECT_EQ(parts.back().path.filename(), path_.filename());
  for (const auto& part : parts) EXPECT_LT(std::filesystem::file_size(part.path), 4000u);
  EXPECT_TRUE(whole());
  EXPECT_EQ(verified().head, heads_.head());
  EXPECT_TRUE(open()) << "the chain is found again through its files";
  std::vector<std::uint64_t> numbers;
  ASSERT_TRUE(read_after(parts, 3, [&](std::string_view line) {
    numbers.push_back(take_apart(line)->seq);
    return numbers.size() < 20;
  }));
  EXPECT_EQ(numbers.front(), 4u);
  EXPECT_EQ(numbers.back(), 23u) << "across files";
}

TEST_F(LossTest, ALogThatIsRotatedWhileItIsReadIsWhole) {
  fill(2);
  std::filesystem::rename(path_, beside(".1"));
  fill(2);
  const auto parts = parts_beside(path_).value();
  const auto newest = part_of(path_).value();
  std::filesystem::rename(beside(".1"), beside(".2"));
  std::filesystem::rename(path_, beside(".1"));
  fill(2);
  const auto result = verify(parts).value();
  EXPECT_FALSE(result.first_break) << result.first_break->problem;
  EXPECT_EQ(result.head.seq, last_number(parts).value());
  std::vector<std::uint64_t> numbers;
  ASSERT_TRUE(read_after(parts, 0, [&](std::string_view line) {
    numbers.push_back(take_apart(line)->seq);
    return true;
  }));
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], i + 1);
  EXPECT_EQ(numbers.size(), result.head.seq);
  EXPECT_FALSE(verify({*newest}).value().first_break) << "alone, too";
  std::filesystem::remove(beside(".2"));
  EXPECT_EQ(verify(parts).error().code, ErrorCode::kNotFound) << "what is gone is told";
}

TEST_F(LossTest, AMissingFileInBetweenIsABreak) {
  {
    auto rotating = options();
    rotating.rotate_bytes = 2000;
    const auto log = open(std::move(rotating));
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(log->append(event("t")));
  }
  const auto parts = parts_beside(path_).value();
  std::filesystem::remove(parts[1].path);
  const auto result = verified();
  ASSERT_TRUE(result.first_break);
  EXPECT_EQ(result.first_break->file, parts[2].path);
  EXPECT_THAT(result.first_break->problem, HasSubstr("missing"));
}

TEST_F(LossTest, WithoutItsOldestFilesALogSaysWhereItBegins) {
  fill(2);
  std::filesystem::rename(path_, beside(".1"));
  fill(2);
  std::filesystem::remove(beside(".1"));
  const auto result = verified();
  EXPECT_FALSE(result.first_break);
  EXPECT_EQ(result.first, 3u);
  EXPECT_TRUE(verified(Head{2, std::string(64, 'a')}).first_break) << "an older head is not here to be seen";
}

TEST_F(LossTest, WhatOthersMayWriteIsRefused) {
  fill(1);
  ::chmod(path_.c_str(), 0666);
  EXPECT_THAT(try_open(options()).error().message, HasSubstr("may be written by anyone"));
  ::chmod(path_.c_str(), 0660);
  EXPECT_THAT(try_open(options()).error().message, HasSubstr("data_access"));
  auto group = options();
  group.writers = Writers::kGroup;
  EXPECT_TRUE(try_open(std::move(group)));
  ::chmod(path_.c_str(), 0600);
  std::filesystem::rename(path_, folder_ / "elsewhere");
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_THAT(try_open(options()).error().message, HasSubstr("is a link"));
}

}  // namespace
}  // namespace writ::audit::loss_test
