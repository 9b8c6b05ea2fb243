#include "token/came_from.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace writ::token {
namespace {

constexpr std::array<std::string_view, 3> kPrefixes{"sid~", "sub~", "jti~"};
constexpr std::size_t kHashChars = 22;  // 132 bits

}  // namespace

std::string came_from(Origin origin, std::string_view issuer, std::string_view name) {
  // The length is before the issuer, so that no two of them run into one.
  const auto text = std::to_string(issuer.size()) + ':' + std::string(issuer) + std::string(name);
  const auto hash = codec::base64url_encode(crypto::as_bytes(crypto::sha256(text)));
  return std::string(kPrefixes[static_cast<std::size_t>(origin)]) + hash.substr(0, kHashChars);
}

std::vector<std::string> of_providers(const std::vector<std::string>& ids) {
  std::vector<std::string> all;
  std::ranges::copy_if(ids, std::back_inserter(all), [](const std::string& id) {
    return std::ranges::any_of(kPrefixes, [&](auto prefix) { return id.starts_with(prefix); });
  });
  return all;
}

bool is_of_subject(std::string_view id) noexcept {
  return id.starts_with(kPrefixes[static_cast<std::size_t>(Origin::kSubject)]);
}

}  // namespace writ::token
