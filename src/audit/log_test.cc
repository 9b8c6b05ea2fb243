#include "audit/log.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "audit/lines.h"
#include "audit/verify.h"
#include "base/blocking.h"
#include "codec/json.h"

namespace writ::audit::log_test {
namespace {

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

Record event(std::string_view object) {
  return make_record(kNow, Event{.type = "task.ended", .actor = "portal", .object = object});
}

class LogTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-audit-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ / "audit.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Log> open() const {
    auto log = Log::open(path_, {.durable = GetParam()}, kNow);
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  void fill(int records) const {
    const auto log = open();
    for (int i = 0; i < records; ++i) ASSERT_TRUE(log->append(event("t-" + std::to_string(i))));
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  void write(const std::vector<std::string>& all) const {
    std::ofstream out(path_, std::ios::trunc);
    for (const auto& line : all) out << line << '\n';
  }
  // The number of the first record that is not as it was; 0: none.
  std::uint64_t first_break(const std::optional<Head>& expected = std::nullopt) const {
    const auto result = verify(path_, expected);
    EXPECT_TRUE(result);
    return result->first_break ? result->first_break->seq : 0;
  }

  std::filesystem::path folder_, path_;
};
INSTANTIATE_TEST_SUITE_P(Modes, LogTest, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "durable" : "buffered"; });

TEST_P(LogTest, GoesOnWithItsChainAfterARestart) {
  fill(3);
  fill(2);
  EXPECT_EQ(lines().size(), 5u);
  EXPECT_EQ(first_break(), 0u);
  EXPECT_EQ(open()->head().seq, 5u);
}

TEST_P(LogTest, AnyAlteredByteIsFound) {
  fill(3);
  const auto whole = lines();
  for (std::size_t at = 0; at < whole[1].size(); ++at) {
    auto changed = whole;
    changed[1][at] = changed[1][at] == 'x' ? 'y' : 'x';
    write(changed);
    ASSERT_EQ(first_break(), 2u) << at;
  }
}

TEST_P(LogTest, ADroppedAndAMovedRecordAreFound) {
  fill(4);
  const auto all = lines();
  write({all[0], all[2], all[3]});
  EXPECT_EQ(first_break(), 2u);
  write({all[1], all[2], all[3]});
  EXPECT_EQ(first_break(), 1u);
  write({all[0], all[2], all[1], all[3]});
  EXPECT_EQ(first_break(), 2u);
  write({all[0], all[1], all[1], all[2]});
  EXPECT_NE(first_break(), 0u);
}

TEST_P(LogTest, ACutEndIsFoundAgainstAHeadThatWasNoted) {
  fill(4);
  const auto head = open()->head();
  EXPECT_EQ(first_break(head), 0u);
  auto all = lines();
  all.pop_back();
  write(all);
  EXPECT_EQ(first_break(), 0u) << "the chain alone cannot know";
  EXPECT_NE(first_break(head), 0u);
  EXPECT_EQ(head_from_text(head_text(head)), head);
}

TEST_P(LogTest, AnUnfinishedLastLineIsCutOffAndToldOf) {
  fill(2);
  std::ofstream(path_, std::ios::app) << R"({"seq":3,"prev":"00)";
  EXPECT_NE(first_break(), 0u);
  const auto log = open();
  EXPECT_EQ(first_break(), 0u);
  EXPECT_NE(lines().back().find("audit.recovered"), std::string::npos);
}

TEST_P(LogTest, ALastRecordThatIsNotOursStopsTheStart) {
  fill(2);
  auto all = lines();
  all[1][all[1].find("portal")] = 'P';
  write(all);
  EXPECT_EQ(Log::open(path_, {.durable = GetParam()}, kNow).error().code, ErrorCode::kCorrupt);
  write({"this is a letter"});
  EXPECT_EQ(Log::open(path_, {.durable = GetParam()}, kNow).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(lines().size(), 1u) << "it stays as it was";
}

TEST_P(LogTest, KnowsUntilWhenTheFileWasWritten) {
  EXPECT_EQ(open()->written_until(), std::nullopt);
  fill(2);
  EXPECT_EQ(open()->written_until(), kNow);
}

TEST(RecordTime, IsReadAsItIsWritten) {
  const auto time = Instant(Duration(1'750'000'000'123));
  EXPECT_EQ(parse_time(format_time(time)), time);
  for (const auto* other :
       {"", "2026-11-23", "2026-13-23T09:15:00.123Z", "2026-11-23T09:15:00.123+01:00",
        "2026-11-23T24:15:00.123Z", "2026-11-23T09:15:00.12Z", "2026-02-30T09:15:00.123Z"})
    EXPECT_EQ(parse_time(other), std::nullopt) << other;
}

TEST_P(LogTest, ManyThreadsEachHearOnceAndTheChainIsWhole) {
  std::atomic<int> heard = 0;
  {
    const auto log = open();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 100; ++n)
          log->append(event("t"), [&](const Result<void>& written) { heard += written ? 1 : 0; });
      });
    }
  }
  EXPECT_EQ(heard, 400);
  EXPECT_EQ(lines().size(), 400u);
  EXPECT_EQ(first_break(), 0u);
}

