#include "http/debts.h"

#include <algorithm>
#include <random>

namespace writ::http {
namespace {

constexpr Duration kLately = std::chrono::minutes(10);

}  // namespace

Debts::Debts(std::size_t places, Duration pays_every) : pays_every_(pays_every), buckets_(places / kWays) {}

Duration Debts::every(std::size_t per_minute) {
  return Duration(std::chrono::minutes(1)) / static_cast<Duration::rep>(std::max<std::size_t>(per_minute, 1));
}

double Debts::debt_of(const Entry& entry, Instant now) const {
  const auto paid = static_cast<double>(std::max(now - entry.at, Duration(0)).count()) /
                    static_cast<double>(pays_every_.count());
  return std::max(entry.debt - paid, 0.0);
}

double Debts::of(std::uint64_t key, Instant now) const {
  for (const Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) return debt_of(entry, now);
  }
  return 0;
}

void Debts::add(std::uint64_t key, double more, Instant now) {
  Bucket& bucket = buckets_[key % buckets_.size()];
  auto place = std::ranges::find(bucket, key, &Entry::key);
  if (place == bucket.end()) {
    place = std::ranges::min_element(bucket, {}, [&](const Entry& entry) { return debt_of(entry, now); });
    *place = {.key = key, .debt = 0, .at = now};
  }
  place->debt = std::max(debt_of(*place, now) + more, 0.0);
  place->at = std::max(place->at, now);
}

bool Debts::wrong_lately(std::uint64_t key, Instant now) const {
  for (const Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) return entry.wrong != Instant() && now - entry.wrong < kLately;
  }
  return false;
}

void Debts::note_wrong(std::uint64_t key, Instant now) {
  add(key, 0, now);
  for (Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) entry.wrong = now;
  }
}

Duration Debts::until(double debt, double below) const {
  const double owed = std::max(debt - below, 0.0) * static_cast<double>(pays_every_.count());
  return Duration(static_cast<Duration::rep>(owed) + 1);
}

HiddenKeys::HiddenKeys() {
  std::random_device device;
  secret_ = std::uint64_t{device()} << 32 | device();
}

Guesser HiddenKeys::guesser(std::string_view peer_ip, const Networks& proxies) const {
  const auto peer = Address::parse(peer_ip);
  return {.source = of(Source::of(peer).number), .proxied = peer && proxies.contains(*peer)};
}

std::uint64_t HiddenKeys::of(std::uint64_t number) const noexcept {
  number ^= secret_;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31);
}

}  // namespace writ::http
