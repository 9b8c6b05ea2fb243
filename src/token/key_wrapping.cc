#include "token/key_wrapping.h"

#include <fmt/format.h>

#include "codec/ascii.h"
#include "codec/base64url.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

namespace writ::token {
namespace {

constexpr std::string_view kSealed = "sealed:";
constexpr std::string_view kPrefix = "sealed:1:";
constexpr std::size_t kIdDigits = 8;

std::string associated(std::string_view kid) {
  return fmt::format("writ signing key, version 1: {}", kid);
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

// In either alphabet.
std::optional<std::string> from_base64(std::string_view text) {
  auto bytes =
      text.find_first_of("+/=") == text.npos ? codec::base64url_decode(text) : codec::base64_decode(text);
  return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
}

// Of "sealed:1:ID:…".
std::string_view wrapping_id(std::string_view stored) noexcept {
  if (!stored.starts_with(kPrefix)) return {};
  stored.remove_prefix(kPrefix.size());
  return stored.substr(0, stored.find(':'));
}

}  // namespace

Result<WrappingKey> WrappingKey::parse(const Secret& text) {
  const auto trimmed = codec::trimmed(text.expose(), " \t\r\n");
  auto bytes = trimmed.size() == 2 * crypto::kAeadKeyBytes ? from_hex(trimmed) : from_base64(trimmed);
  if (!bytes || bytes->size() != crypto::kAeadKeyBytes)
    return failure(
        ErrorCode::kInvalid,
        "it is not a wrapping key: expected 32 random bytes in base64 or hexadecimal, as `writ keys "
        "wrapping FILE` makes them");
  auto key = std::make_shared<const Secret>(*std::move(bytes));
  auto id = crypto::hex(crypto::hmac_sha256(key->expose(), "writ wrapping key")).substr(0, kIdDigits);
  return WrappingKey(std::move(key), std::move(id));
}

bool is_sealed(std::string_view text) noexcept {
  return text.starts_with(kSealed);
}

Result<std::string> wrap(const Wrapping& wrapping, std::string_view kid, const Secret& text) {
  if (!wrapping.now) return std::string(text.expose());
  const auto sealed = TRY(crypto::seal(wrapping.now->bytes(), associated(kid), text.expose()));
  return fmt::format("{}{}:{}", kPrefix, wrapping.now->id(), codec::base64url_encode(sealed));
}

Result<Secret> unwrap(const Wrapping& wrapping, std::string_view kid, std::string_view stored) {
  if (!is_sealed(stored)) return Secret(std::string(stored));
  const auto id = wrapping_id(stored);
  if (id.size() != kIdDigits)
    return failure(ErrorCode::kCorrupt, "it is sealed in a form that this Writ does not know");
  if (!wrapping.now)
    return failure(
        ErrorCode::kConflict,
        fmt::format("it is encrypted with wrapping key {}, and none is configured; say where that key "
                    "is with `signing_keys.encrypted_with`",
                    id));
  const auto* key = wrapping.now->id() == id                         ? &*wrapping.now
                    : wrapping.before && wrapping.before->id() == id ? &*wrapping.before
                                                                     : nullptr;
  if (key == nullptr)
    return failure(
        ErrorCode::kConflict,
        fmt::format(
            "it is encrypted with wrapping key {}, and what is configured is {}; bring the right one back, "
            "or name it with `signing_keys.encrypted_before_with` to replace it",
            id, wrapping.now->id()));
  const auto sealed = codec::base64url_decode(stored.substr(kPrefix.size() + kIdDigits + 1));
  auto text = sealed ? crypto::unseal(key->bytes(), associated(kid), *sealed)
                     : Result<Secret>(failure(ErrorCode::kCorrupt, ""));
  if (text) return text;
  return failure(ErrorCode::kCorrupt,
                 "it was changed, or belongs to another row; bring the database back from a backup");
}

bool is_outdated(const Wrapping& wrapping, std::string_view stored) noexcept {
  return wrapping.now && wrapping_id(stored) != wrapping.now->id();
}

}  // namespace writ::token
