#include "enforce/in_force.h"

#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "base/check.h"

namespace writ::enforce {
namespace {
constexpr int kAttempts = 1000;
constexpr std::chrono::milliseconds kPause{1};
}  // namespace

Current::Current(InForce first)
    : next_(std::move(first)), published_(std::make_shared<const InForce>(next_)) {}

void Current::publish() noexcept {
  if (changes_ > 0) return;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    try {
      return published_.replace(std::make_shared<const InForce>(next_));
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(kPause);
    }
  }
  WRIT_CHECK(!"memory to put in force what was acknowledged");
}

void Current::replace(std::shared_ptr<const inventory::Snapshot> inventory) noexcept {
  const std::lock_guard turn(turn_);
  next_.inventory = std::move(inventory);
  publish();
}

void Current::replace(std::shared_ptr<const decision::PolicySnapshot> policies) noexcept {
  const std::lock_guard turn(turn_);
  next_.policies = std::move(policies);
  publish();
}

void Current::replace(std::shared_ptr<const gateway::Routes> routes) noexcept {
  const std::lock_guard turn(turn_);
  next_.routes = std::move(routes);
  publish();
}

void Current::replace(std::shared_ptr<const facts::PushedEntities> pushed) noexcept {
  const std::lock_guard turn(turn_);
  next_.pushed = std::move(pushed);
  publish();
}

void Current::replace(std::shared_ptr<const sources::Sources> sources) noexcept {
  const std::lock_guard turn(turn_);
  next_.sources = std::move(sources);
  publish();
}

Current::Change::Change(Current& current) : current_(current), turn_(current.turn_) {
  ++current_.changes_;
}

Current::Change::~Change() {
  --current_.changes_;
  current_.publish();
}

}  // namespace writ::enforce
