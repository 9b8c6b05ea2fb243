// The part of LogWriter that knows about files: is the one that is open still in its place, and when does the
// next one begin?
#include <fmt/format.h>

#include "audit/log_writer.h"

namespace writ::audit {

Result<void> LogWriter::settle() {
  switch (TRY(file_.whereabouts())) {
    case Whereabouts::kInPlace:
      break;
    case Whereabouts::kMoved:
      return begin_file({std::string(kContinued), file_.name_now(), {}}, "the file was moved away");
    case Whereabouts::kRemoved:
      return failure(
          ErrorCode::kIo,
          fmt::format("the audit log `{}` was removed while it was open, with records {} to {}; send "
                      "SIGHUP to go on in a new file, which records the loss",
                      path_.string(), file_begins_, head().seq));
    case Whereabouts::kOtherSize:
      return failure(
          ErrorCode::kIo,
          fmt::format("the audit log `{}` was cut, or written to, by somebody else: {} bytes were "
                      "written, it has {}; keep a copy as evidence, and send SIGHUP to go on in a new "
                      "file, which records it",
                      path_.string(), file_.size(), file_.lines().size().value_or(0)));
  }
  if (options_.rotate_bytes == 0 || file_.size() < options_.rotate_bytes) return {};
  // Where it cannot be rotated the log goes on as it is, and is tried again with the next write.
  if (auto rotated = rotate(); !rotated) {
    if (!std::exchange(rotation_fails_, true)) tell(rotated.error().message);
    return {};
  }
  rotation_fails_ = false;
  return {};
}

Result<void> LogWriter::rotate() {
  const auto name = fmt::format("{}.{:012}", path_.string(), file_begins_);
  TRY(file_.rename(name));
  return begin_file({std::string(kContinued), std::filesystem::path(name).filename().string(), {}},
                    "the file has as many bytes as it may have");
}

// The last record of a file that is complete. A file that was moved may end without.
Result<void> LogWriter::close_file(std::string_view why) {
  const auto record = make_record(now(), Event{.type = "audit.closed", .detail = why});
  std::vector<Waiting> one;
  one.push_back(own(record));
  TRY(write_lines(one));
  ++records_;
  return {};
}

Result<void> LogWriter::begin_file(Beginning beginning, std::string_view closing) {
  auto fresh = TRY(WritingFile::create(path_, options_.writers));
  if (!closing.empty()) static_cast<void>(close_file(closing));
  // Nobody syncs it later; and the head that is noted next is of what follows it.
  if (!options_.durable) TRY(file_.sync());
  const auto last = head();
  beginning.detail = fmt::format("{}{}it follows record {} with hash {}", beginning.detail,
                                 beginning.detail.empty() ? "" : "; ", last.seq, last.hash);
  {
    const std::lock_guard lock(file_mutex_);
    file_ = std::move(fresh);
  }
  file_begins_ = last.seq + 1;
  beginning_ = std::move(beginning);
  ++files_;
  ++records_;
  return {};
}

Result<void> LogWriter::reopen_file() {
  const auto lost = [&](std::string_view how) {
    return fmt::format("the file with records {} to {} {} while it was open", file_begins_, head().seq, how);
  };
  switch (TRY(file_.whereabouts())) {
    case Whereabouts::kInPlace:
    case Whereabouts::kMoved:
      TRY(settle());
      break;
    case Whereabouts::kRemoved:
      TRY(begin_file({std::string(kLost), {}, lost("was removed")}, {}));
      break;
    case Whereabouts::kOtherSize: {
      const auto aside = fmt::format("{}.damaged-{}", path_.string(), head().seq);
      TRY(file_.rename(aside));
      TRY(begin_file({std::string(kLost), std::filesystem::path(aside).filename().string(),
                      lost("was cut, or written to,")},
                     {}));
    }
  }
  return beginning_ ? write_lines({}) : Result<void>();
}

}  // namespace writ::audit
