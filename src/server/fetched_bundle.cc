#include "server/fetched_bundle.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <vector>

#include "audit/record.h"
#include "codec/base64url.h"
#include "codec/members.h"
#include "config/client_bundles.h"
#include "crypto/hash.h"
#include "files/files.h"
#include "oauth/discovery.h"

namespace writ::server {
namespace {

using codec::Json;

constexpr std::size_t kMaxBundleBytes = 256 * 1024;
constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxNamed = 8;  // CAs in one text
constexpr std::string_view kAccept = "application/json";
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";

// The SHA-256 of each, in hexadecimal: as `openssl x509 -fingerprint -sha256` shows it, without colons.
std::vector<std::string> fingerprints(std::string_view pem) {
  std::vector<std::string> all;
  for (auto at = pem.find(kBegin); at != pem.npos; at = pem.find(kBegin, at + 1)) {
    const auto end = pem.find(kEnd, at);
    if (end == pem.npos) break;
    std::string base64(pem.substr(at + kBegin.size(), end - at - kBegin.size()));
    std::erase(base64, '\n');
    if (const auto der = codec::base64_decode(base64)) all.push_back(crypto::hex(crypto::sha256(*der)));
  }
  return all;
}

// Those of `some` that are not in `others`.
void append_missing(std::string& text, std::string_view what, const std::vector<std::string>& some,
                    const std::vector<std::string>& others) {
  std::size_t count = 0;
  for (const auto& each : some) {
    if (std::ranges::find(others, each) != others.end()) continue;
    if (count == 0) text += fmt::format("{}{} ", text.empty() ? "" : "; ", what);
    if (count < kMaxNamed) text += fmt::format("{}`{}`", count == 0 ? "" : ", ", each);
    ++count;
  }
  if (count > kMaxNamed) text += fmt::format(" and {} more", count - kMaxNamed);
}

std::string difference(std::string_view before, std::string_view now) {
  const auto old = fingerprints(before), own = fingerprints(now);
  std::string text;
  append_missing(text, "added CA", own, old);
  append_missing(text, "removed CA", old, own);
  return text;
}

// What cannot be used at a listener never comes in force.
Result<std::string> usable_authorities(std::string_view bundle) {
  auto pem = TRY(config::x509_authorities(bundle));
  TRY(http::TlsClient::make({.ca = pem}));
  return pem;
}

// SPIFFE Trust Domain and Bundle §4.1.2.
std::optional<std::chrono::seconds> refresh_hint(std::string_view bundle) {
  const auto json = codec::parse_json(bundle);
  const auto* hint = json && json->is_object() ? json->find("spiffe_refresh_hint") : nullptr;
  const auto* seconds = hint != nullptr ? hint->if_int() : nullptr;
  if (seconds == nullptr || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(*seconds, 366 * 86'400));
}

}  // namespace

FetchedBundle::FetchedBundle(std::string trust_domain, std::string url, BundleParts parts)
    : trust_domain_(std::move(trust_domain)), url_(std::move(url)), parts_(std::move(parts)) {
  if (const auto taken = take_up(); !taken)
    tell(fmt::format("the kept bundle of trust domain `{}`, `{}`, is not used: {}", trust_domain_,
                     file().string(), taken.error().message));
  told_ = authorities();
}

void FetchedBundle::start() {
  const std::lock_guard lock(mutex_);
  if (started_ || stopping_) return;
  started_ = true;
  thread_ = std::thread([this] { run(); });
}

void FetchedBundle::begin_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void FetchedBundle::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

bool FetchedBundle::is_in_force(const Kept& kept) const {
  return !times_of(parts_.clock).ended(kept.fetched_at + parts_.refresh.keep);
}

std::string FetchedBundle::authorities() const {
  const std::lock_guard lock(mutex_);
  return kept_ && is_in_force(*kept_) ? kept_->authorities : std::string();
}

// Of another place than is configured now, nobody said that it is to be believed: its name has both.
std::filesystem::path FetchedBundle::file() const {
  return parts_.folder /
         fmt::format("bundle-{}.json", crypto::hex(crypto::sha256(trust_domain_ + " " + url_)));
}

Result<void> FetchedBundle::take_up() {
  TRY(check_private(parts_.folder, "the folder of kept bundles", parts_.writers));
  TRY(check_private(file(), "the file of a kept bundle", parts_.writers));
  const auto text = files::read_regular_file(file(), kMaxFileBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return {};
  if (!text) return std::unexpected(text.error());
  const auto json = TRY(codec::parse_json(*text));
  const auto members =
      TRY(codec::Members::of(json, "the kept bundle", {"trust_domain", "url", "fetched_at", "authorities"}));
  if (TRY(members.text("trust_domain", 255)) != trust_domain_ || TRY(members.text("url", 4096)) != url_)
    return failure(ErrorCode::kCorrupt, fmt::format("`{}` is of another one", file().string()));
  const auto at = TRY(members.integer("fetched_at", 0, std::int64_t{1} << 50));
  // Lines of PEM: more than a text that people write.
  const auto* kept = json.find_string("authorities");
  if (kept == nullptr) return failure(ErrorCode::kCorrupt, fmt::format("`{}` has no CAs", file().string()));
  std::string authorities = *kept;
  TRY(http::TlsClient::make({.ca = authorities}));
  // A clock that was ahead then makes nothing live longer.
  kept_ = Kept{std::move(authorities), std::min(Instant(Duration(at)), parts_.clock.earliest())};
  return {};
}

// Whoever was told of CAs that have become too old meanwhile is told again.
void FetchedBundle::tell_changed() {
  auto now = authorities();
  if (now == told_) return;
  parts_.changed();
  told_ = std::move(now);
}

void FetchedBundle::run() {
  auto due = Steady::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (Steady::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    lock.unlock();
    const auto answer = refresh();
    try {
      note(answer);
      tell_changed();
    } catch (const std::exception& error) {
      // For want of memory. The next round tells it.
      std::fprintf(stderr, "writ: the bundle of a trust domain: %s\n", error.what());
    }
    lock.lock();
    due = Steady::now() +
          (answer ? parts_.refresh.pause(*answer) : parts_.refresh.pause_after(failures_in_a_row_));
    // What is too old goes in time.
    if (kept_ && is_in_force(*kept_))
      due = std::min(due, Steady::now() + (kept_->fetched_at + parts_.refresh.keep -
                                           times_of(parts_.clock).latest + Duration(1)));
  }
}

// Want of memory ends this one attempt.
Result<FetchedBundle::Freshness> FetchedBundle::refresh() {
  try {
    const auto asked_at = parts_.clock.earliest();
    const auto answer = TRY(parts_.fetcher.get(url_, kAccept, kMaxBundleBytes));
    if (answer.status != 200)
      return failure(ErrorCode::kUnavailable,
                     fmt::format("`{}`: the answer is {}{}", url_, answer.status,
                                 answer.status / 100 == 3 ? ", and redirects are not followed" : ""));
    auto authorities = usable_authorities(answer.body);
    if (!authorities) return std::unexpected(std::move(authorities).error().in(fmt::format("`{}`", url_)));
    TRY(bring_in_force({*std::move(authorities), asked_at}));
    const auto hint = refresh_hint(answer.body);
    return hint ? hint : oauth::fresh_for(answer.headers);
  } catch (const std::exception& error) {
    return failure(ErrorCode::kInternal, error.what());
  }
}

// Recorded before it is in force. One that cannot be kept is in force all the same: only a restart without
// the endpoint would miss it.
Result<void> FetchedBundle::bring_in_force(Kept kept) {
  std::string before;
  {
    const std::lock_guard lock(mutex_);
    if (kept_) before = kept_->authorities;
  }
  if (const auto changed = difference(before, kept.authorities); !changed.empty()) {
    if (auto recorded = parts_.record("spiffe://" + trust_domain_, changed); !recorded)
      return std::unexpected(std::move(recorded).error().in("the change could not be recorded"));
  }
  auto written = files::make_private_folder(parts_.folder);
  if (written)
    written = files::put_private_file(file(), Json::object({{"trust_domain", trust_domain_},
                                                            {"url", url_},
                                                            {"fetched_at", unix_millis(kept.fetched_at)},
                                                            {"authorities", kept.authorities}})
                                                  .dump());
  if (!written)
    tell(fmt::format("the bundle of trust domain `{}` could not be kept for the next start: {}",
                     trust_domain_, written.error().message));
  const std::lock_guard lock(mutex_);
  kept_ = std::move(kept);
  return {};
}

// The operator is told when it begins to fail, when it fails in another way, and when it is over.
void FetchedBundle::note(const Result<Freshness>& answer) {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (answer) {
      ++fetched_;
      failures_in_a_row_ = 0;
      if (!failure_.empty())
        line = fmt::format("the bundle of trust domain `{}` is fetched again", trust_domain_);
      failure_.clear();
    } else {
      ++failed_;
      ++failures_in_a_row_;
      if (failure_ != answer.error().message) {
        line = fmt::format("the bundle of trust domain `{}` could not be fetched: {}; ", trust_domain_,
                           answer.error().message);
        line +=
            kept_ && is_in_force(*kept_)
                ? fmt::format("its CAs of {} stay in force until {}", audit::format_time(kept_->fetched_at),
                              audit::format_time(kept_->fetched_at + parts_.refresh.keep))
                : "certificates of its workloads are refused until it can be";
      }
      failure_ = answer.error().message;
    }
  }
  if (!line.empty()) tell(std::move(line));
}

// What an endpoint wrote does not steer the operator's terminal.
void FetchedBundle::tell(std::string line) const {
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  parts_.tell(line);
}

BundleStatus FetchedBundle::status() const {
  const auto in_force = fingerprints(authorities()).size();
  const std::lock_guard lock(mutex_);
  return {.trust_domain = trust_domain_,
          .url = url_,
          .authorities = in_force,
          .fetched_at = kept_ ? std::optional(kept_->fetched_at) : std::nullopt,
          .failing = !failure_.empty(),
          .fetched = fetched_,
          .failed = failed_};
}

}  // namespace writ::server
