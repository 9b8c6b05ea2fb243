#include "server/fetched_bundle.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/base64url.h"
#include "codec/members.h"
#include "config/client_bundles.h"
#include "crypto/hash.h"
#include "files/files.h"
#include "oauth/discovery.h"
#include "oauth/fetched_keys.h"

namespace writ::server {
namespace {

using codec::Json;

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kAccept = "application/json";
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";

// The SHA-256 of each, in hexadecimal: as `openssl x509 -fingerprint -sha256` shows it, without colons.
oauth::Named fingerprints(std::string_view pem) {
  oauth::Named all;
  for (auto at = pem.find(kBegin); at != pem.npos; at = pem.find(kBegin, at + 1)) {
    const auto end = pem.find(kEnd, at);
    if (end == pem.npos) break;
    std::string base64(pem.substr(at + kBegin.size(), end - at - kBegin.size()));
    std::erase(base64, '\n');
    const auto der = codec::base64_decode(base64);
    if (!der) continue;
    const auto print = crypto::hex(crypto::sha256(*der));
    all.emplace_back(print, print);
  }
  return all;
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
    : trust_domain_(std::move(trust_domain)),
      url_(std::move(url)),
      parts_(std::move(parts)),
      fresh_({.name = "the CAs of trust domain `" + trust_domain_ + "`",
              .without = "certificates of its workloads are refused until they can be",
              .rules = parts_.refresh,
              .clock = parts_.clock,
              .tell = parts_.tell,
              .fetch = [this] { return refresh(); },
              .settled = [this] { tell_changed(); },
              .fetched_at =
                  [this] {
                    const auto kept = kept_.get();
                    return kept != nullptr ? std::optional(kept->fetched_at) : std::nullopt;
                  }}) {
  if (const auto taken = take_up(); !taken)
    fresh_.tell(fmt::format("the kept bundle of trust domain `{}`, `{}`, is not used: {}", trust_domain_,
                            file().string(), taken.error().message));
  told_ = authorities();
}

std::string FetchedBundle::authorities() const {
  const auto kept = kept_.get();
  return kept != nullptr && fresh_.in_force(kept->fetched_at, times_of(parts_.clock)) ? kept->authorities
                                                                                      : std::string();
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
  kept_.replace(std::make_shared<const Kept>(
      Kept{std::move(authorities), std::min(Instant(Duration(at)), parts_.clock.earliest())}));
  return {};
}

// Whoever was told of CAs that have become too old meanwhile is told again.
void FetchedBundle::tell_changed() {
  auto now = authorities();
  if (now == told_) return;
  parts_.changed();
  told_ = std::move(now);
}

Result<oauth::KeptFresh::Freshness> FetchedBundle::refresh() {
  const auto asked_at = parts_.clock.earliest();
  auto answer = TRY(parts_.fetcher.get(url_, kAccept, oauth::kMaxDocumentBytes));
  const auto fresh = oauth::fresh_for(answer.headers);
  const auto text = TRY(oauth::body_of(url_, std::move(answer)));
  auto authorities = usable_authorities(text);
  if (!authorities) return std::unexpected(std::move(authorities).error().in(fmt::format("`{}`", url_)));
  TRY(bring_in_force({*std::move(authorities), asked_at}));
  const auto hint = refresh_hint(text);
  return hint ? hint : fresh;
}

// Recorded before it is in force. One that cannot be kept is in force all the same: only a restart without
// the endpoint would miss it.
Result<void> FetchedBundle::bring_in_force(Kept kept) {
  const auto before = kept_.get();
  const auto changed =
      oauth::difference(before != nullptr ? fingerprints(before->authorities) : oauth::Named(),
                        fingerprints(kept.authorities), " CA");
  if (!changed.empty()) {
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
    fresh_.tell(fmt::format("the bundle of trust domain `{}` could not be kept for the next start: {}",
                            trust_domain_, written.error().message));
  kept_.replace(std::make_shared<const Kept>(std::move(kept)));
  return {};
}

BundleStatus FetchedBundle::status() const {
  const auto kept = kept_.get();
  const auto fetches = fresh_.status();
  return {.trust_domain = trust_domain_,
          .url = url_,
          .authorities = fingerprints(authorities()).size(),
          .fetched_at = kept != nullptr ? std::optional(kept->fetched_at) : std::nullopt,
          .failing = fetches.failure.has_value(),
          .fetched = fetches.fetched,
          .failed = fetches.failed};
}

}  // namespace writ::server
