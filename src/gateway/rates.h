// Rates: how often somebody may call an API, and how many calls may be under way at once (`rates` of an API).
//
//   rates:
//     - {per: client, requests: 600, seconds: 60}
//     - {per: subject, requests: 10, seconds: 60, actions: [pay]}
//     - {per: source, at_once: 20}
//
// A rule counts before the decision, so that what is over it costs little, and spends no budget. Rules per
// client and per subject count by a token that was verified; nobody can use up the rate of another one
// without its token. Those for all together count only callers with such a token, and public routes:
// strangers must not use up what callers that are known share. Rules per source count everybody, but not the
// operator's own proxies, behind which many are.
//
// Requests are spread by the generic cell rate algorithm: as many as `requests` may come together, and then
// one each time `seconds` / `requests` have passed. It keeps one time for each of those who count.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/debts.h"

namespace writ::gateway {

// One rule as configuration says it: either `requests` in `window`, or `at_once`.
struct RateSpec {
  enum class Per : std::uint8_t { kSource, kClient, kSubject, kAll };
  Per per;
  std::uint32_t requests = 0;
  std::chrono::seconds window{0};
  std::uint32_t at_once = 0;
  std::vector<std::string> actions = {};  // empty: all of the API

  bool operator==(const RateSpec&) const = default;
};

std::string_view name_of(RateSpec::Per per) noexcept;  // "client"

// The rules that one route of an API goes by. Immutable.
class Rates {
 public:
  // Of the API's rules, those for this action. Null: none.
  static std::shared_ptr<const Rates> of(std::string_view api, std::string_view action,
                                         const std::vector<RateSpec>& specs);

  bool by_token() const noexcept { return by_token_; }

 private:
  friend class RateCounts;
  struct Rule {
    RateSpec spec;
    std::uint64_t key;  // of its API and all that it says: it counts on when configuration is read again
  };
  std::vector<Rule> rules_;  // those that many share come last
  bool by_token_ = false;
};

// Who calls. A plain value.
struct RateCaller {
  std::optional<std::uint64_t> source = {};  // absent: one of the operator's proxies
  // Of a verified token; empty: it brought none.
  std::string_view client = {}, subject = {};
  bool counts_for_all = false;
};

// What has been counted. Bounded: where there is no place for another one, the one who would be free first is
// forgotten. Thread-safe; calls for different callers seldom wait for each other, and none waits for more
// than that.
class RateCounts {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  // The place of a call that is under way; it ends with its last owner.
  using Place = std::shared_ptr<void>;
  struct Counted {
    // Over this rule; null: go on.
    const RateSpec* over = nullptr;
    std::chrono::seconds retry_after{0};  // at least 1 where it is over
    // RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10 §3, §4); empty where no rule is
    // of this caller alone: how much others call is nobody's business.
    std::string policy = {}, limit = {};
    Place place = {};  // for as long as the call is under way; null: nothing counts that
  };

  explicit RateCounts(std::size_t places = 1 << 16);
  // What it counted before a rule refused stays counted.
  Counted count(const Rates& rates, const RateCaller& caller, Moment now);

 private:
  struct Stripes;
  struct Held;

  const http::HiddenKeys keys_;
  const std::shared_ptr<Stripes> stripes_;  // places may outlive what counts them
};

}  // namespace writ::gateway
