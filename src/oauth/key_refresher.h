// KeyRefresher: all providers whose keys are at a URL, with the client that fetches them.
//
// Made from the trusted issuers of the configuration, to which it adds the sets. Thread-safe once started.
#pragma once

#include <memory>
#include <vector>

#include "oauth/issuer_keys.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth {

class KeyRefresher {
 public:
  struct Parts {
    const Clock& clock;
    std::function<void(const std::string&)> tell;
    std::function<Result<void>(std::string_view issuer, std::string_view difference)> record;
  };
  // Gives each issuer that has a location its keys (TrustedIssuer::fetched).
  KeyRefresher(http::FetcherOptions options, KeptKeys kept, Parts parts, std::vector<TrustedIssuer>& issuers);
  ~KeyRefresher() { stop(); }

  void start();
  // Ends fetches under way. Whoever waits for one has been called when it returns.
  void stop();

  std::vector<IssuerKeysStatus> status() const;

 private:
  const KeptKeys kept_;
  http::Fetcher fetcher_;
  std::vector<std::shared_ptr<IssuerKeys>> issuers_;
};

}  // namespace writ::oauth
