#include "digest/index.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "audit/chain.h"
#include "audit/part.h"
#include "base/blocking.h"
#include "crypto/hash.h"

namespace writ::digest {
namespace {

constexpr std::string_view kMagic = "writ-audit-index 1 ";
constexpr std::size_t kDigestBytes = 32, kHashLetters = 64;
constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 30;
// What the system's clock of files may not tell apart.
constexpr std::int64_t kTooLate = 2'000;  // milliseconds
enum Frame : char { kRows = 'r', kStamp = 's' };

// The lowest byte comes first, as machines that Writ runs on have it.
static_assert(std::endian::native == std::endian::little);
template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_index_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

class IndexTaker {
 public:
  explicit IndexTaker(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T take() {
    if (rest_.size() < sizeof(T)) good_ = false;
    if (!good_) return {};
    T value{};
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view bytes(std::size_t count) {
    if (rest_.size() < count) good_ = false;
    if (!good_) return {};
    const auto part = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return part;
  }
  bool good() const { return good_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::string digest(std::string_view before, std::string_view payload) {
  std::string bytes(before);
  bytes += payload;
  return std::string(crypto::as_bytes(crypto::sha256(bytes)));
}

std::string encoded(const Block& block) {
  std::string out(1, kRows);
  for (const auto* texts : {&block.kinds, &block.names}) {
    put(out, static_cast<std::uint32_t>(texts->size()));
    for (const auto& each : *texts) put_index_text(out, each);
  }
  put(out, static_cast<std::uint32_t>(block.rows.size()));
  out.reserve(out.size() + block.rows.size() * 20 + 128);
  for (const IndexRow& row : block.rows) put(out, row.time);
  for (const IndexRow& row : block.rows) put(out, row.kind);
  for (const IndexRow& row : block.rows) put(out, row.name);
  for (const IndexRow& row : block.rows) put(out, row.length);
  put(out, block.head.seq);
  out += block.head.hash;
  put(out, block.offset);
  return out;
}

std::optional<Block> decoded(std::string_view payload) {
  IndexTaker taker(payload.substr(1));
  Block block;
  for (auto* texts : {&block.kinds, &block.names}) {
    for (auto count = taker.take<std::uint32_t>(); taker.good() && count > 0; --count)
      texts->emplace_back(taker.bytes(taker.take<std::uint32_t>()));
  }
  const auto count = taker.take<std::uint32_t>();
  if (!taker.good() || count > kBlockRows) return std::nullopt;
  block.rows.resize(count);
  for (IndexRow& row : block.rows) row.time = taker.take<std::int64_t>();
  for (IndexRow& row : block.rows) row.kind = taker.take<std::uint32_t>();
  for (IndexRow& row : block.rows) row.name = taker.take<std::uint32_t>();
  for (IndexRow& row : block.rows) row.length = taker.take<std::uint32_t>();
  block.head.seq = taker.take<std::uint64_t>();
  block.head.hash = taker.bytes(kHashLetters);
  block.offset = taker.take<std::uint64_t>();
  if (!taker.good() || taker.left() != 0) return std::nullopt;
  return block;
}

std::string encoded(const Stamp& stamp) {
  std::string out(1, kStamp);
  for (const auto number : {stamp.device, stamp.inode, stamp.size}) put(out, number);
  for (const auto number : {stamp.modified, stamp.changed}) put(out, number);
  return out;
}

std::optional<Stamp> decoded_stamp(std::string_view payload) {
  IndexTaker taker(payload.substr(1));
  Stamp stamp;
  for (auto* number : {&stamp.device, &stamp.inode, &stamp.size}) *number = taker.take<std::uint64_t>();
  for (auto* number : {&stamp.modified, &stamp.changed}) *number = taker.take<std::int64_t>();
  if (!taker.good() || taker.left() != 0) return std::nullopt;
  return stamp;
}

// Less than `length` where the file ends.
std::string read_at(int file, std::uint64_t offset, std::size_t length) {
  may_block("the index of the audit log");
  std::string bytes(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const auto got = ::pread(file, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

std::optional<std::string> first_hash(const audit::Part& log) {
  const auto lines = audit::open_part(log);
  if (!lines) return std::nullopt;
  const auto first = lines->at(0);
  const auto line = first && *first ? audit::take_apart(**first) : std::nullopt;
  if (!line) return std::nullopt;
  return std::string(line->hash);
}

std::optional<std::string> header_for(const audit::Part& log) {
  const auto hash = first_hash(log);
  if (!hash) return std::nullopt;
  return fmt::format("{}{} {}\n", kMagic, audit::head_text(log.before), *hash);
}

}  // namespace

std::uint32_t Dictionary::add(std::string_view text) {
  if (const auto found = numbers_.find(text); found != numbers_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.push_back(&numbers_.emplace(text, number).first->first);
  return number;
}

std::optional<Stamp> stamp_of(const std::filesystem::path& file, Instant now) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  const Stamp stamp{info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
                    nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
  if (unix_millis(now) - std::max(stamp.modified, stamp.changed) / 1'000'000 < kTooLate) return std::nullopt;
  return stamp;
}

std::optional<std::filesystem::path> Index::path_for(const audit::Part& log) {
  const auto hash = first_hash(log);
  if (!hash) return std::nullopt;
  return log.path.parent_path() / ("writ-index-" + hash->substr(0, 16));
}

Index::Index(Index&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      header_(std::move(other.header_)),
      chain_(std::move(other.chain_)),
      read_chain_(std::move(other.read_chain_)),
      end_(other.end_),
      at_(other.at_),
      offset_(other.offset_),
      head_(std::move(other.head_)),
      stamp_(other.stamp_) {}

Index::~Index() {
  if (file_ >= 0) ::close(file_);
}

std::optional<std::string> Index::frame(std::uint64_t& at, std::string& chain) const {
  const auto size_text = read_at(file_, at, 4);
  IndexTaker taker(size_text);
  const auto size = taker.take<std::uint32_t>();
  if (!taker.good() || size == 0 || size > kMaxFrameBytes) return std::nullopt;
  auto bytes = read_at(file_, at + 4, size + kDigestBytes);
  if (bytes.size() < size + kDigestBytes) return std::nullopt;
  auto is = digest(chain, std::string_view(bytes).substr(0, size));
  if (std::string_view(bytes).substr(size) != is) return std::nullopt;
  chain = std::move(is);
  at += 4 + size + kDigestBytes;
  bytes.resize(size);
  return bytes;
}

std::optional<Index> Index::open(const std::filesystem::path& path, const audit::Part& log) {
  const auto header = header_for(log);
  if (!header) return std::nullopt;
  int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return std::nullopt;
  Index index(file, *header);
  if (read_at(file, 0, header->size()) != *header) return std::nullopt;
  index.chain_ = index.read_chain_ = digest({}, *header);
  index.end_ = index.at_ = header->size();
  index.head_ = log.before;
  // Only what stands at the ends is kept; next() reads the rest again.
  while (const auto payload = index.frame(index.end_, index.chain_)) {
    if (payload->front() == kStamp) {
      index.stamp_ = decoded_stamp(*payload);
      continue;
    }
    if (payload->front() != kRows) break;
    constexpr std::size_t kTail = 8 + kHashLetters + 8;
    if (payload->size() < kTail) break;
    IndexTaker tail(std::string_view(*payload).substr(payload->size() - kTail));
    index.stamp_.reset();
    index.head_.seq = tail.take<std::uint64_t>();
    index.head_.hash = tail.bytes(kHashLetters);
    index.offset_ = tail.take<std::uint64_t>();
  }
  return index;
}

Result<Index> Index::create(const std::filesystem::path& path, const audit::Part& log) {
  const auto header = header_for(log);
  if (!header) return failure(ErrorCode::kInvalid, fmt::format("`{}` has no record", log.path.string()));
  may_block("the index of the audit log");
  // Whoever may read the log may read what is made of it, and nobody else.
  struct stat info {};
  const mode_t mode = ::stat(log.path.c_str(), &info) == 0 ? info.st_mode & 0660 : 0600;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0)
    return failure(ErrorCode::kIo, fmt::format("cannot write `{}`: {}", path.string(), std::strerror(errno)));
  Index index(file, *header);
  if (!index.lock())
    return failure(ErrorCode::kConflict, fmt::format("somebody else writes `{}`", path.string()));
  if (::ftruncate(file, 0) != 0 ||
      ::pwrite(file, header->data(), header->size(), 0) != static_cast<ssize_t>(header->size()))
    return failure(ErrorCode::kIo, fmt::format("cannot write `{}`: {}", path.string(), std::strerror(errno)));
  index.chain_ = index.read_chain_ = digest({}, *header);
  index.end_ = index.at_ = header->size();
  index.head_ = log.before;
  return index;
}

std::optional<Block> Index::next() {
  while (at_ < end_) {
    const auto payload = frame(at_, read_chain_);
    if (!payload) return std::nullopt;
    if (payload->front() == kRows) return decoded(*payload);
  }
  return std::nullopt;
}

bool Index::lock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file_, F_OFD_SETLK, &lock) == 0;
}

Result<void> Index::append(std::string payload) {
  may_block("the index of the audit log");
  auto is = digest(chain_, payload);
  std::string bytes;
  put(bytes, static_cast<std::uint32_t>(payload.size()));
  bytes += payload;
  bytes += is;
  // What a process that was ended left behind the last whole frame goes.
  std::size_t written = 0;
  bool good = ::ftruncate(file_, static_cast<off_t>(end_)) == 0;
  while (good && written < bytes.size()) {
    const auto put_now =
        ::pwrite(file_, bytes.data() + written, bytes.size() - written, static_cast<off_t>(end_ + written));
    if (put_now < 0 && errno == EINTR) continue;
    good = put_now > 0;
    if (good) written += static_cast<std::size_t>(put_now);
  }
  if (!good) {
    const auto why = std::string(std::strerror(errno));
    // Half a frame is no frame; where even this fails, its digest tells.
    if (::ftruncate(file_, static_cast<off_t>(end_)) != 0)
      return failure(ErrorCode::kIo, fmt::format("cannot take back what was written of the index: {}", why));
    return failure(ErrorCode::kIo, fmt::format("cannot write the index of the audit log: {}", why));
  }
  chain_ = std::move(is);
  end_ += bytes.size();
  return {};
}

Result<void> Index::add(const Block& block) {
  TRY(append(encoded(block)));
  head_ = block.head;
  offset_ = block.offset;
  stamp_.reset();
  // What was added is not read again by the process that added it.
  at_ = end_;
  read_chain_ = chain_;
  return {};
}

Result<void> Index::add(const Stamp& stamp) {
  TRY(append(encoded(stamp)));
  stamp_ = stamp;
  return {};
}

}  // namespace writ::digest
