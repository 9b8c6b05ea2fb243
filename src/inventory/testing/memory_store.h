// A store for tests: in memory, and failing when told to.
#pragma once

#include <map>

#include "inventory/directory.h"

namespace writ::inventory::testing {

class MemoryStore final : public Store {
 public:
  bool broken = false;

  Result<Change> load_inventory() override {
    Change change;
    for (const auto& [id, record] : identities_)
      change.identities.push_back(TRY(identity_from_record(record)));
    for (const auto& [id, record] : apis_) change.apis.push_back(TRY(api_from_record(record)));
    for (const auto& [id, status] : stops_) change.stops.push_back({id, status});
    return change;
  }
  Result<void> save_inventory(const Change& change) override {
    if (broken) return failure(ErrorCode::kIo, "the disk is full");
    for (const auto& identity : change.identities) identities_[identity.id] = identity_record(identity);
    for (const auto& api : change.apis) apis_[api.id] = api_record(api);
    for (const auto& stop : change.stops) {
      stops_[stop.id] = stop.status;
      if (stop.status == Status::kActive) stops_.erase(stop.id);
    }
    return {};
  }

 private:
  std::map<std::string, std::string> identities_;
  std::map<std::string, std::string> apis_;
  std::map<std::string, Status> stops_;
};

}  // namespace writ::inventory::testing
