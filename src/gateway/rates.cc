#include "gateway/rates.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace writ::gateway {
namespace {

std::uint64_t mixed(std::uint64_t key, std::uint64_t more) noexcept {
  key ^= more + 0x9e3779b97f4a7c15U + (key << 6) + (key >> 2);
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9U;
  return key ^ (key >> 31);
}

std::uint64_t hash_of(std::string_view text) noexcept {
  return std::hash<std::string_view>()(text);
}

std::uint64_t key_of(std::string_view api, const RateSpec& spec) noexcept {
  auto key = mixed(hash_of(api), static_cast<std::uint64_t>(spec.per));
  key = mixed(key, spec.requests);
  key = mixed(key, static_cast<std::uint64_t>(spec.window.count()));
  key = mixed(key, spec.at_once);
  for (const auto& action : spec.actions) key = mixed(key, hash_of(action));
  return key;
}

// Who counts, as a number; nothing: the rule is not about this caller.
std::optional<std::uint64_t> counted(RateSpec::Per per, const RateCaller& caller) noexcept {
  switch (per) {
    case RateSpec::Per::kSource:
      return caller.source;
    case RateSpec::Per::kClient:
      if (caller.client.empty()) return std::nullopt;
      return hash_of(caller.client);
    case RateSpec::Per::kSubject:
      if (caller.subject.empty()) return std::nullopt;
      return mixed(hash_of(caller.subject), 1);
    case RateSpec::Per::kAll:
      break;
  }
  return caller.counts_for_all ? std::optional<std::uint64_t>(0) : std::nullopt;
}

std::chrono::seconds in_seconds(RateCounts::Moment::duration duration) noexcept {
  return std::max(std::chrono::ceil<std::chrono::seconds>(duration), std::chrono::seconds(0));
}

void append(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

std::string_view name_of(RateSpec::Per per) noexcept {
  switch (per) {
    case RateSpec::Per::kSource:
      return "source";
    case RateSpec::Per::kClient:
      return "client";
    case RateSpec::Per::kSubject:
      return "subject";
    case RateSpec::Per::kAll:
      break;
  }
  return "all";
}

std::shared_ptr<const Rates> Rates::of(std::string_view api, std::string_view action,
                                       const std::vector<RateSpec>& specs) {
  auto rates = std::make_shared<Rates>();
  for (const auto& spec : specs) {
    if (!spec.actions.empty() && std::ranges::find(spec.actions, action) == spec.actions.end()) continue;
    rates->rules_.push_back({spec, key_of(api, spec)});
    rates->by_token_ = rates->by_token_ || spec.per != RateSpec::Per::kSource;
  }
  if (rates->rules_.empty()) return nullptr;
  // Who is over a limit of its own takes nothing of what all share.
  std::ranges::stable_sort(rates->rules_, {}, [](const Rule& rule) { return rule.spec.per; });
  return rates;
}

// Each for a part of the keys, so that calls for different callers seldom wait for each other.
struct RateCounts::Stripes {
  static constexpr std::size_t kStripes = 64, kWays = 4;
  struct Entry {
    std::uint64_t key = 0;
    Moment free_at{};  // when all that came is paid for
  };
  struct Stripe {
    std::mutex mutex;
    std::vector<std::array<Entry, kWays>> buckets;
    std::unordered_map<std::uint64_t, std::uint32_t> under_way;
  };
  struct Left {
    bool over;
    std::uint32_t requests;
    Moment::duration until;  // all of it is there again, or, if it is over, the next one
  };

  explicit Stripes(std::size_t places) {
    for (auto& stripe : stripes) stripe.buckets.resize(std::max<std::size_t>(places / kStripes / kWays, 1));
  }

  Stripe& of(std::uint64_t key) noexcept { return stripes[key % kStripes]; }

  Left take(std::uint64_t key, const RateSpec& spec, Moment now) {
    const Moment::duration window = spec.window, each = window / spec.requests;
    auto& stripe = of(key);
    const std::scoped_lock lock(stripe.mutex);
    auto& bucket = stripe.buckets[key / kStripes % stripe.buckets.size()];
    auto place = std::ranges::find(bucket, key, &Entry::key);
    if (place == bucket.end()) {
      place = std::ranges::min_element(bucket, {}, &Entry::free_at);
      *place = {.key = key, .free_at = now};
    }
    const auto free_at = std::max(place->free_at, now) + each;
    if (free_at - now > window) return {true, 0, free_at - now - window};
    place->free_at = free_at;
    return {false, static_cast<std::uint32_t>((window - (free_at - now)) / each), free_at - now};
  }

  bool begin(std::uint64_t key, std::uint32_t at_once) {
    auto& stripe = of(key);
    const std::scoped_lock lock(stripe.mutex);
    auto& under_way = stripe.under_way[key];
    if (under_way >= at_once) return false;
    ++under_way;
    return true;
  }

  void end(std::uint64_t key) noexcept {
    auto& stripe = of(key);
    const std::scoped_lock lock(stripe.mutex);
    const auto found = stripe.under_way.find(key);
    if (found != stripe.under_way.end() && --found->second == 0) stripe.under_way.erase(found);
  }

  std::array<Stripe, kStripes> stripes;
};

// A call that is under way.
struct RateCounts::Held {
  explicit Held(std::shared_ptr<Stripes> of) : stripes(std::move(of)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    for (const auto key : keys) stripes->end(key);
  }
  bool begin(std::uint64_t key, std::uint32_t at_once) {
    keys.reserve(keys.size() + 1);
    if (!stripes->begin(key, at_once)) return false;
    keys.push_back(key);
    return true;
  }

  const std::shared_ptr<Stripes> stripes;
  std::vector<std::uint64_t> keys;
};

RateCounts::RateCounts(std::size_t places) : stripes_(std::make_shared<Stripes>(places)) {}

RateCounts::Counted RateCounts::count(const Rates& rates, const RateCaller& caller, Moment now) {
  Counted result;
  std::shared_ptr<Held> held;
  for (const auto& [spec, rule] : rates.rules_) {
    const auto who = counted(spec.per, caller);
    if (!who) continue;
    const auto key = keys_.of(mixed(rule, *who));
    if (spec.at_once > 0) {
      if (held == nullptr) held = std::make_shared<Held>(stripes_);
      if (held->begin(key, spec.at_once)) continue;
      result.over = &spec;
      result.retry_after = std::chrono::seconds(1);
      return result;
    }
    const auto left = stripes_->take(key, spec, now);
    if (spec.per != RateSpec::Per::kAll) {
      append(result.policy,
             fmt::format("\"{}\";q={};w={}", name_of(spec.per), spec.requests, spec.window.count()));
      append(result.limit, fmt::format("\"{}\";r={};t={}", name_of(spec.per), left.requests,
                                       in_seconds(left.until).count()));
    }
    if (!left.over) continue;
    result.over = &spec;
    result.retry_after = std::max(in_seconds(left.until), std::chrono::seconds(1));
    return result;
  }
  result.place = std::move(held);
  return result;
}

}  // namespace writ::gateway
