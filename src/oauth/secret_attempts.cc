#include "oauth/secret_attempts.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::oauth {
namespace {

constexpr std::size_t kSources = 4096, kClients = 1024;
// All sources together, of one client, beside those of one.
constexpr std::size_t kClientFactor = 6;

}  // namespace

SecretAttempts::SecretAttempts(Options options)
    : options_(std::move(options)),
      sources_(kSources, http::Debts::every(options_.wrong_per_minute)),
      clients_(kClients, http::Debts::every(options_.wrong_per_minute * kClientFactor)) {}

SecretAttempts::Attempt SecretAttempts::attempt(std::string_view peer_ip, std::string_view client) const {
  const auto guesser = keys_.guesser(peer_ip, options_.proxies);
  return {.source = guesser.source,
          .client = keys_.of(std::hash<std::string_view>()(client)),
          .proxied = guesser.proxied};
}

SecretAttempts::Attempt SecretAttempts::alone(Attempt attempt) const noexcept {
  attempt.source = keys_.of(attempt.source ^ attempt.client);
  return attempt;
}

std::optional<Duration> SecretAttempts::begin(const Attempt& attempt, Instant now) {
  const auto free = static_cast<double>(options_.wrong_per_minute);
  std::unique_lock lock(mutex_);
  if (!attempt.proxied) {
    const double own = sources_.of(attempt.source, now), all = clients_.of(attempt.client, now);
    const double most = free * kClientFactor;
    const bool one_of_many = all + 1 > most && sources_.wrong_lately(attempt.source, now);
    if (own + 1 > free || one_of_many) {
      const auto wait = std::max(own + 1 > free ? sources_.until(own + 1, free) : Duration(0),
                                 one_of_many ? clients_.until(all + 1, most) : Duration(0));
      lock.unlock();
      slowed_.fetch_add(1, std::memory_order_relaxed);
      if (const auto times = notice_.due())
        say_limit(fmt::format("{}; such requests get 429 ({} times)", options_.what, *times));
      return wait;
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

http::AttemptStats SecretAttempts::stats() const noexcept {
  return {tried_.load(std::memory_order_relaxed), right_.load(std::memory_order_relaxed),
          slowed_.load(std::memory_order_relaxed)};
}

}  // namespace writ::oauth
