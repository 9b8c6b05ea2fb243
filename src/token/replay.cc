#include "token/replay.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "base/notice.h"
#include "crypto/hash.h"

namespace writ::token {
namespace {

// A use forgets more than it adds, and no use has to forget everything.
constexpr std::size_t kForgottenByOneUse = 8;
constexpr std::size_t kForgottenAtOnce = 1024;

// The length keeps scope and identifier apart; half a SHA-256 keeps an entry small.
std::array<std::uint8_t, 16> digest_of(std::string_view scope, std::string_view identifier) {
  const auto whole =
      crypto::sha256(std::to_string(scope.size()).append(":").append(scope).append(identifier));
  std::array<std::uint8_t, 16> digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

}  // namespace

std::size_t MemoryReplayGuard::DigestHash::operator()(const Digest& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Result<bool> MemoryReplayGuard::first_use(std::string_view scope, std::string_view identifier, Instant until,
                                          Instant now) {
  const auto digest = digest_of(scope, identifier);
  if (until <= distrusted_) return false;
  if (const auto found = taken_over_.find(digest); found != taken_over_.end() && found->second > now)
    return false;

  auto& shard = shards_[Hash()(scope) % kShards];
  std::unique_lock lock(shard.mutex);
  auto mine = shard.by_scope.find(scope);
  if (mine == shard.by_scope.end()) {
    mine = shard.by_scope.try_emplace(std::string(scope)).first;
    scopes_.fetch_add(1, std::memory_order_relaxed);
  }
  Memory& memory = mine->second;
  if (const auto found = memory.until.find(digest); found != memory.until.end() && found->second > now)
    return false;
  forget(memory, now, kForgottenByOneUse);
  if (!has_room(memory)) {
    lock.unlock();
    refused_.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(
          fmt::format("the memory of DPoP proofs is full for {}, its requests get 503 ({} times, of all "
                      "clients)",
                      scope, *times));
    return failure(ErrorCode::kLimit, "replay guard: too many identifiers of this sender to remember");
  }
  if (memory.until.insert_or_assign(digest, until).second) size_.fetch_add(1, std::memory_order_relaxed);
  memory.in_order.push_back({digest, until});
  if (note_) note_(memory.in_order.back());
  return true;
}

bool MemoryReplayGuard::has_room(const Memory& memory) const noexcept {
  if (memory.until.size() >= limits_.per_scope) return false;
  if (size() < limits_.total) return true;
  return memory.until.size() < limits_.total / scopes_.load(std::memory_order_relaxed);
}

void MemoryReplayGuard::forget(Memory& memory, Instant now, std::size_t at_most) {
  for (; at_most > 0 && !memory.in_order.empty() && memory.in_order.front().until <= now; --at_most) {
    const auto found = memory.until.find(memory.in_order.front().digest);
    // It may have been used again after its time.
    if (found != memory.until.end() && found->second <= now) {
      memory.until.erase(found);
      size_.fetch_sub(1, std::memory_order_relaxed);
    }
    memory.in_order.pop_front();
  }
}

void MemoryReplayGuard::take_over(const std::vector<UsedIdentifier>& used) {
  for (const auto& each : used) taken_over_.insert_or_assign(each.digest, each.until);
}

// In parts, so that nobody waits for all of it.
void MemoryReplayGuard::prune(Instant now) {
  for (auto& shard : shards_) {
    std::vector<std::string> scopes;
    {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [scope, memory] : shard.by_scope) scopes.push_back(scope);
    }
    for (const auto& scope : scopes) {
      for (bool more = true; more;) {
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.by_scope.find(scope);
        if (found == shard.by_scope.end()) break;
        auto& order = found->second.in_order;
        forget(found->second, now, kForgottenAtOnce);
        more = !order.empty() && order.front().until <= now;
        if (!order.empty()) continue;
        shard.by_scope.erase(found);
        scopes_.fetch_sub(1, std::memory_order_relaxed);
        break;
      }
    }
  }
}

}  // namespace writ::token
