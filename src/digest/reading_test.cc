// A log read with an index is the log read without one; and a log that was changed is never believed.
#include "digest/reading.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

#include "audit/chain.h"
#include "audit/record.h"

namespace writ::digest::reading_test {
namespace {

namespace fs = std::filesystem;

const Instant kBegin = instant_from_unix_seconds(1'780'000'000);
const IndexUse kAlways{.use = true, .keep = true, .least_bytes = 0};
const IndexUse kNever{.use = false, .keep = false};

class ReadingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-digest-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path path(std::string_view name = "audit.log") const { return folder_ / name; }

  // Appends records of many kinds; the same ones for the same seed.
  void write(int count, const fs::path& file, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::string lines;
    for (int i = 0; i < count; ++i) {
      time_ += std::chrono::milliseconds(random() % 5'000'000);
      if (random() % 9 == 0) {
        audit::append_line(
            lines, head_,
            audit::make_record(time_,
                               audit::Event{.type = random() % 2 == 0 ? "task.opened" : "server.started",
                                            .object = fmt::format("t-{}", i),
                                            .detail = R"({"a":"b"})"})
                .members);
        continue;
      }
      const auto user = fmt::format("user \"{}\"", random() % 20),
                 client = fmt::format("app-{}", random() % 3);
      const auto action = fmt::format("Shop::Action::\"a{}\"", random() % 3);
      const std::string_view policies[] = {"users", "apps"};
      const auto resource = fmt::format("Shop::Order::\"{}\"", i);
      audit::append_line(
          lines, head_,
          audit::make_record(time_, audit::Decision{.point = "gateway",
                                                    .effect = random() % 5 == 0 ? "deny" : "permit",
                                                    .subject = user,
                                                    .client = client,
                                                    .api = "shop",
                                                    .action = action,
                                                    .resource = resource,
                                                    .task = random() % 2 == 0 ? "t-1" : "",
                                                    .claims = {{"purpose", "support"}},
                                                    .sender_bound = random() % 2 == 0,
                                                    .policies = policies,
                                                    .permits = "[[0],[1]]",
                                                    .policy_revision = "r1"})
              .members);
    }
    std::ofstream(file, std::ios::app) << lines;
  }
  std::vector<audit::Part> parts() const {
    std::vector<fs::path> left_out;
    auto all = audit::parts_of({folder_}, left_out).value();
    EXPECT_EQ(std::vector<fs::path>(), left_out);
    return all;
  }
  // Everything that a visitor can know, as text.
  struct Seen {
    std::vector<std::string> all;
    std::uint64_t indexed, read, verified;
    std::vector<std::string> notes;
  };
  Seen seen(IndexUse use) const {
    const auto log = parts();
    LogReading reading(log, use);
    Seen seen;
    const auto done = reading.each([&](const Entry& entry) -> Result<void> {
      auto line = reading.line(entry);
      seen.all.push_back(fmt::format("{} {} {} {} {}", entry.number, unix_millis(entry.time),
                                     reading.kind(entry.kind).encoded(), reading.name(entry.name),
                                     line ? *line : line.error().message));
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    seen.indexed = reading.indexed();
    seen.read = reading.read();
    seen.verified = reading.verified();
    seen.notes = reading.notes();
    return seen;
  }
  std::vector<fs::path> indexes() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().filename().string().starts_with("writ-index-")) all.push_back(entry.path());
    return all;
  }
  static std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  static void put_text(const fs::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  fs::path folder_;
  audit::Head head_;
  Instant time_ = kBegin;
};

TEST_F(ReadingTest, WithAnIndexEverythingIsAsWithoutOne) {
  write(300, path());
  const auto plain = seen(kNever);
  ASSERT_EQ(300u, plain.all.size());
  const auto first = seen(kAlways);
  EXPECT_EQ(plain.all, first.all);
  EXPECT_EQ(300u, first.read);
  const auto second = seen(kAlways);
  EXPECT_EQ(plain.all, second.all);
  EXPECT_EQ(300u, second.indexed);
  EXPECT_EQ(0u, second.read);
}

TEST_F(ReadingTest, WhoStopsDoesNotWaitForTheRestOfTheLog) {
  write(300, path());
  const auto log = parts();
  for (const bool indexed : {false, true}) {
    if (indexed) seen(kAlways);
    IndexUse use = kAlways;
    use.stop = [] { return true; };
    LogReading reading(log, use);
    const auto read = reading.each([](const Entry&) -> Result<void> { return {}; });
    ASSERT_FALSE(read);
    EXPECT_EQ(ErrorCode::kUnavailable, read.error().code);
    EXPECT_EQ(0u, reading.read() + reading.indexed());
  }
}

TEST_F(ReadingTest, WhatWasAppendedIsReadInTheLogAndAddedToTheIndex) {
  write(100, path());
  seen(kAlways);
  write(50, path(), 2);
  const auto grown = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, grown.all);
  EXPECT_EQ(100u, grown.indexed);
  EXPECT_EQ(50u, grown.read);
  const auto again = seen(kAlways);
  EXPECT_EQ(150u, again.indexed);
  EXPECT_EQ(grown.all, again.all);
}

TEST_F(ReadingTest, MoreRecordsThanABlockHasStandInSeveral) {
  write(static_cast<int>(kBlockRows) + 10, path());
  const auto plain = seen(kNever);
  EXPECT_EQ(plain.all, seen(kAlways).all);
  const auto second = seen(kAlways);
  EXPECT_EQ(plain.all, second.all);
  EXPECT_EQ(kBlockRows + 10, second.indexed);
}

TEST_F(ReadingTest, EachFileOfARotatedLogKeepsItsIndexUnderAnyName) {
  write(60, path());
  seen(kAlways);
  fs::rename(path(), path("audit.log.1"));
  write(40, path(), 2);
  const auto all = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, all.all);
  EXPECT_EQ(60u, all.indexed);
  EXPECT_EQ(40u, all.read);
  EXPECT_EQ(2u, indexes().size());
}

TEST_F(ReadingTest, ALogThatWasChangedInTheMiddleIsNeverBelievedByAnOlderIndex) {
  write(100, path());
  seen(kAlways);
  auto text = text_of(path());
  const auto at = text.find("\"effect\":\"permit\"", text.size() / 2);
  ASSERT_NE(text.npos, at);
  text.replace(at, 17, "\"effect\":\"nobody\"");
  put_text(path(), text);
  const auto changed = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, changed.all);
  EXPECT_EQ(0u, changed.indexed);
  ASSERT_EQ(2u, changed.notes.size());
  EXPECT_NE(std::string::npos, changed.notes[0].find("not the one that the index was made of"));
  EXPECT_NE(std::string::npos, changed.notes[1].find("does not verify")) << changed.notes[1];
  // What is before the change is whole, and may be in an index.
  const auto again = seen(kAlways);
  EXPECT_EQ(changed.all, again.all);
  EXPECT_GT(again.indexed, 0u);
  EXPECT_LT(again.indexed, 60u);
}

