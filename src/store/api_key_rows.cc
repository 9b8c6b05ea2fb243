#include "store/api_key_rows.h"

#include <fmt/format.h>

#include "store/data_folder.h"

namespace writ::store {

Result<ApiKeyRows> ApiKeyRows::prepare(Database& database) {
  return ApiKeyRows(
      TRY(database.prepare("SELECT id, record, used_ms FROM api_keys ORDER BY id")),
      TRY(database.prepare("INSERT INTO api_keys (id, record, used_ms) VALUES (?1, ?2, ?3) "
                           "ON CONFLICT (id) DO UPDATE SET record = ?2, used_ms = max(used_ms, ?3)")),
      TRY(database.prepare("DELETE FROM api_keys WHERE id = ?1")));
}

Result<std::vector<inventory::ApiKey>> ApiKeyRows::look(const std::filesystem::path& data) {
  std::error_code error;
  if (!std::filesystem::exists(data / kDatabaseFile, error))
    return failure(ErrorCode::kNotFound,
                   fmt::format("there is no `{}`: name the folder that is `data` in the configuration",
                               (data / kDatabaseFile).string()));
  auto database = TRY(Database::look(data / kDatabaseFile));
  auto rows = TRY(prepare(database));
  return rows.load(database);
}

Result<std::vector<inventory::ApiKey>> ApiKeyRows::load(const Database& database) {
  std::vector<inventory::ApiKey> keys;
  const auto add = [&](const Statement& row) -> Result<void> {
    auto key = inventory::api_key_from_record(row.text(1));
    if (!key)
      return failure(ErrorCode::kCorrupt,
                     fmt::format("{}: API key `{}`: {}", database.name(), row.text(0), key.error().message));
    if (const auto used = row.number(2); used != 0) key->last_used_at = Instant(Duration(used));
    keys.push_back(*std::move(key));
    return {};
  };
  TRY(load_.for_each_row(add));
  return keys;
}

Result<void> ApiKeyRows::save(std::span<const inventory::ApiKey> keys) {
  for (const auto& key : keys) {
    const auto used = key.last_used_at ? unix_millis(*key.last_used_at) : 0;
    TRY(save_.bind(1, key.id).bind(2, api_key_record(key)).bind(3, used).run());
  }
  return {};
}

Result<void> ApiKeyRows::forget(std::span<const std::string> ids) {
  for (const auto& id : ids) TRY(forget_.bind(1, id).run());
  return {};
}

}  // namespace writ::store
