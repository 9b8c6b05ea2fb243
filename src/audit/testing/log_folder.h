// A folder with an audit log in it, and heads that are noted in memory, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/log.h"
#include "audit/verify.h"

namespace writ::audit::testing {

inline const Instant kNow = instant_from_unix_seconds(1'750'000'000);

inline Record event(std::string_view object, Standing standing = Standing::kOrdinary) {
  return make_record(kNow,
                     Event{.type = "task.ended", .actor = "portal", .object = object, .standing = standing});
}

class MemoryHeads final : public HeadStore {
 public:
  Result<std::optional<Head>> load_head() override { return head(); }
  Result<void> save_head(const Head& head) override {
    const std::lock_guard lock(mutex_);
    if (fails) return failure(ErrorCode::kIo, "the database is gone");
    head_ = head;
    return {};
  }
  std::optional<Head> head() const {
    const std::lock_guard lock(mutex_);
    return head_;
  }
  void set(std::optional<Head> head) {
    const std::lock_guard lock(mutex_);
    head_ = std::move(head);
  }
  bool fails = false;

 private:
  mutable std::mutex mutex_;
  std::optional<Head> head_;
};

class LogFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-audit-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ / "audit.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  LogOptions options() { return {.durable = false, .tick = std::chrono::milliseconds(20), .heads = &heads_}; }
  Result<std::unique_ptr<Log>> try_open(LogOptions options) const {
    return Log::open(path_, std::move(options), kNow);
  }
  std::unique_ptr<Log> open(LogOptions options) const {
    auto log = try_open(std::move(options));
    EXPECT_TRUE(log) << log.error().message;
    return log ? *std::move(log) : nullptr;
  }
  std::unique_ptr<Log> open() { return open(options()); }
  void fill(int records) {
    const auto log = open();
    for (int i = 0; i < records; ++i) ASSERT_TRUE(log->append(event("t-" + std::to_string(i))));
  }
  static std::vector<std::string> lines_of(const std::filesystem::path& file) {
    std::vector<std::string> all;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  std::vector<std::string> lines() const { return lines_of(path_); }
  void write(const std::vector<std::string>& all) const {
    std::ofstream out(path_, std::ios::trunc);
    for (const auto& line : all) out << line << '\n';
  }
  // Of all files in the folder.
  Verification verified(const std::optional<Head>& expected = std::nullopt) const {
    std::vector<std::filesystem::path> left_out;
    const auto parts = parts_of({folder_}, left_out);
    EXPECT_TRUE(parts);
    return verify(*parts, expected).value();
  }
  bool whole() const {
    const auto result = verified();
    if (result.first_break) ADD_FAILURE() << result.first_break->file << ": " << result.first_break->problem;
    return !result.first_break;
  }
  // Within five seconds.
  template <class Condition>
  static bool comes(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  std::filesystem::path folder_, path_;
  MemoryHeads heads_;
};

}  // namespace writ::audit::testing
