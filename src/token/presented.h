// Presented: a token taken out of a request, and nothing believed yet.
//
// The second type in the way of a request (ARCHITECTURE.md). There is exactly one place a token may be: one
// Authorization field with the Bearer or the DPoP scheme (RFC 6750 §2.1, RFC 9449 §7.1). Form and query
// parameters are never looked at. With it comes what only the request says: the task that it is in, where the
// token is another issuer's, and the certificate of its connection. An immutable view of the request.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/denial.h"
#include "http/headers.h"

namespace writ::token {

inline constexpr std::size_t kMaxTokenBytes = 8 * 1024;
inline constexpr std::size_t kMaxProofBytes = 4 * 1024;

// The task that a request with another issuer's token is in.
inline constexpr std::string_view kTaskHeader = "Writ-Task";

enum class Scheme { kBearer, kDpop };

class Presented {
 public:
  // From all values of the Authorization and of the DPoP header fields.
  static std::expected<Presented, Denial> from_values(std::span<const std::string_view> authorization,
                                                      std::span<const std::string_view> dpop = {});
  static std::expected<Presented, Denial> from_headers(const http::Headers& headers);

  Scheme scheme() const noexcept { return scheme_; }
  std::string_view token() const noexcept { return token_; }
  // The DPoP proof, where one came along.
  std::optional<std::string_view> proof() const noexcept { return proof_; }
  // The task that the request names, of whatever form.
  std::optional<std::string_view> task() const noexcept { return task_; }
  // The SHA-256 of the caller's certificate in base64url (RFC 8705 §3.1); empty: it showed none.
  std::string_view certificate() const noexcept { return certificate_; }
  Presented with_certificate(std::string_view thumbprint) && {
    certificate_ = thumbprint;
    return *this;
  }

 private:
  Presented(Scheme scheme, std::string_view token, std::optional<std::string_view> proof)
      : scheme_(scheme), token_(token), proof_(proof) {}

  Scheme scheme_;
  std::string_view token_;
  std::optional<std::string_view> proof_;
  std::optional<std::string_view> task_ = {};
  std::string_view certificate_ = {};
};

}  // namespace writ::token