// In a process of its own: its limit on files stands for the full disk.
TEST_P(LogTest, AFullDiskRefusesAndKeepsWhatWasAcknowledged) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto log = Log::open(path_, {.durable = GetParam(), .tick = std::chrono::hours(1)}, kNow);
    int good = 0, bad = 0;
    for (int i = 0; i < 40; ++i) (*log)->append(event("t")) ? ++good : ++bad;
    const rlimit room{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &room);
    const bool again = (*log)->append(event("again")).has_value();
    log->reset();
    ::_exit(bad > 0 && again ? good : 255);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  const int good = WEXITSTATUS(status);
  ASSERT_GT(good, 0);
  ASSERT_LT(good, 40);
  EXPECT_EQ(lines().size(), static_cast<std::size_t>(good) + 1);
  EXPECT_EQ(first_break(), 0u);
}

TEST(Record, LeavesOutWhatIsAbsentAndEscapesWhatCallersSent) {
  const auto record = make_record(
      kNow,
      Decision{
          .point = "gateway", .effect = "deny", .reason = "token_missing", .path = "/a\"\n\x01{\"seq\":1}"});
  const auto json = codec::parse_json("{" + record.members + "}");
  ASSERT_TRUE(json) << record.members;
  EXPECT_EQ(*json->find_string("path"), "/a\"\n\x01{\"seq\":1}");
  EXPECT_EQ(json->find("subject"), nullptr);
  EXPECT_EQ(record.members.find('\n'), std::string::npos) << "one record, one line";
}

codec::Json json_of(const Record& record) {
  return codec::parse_json("{" + record.members + "}").value();
}

TEST(Record, CutsLongTextsBetweenCharactersAndSaysSo) {
  std::string path(kMaxTextBytes + 1000, 'a');
  for (std::size_t i = 1; i + 1 < path.size(); i += 2) path.replace(i, 2, "\xc3\xa9");
  const auto json = json_of(make_record(kNow, Decision{.method = "GET", .path = path}));
  EXPECT_LE(json.find_string("path")->size(), kMaxTextBytes);
  EXPECT_EQ(json.find("cut")->dump(), fmt::format(R"({{"path":{}}})", path.size()));
  EXPECT_EQ(json_of(make_record(kNow, Decision{.path = "/short"})).find("cut"), nullptr);
}

TEST(Record, KeepsLittleOfWhatAStrangerSent) {
  const std::string path(6000, 'a');
  const auto record =
      make_record(kNow, Decision{.reason = "token_missing", .path = path, .standing = Standing::kStranger});
  EXPECT_LT(record.members.size(), 600u);
  EXPECT_EQ(record.reason, "token_missing");
  EXPECT_EQ(json_of(record).find("cut")->dump(), R"({"path":6000})");
}

TEST(Record, AnEventsDetailIsWhole) {
  const std::string scope(200'000, 's');
  EXPECT_EQ(*json_of(make_record(kNow, Event{.type = "task.opened", .detail = scope})).find_string("detail"),
            scope);
}

TEST(Record, AListThatIsTooLongSaysSo) {
  const std::string name(1000, 'p');
  const std::vector<std::string_view> policies(40, name);
  const auto json = json_of(make_record(kNow, Decision{.policies = policies}));
  EXPECT_EQ(json.find("policies")->if_array()->size(), 16u);
  EXPECT_EQ(json.find("cut")->dump(), R"({"policies":40000})");
}

TEST_P(LogTest, ARecordThatIsTooLargeIsRefusedAndNothingOfItIsWritten) {
  const auto log = open();
  const std::string large(kMaxRecordBytes + 1, 'x');
  const auto refused = log->append(make_record(kNow, Event{.type = "task.opened", .detail = large}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  const std::string fits(kMaxRecordBytes - 200, 'x');
  EXPECT_TRUE(log->append(make_record(kNow, Event{.type = "task.opened", .detail = fits})));
  EXPECT_EQ(lines().size(), 1u);
  EXPECT_EQ(first_break(), 0u);
}

TEST_P(LogTest, WhatIsNotFinishedYetIsNoFaultWhileItIsWritten) {
  const auto log = open();
  ASSERT_TRUE(log->append(event("t")));
  std::ofstream(path_, std::ios::app) << R"({"seq":2,"prev":"00)";
  auto result = verify(path_).value();
  EXPECT_FALSE(result.first_break);
  EXPECT_EQ(result.unfinished, 19u);
  std::ofstream(path_, std::ios::app) << std::string(kMaxLineBytes, 'x');
  EXPECT_NE(first_break(), 0u) << "but for what no record can be";
}

TEST_P(LogTest, IsVerifiedWhileItIsWrittenWithoutAFalseAlarm) {
  const auto log = open();
  std::atomic<int> writing = 2;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      const std::string large(5000, 'x');
      for (int n = 0; n < 200; ++n) static_cast<void>(log->append(event(large)));
      --writing;
    });
  }
  while (writing > 0) ASSERT_EQ(first_break(), 0u);
}

