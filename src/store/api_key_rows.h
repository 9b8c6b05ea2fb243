// The table of API keys (inventory/api_key_registry.h), as SqliteStore uses it under its lock.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "inventory/api_key_registry.h"
#include "store/sqlite.h"

namespace writ::store {

class ApiKeyRows {
 public:
  static Result<ApiKeyRows> prepare(Database& database);

  // Those in the database of a folder, which is only looked at, also while Writ runs.
  static Result<std::vector<inventory::ApiKey>> look(const std::filesystem::path& data);

  // kCorrupt, with the key's id, where one cannot be read.
  Result<std::vector<inventory::ApiKey>> load(const Database& database);
  // Within a transaction of the caller's. The last use that is stored never goes back.
  Result<void> save(std::span<const inventory::ApiKey> keys);
  Result<void> forget(std::span<const std::string> ids);

 private:
  ApiKeyRows(Statement load, Statement save, Statement forget)
      : load_(std::move(load)), save_(std::move(save)), forget_(std::move(forget)) {}
  Statement load_, save_, forget_;
};

}  // namespace writ::store
