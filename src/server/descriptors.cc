#include "server/descriptors.h"

#include <algorithm>
#include <limits>
#include <sys/resource.h>

namespace writ::server {
namespace {

// The database, the log, revisions, event loops, watches, a spare for each listener.
constexpr std::size_t kOwn = 96;
constexpr std::size_t kOperators = 64;
constexpr std::size_t kMostIdleUpstreams = 4096;

}  // namespace

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  // A hard limit above the kernel's own cannot be taken up: what there was stays.
  if (limit.rlim_cur != limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  return std::min<std::size_t>(limit.rlim_cur, kMost);
}

Room room_within(std::size_t descriptors, std::size_t wanted, bool has_gateway) noexcept {
  // Where there are few, callers have half of them.
  const std::size_t kept = std::min(kOwn + kOperators, descriptors / 2);
  std::size_t left = descriptors - kept;
  const std::size_t operators = std::max<std::size_t>(kept * kOperators / (kOwn + kOperators), 1);
  const auto room = [&](std::size_t places) { return std::clamp<std::size_t>(places, 1, wanted); };
  if (!has_gateway) return {.api = room(left), .gateway = 0, .operators = operators, .idle_upstreams = 0};
  const std::size_t idle = std::min(left / 8, kMostIdleUpstreams);
  left -= idle;
  const std::size_t api = room(left / 4);
  return {.api = api, .gateway = room((left - api) / 2), .operators = operators, .idle_upstreams = idle};
}

}  // namespace writ::server
