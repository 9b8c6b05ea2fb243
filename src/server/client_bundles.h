// ClientBundles: between the bundles of SPIFFE trust domains that are at URLs, and the listeners that verify
// their workloads' certificates with them (`client_bundles`, docs/workloads.md).
//
// A listener's TLS is immutable; with each bundle that changes, its servers get another one for the
// connections that come. Two trust domains, or one at two URLs, are fetched apart. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/metrics.h"
#include "http/server.h"
#include "server/fetched_bundle.h"

namespace writ::server {

class ClientBundles {
 public:
  struct Parts {
    http::FetcherOptions outbound;
    const Clock& clock;
    std::filesystem::path folder;
    Writers writers = Writers::kOwner;
    oauth::RefreshRules refresh = {};
    std::function<void(const std::string&)> tell;
    std::function<Result<void>(std::string_view issuer, std::string_view difference)> record;
  };
  explicit ClientBundles(Parts parts) : parts_(std::move(parts)) {}
  ~ClientBundles() { stop(); }

  using Tls = std::shared_ptr<const http::TlsServer>;
  // The same with the CAs that are known of its trust domains. Null stays null.
  Tls with_known(Tls tls);
  // From now on it gets new ones too, until stop(). They are fetched from start() on.
  void serve(http::Server& server);
  void start();
  // Puts the TLS of another configuration in force at such a server, and then forgets what no server asks
  // for any more.
  void replace(http::Server& server, Tls tls);
  void forget_unused();
  void stop();

  std::vector<BundleStatus> status() const;

 private:
  Tls with_known_locked(Tls tls);
  FetchedBundle& bundle_locked(const http::TrustDomain& domain);
  void publish();

  const Parts parts_;
  mutable std::mutex mutex_;  // of what follows
  std::optional<http::Fetcher> fetcher_;
  std::vector<std::unique_ptr<FetchedBundle>> bundles_, retired_;
  std::vector<http::Server*> servers_;
  bool started_ = false, stopped_ = false;
};

void write_bundles(api::PrometheusText& out, const std::vector<BundleStatus>& bundles, Instant now);

}  // namespace writ::server
