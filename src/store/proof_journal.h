// ProofJournal: the DPoP proofs that were used lately, on disk, so that none passes again after kill -9.
//
// What a proof allows happens only after the proof is written, as with the audit: after() says when. Nothing
// is synced. A machine that ends loses what was written last, and the next start knows by the machine's boot
// id that it cannot tell what was used; then all proofs of that time are refused
// (token::MemoryReplayGuard::distrust). Until when is written into the file: a further start in that time
// cannot tell either.
//
// The file is a ring of places with one proof each; a place is used again when its proof has expired. Its
// space is taken at the start, so a disk that fills up later does not stop it. One thread writes for all.
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "token/replay.h"

namespace writ::store {

inline constexpr std::string_view kProofsFile = "proofs";  // in the data folder

struct ProofJournalOptions {
  std::size_t places = 1 << 16;      // at the start, and each time that they do not suffice
  std::size_t max_places = 1 << 21;  // beyond it, what waits fails
  // What the proofs that may have been used last were to be remembered until, should the file lack them.
  Instant unknown_until{};
};

class ProofJournal {
 public:
  using Next = std::move_only_function<void(Result<void>)>;

  // Makes the file where there is none. Fails with kIo. The clock must outlive it.
  static Result<std::unique_ptr<ProofJournal>> open(const std::filesystem::path& path, const Clock& clock,
                                                    ProofJournalOptions options = {});
  ~ProofJournal();  // writes what was noted

  // Of earlier processes, what has not expired.
  const std::vector<token::UsedIdentifier>& found() const noexcept { return found_; }
  // Does it hold everything that earlier processes noted? Not after the machine ended, nor in a new file.
  bool whole() const noexcept { return whole_; }
  // Of proofs that were to be remembered until then it cannot tell. The epoch: of none.
  Instant unknown_until() const noexcept { return unknown_until_; }

  // Never waits for the disk.
  void note(const token::UsedIdentifier& used);
  // Is something noted and not written?
  bool busy() const noexcept { return busy_.load(std::memory_order_acquire); }
  // Calls back when everything that was noted before is written, or could not be: at once where nothing was.
  void after(Next next);
  // The same, and waits.
  Result<void> wait();

 private:
  ProofJournal(std::filesystem::path path, const Clock& clock, ProofJournalOptions options, int file);
  Result<void> read();
  Result<void> grow();
  void run();
  Result<void> write_guarded(const std::vector<token::UsedIdentifier>& noted);
  Result<void> write(const std::vector<token::UsedIdentifier>& noted);
  Result<std::size_t> next_place(Instant now);

  const std::filesystem::path path_;
  const Clock& clock_;
  const ProofJournalOptions options_;
  const int file_;
  std::vector<token::UsedIdentifier> found_;
  bool whole_ = false;
  Instant unknown_until_{};

  // The writer's.
  std::vector<Instant> taken_until_;  // of each place
  std::size_t next_ = 0;

  std::atomic<bool> busy_ = false;  // something is noted and not written
  std::mutex mutex_;                // of what follows
  std::condition_variable arrived_;
  std::vector<token::UsedIdentifier> noted_;
  std::vector<Next> waiting_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace writ::store
