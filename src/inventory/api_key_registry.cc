#include "inventory/api_key_registry.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace writ::inventory {
namespace {

constexpr Duration kKeptWhenOver = std::chrono::hours(24 * 30);
constexpr std::int64_t kBetweenNotesMs = 60'000;

Instant end_of(const ApiKey& key) {
  return key.revoked_at ? std::min(*key.revoked_at, key.expires_at) : key.expires_at;
}

}  // namespace

ApiKey ApiKeyRegistry::Entry::key() const {
  auto key = key_;
  if (const auto last = use_->last_ms.load(std::memory_order_relaxed); last != 0)
    key.last_used_at = Instant(Duration(last));
  return key;
}

void ApiKeyRegistry::Entry::note_shown(Instant now) const noexcept {
  if (!was_shown()) use_->shown.store(true, std::memory_order_relaxed);
  const auto ms = unix_millis(now);
  auto last = use_->last_ms.load(std::memory_order_relaxed);
  while (last == 0 || ms - last >= kBetweenNotesMs) {
    if (use_->last_ms.compare_exchange_weak(last, ms, std::memory_order_relaxed)) return;
  }
}

Result<void> ApiKeyRegistry::load() {
  auto loaded = TRY(store_.load_api_keys());
  const std::lock_guard lock(changes_);
  publish([&](Map& keys) {
    for (auto& key : loaded) {
      auto use = std::make_shared<Use>();
      if (key.last_used_at) use->last_ms = use->kept_ms = unix_millis(*key.last_used_at);
      auto id = key.id;
      keys.insert_or_assign(std::move(id), std::make_shared<const Entry>(std::move(key), std::move(use)));
    }
  });
  return {};
}

void ApiKeyRegistry::publish(const std::function<void(Map&)>& change) {
  auto next = std::make_shared<Map>(*keys_.get());
  change(*next);
  keys_.replace(std::move(next));
}

ApiKeyRegistry::EntryRef ApiKeyRegistry::find(std::string_view id) const {
  const auto& keys = *keys_.read();
  const auto found = keys.find(id);
  return found != keys.end() ? found->second : nullptr;
}

std::vector<ApiKeyRegistry::EntryRef> ApiKeyRegistry::all() const {
  std::vector<EntryRef> all;
  const auto keys = keys_.get();
  for (const auto& [id, entry] : *keys) all.push_back(entry);
  std::ranges::sort(all, {}, [](const EntryRef& entry) {
    return std::tuple((*entry)->created_at, std::string_view((*entry)->id));
  });
  return all;
}

Result<void> ApiKeyRegistry::check_room(const ApiKey& key, Instant now) const {
  const auto keys = keys_.get();
  if (keys->size() >= limits_.all)
    return failure(
        ErrorCode::kLimit,
        fmt::format("there are {} API keys, as many as are kept; those that are over are forgotten "
                    "after 30 days",
                    keys->size()));
  const auto others = std::ranges::count_if(*keys, [&](const auto& each) {
    const ApiKey& other = **each.second;
    return other.identity == key.identity && other.api == key.api && other.in_force(now);
  });
  if (static_cast<std::size_t>(others) < limits_.at_one_time) return {};
  return failure(ErrorCode::kLimit,
                 fmt::format("`{}` has {} keys for API `{}` that are in force, which is as "
                             "many as it may have: revoke one",
                             key.identity, others, key.api));
}

Result<void> ApiKeyRegistry::add(ApiKey key, Instant now) {
  const std::lock_guard lock(changes_);
  TRY(check_room(key, now));
  if (keys_.get()->contains(key.id))
    return failure(ErrorCode::kConflict, fmt::format("there is an API key `{}` already", key.id));
  TRY(store_.save_api_keys({&key, 1}));
  publish([&](Map& keys) {
    auto id = key.id;
    keys.emplace(std::move(id), std::make_shared<const Entry>(std::move(key), std::make_shared<Use>()));
  });
  return {};
}

Result<ApiKeyRegistry::EntryRef> ApiKeyRegistry::existing(std::string_view id) const {
  const auto keys = keys_.get();
  const auto found = keys->find(id);
  if (found == keys->end()) return failure(ErrorCode::kNotFound, fmt::format("there is no API key `{}`", id));
  return found->second;
}

Result<void> ApiKeyRegistry::replace(std::string_view id, Instant until, ApiKey next, Instant now) {
  const std::lock_guard lock(changes_);
  const auto before = TRY(existing(id));
  if (!(*before)->in_force(now))
    return failure(ErrorCode::kConflict, fmt::format("API key `{}` is over: make another one", id));
  TRY(check_room(next, now));
  auto ending = before->key();
  ending.expires_at = std::min(ending.expires_at, until);
  const ApiKey both[]{ending, next};
  TRY(store_.save_api_keys(both));
  publish([&](Map& keys) {
    auto next_id = next.id;
    keys.insert_or_assign(std::string(id), std::make_shared<const Entry>(std::move(ending), before->use_));
    keys.emplace(std::move(next_id), std::make_shared<const Entry>(std::move(next), std::make_shared<Use>()));
  });
  return {};
}

// In force before it is durable: while the store works, or when it fails, the key is refused already.
Result<void> ApiKeyRegistry::revoke(std::string_view id, Instant now) {
  const std::lock_guard lock(changes_);
  const auto before = TRY(existing(id));
  auto key = before->key();
  if (!key.revoked_at) {
    key.revoked_at = now;
    publish([&](Map& keys) {
      keys.insert_or_assign(std::string(id), std::make_shared<const Entry>(key, before->use_));
    });
  }
  return store_.save_api_keys({&key, 1});
}

Result<std::size_t> ApiKeyRegistry::keep_use() {
  const std::lock_guard lock(changes_);
  const auto keys = keys_.get();
  std::vector<ApiKey> used;
  std::vector<std::pair<Use*, std::int64_t>> kept;
  for (const auto& [id, entry] : *keys) {
    const auto last = entry->use_->last_ms.load(std::memory_order_relaxed);
    if (last == entry->use_->kept_ms.load(std::memory_order_relaxed)) continue;
    used.push_back(entry->key());
    kept.emplace_back(entry->use_.get(), last);
  }
  if (used.empty()) return 0;
  TRY(store_.save_api_keys(used));
  for (const auto& [use, last] : kept) use->kept_ms.store(last, std::memory_order_relaxed);
  return used.size();
}

Result<std::size_t> ApiKeyRegistry::forget(Instant earliest) {
  const std::lock_guard lock(changes_);
  const auto keys = keys_.get();
  std::vector<std::string> over;
  for (const auto& [id, entry] : *keys) {
    if (end_of(**entry) + kKeptWhenOver <= earliest) over.push_back(id);
  }
  if (over.empty()) return 0;
  TRY(store_.forget_api_keys(over));
  publish([&](Map& now) {
    for (const auto& id : over) now.erase(id);
  });
  return over.size();
}

}  // namespace writ::inventory
