// KeyRefresher: all providers whose keys are at a URL, or that are asked about tokens, with the client that
// fetches and asks.
//
// Made from the trusted issuers of the configuration, to which it adds the sets and who asks. Thread-safe
// once started.
#pragma once

#include <memory>
#include <vector>

#include "oauth/issuer_keys.h"
#include "oauth/token_asker.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth {

class KeyRefresher {
 public:
  struct Parts {
    const Clock& clock;
    std::function<void(const std::string&)> tell;
    std::function<Result<void>(std::string_view issuer, std::string_view difference)> record;
  };
  // Gives each issuer that has a location its keys (TrustedIssuer::fetched), and TrustedIssuer::asked.
  KeyRefresher(http::FetcherOptions options, KeptKeys kept, Parts parts, std::vector<TrustedIssuer>& issuers);
  ~KeyRefresher() { stop(); }

  void start();
  // Ends what is under way. Whoever waits for it has been called when it returns.
  void stop();

  std::vector<IssuerKeysStatus> status() const;
  const std::vector<std::shared_ptr<TokenAsker>>& askers() const noexcept { return askers_; }

 private:
  const KeptKeys kept_;
  http::Fetcher fetcher_;
  std::vector<std::shared_ptr<IssuerKeys>> issuers_;
  std::vector<std::shared_ptr<TokenAsker>> askers_;
};

}  // namespace writ::oauth
