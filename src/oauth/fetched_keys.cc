#include "oauth/fetched_keys.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/members.h"
#include "crypto/hash.h"
#include "files/files.h"

namespace writ::oauth {
namespace {

using codec::Json;

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxNamed = 8;  // keys in one text

std::string name_of(const jose::Jwk& key) {
  return key.kid() ? *key.kid() : key.thumbprint();
}

bool holds(const jose::JwkSet* set, const jose::Jwk& key) {
  return set != nullptr && std::ranges::any_of(set->keys(), [&](const jose::Jwk& other) {
           return other.kid() == key.kid() && other.thumbprint() == key.thumbprint();
         });
}

// Those of `keys` that `others` does not hold.
void append_missing(std::string& text, std::string_view what, const jose::JwkSet& keys,
                    const jose::JwkSet* others) {
  std::size_t count = 0;
  for (const auto& key : keys.keys()) {
    if (holds(others, key)) continue;
    if (count == 0) text += fmt::format("{}{} ", text.empty() ? "" : "; ", what);
    if (count < kMaxNamed) text += fmt::format("{}`{}`", count == 0 ? "" : ", ", name_of(key));
    ++count;
  }
  if (count > kMaxNamed) text += fmt::format(" and {} more", count - kMaxNamed);
}

}  // namespace

std::string difference(const jose::JwkSet* before, const jose::JwkSet& now) {
  std::string text;
  append_missing(text, "added", now, before);
  if (before != nullptr) append_missing(text, "removed", *before, &now);
  return text;
}

// An issuer is a URL, and no name for a file.
std::filesystem::path KeptKeys::file_of(std::string_view issuer) const {
  return folder_ / (crypto::hex(crypto::sha256(issuer)) + ".json");
}

Result<void> KeptKeys::put(std::string_view issuer, const FetchedKeys& keys) const {
  TRY(files::make_private_folder(folder_));
  const auto json = Json::object({{"issuer", issuer},
                                  {"jwks_uri", keys.jwks_uri},
                                  {"fetched_at", unix_millis(keys.fetched_at)},
                                  {"jwks", keys.keys.to_json()}});
  return files::put_private_file(file_of(issuer), json.dump());
}

Result<std::optional<FetchedKeys>> KeptKeys::get(std::string_view issuer, const jose::KeyRules& rules) const {
  const auto file = file_of(issuer);
  TRY(check_private(folder_, "the folder of providers' keys", writers_));
  TRY(check_private(file, "the file of a provider's keys", writers_));
  const auto text = files::read_regular_file(file, kMaxFileBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  const auto json = codec::parse_json(*text);
  if (!json) return std::unexpected(Error(json.error()).in(file.string()));
  const auto members =
      TRY(codec::Members::of(*json, "the kept set", {"issuer", "jwks_uri", "fetched_at", "jwks"}));
  if (TRY(members.text("issuer", 4096)) != issuer)
    return failure(ErrorCode::kCorrupt, fmt::format("`{}` is of another issuer", file.string()));
  const auto at = TRY(members.integer("fetched_at", 0, std::int64_t{1} << 50));
  const auto* set = members.find("jwks");
  auto read = TRY(jose::read_provider_keys(set == nullptr ? Json() : *set, rules));
  return FetchedKeys{std::move(read.keys), std::move(read.skipped), TRY(members.text("jwks_uri", 4096)),
                     Instant(Duration(at))};
}

}  // namespace writ::oauth
