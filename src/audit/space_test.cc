// A disk that is full: what everybody does is refused first, what stops somebody is written from the reserve.
#include <csignal>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "audit/testing/log_folder.h"
#include "codec/json.h"

namespace writ::audit::space_test {
namespace {

using testing::event;
using testing::kNow;

constexpr std::uint64_t kReserve = 1 << 20;

// A file system of four MiB of its own.
class SpaceTest : public testing::LogFolder {
 protected:
  void SetUp() override {
    LogFolder::SetUp();
    if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=4m") != 0)
      GTEST_SKIP() << "mounting a small file system takes root, with the right to mount";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    LogFolder::TearDown();
  }
  LogOptions reserving() {
    auto with = options();
    with.reserve_bytes = kReserve;
    return with;
  }
  // Takes every byte that is left.
  void fill_disk() const {
    std::ofstream out(folder_ / "filler", std::ios::binary | std::ios::app);
    const std::string piece(4096, 'x');
    while (out.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  std::uint64_t free_bytes() const {
    struct statvfs disk {};
    ::statvfs(folder_.c_str(), &disk);
    return disk.f_bavail * disk.f_frsize;
  }

  bool mounted_ = false;
};

TEST_F(SpaceTest, OfAFullDiskOrdinaryRecordsAreRefusedAndStopsAreWritten) {
  const auto log = open(reserving());
  ASSERT_TRUE(log->append(event("before")));
  fill_disk();
  const std::string large(8000, 'x');
  bool refused = false;
  for (int i = 0; i < 10 && !refused; ++i) refused = !log->append(event(large));
  ASSERT_TRUE(refused);
  EXPECT_FALSE(log->available());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(log->append(event(large, Standing::kStop))) << i;
  EXPECT_GE(free_bytes(), 128u * 1024) << "the database has room to store the stop";
  EXPECT_FALSE(log->append(event("small"))) << "what was given back is for stops";
  EXPECT_FALSE(log->available());
  EXPECT_TRUE(whole());
}

// Its record would fit; what the database writes with it would not.
TEST_F(SpaceTest, AStopOnADiskThatIsAlmostFullFindsRoomToBeStored) {
  const auto log = open(reserving());
  fill_disk();
  std::filesystem::resize_file(folder_ / "filler", std::filesystem::file_size(folder_ / "filler") - 8192);
  ASSERT_LE(free_bytes(), 8192u);
  ASSERT_TRUE(log->append(event("stop", Standing::kStop)));
  EXPECT_GE(free_bytes(), 128u * 1024);
  EXPECT_FALSE(log->append(event("ordinary"))) << "what was given back is for stops";
  EXPECT_TRUE(whole());
}

TEST_F(SpaceTest, ItIsReadyAgainByItselfWhenThereIsSpace) {
  const auto log = open(reserving());
  fill_disk();
  while (log->append(event(std::string(8000, 'x')))) {
  }
  ASSERT_TRUE(log->append(event("suspended", Standing::kStop)));
  std::filesystem::remove(folder_ / "filler");
  EXPECT_TRUE(comes([&] { return log->available(); })) << "without a request";
  EXPECT_EQ(log->stats().reserved_bytes, kReserve);
  EXPECT_TRUE(log->append(event("after")));
  EXPECT_NE(lines()[lines().size() - 2].find("audit.resumed"), std::string::npos);
  EXPECT_TRUE(whole());
}

TEST_F(SpaceTest, TokensOfOperatorsLeaveHalfOfItForStops) {
  const auto log = open(reserving());
  fill_disk();
  while (log->append(event(std::string(8000, 'x')))) {
  }
  int tokens = 0;
  while (tokens < 1000 && log->append(event(std::string(8000, 'x'), Standing::kOperator))) {
    ++tokens;
    // Others fill what is given back.
    fill_disk();
  }
  EXPECT_GT(tokens, 0);
  EXPECT_LT(tokens, 1000);
  int stops = 0;
  while (stops < 1000 && log->append(event(std::string(8000, 'x'), Standing::kStop))) {
    ++stops;
    fill_disk();
  }
  EXPECT_GT(stops, 0);
  EXPECT_TRUE(whole());
}

TEST_F(SpaceTest, WhatWasReservedIsKeptAcrossAStartWithAFullDisk) {
  open(reserving()).reset();
  fill_disk();
  const auto log = open(reserving());
  ASSERT_NE(log, nullptr);
  EXPECT_FALSE(log->available());
  EXPECT_TRUE(log->append(event("stop", Standing::kStop)));
}

TEST_F(SpaceTest, ADiskWithTooLittleForTheReserveIsToldOf) {
  std::string told;
  auto with = reserving();
  with.reserve_bytes = 16 << 20;
  with.tell = [&](const std::string& line) { told += line; };
  const auto log = open(std::move(with));
  EXPECT_FALSE(log->available());
  EXPECT_NE(told.find("16777216 bytes for stops"), std::string::npos) << told;
}

Record stranger(std::size_t size) {
  Record record{std::string(size, 'x'), Standing::kStranger};
  record.reason = "token_missing";
  return record;
}

TEST(Strangers, AreRecordedUpToALimitOfRecordsAndCountedBeyond) {
  Strangers strangers({.records_per_second = 2, .bytes_per_second = 1 << 20});
  Strangers::Time now{std::chrono::seconds(1000)};
  int recorded = 0;
  for (int i = 0; i < 100; ++i) recorded += strangers.admit(stranger(10), now) ? 1 : 0;
  EXPECT_EQ(recorded, 20) << "ten seconds' worth at once";
  EXPECT_EQ(strangers.left_out(), 80u);
  EXPECT_EQ(strangers.take()->at("token_missing"), 80u);
  EXPECT_FALSE(strangers.take());
  now += std::chrono::seconds(1);
  EXPECT_TRUE(strangers.admit(stranger(10), now));
  EXPECT_TRUE(strangers.admit(stranger(10), now));
  EXPECT_FALSE(strangers.admit(stranger(10), now));
  EXPECT_FALSE(strangers.admit(stranger(10), now - std::chrono::seconds(60))) << "no time comes back";
}

TEST(Strangers, AreRecordedUpToALimitOfBytes) {
  Strangers strangers({.records_per_second = 1000, .bytes_per_second = 100});
  const Strangers::Time now{std::chrono::seconds(1000)};
  EXPECT_TRUE(strangers.admit(stranger(600), now));
  EXPECT_FALSE(strangers.admit(stranger(600), now));
  EXPECT_TRUE(strangers.admit(stranger(400), now));
}

using StrangersTest = testing::LogFolder;

TEST_F(StrangersTest, WhatIsLeftOutIsCountedInTheChainAndToldOf) {
  std::string told;
  {
    auto with = options();
    with.strangers = {.records_per_second = 0, .bytes_per_second = 1 << 20};
    with.left_out_every = std::chrono::milliseconds(10);
    with.tell = [&](const std::string& line) { told += line; };
    const auto log = open(std::move(with));
    for (int i = 0; i < 100; ++i)
      EXPECT_TRUE(log->append(make_record(
          kNow, Decision{.reason = "token_missing", .path = "/", .standing = Standing::kStranger})));
    EXPECT_EQ(log->stats().left_out, 100u);
    ASSERT_TRUE(log->append(event("of a known caller")));
  }
  std::uint64_t counted = 0;
  for (const auto& line : lines()) {
    const auto json = codec::parse_json(line).value();
    if (*json.find_string("type") != "refusals.not_recorded") continue;
    counted += static_cast<std::uint64_t>(*json.find("reasons")->find("token_missing")->if_int());
    EXPECT_NE(json.find("since"), nullptr);
  }
  EXPECT_EQ(counted, 100u) << "also those since the last interval, at the end";
  EXPECT_NE(told.find("refusals to strangers"), std::string::npos);
  EXPECT_TRUE(whole());
}

TEST_F(StrangersTest, KnownCallersAreAllRecorded) {
  auto with = options();
  with.strangers = {.records_per_second = 0, .bytes_per_second = 0};
  const auto log = open(std::move(with));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(log->append(make_record(kNow, Decision{.reason = "policy_forbid", .path = "/"})));
  EXPECT_EQ(lines().size(), 100u);
}

}  // namespace
}  // namespace writ::audit::space_test
