#include "base/clock.h"

#include <algorithm>
#include <ctime>

#include "base/times.h"

namespace writ {
namespace {

Instant system_time() noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Duration boot_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(time.tv_sec) +
                                              std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

Times Clock::times() const noexcept {
  const auto earliest = this->earliest();
  return {earliest, now()};
}

SystemClock::SystemClock() noexcept : began_running_(boot_time()), began_(system_time()) {}

SystemClock::Readings SystemClock::read() const noexcept {
  return {.system = system_time(), .counted = began_ + (boot_time() - began_running_)};
}

Instant SystemClock::now() const noexcept {
  const auto [system, counted] = read();
  return std::max(system, counted);
}

Instant SystemClock::earliest() const noexcept {
  const auto [system, counted] = read();
  return std::min(system, counted);
}

Times SystemClock::times() const noexcept {
  const auto [system, counted] = read();
  return {std::min(system, counted), std::max(system, counted)};
}

Duration SystemClock::running() const noexcept {
  return boot_time();
}

Duration SystemClock::set_ahead() const noexcept {
  const auto [system, counted] = read();
  return system - counted;
}

}  // namespace writ
