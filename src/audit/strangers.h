// Strangers: how much is recorded of refusals to callers that nobody has authenticated. They can be sent
// without end by anybody, so they are recorded up to a limit per second; beyond it they are counted, by
// reason, and the counts go into the chain.
//
// Thread-safe; a short lock that is never held across anything slow.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "audit/record.h"

namespace writ::audit {

struct StrangerLimits {
  std::uint64_t records_per_second = 10;
  std::uint64_t bytes_per_second = 16 * 1024;
};
// So many seconds' worth may come at once.
inline constexpr std::uint64_t kStrangerBurstSeconds = 10;

class Strangers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit Strangers(StrangerLimits limits);

  // May it be recorded? If not, it is counted.
  bool admit(const Record& record, Time now);
  // What was counted since the last time; nothing: nothing was.
  std::optional<std::map<std::string, std::uint64_t>> take();
  // It could not be recorded.
  void put_back(const std::map<std::string, std::uint64_t>& counts);
  std::uint64_t left_out() const;  // ever

 private:
  const StrangerLimits limits_;
  mutable std::mutex mutex_;
  double records_, bytes_;  // that may still come now
  std::optional<Time> at_;
  std::map<std::string, std::uint64_t> counts_;  // reasons are of a closed set
  std::uint64_t left_out_ = 0;
};

}  // namespace writ::audit
