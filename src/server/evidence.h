// The audit log as the configuration wants it, in a data folder that nobody else may write.
#pragma once

#include <memory>
#include <optional>

#include "audit/log.h"
#include "config/config.h"
#include "task/write.h"

namespace writ::server {

// Refuses a data folder, or a file in it, that others than `data_access` says could exchange; before anything
// is read from it. What is not there yet passes.
Result<void> check_data_access(const config::Config& config);

std::filesystem::path audit_path(const config::Config& config);

// `accept_lost`: goes on without the records up to this one, which the database knows of and the log lacks.
Result<std::unique_ptr<audit::Log>> open_audit_log(const config::Config& config, audit::HeadStore& heads,
                                                   std::optional<std::uint64_t> accept_lost);

// Writes nothing for a request that could not be recorded: it would be refused anyway, and on a full disk the
// space that is left is for stops.
class RecordedWriter final : public task::Writer {
 public:
  // What it refers to must outlive it.
  RecordedWriter(task::Writer& writer, const audit::Log& log) : writer_(writer), log_(log) {}
  void write(std::unique_ptr<task::Write> write, Done done) noexcept override;

 private:
  task::Writer& writer_;
  const audit::Log& log_;
};

}  // namespace writ::server
