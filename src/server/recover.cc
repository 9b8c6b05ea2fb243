#include "server/recover.h"

#include <algorithm>
#include <fmt/format.h>

#include "inventory/directory.h"
#include "server/evidence.h"
#include "store/data_folder.h"
#include "store/sqlite_store.h"

namespace writ::server {

Result<void> recover(const config::Config& config, std::string_view id, std::string_view by) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.data / store::kDatabaseFile, ignored))
    return failure(ErrorCode::kNotFound, fmt::format("no Writ has run in `{}`: there is no {}",
                                                     config.data.string(), store::kDatabaseFile));
  TRY(check_data_access(config));
  const auto folder = TRY(store::DataFolder::open(config.data));
  const auto store = TRY(store::SqliteStore::open(config.data / store::kDatabaseFile));
  inventory::Directory directory(*store);
  TRY(directory.load());
  // What would be refused is not recorded as done.
  TRY(directory.check_order(id, inventory::Status::kActive));
  if (directory.snapshot()->ordered(id) == inventory::Status::kActive)
    return failure(ErrorCode::kConflict, fmt::format("no operator has suspended `{}`", id));
  const auto log = TRY(open_audit_log(config, *store, std::nullopt));
  const Instant now = SystemClock().earliest();
  const audit::Event recovered{.type = "identity.recovered", .object = id, .detail = by};
  TRY(log->append(audit::make_record(std::max(now, log->written_until().value_or(now)), recovered)));
  return directory.order(id, inventory::Status::kActive);
}

}  // namespace writ::server