TEST_P(LogTest, WhatBreaksWhileABatchIsWrittenRefusesThatBatchAndNothingElse) {
  std::atomic<bool> broken = true;
  auto log = Log::open(path_,
                       {.durable = GetParam(),
                        .before_write =
                            [&] {
                              if (broken) throw std::bad_alloc();
                            }},
                       kNow);
  ASSERT_TRUE(log);
  EXPECT_FALSE((*log)->append(event("t")));
  broken = false;
  EXPECT_TRUE((*log)->append(event("t")));
  EXPECT_EQ(first_break(), 0u);
}

TEST_P(LogTest, WhatBreaksWhileAnOutcomeIsToldConcernsThatCallerOnly) {
  const auto log = open();
  log->append(event("t"), [](const Result<void>&) { throw std::bad_alloc(); });
  EXPECT_TRUE(log->append(event("t")));
  EXPECT_EQ(lines().size(), 2u);
}

TEST_P(LogTest, NoCallerOfAnAppendWritesToDisk) {
  const auto log = open();
  std::promise<std::thread::id> told;
  const ThreadNeverBlocks loop;
  log->append(event("t"), [&](const Result<void>&) { told.set_value(std::this_thread::get_id()); });
  EXPECT_NE(told.get_future().get(), std::this_thread::get_id());
  EXPECT_THROW((void)log->append(event("waits")), std::logic_error);
}

TEST_P(LogTest, AnyRecordIsFoundWithoutReadingTheLog) {
  const auto log = open();
  for (int i = 1; i <= 300; ++i) {
    // Lines of every length, among them such that are longer than a piece that is read.
    const std::string object(static_cast<std::size_t>(i % 50 == 0 ? 40'000 : i % 7), 'x');
    log->append(event(object), [](const Result<void>&) {});
  }
  ASSERT_TRUE(log->append(event("last")));
  const auto read = Lines::open(path_).value();
  for (std::uint64_t after = 0; after < 301; ++after) {
    const auto line = read.at(read.after(after).value()).value();
    ASSERT_TRUE(line) << after;
    EXPECT_EQ(take_apart(*line)->seq, after + 1);
  }
  EXPECT_EQ(read.after(301).value(), read.size().value());
  EXPECT_EQ(read.after(INT64_MAX).value(), read.size().value());
}

TEST(Record, AnObjectIsWholeOrNotThere) {
  const auto json_of = [](std::string attributes) {
    const auto record = make_record(kNow, Decision{.attributes = std::move(attributes)});
    return codec::parse_json("{" + record.members + "}").value();
  };
  const auto object = [](std::size_t size) { return R"({"a":")" + std::string(size - 8, 'x') + R"("})"; };
  EXPECT_EQ(json_of("").find("attributes"), nullptr);
  EXPECT_EQ(json_of(object(kMaxObjectBytes)).find("attributes")->dump(), object(kMaxObjectBytes));
  EXPECT_TRUE(json_of(object(kMaxObjectBytes + 1)).find("attributes")->is_null());
}

TEST(Record, TellsWhatTheDecisionReadOfTheToken) {
  const auto record = make_record(kNow, Decision{.claims = {{"environment", "production"},
                                                            {"purpose", ""},
                                                            {"acr", "mfa"},
                                                            {"auth_time", {}, kNow - Duration(1)}},
                                                 .issued_at = kNow,
                                                 .sender_bound = true});
  const auto json = codec::parse_json("{" + record.members + "}").value();
  EXPECT_EQ(*json.find_string("environment"), "production");
  EXPECT_EQ(*json.find_string("acr"), "mfa");
  EXPECT_EQ(json.find("purpose"), nullptr);
  EXPECT_EQ(*json.find_string("issued_at"), "2025-06-15T15:06:40.000Z");
  EXPECT_EQ(*json.find_string("auth_time"), "2025-06-15T15:06:39.999Z");
  EXPECT_EQ(json.find("sender_bound")->dump(), "true");
}

TEST(Record, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(format_time(kNow + Duration(7)), "2025-06-15T15:06:40.007Z");
  EXPECT_EQ(format_time(Instant()), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(Instant() - Duration(1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(Instant(Duration(951'782'400'000))), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(format_time(Instant(Duration(253'402'300'799'999))), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace writ::audit::log_test
