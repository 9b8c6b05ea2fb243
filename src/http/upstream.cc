#include "http/upstream.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mutex>

#include "base/require.h"
#include "http/retry_budget.h"
#include "http/source.h"

namespace writ::http {
namespace {

using Nanoseconds = std::int64_t;
constexpr std::string_view kSocket = "unix:";
constexpr std::size_t kMaxSocketPath = 107;  // unix(7)

Nanoseconds number_of(UpstreamTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

Result<Origin> parse_one(const std::string& url) {
  if (!url.starts_with(kSocket)) return parse_origin(url);
  const auto path = url.substr(kSocket.size());
  if (!path.starts_with('/') || path.size() > kMaxSocketPath)
    return failure(ErrorCode::kInvalid,
                   fmt::format("`{}` is not an upstream: expected `unix:/path` of at most {} bytes", url,
                               kMaxSocketPath));
  return Origin{.host = "localhost",
                .port = 80,
                .path_prefix = {},
                .authority = "localhost",
                .tls = nullptr,
                .pool = url,
                .address = {},
                .socket = path};
}

bool is_by_name(const Origin& origin) {
  return origin.socket.empty() && !Address::parse(origin.host);
}

std::string name_of(const Origin& origin) {
  if (!origin.socket.empty()) return std::string(kSocket) + origin.socket;
  const auto& host = origin.address.empty() ? origin.host : origin.address;
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, origin.port)
                                     : fmt::format("[{}]:{}", host, origin.port);
}

std::string text_of(const UpstreamOptions& options) {
  auto text = fmt::format("{} {} {} {} {} {} {} {} {}", options.refresh.count(), options.max_requests,
                          options.ejection.failures, fmt::join(options.ejection.statuses, ","),
                          options.ejection.first.count(), options.ejection.longest.count(),
                          options.retries.most, options.retries.percent, options.retries.per_second);
  if (const auto& check = options.check)
    text += fmt::format(" {} {} {} {} {}", check->path, check->interval.count(), check->timeout.count(),
                        check->healthy, check->unhealthy);
  if (options.http2) text += *options.http2 ? " http2" : " no http2";
  return text;
}

// A connection is as good as another one only where both may speak the same.
void set_http2(Origin& origin, std::optional<bool> wanted) {
  origin.http2 = origin.tls != nullptr ? (wanted.value_or(true) ? Http2::kOffered : Http2::kNo)
                                       : (wanted.value_or(false) ? Http2::kKnown : Http2::kNo);
  if (origin.http2 != Http2::kNo) origin.pool += " http2";
}

}  // namespace

class UpstreamAddress {
 public:
  UpstreamAddress(Origin to, std::size_t of_url)
      : origin(std::move(to)), name(name_of(origin)), url(of_url) {}

  bool ejected(UpstreamTime now) const noexcept {
    return number_of(now) < ejected_until.load(std::memory_order_relaxed);
  }
  bool usable(UpstreamTime now) const noexcept {
    return healthy.load(std::memory_order_relaxed) && !ejected(now);
  }

  const Origin origin;
  const std::string name;
  const std::size_t url;
  std::atomic<std::uint32_t> in_flight{0};
  std::atomic<std::uint32_t> failures{0};     // in a row
  std::atomic<Nanoseconds> ejected_until{0};  // 0: it is not, and that was said
  std::atomic<bool> healthy{true};
  std::atomic<std::uint64_t> ejections{0};

  // With the upstream's lock held.
  std::chrono::milliseconds last_ejection{0};
  UpstreamTime returned{};
  UpstreamTime check_at{};
  bool checking = false;
  unsigned other_checks = 0;  // in a row that say otherwise than `healthy`
};

using Addresses = std::vector<std::shared_ptr<UpstreamAddress>>;

struct UpstreamState {
  UpstreamState(std::string of_api, std::vector<Origin> of, UpstreamOptions with)
      : api(std::move(of_api)),
        origins(std::move(of)),
        options(std::move(with)),
        fixed(std::ranges::none_of(origins, is_by_name)),
        names(origins.size()),
        budget(options.retries.percent, options.retries.per_second) {
    auto all = std::make_shared<Addresses>();
    for (std::size_t url = 0; url < origins.size(); ++url)
      all->push_back(std::make_shared<UpstreamAddress>(origins[url], url));
    first = all;
    addresses = std::move(all);
  }

  std::shared_ptr<const Addresses> all() const {
    if (fixed) return first;
    const std::lock_guard lock(mutex);
    return addresses;
  }

  void tell(const std::string& line) const {
    if (options.tell) return options.tell(line);
    fmt::print(stderr, "writ: {}\n", line);
  }

