// HttpOrigin: a server that is asked for a resource's facts, by GET, and answers with a JSON object.
//
//   200  an object that names the very id that was asked for; its attributes are found by JSON pointers
//   404, 410  it does not know the resource
//   5xx, 429, no whole answer in time  it is down
//   anything else, redirects too       not believed
//
// What bounds it is http/fetcher.h: addresses, TLS, sizes, times. Thread-safe.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "http/fetcher.h"
#include "sources/origin.h"
#include "sources/url_template.h"

namespace writ::sources {

struct HttpOriginSettings {
  UrlTemplate url;
  std::string id;                                               // a JSON pointer
  std::vector<std::pair<std::string, std::string>> attributes;  // and where in the answer each is
  std::size_t max_answer_bytes = 64 * 1024;
  http::FetcherOptions fetcher = {};
  // What it is asked with, as a bearer token: one for good, or what a file holds at the moment.
  std::shared_ptr<const Secret> bearer = nullptr;
  std::filesystem::path bearer_file = {};
};

class HttpOrigin final : public Origin {
 public:
  explicit HttpOrigin(HttpOriginSettings settings);
  Result<std::optional<codec::Json>> ask(const SourceQuery& asked) override;
  std::uint64_t generation() const noexcept override { return generation_.load(std::memory_order_acquire); }
  void stop() override { fetcher_.stop(); }

 private:
  Result<std::string> authorization();
  Result<codec::Json> read(std::string_view body, const SourceQuery& asked) const;

  const HttpOriginSettings settings_;
  http::Fetcher fetcher_;
  std::atomic<std::uint64_t> generation_{0};
  std::mutex turn_;
  std::string digest_;  // of the credential that was used last
};

}  // namespace writ::sources
