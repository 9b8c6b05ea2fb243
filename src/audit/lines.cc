#include "audit/lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/blocking.h"

namespace writ::audit {
namespace {

constexpr std::size_t kPiece = 8 * 1024;

std::unexpected<Error> cannot_read(const std::filesystem::path& path) {
  return failure(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 fmt::format("cannot read `{}`: {}", path.string(), std::strerror(errno)));
}

}  // namespace

Result<Lines> Lines::open(const std::filesystem::path& path) {
  may_block("the audit log");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_read(path);
  Lines lines(file, path, true);
  struct stat info {};
  if (::fstat(file, &info) != 0) return cannot_read(path);
  if (!S_ISREG(info.st_mode))
    return failure(ErrorCode::kInvalid, fmt::format("cannot read `{}`: it is not a file", path.string()));
  return lines;
}

Lines::Lines(Lines&& other) noexcept
    : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)), owned_(other.owned_) {}

Lines::~Lines() {
  if (owned_ && file_ >= 0) ::close(file_);
}

Result<std::uint64_t> Lines::size() const {
  struct stat info {};
  if (::fstat(file_, &info) != 0) return cannot_read(path_);
  return static_cast<std::uint64_t>(info.st_size);
}

bool Lines::is_being_written() const {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file_, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

// Less than `length` only at the end of the file.
Result<std::string> Lines::read(std::uint64_t offset, std::size_t length) const {
  may_block("the audit log");
  std::string bytes(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const auto got = ::pread(file_, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path_);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Result<void> Lines::each(std::uint64_t offset, const std::function<bool(const RawLine&)>& visit) const {
  std::string buffer;
  std::uint64_t number = 0;
  for (;;) {
    const auto more = TRY(read(offset + buffer.size(), kMaxLineBytes));
    const bool last = more.empty();
    buffer += more;
    std::size_t start = 0;
    for (auto end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', start)) {
      const auto text = std::string_view(buffer).substr(start, end - start);
      if (!visit({text, ++number, offset + start, true})) return {};
      start = end + 1;
    }
    buffer.erase(0, start);
    offset += start;
    if (buffer.size() > kMaxLineBytes || (last && !buffer.empty())) {
      visit({buffer, ++number, offset, false});
      return {};
    }
    if (last) return {};
  }
}

Result<std::optional<std::uint64_t>> Lines::find_break(std::uint64_t from) const {
  for (std::uint64_t offset = from; offset <= from + kMaxLineBytes; offset += kPiece) {
    const auto piece = TRY(read(offset, kPiece));
    if (const auto found = piece.find('\n'); found != std::string::npos) return offset + found;
    if (piece.size() < kPiece) break;
  }
  return std::nullopt;
}

Result<std::optional<std::string>> Lines::at(std::uint64_t offset) const {
  const auto end = TRY(find_break(offset));
  if (!end) return std::nullopt;
  return TRY(read(offset, *end - offset));
}

Result<std::optional<Lines::Placed>> Lines::last() const {
  const auto all = TRY(size());
  // A whole line and an unfinished one behind it both fit.
  const auto length = std::min<std::uint64_t>(all, 2 * kMaxLineBytes + 2);
  const auto begin = all - length;
  auto tail = TRY(read(begin, length));
  const auto end = tail.rfind('\n');
  if (end == std::string::npos) return std::nullopt;
  const auto before = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
  const auto start = before == std::string::npos ? 0 : before + 1;
  // Where its first byte is not in sight, it is longer than any record.
  if (start == 0 && begin > 0) return std::nullopt;
  return Placed{tail.substr(start, end - start), begin + start};
}

Result<std::uint64_t> Lines::after(std::uint64_t seq) const {
  const auto all = TRY(size());
  std::uint64_t low = 0, high = all, answer = all;
  // Lines that begin before `low` have no greater number, those that begin at `high` or behind it have one.
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    std::uint64_t start = middle;
    if (middle > 0) {
      const auto end = TRY(find_break(middle - 1));
      start = end ? *end + 1 : all;
    }
    if (start >= high) {
      high = middle;
      continue;
    }
    const auto text = TRY(at(start));
    const auto line = text ? take_apart(*text) : std::nullopt;
    // An unfinished line is behind every record.
    if (!text || (line && line->seq > seq)) {
      answer = start;
      high = middle;
    } else {
      low = start + 1;
    }
  }
  return answer;
}

}  // namespace writ::audit