  template <class Tried>
  std::shared_ptr<UpstreamAddress> choose(UpstreamTime now, bool only_usable, const Tried& was_tried) {
    const auto held = fixed ? nullptr : all();
    const auto& list = fixed ? *first : *held;
    if (list.size() == 1) return was_tried(list.front().get()) ? nullptr : list.front();
    // Only first tries count: with two addresses, retries would else send all first tries to the same one.
    const auto begin =
        only_usable ? turns.load(std::memory_order_relaxed) : turns.fetch_add(1, std::memory_order_relaxed);
    const std::shared_ptr<UpstreamAddress>* best = nullptr;
    std::uint32_t least = 0;
    bool best_usable = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& each = list[(begin + i) % list.size()];
      if (was_tried(each.get())) continue;
      const bool usable = each->usable(now);
      if (only_usable && !usable) continue;
      const auto load = each->in_flight.load(std::memory_order_relaxed);
      if (best != nullptr && (best_usable > usable || (best_usable == usable && least <= load))) continue;
      best = &each;
      least = load;
      best_usable = usable;
    }
    return best != nullptr ? *best : nullptr;
  }

  void count_failure(UpstreamAddress& address, UpstreamTime now);

  const std::string api;
  const std::vector<Origin> origins;  // one for each URL
  const UpstreamOptions options;
  const bool fixed;  // no URL has a name: `first` is all there ever is
  std::shared_ptr<const Addresses> first;
  std::atomic<std::size_t> turns{0};
  std::atomic<std::uint64_t> in_flight{0}, requests{0}, retries{0}, retries_over_budget{0}, refused{0};

  struct Name {
    UpstreamTime due{};
    bool failing = false;
  };
  mutable std::mutex mutex;  // for a few look-ups
  std::shared_ptr<const Addresses> addresses;
  std::vector<Name> names;  // by URL
  RetryBudget budget;
};

// At least half of the addresses stay: what makes all of them fail is more often the request than they.
void UpstreamState::count_failure(UpstreamAddress& address, UpstreamTime now) {
  const auto limit = options.ejection.failures;
  if (address.failures.fetch_add(1, std::memory_order_relaxed) + 1 < limit || limit == 0) return;
  std::unique_lock lock(mutex);
  if (!address.usable(now)) return;
  const auto away = std::ranges::count_if(*addresses, [&](const auto& each) { return !each->usable(now); });
  const auto is_this = [&](const auto& each) { return each.get() == &address; };
  if (std::ranges::none_of(*addresses, is_this)) return;
  if ((static_cast<std::size_t>(away) + 1) * 2 > addresses->size()) return;
  // It grows while the address fails again soon after its return.
  const bool again = address.last_ejection.count() > 0 && now - address.returned <= 2 * address.last_ejection;
  address.last_ejection = again ? std::min(2 * address.last_ejection, options.ejection.longest)
                                : std::min(options.ejection.first, options.ejection.longest);
  address.returned = now + address.last_ejection;
  address.ejected_until.store(number_of(address.returned), std::memory_order_relaxed);
  address.failures.store(0, std::memory_order_relaxed);
  address.ejections.fetch_add(1, std::memory_order_relaxed);
  const auto seconds = address.last_ejection.count() / 1000.0;
  lock.unlock();
  tell(fmt::format("upstream {} of API `{}` failed {} times in a row and gets no requests for {} s",
                   address.name, api, limit, seconds));
}

// ---- Upstream ----

Result<std::shared_ptr<Upstream>> Upstream::make(std::string api, const std::vector<std::string>& urls,
                                                 UpstreamOptions options,
                                                 std::shared_ptr<const TlsClient> tls) {
  const auto invalid = [](std::string message) { return failure(ErrorCode::kInvalid, std::move(message)); };
  if (urls.empty()) return invalid("an upstream needs a URL");
  if (urls.size() > kMaxUpstreamUrls)
    return invalid(fmt::format("an upstream has at most {} URLs", kMaxUpstreamUrls));
  std::vector<Origin> origins;
  for (const auto& url : urls) {
    if (std::ranges::count(urls, url) > 1) return invalid(fmt::format("`{}` is named twice", url));
    auto origin = TRY(parse_one(url));
    if (tls != nullptr && origin.tls == nullptr)
      return invalid(fmt::format("`{}` is not an https upstream", url));
    if (tls != nullptr) origin = with_tls(std::move(origin), tls);
    const bool same_scheme = origins.empty() || (origin.tls == nullptr) == (origins.front().tls == nullptr);
    if (!same_scheme || (!origins.empty() && origin.path_prefix != origins.front().path_prefix))
      return invalid(fmt::format(
          "`{}` and `{}` are not one upstream: all its URLs have the same scheme and the same path prefix",
          urls.front(), url));
    set_http2(origin, options.http2);
    origins.push_back(std::move(origin));
  }
  // One upstream has one set of places, whatever the addresses; so have APIs that share it.
  std::string group;
  for (const auto& origin : origins) group.append(group.empty() ? "" : " ").append(origin.pool);
  for (auto& origin : origins) origin.group = group;
  return std::shared_ptr<Upstream>(
      new Upstream(std::make_shared<UpstreamState>(std::move(api), std::move(origins), std::move(options))));
}

