#include "audit/log.h"

#include <future>

#include "audit/log_writer.h"
#include "base/blocking.h"

namespace writ::audit {

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& path, LogOptions options, Instant now) {
  auto writer = TRY(LogWriter::open(path, std::move(options), now));
  return std::unique_ptr<Log>(new Log(std::move(writer)));
}

Log::Log(std::unique_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

Log::~Log() = default;

void Log::append(Record record, Done done) {
  writer_->append(std::move(record), std::move(done));
}

Result<void> Log::append(Record record) {
  may_block("the audit log");
  std::promise<Result<void>> written;
  auto result = written.get_future();
  append(std::move(record), [&](Result<void> outcome) { written.set_value(std::move(outcome)); });
  return result.get();
}

Result<void> Log::reopen() {
  return writer_->reopen();
}

Head Log::head() const {
  return writer_->head();
}

std::optional<Instant> Log::written_until() const noexcept {
  return writer_->written_until();
}

LogStats Log::stats() const {
  return writer_->stats();
}

void Log::not_before(Instant time) noexcept {
  writer_->not_before(time);
}

bool Log::available() const noexcept {
  return writer_->available();
}

const std::filesystem::path& Log::path() const noexcept {
  return writer_->path();
}

}  // namespace writ::audit