TEST_F(ReadingTest, ALogThatWasWrittenAnewIsNeverBelievedByAnOlderIndex) {
  write(100, path());
  seen(kAlways);
  const auto first_line = text_of(path()).substr(0, text_of(path()).find('\n') + 1);
  // The same first record, so the same name of the index, and others behind it.
  fs::remove(path());
  put_text(path(), first_line);
  head_ = {
      1, std::string(audit::take_apart(std::string_view(first_line).substr(0, first_line.size() - 1))->hash)};
  write(120, path(), 7);
  const auto anew = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, anew.all);
  EXPECT_EQ(0u, anew.indexed);
  EXPECT_EQ(121u, seen(kAlways).indexed);
}

TEST_F(ReadingTest, ALogThatWasCutOffIsNeverBelievedByAnOlderIndex) {
  write(100, path());
  seen(kAlways);
  const auto text = text_of(path());
  put_text(path(), text.substr(0, text.find('\n', text.size() / 2) + 1));
  const auto cut = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, cut.all);
  EXPECT_EQ(0u, cut.indexed);
}

TEST_F(ReadingTest, OnlyAFileThatNobodyTouchedSinceIsNotVerifiedAgain) {
  write(100, path());
  // To a clock that is behind, every change may have been made just now.
  auto use = kAlways;
  use.now = kBegin;
  seen(use);
  EXPECT_EQ(100u, seen(use).verified);
  use.now = instant_from_unix_seconds(4'000'000'000);
  EXPECT_EQ(100u, seen(use).verified);
  EXPECT_EQ(0u, seen(use).verified);
  // Even one that has its old size and time of modification.
  const auto modified = fs::last_write_time(path());
  auto text = text_of(path());
  const auto at = text.find("support", text.size() / 2);
  text.replace(at, 7, "abcdefg");
  // The system's clock of files goes in steps.
  const auto before = stamp_of(path(), *use.now);
  do {
    put_text(path(), text);
    fs::last_write_time(path(), modified);
  } while (stamp_of(path(), *use.now) == before);
  const auto changed = seen(use);
  EXPECT_EQ(100u, changed.verified);
  EXPECT_EQ(0u, changed.indexed);
  EXPECT_EQ(seen(kNever).all, changed.all);
}

TEST_F(ReadingTest, AStampIsOfOneFileAtOneTime) {
  write(10, path());
  seen(kAlways);
  auto index = Index::open(indexes().front(), parts().front());
  ASSERT_TRUE(index && index->lock());
  const Stamp stamp{1, 2, 3, 4, 5};
  ASSERT_TRUE(index->add(stamp));
  const auto read = Index::open(indexes().front(), parts().front());
  EXPECT_EQ(stamp, read->stamp());
  EXPECT_NE((Stamp{1, 2, 3, 4, 6}), *read->stamp());
  // Of this file it is not, so the log was verified, and it is the same as before.
  EXPECT_EQ(seen(kNever).all, seen(kAlways).all);
}

TEST_F(ReadingTest, ADamagedIndexIsUsedUpToTheDamageOrNotAtAll) {
  write(200, path());
  seen(kAlways);
  const auto plain = seen(kNever);
  const auto file = indexes().front();
  const auto whole = text_of(file);
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    auto damaged = whole;
    if (i % 2 == 0) {
      damaged.resize(random() % whole.size());
    } else {
      damaged[random() % whole.size()] ^= static_cast<char>(1 + random() % 255);
    }
    put_text(file, damaged);
    ASSERT_EQ(plain.all, seen(kAlways).all) << i;
    // It was mended.
    ASSERT_EQ(200u, seen(kAlways).indexed) << i;
  }
}

