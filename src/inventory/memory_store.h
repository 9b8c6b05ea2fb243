// An inventory store in memory, for worlds that end with the process.
#pragma once

#include <map>

#include "inventory/directory.h"

namespace writ::inventory {

class MemoryStore : public Store {
 public:
  Result<Change> load_inventory() override {
    Change change;
    for (const auto& [id, record] : identities_)
      change.identities.push_back(TRY(identity_from_record(record)));
    for (const auto& [id, record] : apis_) change.apis.push_back(TRY(api_from_record(record)));
    for (const auto& [id, status] : stops_) change.stops.push_back({id, status});
    for (const auto& [id, review] : reviews_) change.reviews.push_back(review);
    for (const auto& [id, used] : used_) change.used.push_back(used);
    for (const auto& [id, record] : grants_) change.grant_records.push_back(TRY(grant_from_record(record)));
    return change;
  }
  Result<void> save_inventory(const Change& change) override {
    TRY(before_write());
    for (const auto& identity : change.identities) identities_[identity.id] = identity_record(identity);
    for (const auto& api : change.apis) apis_[api.id] = api_record(api);
    for (const auto& stop : change.stops) {
      stops_[stop.id] = stop.status;
      if (stop.status == Status::kActive) stops_.erase(stop.id);
    }
    for (const auto& review : change.reviews) reviews_.insert_or_assign(review.id, review);
    for (const auto& used : change.used) used_.insert_or_assign(used.id, used);
    for (const auto& record : change.grant_records) {
      grants_[record.id] = grant_record(record);
      if (record.empty()) grants_.erase(record.id);
    }
    return {};
  }

 protected:
  // Where a test can fail.
  virtual Result<void> before_write() { return {}; }

 private:
  std::map<std::string, std::string> identities_;
  std::map<std::string, std::string> apis_;
  std::map<std::string, Status> stops_;
  std::map<std::string, Review> reviews_;
  std::map<std::string, UsedDays> used_;
  std::map<std::string, std::string> grants_;
};

}  // namespace writ::inventory
