#include "oauth/issuer_keys.h"

#include <fmt/format.h>

#include "codec/json.h"
#include "oauth/discovery.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kAccept = "application/json";
constexpr std::string_view kAcceptKeys = "application/jwk-set+json, application/json";

}  // namespace

IssuerKeys::IssuerKeys(std::string issuer, KeyLocation location, jose::KeyRules rules, IssuerKeysParts parts)
    : issuer_(std::move(issuer)),
      location_(std::move(location)),
      rules_(rules),
      parts_(std::move(parts)),
      fresh_({.name = "the keys of issuer `" + issuer_ + "`",
              .without = "its tokens are refused until they can be",
              .rules = location_.refresh,
              .clock = parts_.clock,
              .tell = parts_.tell,
              .fetch = [this] { return refresh(); },
              .fetched_at =
                  [this] {
                    const auto set = set_.get();
                    return set != nullptr ? std::optional(set->fetched_at) : std::nullopt;
                  }}) {}

void IssuerKeys::start() {
  take_up();
  fresh_.start();
}

// Of another place than is configured now, nobody said that it is to be believed.
void IssuerKeys::take_up() {
  auto kept = parts_.kept.get(issuer_, rules_);
  if (!kept)
    return fresh_.tell(
        fmt::format("the kept keys of issuer `{}` are not used: {}", issuer_, kept.error().message));
  if (!*kept || (!location_.jwks_uri.empty() && (*kept)->jwks_uri != location_.jwks_uri)) return;
  // A clock that was ahead then makes nothing live longer.
  (*kept)->fetched_at = std::min((*kept)->fetched_at, parts_.clock.earliest());
  set_.replace(std::make_shared<const FetchedKeys>(**std::move(kept)));
  edition_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const FetchedKeys> IssuerKeys::in_force(Times now) const {
  auto set = set_.get();
  if (set != nullptr && !fresh_.in_force(set->fetched_at, now)) set.reset();
  return set;
}

bool IssuerKeys::stands(std::uint64_t edition, Times now) const {
  const auto& set = set_.read();
  return set != nullptr && edition == this->edition() && fresh_.in_force(set->fetched_at, now);
}

bool IssuerKeys::wait_for(std::optional<std::string_view> kid, Then& then) {
  if (const auto set = in_force(times_of(parts_.clock))) {
    // Without a name, nobody knows that it is another one.
    if (!kid || set->keys.find(kid) != nullptr) return false;
  }
  return fresh_.wait_for_fetch(then);
}

Result<std::string> IssuerKeys::discover() const {
  std::string tried;
  for (const auto& url : discovery_urls(issuer_)) {
    auto answer = TRY(parts_.fetcher.get(url, kAccept, kMaxDocumentBytes));
    auto document = body_of(url, std::move(answer));
    if (document) {
      auto found = read_discovery(*document, issuer_);
      if (!found) return std::unexpected(std::move(found).error().in(fmt::format("`{}`", url)));
      return found;
    }
    tried += (tried.empty() ? "" : "; ") + document.error().message;
  }
  return failure(ErrorCode::kUnavailable, "no discovery document: " + tried);
}

Result<KeptFresh::Freshness> IssuerKeys::refresh() {
  const auto url = location_.jwks_uri.empty() ? TRY(discover()) : location_.jwks_uri;
  const auto asked_at = parts_.clock.earliest();
  auto answer = TRY(parts_.fetcher.get(url, kAcceptKeys, kMaxDocumentBytes));
  const auto fresh = fresh_for(answer.headers);
  const auto text = TRY(body_of(url, std::move(answer)));
  const auto json = codec::parse_json(text);
  if (!json) return std::unexpected(Error(json.error()).in(fmt::format("`{}`", url)));
  auto read = jose::read_provider_keys(*json, rules_);
  if (!read) return std::unexpected(std::move(read).error().in(fmt::format("`{}`", url)));
  TRY(bring_in_force({std::move(read->keys), std::move(read->skipped), url, asked_at}));
  return fresh;
}

// Recorded before it is in force. A set that cannot be kept is in force all the same: only a restart without
// the provider would miss it.
Result<void> IssuerKeys::bring_in_force(FetchedKeys keys) {
  const auto before = set_.get();
  const auto changed = difference(before != nullptr ? &before->keys : nullptr, keys.keys);
  if (!changed.empty()) {
    if (auto recorded = parts_.record(issuer_, changed); !recorded)
      return std::unexpected(std::move(recorded).error().in("the change could not be recorded"));
    for (const auto& key : keys.skipped)
      fresh_.tell(
          fmt::format("issuer `{}`: {} of `{}` is not used: {}", issuer_, key.name, keys.jwks_uri, key.why));
  }
  if (const auto kept = parts_.kept.put(issuer_, keys); !kept)
    fresh_.tell(fmt::format("the keys of issuer `{}` could not be kept for the next start: {}", issuer_,
                            kept.error().message));
  set_.replace(std::make_shared<const FetchedKeys>(std::move(keys)));
  if (!changed.empty()) edition_.fetch_add(1, std::memory_order_release);
  return {};
}

IssuerKeysStatus IssuerKeys::status() const {
  auto fetches = fresh_.status();
  IssuerKeysStatus status{.issuer = issuer_,
                          .jwks_uri = location_.jwks_uri,
                          .set = set_.get(),
                          .failure = std::move(fetches.failure),
                          .fetched = fetches.fetched,
                          .failed = fetches.failed,
                          .unknown = fetches.asked_for};
  if (status.set == nullptr) return status;
  status.jwks_uri = status.set->jwks_uri;
  status.good_until = status.set->fetched_at + location_.refresh.keep;
  status.in_force = fresh_.in_force(status.set->fetched_at, times_of(parts_.clock));
  return status;
}

}  // namespace writ::oauth
