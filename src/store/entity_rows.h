// The table of pushed entities (facts/registry.h), as SqliteStore uses it under its lock.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "facts/registry.h"
#include "store/sqlite.h"

namespace writ::store {

class EntityRows {
 public:
  static Result<EntityRows> prepare(Database& database);

  Result<void> load(const std::function<Result<void>(std::string_view record)>& each);
  // Within a transaction of the caller's.
  Result<void> save(std::span<const facts::StoredEntity> entities);
  Result<std::vector<facts::StoredEntity>> after(std::string_view type, std::string_view id,
                                                 std::size_t limit);

 private:
  EntityRows(Statement load, Statement save, Statement erase, Statement after)
      : load_(std::move(load)), save_(std::move(save)), erase_(std::move(erase)), after_(std::move(after)) {}
  Statement load_, save_, erase_, after_;
};

}  // namespace writ::store
