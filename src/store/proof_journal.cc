#include "store/proof_journal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blocking.h"

namespace writ::store {
namespace {

using token::UsedIdentifier;

// "writ-proofs-1", the boot id, zeros.
constexpr std::size_t kHeadBytes = 64;
constexpr std::string_view kMagic = "writ-proofs-1\n";
// The digest, then milliseconds since the epoch, the least significant byte first.
constexpr std::size_t kPlaceBytes = 24;
using Head = std::array<char, kHeadBytes>;
using Place = std::array<std::uint8_t, kPlaceBytes>;

Head head_of_this_boot() {
  Head head{};
  std::ranges::copy(kMagic, head.begin());
  std::string boot_id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
  std::copy_n(boot_id.begin(), std::min(boot_id.size(), kHeadBytes - kMagic.size()),
              head.begin() + kMagic.size());
  return head;
}

Place place_of(const UsedIdentifier& used) {
  Place place;
  std::ranges::copy(used.digest, place.begin());
  auto millis = static_cast<std::uint64_t>(unix_millis(used.until));
  for (std::size_t i = used.digest.size(); i < place.size(); ++i, millis >>= 8)
    place[i] = static_cast<std::uint8_t>(millis);
  return place;
}

UsedIdentifier used_of(const Place& place) {
  UsedIdentifier used;
  std::copy_n(place.begin(), used.digest.size(), used.digest.begin());
  std::uint64_t millis = 0;
  for (std::size_t i = place.size(); i-- > used.digest.size();) millis = millis << 8 | place[i];
  used.until = Instant(Duration(static_cast<Duration::rep>(millis)));
  return used;
}

Result<void> write_at(int file, const void* bytes, std::size_t count, std::size_t at) {
  const auto* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const auto written = ::pwrite(file, from, count, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failure(ErrorCode::kIo, std::strerror(errno));
    from += written;
    count -= static_cast<std::size_t>(written);
    at += static_cast<std::size_t>(written);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ProofJournal>> ProofJournal::open(const std::filesystem::path& path,
                                                         const Clock& clock, ProofJournalOptions options) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (file < 0)
    return failure(ErrorCode::kIo, fmt::format("cannot open the journal of proofs `{}`: {}", path.string(),
                                               std::strerror(errno)));
  std::unique_ptr<ProofJournal> journal(new ProofJournal(path, clock, options, file));
  if (auto begun = journal->read(); !begun)
    return failure(ErrorCode::kIo, fmt::format("cannot use the journal of proofs `{}`: {}", path.string(),
                                               begun.error().message));
  journal->writer_ = std::thread([self = journal.get()] { self->run(); });
  return journal;
}

ProofJournal::ProofJournal(std::filesystem::path path, const Clock& clock, ProofJournalOptions options,
                           int file)
    : path_(std::move(path)), clock_(clock), options_(options), file_(file) {}

ProofJournal::~ProofJournal() {
  if (writer_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    arrived_.notify_one();
    writer_.join();
  }
  ::close(file_);
}

// What an earlier version, or somebody else, wrote there is no proof, and is written over.
Result<void> ProofJournal::read() {
  const auto mine = head_of_this_boot();
  Head head{};
  const bool ours = ::pread(file_, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
                    std::string_view(head.data(), kMagic.size()) == kMagic;
  whole_ = ours && head == mine;
  const auto now = clock_.earliest();
  Place place;
  for (auto at = kHeadBytes; ours && taken_until_.size() < options_.max_places; at += kPlaceBytes) {
    if (::pread(file_, place.data(), place.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(place.size()))
      break;
    const auto used = used_of(place);
    taken_until_.push_back(used.until);
    if (used.until > now) found_.push_back(used);
  }
  if (!ours && ::ftruncate(file_, 0) != 0) return failure(ErrorCode::kIo, std::strerror(errno));
  if (!whole_) TRY(write_at(file_, mine.data(), mine.size(), 0));
  // On a full disk proofs are refused until there is room: whoever brings none is not their concern.
  if (taken_until_.size() < options_.places) (void)grow();
  return {};
}

// Zeros are places whose proof expired long ago.
Result<void> ProofJournal::grow() {
  const auto places = std::min(taken_until_.size() + options_.places, options_.max_places);
  if (places == taken_until_.size()) return failure(ErrorCode::kLimit, "it is full");
  const int result = ::posix_fallocate(file_, 0, static_cast<off_t>(kHeadBytes + places * kPlaceBytes));
  if (result != 0) return failure(ErrorCode::kIo, std::strerror(result));
  next_ = taken_until_.size();
  taken_until_.resize(places, Instant());
  return {};
}

void ProofJournal::note(const UsedIdentifier& used) {
  const std::lock_guard lock(mutex_);
  noted_.push_back(used);
  busy_.store(true, std::memory_order_release);
}

void ProofJournal::after(Next next) {
  if (busy_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    // Unless all was written meanwhile.
    if (busy_.load(std::memory_order_relaxed)) {
      waiting_.push_back(std::move(next));
      arrived_.notify_one();
      return;
    }
  }
  next({});
}

Result<void> ProofJournal::wait() {
  if (!busy_.load(std::memory_order_acquire)) return {};
  may_block("the journal of proofs");
  std::promise<Result<void>> written;
  auto outcome = written.get_future();
  after([&](Result<void> result) { written.set_value(std::move(result)); });
  return outcome.get();
}

void ProofJournal::run() {
  std::vector<UsedIdentifier> noted;
  std::vector<Next> waiting;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (noted_.empty() && waiting_.empty()) busy_.store(false, std::memory_order_release);
      arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      noted.swap(noted_);
      waiting.swap(waiting_);
      if (noted.empty() && waiting.empty()) return;
    }
    auto written = write_guarded(noted);
    if (!written)
      written = failure(written.error().code, fmt::format("cannot write the journal of proofs `{}`: {}",
                                                          path_.string(), written.error().message));
    for (auto& next : waiting) next(written);
    noted.clear();
    waiting.clear();
  }
}

// Without memory the proofs are not noted, and what waits for them is refused; the thread goes on.
Result<void> ProofJournal::write_guarded(const std::vector<UsedIdentifier>& noted) {
  try {
    return write(noted);
  } catch (const std::bad_alloc&) {
    return failure(ErrorCode::kLimit, "out of memory");
  }
}

// Neighbouring places in one write.
Result<void> ProofJournal::write(const std::vector<UsedIdentifier>& noted) {
  const auto now = clock_.earliest();
  std::vector<std::uint8_t> bytes;
  std::size_t first = 0;
  const auto write_out = [&]() -> Result<void> {
    if (bytes.empty()) return {};
    TRY(write_at(file_, bytes.data(), bytes.size(), kHeadBytes + first * kPlaceBytes));
    bytes.clear();
    return {};
  };
  for (const auto& used : noted) {
    const auto place = TRY(next_place(now));
    if (place != first + bytes.size() / kPlaceBytes) TRY(write_out());
    if (bytes.empty()) first = place;
    const auto written = place_of(used);
    bytes.insert(bytes.end(), written.begin(), written.end());
    taken_until_[place] = used.until;
  }
  return write_out();
}

Result<std::size_t> ProofJournal::next_place(Instant now) {
  if (next_ == taken_until_.size()) next_ = 0;
  // They come in about the order in which they end.
  if (taken_until_.empty() || taken_until_[next_] > now) TRY(grow());
  return next_++;
}

}  // namespace writ::store