TEST_F(ReadingTest, ARecordThatDoesNotVerifyIsInNoIndexAndIsReadAllTheSame) {
  write(30, path());
  std::ofstream(path(), std::ios::app)
      << "{\"seq\":31,\"time\":\"2026-06-01T00:00:00.000Z\",\"type\":\"x\"}\nno record\n";
  for (int i = 0; i < 2; ++i) {
    const auto all = seen(kAlways);
    EXPECT_EQ(32u, all.all.size());
    EXPECT_EQ(seen(kNever).all, all.all);
    EXPECT_EQ(i == 0 ? 0u : 30u, all.indexed);
  }
}

TEST_F(ReadingTest, AnUnfinishedLineIsReadOnceItIsWhole) {
  write(20, path());
  const auto text = text_of(path());
  const auto last = text.rfind('\n', text.size() - 2) + 1;
  put_text(path(), text.substr(0, last + 40));
  EXPECT_EQ(19u, seen(kAlways).all.size());
  put_text(path(), text);
  const auto whole = seen(kAlways);
  EXPECT_EQ(20u, whole.all.size());
  EXPECT_EQ(19u, whole.indexed);
}

TEST_F(ReadingTest, ASmallFileGetsNoIndexAndWhoWantsNoneGetsNone) {
  write(20, path());
  seen({});
  seen({.use = true, .keep = false, .least_bytes = 0});
  seen(kNever);
  EXPECT_TRUE(indexes().empty());
}

