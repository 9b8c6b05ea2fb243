#include "store/entity_rows.h"

namespace writ::store {

Result<EntityRows> EntityRows::prepare(Database& database) {
  return EntityRows(TRY(database.prepare("SELECT record FROM entities")),
                    TRY(database.prepare("INSERT INTO entities (type, id, record) VALUES (?1, ?2, ?3) "
                                         "ON CONFLICT (type, id) DO UPDATE SET record = ?3")),
                    TRY(database.prepare("DELETE FROM entities WHERE type = ?1 AND id = ?2")),
                    TRY(database.prepare(
                        "SELECT id, record FROM entities WHERE type = ?1 AND id > ?2 ORDER BY id LIMIT ?3")));
}

Result<void> EntityRows::load(const std::function<Result<void>(std::string_view record)>& each) {
  return load_.for_each_row([&](const Statement& row) { return each(row.text(0)); });
}

Result<void> EntityRows::save(std::span<const facts::StoredEntity> entities) {
  for (const auto& [name, record] : entities) {
    if (record.empty()) {
      TRY(erase_.bind(1, name.type).bind(2, name.id).run());
    } else {
      TRY(save_.bind(1, name.type).bind(2, name.id).bind(3, record).run());
    }
  }
  return {};
}

Result<std::vector<facts::StoredEntity>> EntityRows::after(std::string_view type, std::string_view id,
                                                           std::size_t limit) {
  std::vector<facts::StoredEntity> found;
  const auto add = [&](const Statement& row) -> Result<void> {
    found.push_back({{std::string(type), std::string(row.text(0))}, std::string(row.text(1))});
    return {};
  };
  TRY(after_.bind(1, type).bind(2, id).bind(3, static_cast<std::int64_t>(limit)).for_each_row(add));
  return found;
}

}  // namespace writ::store
