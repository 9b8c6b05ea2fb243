// For tests: a JWS as somebody else signs it, by any algorithm.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/base64url.h"
#include "crypto/testing/foreign_key.h"

namespace writ::jose::testing {

// The header is written as it is given.
inline std::string foreign_jws(const crypto::testing::ForeignKey& key, std::string_view header,
                               std::string_view payload, std::optional<crypto::Algorithm> as = std::nullopt) {
  auto text = codec::base64url_encode(header) + "." + codec::base64url_encode(payload);
  const auto signature = key.sign(text, as);
  return text + "." + codec::base64url_encode(signature);
}

}  // namespace writ::jose::testing
