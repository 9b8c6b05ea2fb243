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

// Those of `some` that are not among `others`.
void append_missing(std::string& text, std::string_view what, const Named& some, const Named& others) {
  std::size_t count = 0;
  for (const auto& each : some) {
    if (std::ranges::find(others, each) != others.end()) continue;
    if (count == 0) text += fmt::format("{}{} ", text.empty() ? "" : "; ", what);
    if (count < kMaxNamed) text += fmt::format("{}`{}`", count == 0 ? "" : ", ", each.first);
    ++count;
  }
  if (count > kMaxNamed) text += fmt::format(" and {} more", count - kMaxNamed);
}

Named named(const jose::JwkSet& set) {
  Named all;
  for (const auto& key : set.keys()) all.emplace_back(key.kid().value_or(key.thumbprint()), key.thumbprint());
  return all;
}

}  // namespace

std::string difference(const Named& before, const Named& now, std::string_view what) {
  std::string text;
  append_missing(text, fmt::format("added{}", what), now, before);
  append_missing(text, fmt::format("removed{}", what), before, now);
  return text;
}

std::string difference(const jose::JwkSet* before, const jose::JwkSet& now) {
  return difference(before != nullptr ? named(*before) : Named(), named(now));
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
