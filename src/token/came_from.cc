#include "token/came_from.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace writ::token {
namespace {

constexpr std::array<std::string_view, 3> kPrefixes{"sid~", "sub~", "jti~"};
constexpr std::string_view kOfClient = "cli~";
constexpr std::size_t kHashChars = 22;  // 132 bits

std::string hashed(std::string_view prefix, std::string_view text) {
  const auto hash = codec::base64url_encode(crypto::as_bytes(crypto::sha256(text)));
  return std::string(prefix) + hash.substr(0, kHashChars);
}

}  // namespace

std::string came_from(Origin origin, std::string_view issuer, std::string_view name) {
  // The length is before the issuer, so that no two of them run into one.
  const auto text = std::to_string(issuer.size()) + ':' + std::string(issuer) + std::string(name);
  return hashed(kPrefixes[static_cast<std::size_t>(origin)], text);
}

std::vector<std::string> of_providers(const std::vector<std::string>& ids) {
  std::vector<std::string> all;
  std::ranges::copy_if(ids, std::back_inserter(all), [](const std::string& id) {
    return std::ranges::any_of(kPrefixes, [&](auto prefix) { return id.starts_with(prefix); });
  });
  return all;
}

std::string all_of_client(std::string_view client) {
  return hashed(kOfClient, client);
}

bool is_until(std::string_view id) noexcept {
  return is_of_client(id) || id.starts_with(kPrefixes[static_cast<std::size_t>(Origin::kSubject)]);
}

bool is_of_client(std::string_view id) noexcept {
  return id.starts_with(kOfClient);
}

}  // namespace writ::token
