#include "oauth/secret_attempts.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "base/notice.h"
#include "crypto/random.h"

namespace writ::oauth {
namespace {

constexpr std::size_t kSources = 4096, kClients = 1024;
// All sources together, of one client, beside those of one.
constexpr std::size_t kClientFactor = 6;
constexpr Duration kLately = std::chrono::minutes(10);

Duration every(std::size_t per_minute) {
  return Duration(std::chrono::minutes(1)) / static_cast<Duration::rep>(std::max<std::size_t>(per_minute, 1));
}

std::uint64_t random_number() {
  const auto bytes = crypto::random_bytes(sizeof(std::uint64_t));
  std::uint64_t number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31);
}

}  // namespace

SecretAttempts::Debts::Debts(std::size_t places, Duration pays_every)
    : pays_every_(pays_every), buckets_(places / kWays) {}

double SecretAttempts::Debts::debt_of(const Entry& entry, Instant now) const {
  const auto paid = static_cast<double>(std::max(now - entry.at, Duration(0)).count()) /
                    static_cast<double>(pays_every_.count());
  return std::max(entry.debt - paid, 0.0);
}

double SecretAttempts::Debts::of(std::uint64_t key, Instant now) const {
  for (const Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) return debt_of(entry, now);
  }
  return 0;
}

void SecretAttempts::Debts::add(std::uint64_t key, double more, Instant now) {
  Bucket& bucket = buckets_[key % buckets_.size()];
  auto place = std::ranges::find(bucket, key, &Entry::key);
  if (place == bucket.end()) {
    place = std::ranges::min_element(bucket, {}, [&](const Entry& entry) { return debt_of(entry, now); });
    *place = {.key = key, .debt = 0, .at = now};
  }
  place->debt = std::max(debt_of(*place, now) + more, 0.0);
  place->at = std::max(place->at, now);
}

bool SecretAttempts::Debts::wrong_lately(std::uint64_t key, Instant now) const {
  for (const Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) return entry.wrong != Instant() && now - entry.wrong < kLately;
  }
  return false;
}

void SecretAttempts::Debts::note_wrong(std::uint64_t key, Instant now) {
  add(key, 0, now);
  for (Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) entry.wrong = now;
  }
}

Duration SecretAttempts::Debts::until(double debt, double below) const {
  const double owed = std::max(debt - below, 0.0) * static_cast<double>(pays_every_.count());
  return Duration(static_cast<Duration::rep>(owed) + 1);
}

SecretAttempts::SecretAttempts(Options options)
    : options_(std::move(options)),
      secret_(random_number()),
      sources_(kSources, every(options_.wrong_per_minute)),
      clients_(kClients, every(options_.wrong_per_minute * kClientFactor)) {}

SecretAttempts::Attempt SecretAttempts::attempt(std::string_view peer_ip, std::string_view client) const {
  const auto peer = http::Address::parse(peer_ip);
  const std::uint64_t source = peer ? http::Source::of(*peer).number : 0;
  return {.source = mixed(source ^ secret_),
          .client = mixed(std::hash<std::string_view>()(client) ^ secret_),
          .proxied = peer && options_.proxies.contains(*peer)};
}

std::optional<Duration> SecretAttempts::begin(const Attempt& attempt, Instant now) {
  const auto free = static_cast<double>(options_.wrong_per_minute);
  const std::scoped_lock lock(mutex_);
  if (!attempt.proxied) {
    const double own = sources_.of(attempt.source, now), all = clients_.of(attempt.client, now);
    const double most = free * kClientFactor;
    const bool one_of_many = all + 1 > most && sources_.wrong_lately(attempt.source, now);
    if (own + 1 > free || one_of_many) {
      slowed_.fetch_add(1, std::memory_order_relaxed);
      static Notice notice;
      if (const auto times = notice.due())
        say_limit(fmt::format("client secrets are being guessed; such requests get 429 ({} times)", *times));
      return std::max(own + 1 > free ? sources_.until(own + 1, free) : Duration(0),
                      one_of_many ? clients_.until(all + 1, most) : Duration(0));
    }
    sources_.add(attempt.source, 1, now);
  }
  clients_.add(attempt.client, 1, now);
  tried_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

void SecretAttempts::end(const Attempt& attempt, bool right, Instant now) {
  const std::scoped_lock lock(mutex_);
  if (!right) return sources_.note_wrong(attempt.source, now);
  if (!attempt.proxied) sources_.add(attempt.source, -1, now);
  clients_.add(attempt.client, -1, now);
  right_.fetch_add(1, std::memory_order_relaxed);
}

bool SecretAttempts::wrong_lately(const Attempt& attempt, Instant now) const {
  const std::scoped_lock lock(mutex_);
  return sources_.wrong_lately(attempt.source, now);
}

SecretAttempts::Stats SecretAttempts::stats() const noexcept {
  return {tried_.load(std::memory_order_relaxed), right_.load(std::memory_order_relaxed),
          slowed_.load(std::memory_order_relaxed)};
}

}  // namespace writ::oauth
