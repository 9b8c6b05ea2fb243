// MetricsAccess: who may read /metrics. With a token, who presents it. Without one, whoever reaches the
// operator's listener; and where there is none, this machine alone.
//
// Thread-safe.
#pragma once

#include <memory>
#include <optional>

#include "base/secret.h"
#include "http/request.h"
#include "http/response.h"
#include "http/source.h"

namespace writ::config {

inline constexpr std::size_t kLeastMetricsTokenBytes = 16;

class MetricsAccess {
 public:
  // `token` may be null.
  MetricsAccess(std::shared_ptr<const Secret> token, http::Networks proxies)
      : token_(std::move(token)), proxies_(std::move(proxies)) {}

  enum class Listener { kApi, kOperator };
  // Nothing: the request may read them.
  std::optional<http::Response> refuse(const http::Request& request, Listener listener) const;

 private:
  bool is_local(const http::Request& request) const;

  const std::shared_ptr<const Secret> token_;
  const http::Networks proxies_;
};

}  // namespace writ::config
