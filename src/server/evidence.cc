#include "server/evidence.h"

#include <cstdio>
#include <exception>
#include <string>

#include "policy/revisions.h"
#include "store/data_folder.h"
#include "store/proof_journal.h"

namespace writ::server {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// One in each folder that a stop writes to.
std::vector<std::filesystem::path> reserves_of(const config::Config& config) {
  std::vector<std::filesystem::path> reserves{config.data / "reserve"};
  const auto log = audit_path(config);
  std::error_code ignored;
  if (!std::filesystem::equivalent(folder_of(log), config.data, ignored))
    reserves.push_back(log.string() + ".reserve");
  return reserves;
}

// What was in force before, and may be again after a rollback or while a start holds on to it.
Result<void> check_revisions(const config::Config& config) {
  const auto folder = config.data / policy::kRevisionsFolder;
  TRY(check_private(folder, "the folder of the policies' revisions", config.data_access));
  std::error_code failed;
  for (std::filesystem::directory_iterator file(folder, failed), end; !failed && file != end;
       file.increment(failed))
    TRY(check_private(file->path(), "the policies' revision", config.data_access));
  return {};
}

}  // namespace

std::filesystem::path audit_path(const config::Config& config) {
  return config.data / config.audit.file;  // an absolute one stays as it is
}

Result<void> check_data_access(const config::Config& config) {
  const auto database = (config.data / store::kDatabaseFile).string();
  TRY(check_private(config.data, "the data folder", config.data_access));
  for (const auto* suffix : {"", "-wal", "-shm"})
    TRY(check_private(database + suffix, "the database", config.data_access));
  TRY(check_private(config.data / "lock", "the lock", config.data_access));
  TRY(check_private(config.data / store::kProofsFile, "the journal of proofs", config.data_access));
  TRY(check_revisions(config));
  const auto log = audit_path(config);
  TRY(check_private(folder_of(log), "the folder of the audit log", config.data_access));
  for (const auto& reserve : reserves_of(config))
    TRY(check_private(reserve, "the space kept for stops", config.data_access));
  return check_private(log, "the audit log", config.data_access);
}

void RecordedWriter::write(std::unique_ptr<task::Write> write, Done done) noexcept {
  if (log_.available()) return writer_.write(std::move(write), std::move(done));
  write.reset();
  try {
    done(failure(ErrorCode::kUnavailable, "no audit"));
  } catch (const std::exception& exception) {
    // Its request ends without an answer.
    std::fprintf(stderr, "writ: defect: exception while refusing a write: %s\n", exception.what());
  }
}

Result<std::unique_ptr<audit::Log>> open_audit_log(const config::Config& config, audit::HeadStore& heads,
                                                   std::optional<std::uint64_t> accept_lost) {
  const auto tell = [](const std::string& line) { std::fprintf(stderr, "writ: %s\n", line.c_str()); };
  return audit::Log::open(audit_path(config),
                          {.durable = config.audit.durable,
                           .writers = config.data_access,
                           .rotate_bytes = config.audit.rotate_bytes,
                           .strangers = config.audit.strangers,
                           .heads = &heads,
                           .accept_lost = accept_lost,
                           .reserve_bytes = config.audit.reserve_bytes,
                           .reserves = reserves_of(config),
                           .tell = tell},
                          SystemClock().now());
}

}  // namespace writ::server
