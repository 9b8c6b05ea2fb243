#include "server/fact_sources.h"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <utility>

namespace writ::server {

sources::SourcePtr FactSources::find_or_make(const config::DeclaredSource& declared) {
  const auto found = std::ranges::find(all_, declared.digest, &Made::digest);
  if (found != all_.end()) return found->source;
  all_.push_back({declared.digest, config::make_source(declared, clock_)});
  return all_.back().source;
}

Result<std::shared_ptr<const sources::Sources>> FactSources::make(const config::World& world) {
  auto made = std::make_shared<sources::Sources>();
  const std::lock_guard lock(turn_);
  for (const auto& declared : world.sources) {
    try {
      made->add(find_or_make(declared));
    } catch (const std::exception& error) {
      return failure(ErrorCode::kUnavailable, fmt::format("the source `{}` of facts cannot be asked: {}",
                                                          declared.settings.name, error.what()));
    }
  }
  return made;
}

void FactSources::retire_others(const sources::Sources& in_force) {
  std::vector<sources::SourcePtr> others;
  {
    const std::lock_guard lock(turn_);
    for (auto& made : all_) {
      if (made.digest.empty() || in_force.has(*made.source)) continue;
      others.push_back(made.source);
      made.digest.clear();
    }
  }
  for (const auto& source : others) source->stop();
}

void FactSources::tidy() {
  // They end without the lock.
  std::vector<Made> unused;
  const std::lock_guard lock(turn_);
  const auto held = [](const Made& made) { return made.source.use_count() > 1; };
  const auto from = std::partition(all_.begin(), all_.end(), held);
  unused.assign(std::make_move_iterator(from), std::make_move_iterator(all_.end()));
  all_.erase(from, all_.end());
}

void FactSources::stop() {
  retire_others({});
}

std::size_t FactSources::size() const {
  const std::lock_guard lock(turn_);
  return all_.size();
}

}  // namespace writ::server
