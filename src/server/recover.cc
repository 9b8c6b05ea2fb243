#include "server/recover.h"

#include <algorithm>
#include <fmt/format.h>

#include "audit/log.h"
#include "inventory/directory.h"
#include "server/data_folder.h"
#include "store/sqlite_store.h"

namespace writ::server {

Result<void> recover(const Config& config, std::string_view id, std::string_view by) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.data / kDatabaseFile, ignored))
    return failure(ErrorCode::kNotFound, fmt::format("no Writ has run in `{}`: there is no {}",
                                                     config.data.string(), kDatabaseFile));
  const auto folder = TRY(DataFolder::open(config.data));
  const auto store = TRY(store::SqliteStore::open(config.data / kDatabaseFile));
  inventory::Directory directory(*store);
  TRY(directory.load());
  // What would be refused is not recorded as done.
  TRY(directory.check_order(id, inventory::Status::kActive));
  const SystemClock clock;
  const auto log = TRY(audit::Log::open(config.data / config.audit_file, {.durable = true}, clock.now()));
  const Instant time = std::max(clock.now(), log->written_until().value_or(clock.now()));
  const audit::Event recovered{.type = "identity.recovered", .object = id, .detail = by};
  TRY(log->append(audit::make_record(time, recovered)));
  return directory.order(id, inventory::Status::kActive);
}

}  // namespace writ::server
