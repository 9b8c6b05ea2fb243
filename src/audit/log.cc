#include "audit/log.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <future>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/json.h"

namespace writ::audit {
namespace {

std::unexpected<Error> system_error(std::string_view what, const std::filesystem::path& path) {
  return failure(ErrorCode::kIo,
                 fmt::format("cannot {} the audit log `{}`: {}", what, path.string(), std::strerror(errno)));
}

Result<void> write_all(int file, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

// What an existing file ends with.
struct Log::Tail {
  Head head;
  std::optional<Instant> time;  // of the last record
  std::uint64_t size;           // to the end of the last whole line
  std::uint64_t dropped;        // bytes behind it
};

Result<Log::Tail> Log::read_tail(int file, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(file, &info) != 0) return system_error("look at", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  // The last whole line and a torn one behind it both fit.
  const auto length = std::min<std::uint64_t>(size, 2 * kMaxLineBytes + 2);
  std::string tail(length, '\0');
  for (std::size_t have = 0; have < length;) {
    const auto got =
        ::pread(file, tail.data() + have, length - have, static_cast<off_t>(size - length + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_error("read", path);
    have += static_cast<std::size_t>(got);
  }
  const auto corrupt = [&](std::string_view what) {
    return failure(
        ErrorCode::kCorrupt,
        fmt::format("the audit log `{}` ends with {}; run `writ audit verify {}`, keep the file as evidence, "
                    "and start with a new one",
                    path.string(), what, path.string()));
  };
  const auto end = tail.rfind('\n');
  if (end == std::string::npos) {
    if (size > kMaxLineBytes) return corrupt("what is no record");
    return Tail{{}, std::nullopt, 0, size};
  }
  const auto before = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
  const auto start = before == std::string::npos ? 0 : before + 1;
  if (start == 0 && length < size) return corrupt("what is no record");
  const auto line = take_apart(std::string_view(tail).substr(start, end - start));
  if (!line) return corrupt("what is no record");
  if (!hash_matches(*line)) return corrupt("a record that was altered");
  const auto record = codec::parse_json(std::string_view(tail).substr(start, end - start));
  const auto* written = record ? record->find_string("time") : nullptr;
  const auto time = written != nullptr ? parse_time(*written) : std::nullopt;
  if (!time) return corrupt("a record without a time");
  return Tail{{line->seq, std::string(line->hash)}, time, size - (length - end - 1), length - end - 1};
}

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& path, LogOptions options, Instant now) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return system_error("open", path);
  auto tail = read_tail(file, path);
  if (!tail) {
    ::close(file);
    return std::unexpected(std::move(tail.error()));
  }
  const auto dropped = tail->dropped;
  std::unique_ptr<Log> log(new Log(path, options, file, *std::move(tail)));
  if (dropped > 0) {
    log->damaged_ = true;
    TRY(log->append(make_record(
        now, Event{.type = "audit.recovered",
                   .detail = fmt::format("{} bytes of an unfinished record were cut off", dropped)})));
  }
  return log;
}

Log::Log(std::filesystem::path path, LogOptions options, int file, Tail tail)
    : path_(std::move(path)),
      options_(options),
      file_(file),
      written_until_(tail.time),
      head_(std::move(tail.head)),
      size_(tail.size) {
  if (options_.durable) writer_ = std::thread([this] { run(); });
}

Log::~Log() {
  if (writer_.joinable()) {
    {
      const std::lock_guard lock(queueing_);
      stopping_ = true;
    }
    arrived_.notify_one();
    writer_.join();
  }
  ::close(file_);
}

void Log::append(Record record, Done done) {
  if (!options_.durable) {
    std::vector<Waiting> one;
    one.push_back({std::move(record), std::move(done)});
    return write_batch(one);
  }
  {
    const std::lock_guard lock(queueing_);
    if (queue_.size() < options_.max_queued) {
      queue_.push_back({std::move(record), std::move(done)});
      if (queue_.size() == 1) arrived_.notify_one();
      return;
    }
  }
  ++failures_;
  done(
      failure(ErrorCode::kLimit, "the audit log cannot keep up: too many records are waiting to be written"));
}

Result<void> Log::append(Record record) {
  std::promise<Result<void>> written;
  auto result = written.get_future();
  append(std::move(record), [&](Result<void> outcome) { written.set_value(std::move(outcome)); });
  return result.get();
}

void Log::run() {
  std::vector<Waiting> batch;
  for (;;) {
    {
      std::unique_lock lock(queueing_);
      arrived_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    write_batch(batch);
    batch.clear();
  }
}

void Log::write_batch(std::vector<Waiting>& batch) {
  Result<void> outcome;
  {
    const std::lock_guard lock(writing_);
    outcome = write(batch);
  }
  (outcome ? records_ : failures_) += batch.size();
  for (Waiting& waiting : batch) waiting.done(outcome);
}

Result<void> Log::write(std::vector<Waiting>& batch) {
  if (damaged_) TRY(take_back(size_));
  buffer_.clear();
  Head head = head_;
  for (const Waiting& waiting : batch) append_line(buffer_, head, waiting.record);
  auto outcome = write_all(file_, buffer_, path_);
  if (outcome && options_.durable) {
    ++syncs_;
    if (::fdatasync(file_) != 0) outcome = system_error("sync", path_);
  }
  if (!outcome) {
    // Nothing of it was acknowledged, so nothing of it may stay.
    damaged_ = true;
    static_cast<void>(take_back(size_));
    return outcome;
  }
  head_ = std::move(head);
  size_ += buffer_.size();
  return {};
}

Result<void> Log::take_back(std::uint64_t size) {
  if (::ftruncate(file_, static_cast<off_t>(size)) != 0) return system_error("cut back", path_);
  damaged_ = false;
  return {};
}

Head Log::head() const {
  const std::lock_guard lock(writing_);
  return head_;
}

LogStats Log::stats() const noexcept {
  return {records_, failures_, syncs_};
}

}  // namespace writ::audit
