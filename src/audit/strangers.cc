#include "audit/strangers.h"

#include <algorithm>
#include <utility>

namespace writ::audit {

Strangers::Strangers(StrangerLimits limits)
    : limits_(limits),
      records_(static_cast<double>(limits.records_per_second * kStrangerBurstSeconds)),
      bytes_(static_cast<double>(limits.bytes_per_second * kStrangerBurstSeconds)) {}

bool Strangers::admit(const Record& record, Time now) {
  const auto size = static_cast<double>(record.members.size());
  const std::lock_guard lock(mutex_);
  const double passed = at_ ? std::max(0.0, std::chrono::duration<double>(now - *at_).count()) : 0;
  at_ = at_ ? std::max(*at_, now) : now;
  const auto add = [&](double& left, std::uint64_t rate) {
    left = std::min(left + passed * static_cast<double>(rate),
                    static_cast<double>(rate * kStrangerBurstSeconds));
  };
  add(records_, limits_.records_per_second);
  add(bytes_, limits_.bytes_per_second);
  if (records_ >= 1 && bytes_ >= size) {
    records_ -= 1;
    bytes_ -= size;
    return true;
  }
  ++counts_[record.reason];
  ++left_out_;
  return false;
}

std::optional<std::map<std::string, std::uint64_t>> Strangers::take() {
  const std::lock_guard lock(mutex_);
  if (counts_.empty()) return std::nullopt;
  return std::exchange(counts_, {});
}

void Strangers::put_back(const std::map<std::string, std::uint64_t>& counts) {
  const std::lock_guard lock(mutex_);
  for (const auto& [reason, count] : counts) counts_[reason] += count;
}

std::uint64_t Strangers::left_out() const {
  const std::lock_guard lock(mutex_);
  return left_out_;
}

}  // namespace writ::audit
