#include "server/client_bundles.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::server {

ClientBundles::Tls ClientBundles::with_known(Tls tls) {
  const std::lock_guard lock(mutex_);
  return with_known_locked(std::move(tls));
}

// Nobody speaks for a trust domain whose CAs are not known.
ClientBundles::Tls ClientBundles::with_known_locked(Tls tls) {
  if (tls == nullptr || stopped_ ||
      std::ranges::all_of(tls->trust_domains(), [](const auto& each) { return each.url.empty(); }))
    return tls;
  auto domains = tls->trust_domains();
  for (auto& domain : domains)
    if (!domain.url.empty()) domain.ca = bundle_locked(domain).authorities();
  auto made = tls->with(std::move(domains));
  if (made) return *std::move(made);
  parts_.tell(fmt::format("a listener goes on with the bundles that it has: {}", made.error().message));
  return tls;
}

FetchedBundle& ClientBundles::bundle_locked(const http::TrustDomain& domain) {
  const auto found =
      std::ranges::find_if(bundles_, [&](const auto& each) { return each->is_of(domain.name, domain.url); });
  if (found != bundles_.end()) return **found;
  if (!fetcher_) fetcher_.emplace(parts_.outbound);
  bundles_.push_back(std::make_unique<FetchedBundle>(domain.name, domain.url,
                                                     BundleParts{.fetcher = *fetcher_,
                                                                 .clock = parts_.clock,
                                                                 .folder = parts_.folder,
                                                                 .writers = parts_.writers,
                                                                 .refresh = parts_.refresh,
                                                                 .tell = parts_.tell,
                                                                 .record = parts_.record,
                                                                 .changed = [this] { publish(); }}));
  if (started_) bundles_.back()->start();
  return *bundles_.back();
}

void ClientBundles::serve(http::Server& server) {
  const std::lock_guard lock(mutex_);
  servers_.push_back(&server);
}

void ClientBundles::start() {
  const std::lock_guard lock(mutex_);
  started_ = true;
  for (const auto& bundle : bundles_) bundle->start();
}

void ClientBundles::publish() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  for (auto* server : servers_)
    if (auto tls = server->tls(); tls != nullptr) server->replace_tls(with_known_locked(std::move(tls)));
}

void ClientBundles::replace(http::Server& server, Tls tls) {
  const std::lock_guard lock(mutex_);
  server.replace_tls(with_known_locked(std::move(tls)));
}

// A fetch that is under way is waited for by the next call, or at the end, and not here.
void ClientBundles::forget_unused() {
  std::vector<std::unique_ptr<FetchedBundle>> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(retired_);
    const auto is_used = [&](const auto& bundle) {
      return std::ranges::any_of(servers_, [&](const auto* server) {
        const auto tls = server->tls();
        return tls != nullptr && std::ranges::any_of(tls->trust_domains(), [&](const auto& domain) {
                 return bundle->is_of(domain.name, domain.url);
               });
      });
    };
    for (auto& bundle : bundles_) {
      if (is_used(bundle)) continue;
      bundle->begin_stop();
      retired_.push_back(std::move(bundle));
    }
    std::erase(bundles_, nullptr);
  }
}

void ClientBundles::stop() {
  std::vector<std::unique_ptr<FetchedBundle>> all;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    all.swap(bundles_);
    std::ranges::move(retired_, std::back_inserter(all));
    retired_.clear();
    servers_.clear();
  }
  for (const auto& bundle : all) bundle->begin_stop();
  if (fetcher_) fetcher_->stop();
  all.clear();
}

std::vector<BundleStatus> ClientBundles::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<BundleStatus> all;
  for (const auto& bundle : bundles_) all.push_back(bundle->status());
  return all;
}

void write_bundles(api::PrometheusText& out, const std::vector<BundleStatus>& bundles, Instant now) {
  if (bundles.empty()) return;
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.family(name, type, help);
    for (const auto& bundle : bundles)
      out.sample(name, fmt::format("trust_domain=\"{}\",url=\"{}\"", bundle.trust_domain, bundle.url),
                 static_cast<std::uint64_t>(value(bundle)));
  };
  using Status = const BundleStatus&;
  family("writ_client_bundle_authorities", "gauge",
         "CAs of a trust domain that are in force; 0: its workloads' certificates are refused.",
         [](Status each) { return each.authorities; });
  family("writ_client_bundle_age_seconds", "gauge", "How long ago a trust domain's bundle was fetched.",
         [&](Status each) {
           const auto age = each.fetched_at ? std::max(now - *each.fetched_at, Duration(0)) : Duration(0);
           return std::chrono::floor<std::chrono::seconds>(age).count();
         });
  family("writ_client_bundle_failing", "gauge", "1: a bundle could not be fetched the last time.",
         [](Status each) { return each.failing ? 1 : 0; });
}

}  // namespace writ::server
