#include "config/jwks_file.h"

#include <fmt/format.h>

#include "codec/json.h"
#include "jose/provider_keys.h"

namespace writ::config {

namespace {

std::nullopt_t not_a_set(const files::YamlNode& file, const Error& error, files::Source& source) {
  source.error(file, fmt::format("`{}` is not a JWK set that can be used: {}", file.text, error.message));
  return std::nullopt;
}

}  // namespace

std::optional<jose::JwkSet> read_jwks(const files::YamlNode& file, files::Source& source) {
  const auto text = files::read_file(file, source);
  if (!text) return std::nullopt;
  const auto json = codec::parse_json(*text);
  if (!json) return not_a_set(file, json.error(), source);
  auto keys = jose::JwkSet::parse(*json, jose::kClientKeys);
  if (!keys) return not_a_set(file, keys.error(), source);
  if (keys->keys().empty()) {
    source.error(file, fmt::format("`{}` holds no key that Writ can verify signatures with", file.text),
                 "give it an EC, Ed25519 or RSA key with `use: sig`; an RSA key needs `alg`");
    return std::nullopt;
  }
  return *std::move(keys);
}

std::optional<jose::JwkSet> read_provider_jwks(const files::YamlNode& file, const jose::KeyRules& rules,
                                               files::Source& source) {
  const auto text = files::read_file(file, source);
  if (!text) return std::nullopt;
  const auto json = codec::parse_json(*text);
  if (!json) return not_a_set(file, json.error(), source);
  auto read = jose::read_provider_keys(*json, rules);
  if (!read) return not_a_set(file, read.error(), source);
  for (const auto& key : read->skipped)
    source.issues.warning(source.place(file),
                          fmt::format("{} of `{}` is not used: {}", key.name, file.text, key.why));
  return std::move(read->keys);
}

}  // namespace writ::config
