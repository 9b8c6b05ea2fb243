#include "server/housekeeping.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace writ::server {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

void keep_house(const std::stop_token& stop, const std::vector<Housekeeping::Chore>& chores) {
  std::vector<SteadyTime> due;
  due.reserve(chores.size());
  for (const auto& chore : chores) due.push_back(std::chrono::steady_clock::now() + chore.every);
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested()) {
    const auto next = std::ranges::min_element(due);
    std::unique_lock lock(mutex);
    if (stopped.wait_until(lock, stop, *next, [] { return false; }) || stop.stop_requested()) return;
    const auto which = next - due.begin();
    chores[which].run();
    *next = std::chrono::steady_clock::now() + chores[which].every;
  }
}

}  // namespace

void Housekeeping::start(std::vector<Chore> chores) {
  if (chores.empty()) return;
  thread_ =
      std::jthread([chores = std::move(chores)](const std::stop_token& stop) { keep_house(stop, chores); });
}

void Housekeeping::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace writ::server
