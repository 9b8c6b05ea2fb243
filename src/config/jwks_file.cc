#include "config/jwks_file.h"

#include <fmt/format.h>

#include "codec/json.h"

namespace writ::config {

std::optional<jose::JwkSet> read_jwks(const files::YamlNode& file, files::Source& source) {
  const auto text = files::read_file(file, source);
  if (!text) return std::nullopt;
  const auto json = codec::parse_json(*text);
  auto keys = json ? jose::JwkSet::parse(*json) : Result<jose::JwkSet>(std::unexpected(json.error()));
  if (!keys) {
    source.error(file, fmt::format("`{}` is no JWK set: {}", file.text, keys.error().message));
    return std::nullopt;
  }
  if (keys->keys().empty()) {
    source.error(file, fmt::format("`{}` holds no key for ES256 or EdDSA", file.text));
    return std::nullopt;
  }
  return std::move(*keys);
}

}  // namespace writ::config