const std::string& Upstream::api() const noexcept {
  return state_->api;
}
const UpstreamOptions& Upstream::options() const noexcept {
  return state_->options;
}
const Origin& Upstream::origin() const noexcept {
  return state_->origins.front();
}

bool Upstream::take_over(const Upstream& before) {
  const auto& mine = *state_;
  const auto& other = *before.state_;
  if (mine.api != other.api || mine.origins.front().group != other.origins.front().group ||
      mine.origins.front().path_prefix != other.origins.front().path_prefix ||
      text_of(mine.options) != text_of(other.options))
    return false;
  state_ = before.state_;
  return true;
}

Upstream::Turn Upstream::take(UpstreamTime now) {
  auto& state = *state_;
  Turn turn;
  const auto before = state.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (state.options.max_requests != 0 && before >= state.options.max_requests) {
    state.in_flight.fetch_sub(1, std::memory_order_relaxed);
    state.refused.fetch_add(1, std::memory_order_relaxed);
    return turn;
  }
  state.requests.fetch_add(1, std::memory_order_relaxed);
  turn.address_ = state.choose(now, false, [](const UpstreamAddress*) { return false; });
  turn.address_->in_flight.fetch_add(1, std::memory_order_relaxed);
  turn.tried_[turn.tries_++] = turn.address_.get();
  turn.state_ = state_;
  return turn;
}

// ---- Turn ----

Upstream::Turn& Upstream::Turn::operator=(Turn&& other) noexcept {
  if (this == &other) return *this;
  end();
  state_ = std::move(other.state_);
  address_ = std::move(other.address_);
  tried_ = other.tried_;
  tries_ = other.tries_;
  return *this;
}

const Origin& Upstream::Turn::origin() const noexcept {
  return address_->origin;
}

void Upstream::Turn::succeeded(int status, UpstreamTime now) {
  WRIT_REQUIRE(state_ != nullptr);
  if (std::ranges::find(state_->options.ejection.statuses, status) != state_->options.ejection.statuses.end())
    return state_->count_failure(*address_, now);
  // Mostly it is 0 already, and then nobody else's copy of it is disturbed.
  if (address_->failures.load(std::memory_order_relaxed) != 0)
    address_->failures.store(0, std::memory_order_relaxed);
}

void Upstream::Turn::failed(UpstreamTime now) {
  WRIT_REQUIRE(state_ != nullptr);
  state_->count_failure(*address_, now);
}

bool Upstream::Turn::move_on(UpstreamTime now) {
  WRIT_REQUIRE(state_ != nullptr);
  if (tries_ > state_->options.retries.most || tries_ == tried_.size()) return false;
  auto next = state_->choose(now, true, [this](const UpstreamAddress* each) {
    return std::find(tried_.begin(), tried_.begin() + static_cast<std::ptrdiff_t>(tries_), each) !=
           tried_.begin() + static_cast<std::ptrdiff_t>(tries_);
  });
  if (next == nullptr) return false;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->budget.take(state_->requests.load(std::memory_order_relaxed), now)) {
      state_->retries_over_budget.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  state_->retries.fetch_add(1, std::memory_order_relaxed);
  address_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  address_ = std::move(next);
  address_->in_flight.fetch_add(1, std::memory_order_relaxed);
  tried_[tries_++] = address_.get();
  return true;
}

void Upstream::Turn::end() noexcept {
  if (const auto state = std::exchange(state_, nullptr)) {
    address_->in_flight.fetch_sub(1, std::memory_order_relaxed);
    state->in_flight.fetch_sub(1, std::memory_order_relaxed);
    address_.reset();
  }
}

// ---- what the keeper brings ----