TEST_F(ReadingTest, WhereNoIndexCanBeWrittenTheLogIsRead) {
  write(20, path());
  fs::create_directory(*Index::path_for(parts().front()));
  const auto all = seen(kAlways);
  EXPECT_EQ(20u, all.all.size());
  ASSERT_EQ(1u, all.notes.size());
  EXPECT_NE(std::string::npos, all.notes[0].find("cannot write"));
}

TEST_F(ReadingTest, WhileSomebodyElseMakesTheIndexLongerTheLogIsRead) {
  write(50, path());
  seen(kAlways);
  write(10, path(), 2);
  auto other = Index::open(indexes().front(), parts().front());
  ASSERT_TRUE(other && other->lock());
  const auto all = seen(kAlways);
  EXPECT_EQ(seen(kNever).all, all.all);
  EXPECT_EQ(50u, all.indexed);
  ASSERT_EQ(1u, all.notes.size());
}

TEST_F(ReadingTest, WhoMayReadTheLogMayReadItsIndexAndNobodyElse) {
  write(20, path());
  fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_write);
  seen(kAlways);
  const auto perms = fs::status(indexes().front()).permissions();
  EXPECT_EQ(fs::perms::none, perms & (fs::perms::group_all | fs::perms::others_all));
}

TEST_F(ReadingTest, AVisitorThatFailsEndsIt) {
  write(20, path());
  for (const auto& use : {kNever, kAlways, kAlways}) {
    const auto log = parts();
    LogReading reading(log, use);
    int count = 0;
    const auto done = reading.each([&](const Entry&) -> Result<void> {
      if (++count == 5) return failure(ErrorCode::kLimit, "enough");
      return {};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ("enough", done.error().message);
    EXPECT_EQ(5, count);
  }
}

TEST(Kind, ItIsTheSameAfterItWasWrittenAndRead) {
  const RecordKind kind{.what = RecordKind::What::kPermitted,
                        .type = "decision",
                        .in_task = true,
                        .is_public = true,
                        .point = "gateway",
                        .api = "",
                        .action = std::string("a\0b\x1f", 4),
                        .resource_type = "T",
                        .revision = "r",
                        .purpose = "p",
                        .environment = "e",
                        .client = "c",
                        .actors = {"x", ""},
                        .policies = {"p1"},
                        .permits = "[[0]]"};
  const auto bytes = kind.encoded();
  EXPECT_EQ(kind, RecordKind::decoded(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(RecordKind::decoded(bytes.substr(0, size))) << size;
  EXPECT_FALSE(RecordKind::decoded(bytes + "x"));
}

TEST(Digest, WhatIsNoRecordIsUnreadable) {
  for (const auto line : {"", "{}", "[]", R"({"seq":1})", R"({"seq":0,"time":"2026-06-01T00:00:00.000Z"})",
                          R"({"seq":1,"time":"today"})", R"({"seq":"1","time":"2026-06-01T00:00:00.000Z"})"})
    EXPECT_EQ(RecordKind::What::kUnreadable, digest_of(line).kind.what) << line;
}

TEST(Digest, OfAListThatWasCutNobodyKnowsTheRevision) {
  const auto told = digest_of(
      R"({"seq":1,"time":"2026-06-01T00:00:00.000Z","type":"decision","effect":"permit","policies":["a"],"policy_revision":"r","cut":{"policies":99}})");
  EXPECT_EQ("", told.kind.revision);
  EXPECT_EQ(RecordKind::What::kPermitted, told.kind.what);
}

}  // namespace
}  // namespace writ::digest::reading_test
