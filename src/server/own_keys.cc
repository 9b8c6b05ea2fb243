#include "server/own_keys.h"

#include <algorithm>
#include <fmt/format.h>

#include "api/keys_api.h"
#include "server/evidence.h"
#include "store/data_folder.h"

namespace writ::server {
namespace {

// In the order in which they are opened.
struct Ground {
  store::DataFolder folder;
  std::unique_ptr<store::SqliteStore> store;
};

Result<Ground> open_ground(const config::Config& config) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.data / store::kDatabaseFile, ignored))
    return failure(ErrorCode::kNotFound, fmt::format("no Writ has run in `{}`: there is no {}",
                                                     config.data.string(), store::kDatabaseFile));
  TRY(check_data_access(config));
  auto folder = TRY(store::DataFolder::open(config.data));
  auto store = TRY(store::SqliteStore::open(config.data / store::kDatabaseFile));
  return Ground{std::move(folder), std::move(store)};
}

}  // namespace

Result<std::unique_ptr<token::OwnKeys>> open_keys(const config::Config& config, store::SqliteStore& store,
                                                  Instant now) {
  const auto& settings = config.signing_keys;
  auto wrapping = TRY(config::read_wrapping(settings, config.data_access));
  auto keys =
      token::OwnKeys::open(store, std::move(wrapping),
                           {config.token_algorithm, settings.rotate_after, settings.publish_ahead}, now);
  if (keys) return keys;
  return std::unexpected(std::move(keys.error()).in((config.data / store::kDatabaseFile).string()));
}

Result<codec::Json> list_keys(const config::Config& config) {
  const auto ground = TRY(open_ground(config));
  const auto keys = TRY(open_keys(config, *ground.store, SystemClock().earliest()));
  return api::to_json(*keys);
}

Result<codec::Json> rotate_keys(const config::Config& config, token::Urgency urgency, std::string_view by) {
  const auto ground = TRY(open_ground(config));
  const auto log = TRY(open_audit_log(config, *ground.store, std::nullopt));
  const Instant clock = SystemClock().earliest();
  const Instant now = std::max(clock, log->written_until().value_or(clock));
  const auto keys = TRY(open_keys(config, *ground.store, now));
  TRY(keys->rotate(urgency, now, [&](const token::KeyEvent& event) {
    const auto detail = fmt::format("{}{}by {}", event.detail, event.detail.empty() ? "" : ", ", by);
    return log->append(audit::make_record(
        now, audit::Event{.type = event.type,
                          .object = event.kid,
                          .detail = detail,
                          .standing = event.stops ? audit::Standing::kStop : audit::Standing::kOrdinary}));
  }));
  return api::to_json(*keys);
}

}  // namespace writ::server
