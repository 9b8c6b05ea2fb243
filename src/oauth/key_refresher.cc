#include "oauth/key_refresher.h"

namespace writ::oauth {
namespace {

jose::KeyRules key_rules_of(const TrustedIssuer& issuer) {
  const bool trust_domain = issuer.workloads != nullptr && issuer.workloads->name == "spiffe";
  return trust_domain ? jose::trust_domain_rules(issuer.algorithms) : jose::provider_rules(issuer.algorithms);
}

}  // namespace

KeyRefresher::KeyRefresher(http::FetcherOptions options, KeptKeys kept, Parts parts,
                           std::vector<TrustedIssuer>& issuers)
    : kept_(std::move(kept)), fetcher_(std::move(options)) {
  for (TrustedIssuer& issuer : issuers) {
    if (issuer.asking != nullptr) {
      issuer.asked = std::make_shared<TokenAsker>(issuer.issuer, *issuer.asking,
                                                  TokenAskerParts{fetcher_, parts.clock, parts.tell});
      askers_.push_back(issuer.asked);
    }
    if (!issuer.location) continue;
    issuer.fetched =
        std::make_shared<IssuerKeys>(issuer.issuer, *issuer.location, key_rules_of(issuer),
                                     IssuerKeysParts{fetcher_, parts.clock, kept_, parts.tell, parts.record});
    issuers_.push_back(issuer.fetched);
  }
}

void KeyRefresher::start() {
  for (const auto& keys : issuers_) keys->start();
}

void KeyRefresher::stop() {
  for (const auto& keys : issuers_) keys->begin_stop();
  for (const auto& asker : askers_) asker->begin_stop();
  fetcher_.stop();
  for (const auto& keys : issuers_) keys->stop();
  for (const auto& asker : askers_) asker->stop();
}

std::vector<IssuerKeysStatus> KeyRefresher::status() const {
  std::vector<IssuerKeysStatus> all;
  for (const auto& keys : issuers_) all.push_back(keys->status());
  return all;
}

}  // namespace writ::oauth
