// Debts: how much each of many owes, for limits on guessing: one more with each attempt, and one less from
// time to time.
//
// Bounded: where there is no place for another one, whoever owes least is forgotten. Not thread-safe; times
// are arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/source.h"

namespace writ::http {

class Debts {
 public:
  Debts(std::size_t places, Duration pays_every);
  // So many a minute.
  static Duration every(std::size_t per_minute);

  double of(std::uint64_t key, Instant now) const;
  void add(std::uint64_t key, double more, Instant now);
  // Was it wrong in the last ten minutes?
  bool wrong_lately(std::uint64_t key, Instant now) const;
  void note_wrong(std::uint64_t key, Instant now);
  // How long it takes until that debt is below.
  Duration until(double debt, double below) const;

 private:
  static constexpr std::size_t kWays = 4;
  struct Entry {
    std::uint64_t key = 0;
    double debt = 0;
    Instant at{};     // of `debt`
    Instant wrong{};  // when it was wrong last
  };
  using Bucket = std::array<Entry, kWays>;
  double debt_of(const Entry& entry, Instant now) const;

  Duration pays_every_;
  std::vector<Bucket> buckets_;
};

// Whoever tries something, as limits on guessing count it. A plain value.
struct Guesser {
  std::uint64_t source;  // a hidden key
  bool proxied;          // one of the operator's proxies, which have no limit as a source
};

// What was tried, for /metrics. Monotone.
struct AttemptStats {
  std::uint64_t tried, right, slowed;
};

// Keys of one process: nobody outside chooses whose place they take.
class HiddenKeys {
 public:
  HiddenKeys();
  std::uint64_t of(std::uint64_t number) const noexcept;
  Guesser guesser(std::string_view peer_ip, const Networks& proxies) const;

 private:
  std::uint64_t secret_;
};

}  // namespace writ::http
