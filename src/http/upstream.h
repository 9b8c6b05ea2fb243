// Upstream: the addresses behind one API, what is known of each, and which one a request goes to.
//
//   http://10.0.0.1:9001, http://10.0.0.2:9001   several URLs of one scheme and prefix
//   http://orders.internal:9001                   a name that has several addresses, which may change
//   unix:/run/orders.sock                         a socket of this machine
//
// A request goes to the usable address with the fewest requests in flight. Not usable is an address that
// failed several times in a row, for a while that grows (never more than half of them), and one that does not
// pass its health checks. Where none is usable, all are used: no check may take a whole API away.
//
// Nothing here resolves, connects or waits: UpstreamKeeper brings the addresses of names and the outcome of
// checks, UpstreamCall what came of requests. Time is an argument. Thread-safe; choosing takes no lock where
// the addresses are fixed, and otherwise one for the copy of a pointer.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace writ::http {

inline constexpr std::size_t kMaxUpstreamUrls = 32;
inline constexpr std::size_t kMaxUpstreamAddresses =
    64;  // of one upstream; what a name has beyond is left out
inline constexpr std::size_t kMaxRetries = 3;

struct EjectionOptions {
  unsigned failures = 5;           // in a row; 0: nothing is ejected
  std::vector<int> statuses = {};  // that are failures too: 502, 503
  std::chrono::milliseconds first{10'000}, longest{300'000};
};

struct CheckOptions {
  std::string path;  // below the prefix; 2xx and 3xx are good
  std::chrono::milliseconds interval{10'000}, timeout{2'000};
  unsigned healthy = 2, unhealthy = 3;  // in a row, to be taken for it
};

struct RetryOptions {
  unsigned most = 1;  // other addresses that a request may be sent to
  // The budget: so many of a hundred requests, and so many a second.
  unsigned percent = 10, per_second = 3;
};

struct UpstreamOptions {
  std::chrono::milliseconds refresh{10'000};  // of a name's addresses
  std::size_t max_requests = 0;               // in flight, of all addresses and loops; 0: no bound of its own
  EjectionOptions ejection = {};
  RetryOptions retries = {};
  std::optional<CheckOptions> check = {};
  // Absent: https offers HTTP/2 (ALPN), plain HTTP has HTTP/1.1. True: a plain one speaks it from the first
  // byte on.
  std::optional<bool> http2 = {};
  std::function<void(const std::string&)> tell = {};  // lines for the operator; absent: to stderr
};

using UpstreamTime = std::chrono::steady_clock::time_point;

// One address, as numbers.
struct UpstreamAddressStats {
  std::string name;  // "10.0.0.1:9001"; a name that was not resolved yet stands as it is
  bool up;           // passes its checks, or has none
  bool ejected;
  std::uint64_t in_flight, ejections;
};
struct UpstreamStats {
  std::string api;
  std::vector<UpstreamAddressStats> addresses;
  std::uint64_t in_flight, retries, retries_over_budget, refused;
};

class UpstreamAddress;
struct UpstreamState;

class Upstream {
 public:
  // Fails with kInvalid: nothing in the list, too much, another scheme or prefix than the first one's.
  // `tls` is for https, and null for what the system trusts.
  static Result<std::shared_ptr<Upstream>> make(std::string api, const std::vector<std::string>& urls,
                                                UpstreamOptions options = {},
                                                std::shared_ptr<const TlsClient> tls = {});

  const std::string& api() const noexcept;
  const UpstreamOptions& options() const noexcept;
  // Of the first URL. All have its path prefix.
  const Origin& origin() const noexcept;

  // Goes on with what is known of the same one before a reload. Before this one is used; false: it is
  // another.
  bool take_over(const Upstream& before);

  // A request's place at one address. Gives it back at its end.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept { *this = std::move(other); }
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { end(); }
    explicit operator bool() const noexcept { return state_ != nullptr; }

    const Origin& origin() const noexcept;
    // What came of it, as far as it says something of the address. `status` 0: no answer.
    void succeeded(int status, UpstreamTime now);
    void failed(UpstreamTime now);
    // To an address that was not tried yet. False: there is none, there were enough tries, or the budget of
    // all requests is used up; then all stays as it is.
    bool move_on(UpstreamTime now);
    void end() noexcept;

   private:
    friend class Upstream;
    std::shared_ptr<UpstreamState> state_;
    std::shared_ptr<UpstreamAddress> address_;
    std::array<const UpstreamAddress*, kMaxRetries + 1> tried_{};
    std::size_t tries_ = 0;
  };
  // Empty: max_requests are in flight.
  Turn take(UpstreamTime now);

  UpstreamStats stats(UpstreamTime now) const;

  // ---- for UpstreamKeeper ----

  // The names to be resolved now, with their number. They count as asked.
  std::vector<std::pair<std::size_t, std::string>> names_due(UpstreamTime now);
  // The addresses of that name. None, or an error: the last ones stay.
  void resolved(std::size_t name, const Result<std::vector<std::string>>& addresses);
  // The addresses to be checked now. They count as under way until checked().
  std::vector<std::shared_ptr<UpstreamAddress>> checks_due(UpstreamTime now);
  static const Origin& origin_of(const UpstreamAddress& address) noexcept;
  // `trouble`: empty when it was good; nothing when nobody knows.
  void checked(UpstreamAddress& address, std::optional<std::string_view> trouble);
  // Says which addresses are no longer ejected.
  void look_at_returns(UpstreamTime now);

 private:
  explicit Upstream(std::shared_ptr<UpstreamState> state) : state_(std::move(state)) {}
  std::shared_ptr<UpstreamState> state_;  // never null
};

}  // namespace writ::http