std::vector<std::pair<std::size_t, std::string>> Upstream::names_due(UpstreamTime now) {
  std::vector<std::pair<std::size_t, std::string>> due;
  if (state_->fixed) return due;
  const std::lock_guard lock(state_->mutex);
  for (std::size_t url = 0; url < state_->origins.size(); ++url) {
    if (!is_by_name(state_->origins[url]) || now < state_->names[url].due) continue;
    state_->names[url].due = now + state_->options.refresh;
    due.emplace_back(url, state_->origins[url].host);
  }
  return due;
}

void Upstream::resolved(std::size_t name, const Result<std::vector<std::string>>& found) {
  const auto& origin = state_->origins[name];
  std::unique_lock lock(state_->mutex);
  const bool failing = !found || found->empty();
  if (std::exchange(state_->names[name].failing, failing) != failing) {
    lock.unlock();
    state_->tell(failing ? fmt::format("the name `{}` of API `{}` cannot be resolved ({}); its last "
                                       "addresses stay in use",
                                       origin.host, state_->api,
                                       found ? "it has no address" : found.error().message)
                         : fmt::format("the name `{}` of API `{}` resolves again", origin.host, state_->api));
    lock.lock();
  }
  if (failing) return;
  auto addresses = *found;
  std::ranges::sort(addresses);
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  auto next = std::make_shared<Addresses>();
  for (const auto& each : *state_->addresses)
    if (each->url != name) next->push_back(each);
  for (const auto& address : addresses) {
    if (next->size() == kMaxUpstreamAddresses) break;
    // What is known of an address stays with it.
    const auto same = std::ranges::find_if(*state_->addresses, [&](const auto& each) {
      return each->url == name && each->origin.address == address;
    });
    if (same != state_->addresses->end()) {
      next->push_back(*same);
      continue;
    }
    auto to = origin;
    to.address = address;
    to.pool = fmt::format("{} at {}", origin.pool, address);
    next->push_back(std::make_shared<UpstreamAddress>(std::move(to), name));
  }
  state_->addresses = std::move(next);
}

std::vector<std::shared_ptr<UpstreamAddress>> Upstream::checks_due(UpstreamTime now) {
  std::vector<std::shared_ptr<UpstreamAddress>> due;
  if (!state_->options.check) return due;
  const std::lock_guard lock(state_->mutex);
  for (const auto& each : *state_->addresses) {
    if (each->checking || now < each->check_at) continue;
    each->checking = true;
    each->check_at = now + state_->options.check->interval;
    due.push_back(each);
  }
  return due;
}

const Origin& Upstream::origin_of(const UpstreamAddress& address) noexcept {
  return address.origin;
}

void Upstream::checked(UpstreamAddress& address, std::optional<std::string_view> trouble) {
  const auto& check = *state_->options.check;
  const bool good = trouble && trouble->empty();
  {
    const std::lock_guard lock(state_->mutex);
    address.checking = false;
    if (!trouble) return;
    if (good == address.healthy) {
      address.other_checks = 0;
      return;
    }
    if (++address.other_checks < (good ? check.healthy : check.unhealthy)) return;
    address.other_checks = 0;
    address.healthy = good;
  }
  state_->tell(
      good ? fmt::format("upstream {} of API `{}` passes its health checks again", address.name, state_->api)
           : fmt::format("upstream {} of API `{}` does not pass its health checks: {}", address.name,
                         state_->api, *trouble));
}

void Upstream::look_at_returns(UpstreamTime now) {
  const auto addresses = state_->all();
  for (const auto& each : *addresses) {
    auto until = each->ejected_until.load(std::memory_order_relaxed);
    if (until == 0 || number_of(now) < until) continue;
    // Once, also when two look.
    if (each->ejected_until.compare_exchange_strong(until, 0, std::memory_order_relaxed))
      state_->tell(fmt::format("upstream {} of API `{}` gets requests again", each->name, state_->api));
  }
}

UpstreamStats Upstream::stats(UpstreamTime now) const {
  UpstreamStats all{.api = state_->api,
                    .addresses = {},
                    .in_flight = state_->in_flight.load(std::memory_order_relaxed),
                    .retries = state_->retries.load(std::memory_order_relaxed),
                    .retries_over_budget = state_->retries_over_budget.load(std::memory_order_relaxed),
                    .refused = state_->refused.load(std::memory_order_relaxed)};
  const auto addresses = state_->all();
  for (const auto& each : *addresses)
    all.addresses.push_back({.name = each->name,
                             .up = each->healthy.load(std::memory_order_relaxed),
                             .ejected = each->ejected(now),
                             .in_flight = each->in_flight.load(std::memory_order_relaxed),
                             .ejections = each->ejections.load(std::memory_order_relaxed)});
  return all;
}

}  // namespace writ::http
