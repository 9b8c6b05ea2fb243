#include "store/proof_journal.h"

#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/testing/samples.h"

namespace writ::store::proof_journal_test {
namespace {

using namespace std::chrono_literals;
using testing::Folder;
using token::MemoryReplayGuard;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class AProofJournal : public ::testing::Test {
 protected:
  // A guard as a process has it, which notes what it sees.
  struct Process {
    Process(const std::filesystem::path& path, const Clock& clock, ProofJournalOptions options)
        : journal(ProofJournal::open(path, clock, options).value()),
          guard({}, [this](const auto& used) { journal->note(used); }) {
      guard.take_over(journal->found());
    }
    bool first(int id, Instant until, Instant now) {
      return guard.first_use("client", std::to_string(id), until, now).value();
    }
    std::unique_ptr<ProofJournal> journal;
    MemoryReplayGuard guard;
  };
  std::unique_ptr<Process> start(ProofJournalOptions options = {}) {
    return std::make_unique<Process>(path_, clock_, options);
  }

  Folder folder_;
  const std::filesystem::path path_ = folder_ / "proofs";
  ManualClock clock_{kNow};
};

TEST_F(AProofJournal, WhatWasUsedBeforeARestartIsUsedUntilItExpires) {
  {
    const auto before = start();
    EXPECT_FALSE(before->journal->whole()) << "nobody knows what was before the file";
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(before->first(i, kNow + 60s, kNow));
    EXPECT_TRUE(before->journal->wait());
  }
  clock_.advance(59s);
  const auto after = start();
  EXPECT_TRUE(after->journal->whole());
  EXPECT_EQ(after->journal->found().size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(after->first(i, kNow + 60s, clock_.now()));
  EXPECT_TRUE(after->first(100, kNow + 60s, clock_.now()));
  clock_.advance(1s);
  EXPECT_TRUE(start()->journal->found().empty());
}

TEST_F(AProofJournal, WhatWasWrittenWhenItSaidSoSurvivesKill) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto process = start();
    for (int i = 0;; ++i) {
      if (!process->first(i, kNow + 60s, kNow) || !process->journal->wait()) ::_exit(3);
      if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(4);
    }
  }
  ::close(ends[1]);
  int last = -1;
  while (last < 50) ASSERT_EQ(::read(ends[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  for (int heard = 0; ::read(ends[0], &heard, sizeof heard) == sizeof heard;) last = heard;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  const auto after = start();
  EXPECT_TRUE(after->journal->whole());
  for (int i = 0; i <= last; ++i) EXPECT_FALSE(after->first(i, kNow + 60s, kNow)) << i;
}

TEST_F(AProofJournal, AfterTheMachineEndedItSaysThatItMayLackSome) {
  {
    const auto before = start();
    EXPECT_TRUE(before->first(1, kNow + 60s, kNow));
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file << "another boot";
  }
  const auto after = start();
  EXPECT_FALSE(after->journal->whole());
  EXPECT_FALSE(after->first(1, kNow + 60s, kNow));
  EXPECT_TRUE(start()->journal->whole());
}

TEST_F(AProofJournal, WhatTheMachinesEndHidFromOneStartIsHiddenFromTheNextToo) {
  start();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file << "another boot";
  }
  EXPECT_EQ(start({.unknown_until = kNow + 65s})->journal->unknown_until(), kNow + 65s);
  // Killed and started again, within that time: it is of this boot, and still lacks what it lacked.
  for (int i = 0; i < 2; ++i) {
    const auto again = start({.unknown_until = kNow + 90s});
    EXPECT_TRUE(again->journal->whole());
    EXPECT_EQ(again->journal->unknown_until(), kNow + 65s);
  }
}

TEST_F(AProofJournal, PlacesAreUsedAgainWhenTheirProofExpiredAndAddedWhenNot) {
  const auto process = start({.places = 16, .max_places = 64});
  const auto size = std::filesystem::file_size(path_);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(process->first(i, clock_.now() + 60s, clock_.now()));
    EXPECT_TRUE(process->journal->wait());
    clock_.advance(60s);
  }
  EXPECT_EQ(std::filesystem::file_size(path_), size);
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(process->first(1000 + i, clock_.now() + 60s, clock_.now()));
  EXPECT_TRUE(process->journal->wait());
  EXPECT_TRUE(process->first(2000, clock_.now() + 60s, clock_.now()));
  EXPECT_EQ(process->journal->wait().error().code, ErrorCode::kLimit);
  EXPECT_EQ(start({.places = 16, .max_places = 64})->journal->found().size(), 64u);
}

TEST_F(AProofJournal, CallsBackAtOnceWhenNothingWasNoted) {
  const auto process = start();
  bool called = false;
  process->journal->after([&](const Result<void>& written) { called = written.has_value(); });
  EXPECT_TRUE(called);
}

TEST_F(AProofJournal, AFileThatIsNoJournalIsWrittenOver) {
  std::ofstream(path_) << std::string(5000, 'x');
  const auto process = start();
  EXPECT_FALSE(process->journal->whole());
  EXPECT_TRUE(process->journal->found().empty());
  EXPECT_TRUE(process->first(1, kNow + 60s, kNow));
  EXPECT_TRUE(process->journal->wait());
  EXPECT_EQ(start()->journal->found().size(), 1u);
}

TEST_F(AProofJournal, OnADiskThatIsFullAtTheStartProofsAreRefusedUntilThereIsRoom) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto process = start();
  const bool nothing_noted = process->journal->wait().has_value();
  (void)process->first(1, kNow + 60s, kNow);
  const auto refused = process->journal->wait();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(nothing_noted) << "who brings no proof is not its concern";
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_TRUE(process->first(2, kNow + 60s, kNow));
  EXPECT_TRUE(process->journal->wait());
}

TEST_F(AProofJournal, ALinkInItsPlaceIsRefused) {
  std::ofstream(folder_ / "elsewhere") << "not a journal";
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_EQ(ProofJournal::open(path_, clock_).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace writ::store::proof_journal_test
