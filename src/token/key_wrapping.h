// How Writ's own keys lie on disk: sealed under a wrapping key that is kept elsewhere (docs/keys.md).
//
// A sealed text is "sealed:1:ID:BASE64URL": the version of the form, which wrapping key it was, and the
// AES-256-GCM ciphertext (crypto/aead.h). The version and the signing key's id are associated with it, so a
// text that is put into another key's row opens as little as one that was changed. Immutable; thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace writ::token {

class WrappingKey {
 public:
  // 32 bytes in base64, base64url or hexadecimal, as `openssl rand` and `writ keys wrapping` write them; with
  // white space around. The message says nothing of the text.
  static Result<WrappingKey> parse(const Secret& text);

  // Eight hexadecimal digits that tell it from others, and nothing of it.
  const std::string& id() const noexcept { return id_; }
  const Secret& bytes() const noexcept { return *bytes_; }

 private:
  WrappingKey(std::shared_ptr<const Secret> bytes, std::string id)
      : bytes_(std::move(bytes)), id_(std::move(id)) {}
  std::shared_ptr<const Secret> bytes_;
  std::string id_;
};

struct Wrapping {
  std::optional<WrappingKey> now;     // nothing: what is written is not sealed
  std::optional<WrappingKey> before;  // with `now`: opens what is not sealed anew yet
};

bool is_sealed(std::string_view text) noexcept;

// The text as it is where there is no wrapping key.
Result<std::string> wrap(const Wrapping& wrapping, std::string_view kid, const Secret& text);

// kConflict where the wrapping key that it takes is missing, kCorrupt where it was changed or is of another
// row. Messages name the wrapping keys by their ids.
Result<Secret> unwrap(const Wrapping& wrapping, std::string_view kid, std::string_view stored);
// Whether it would be written otherwise now.
bool is_outdated(const Wrapping& wrapping, std::string_view stored) noexcept;

}  // namespace writ::token
