// Writ's own signing keys, in the configuration: how long they live, and where the key is that they are
// encrypted with (docs/keys.md).
//
// The file says where the wrapping key is; it is read when Writ starts, so that a configuration can be
// checked where the key is not.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/private_file.h"
#include "files/fields.h"
#include "token/key_wrapping.h"
#include "token/own_keys.h"

namespace writ::config {

struct KeyPlace {
  enum class Kind { kFile, kEnvironment, kCredential };
  Kind kind;
  std::string name;  // of the variable, or of the credential of systemd's
  std::filesystem::path file = {};
  std::string text() const;  // "the file `keys/wrapping.key`"
};

struct KeySettings {
  Duration rotate_after = std::chrono::days(90);  // 0: until it is told
  Duration publish_ahead = std::chrono::hours(1);
  std::optional<KeyPlace> encrypted_with, encrypted_before_with;
};

// `data`: the folder that a wrapping key must not lie in.
KeySettings read_signing_keys(const files::Fields& root, const std::filesystem::path& data);

// Reads the wrapping keys where the settings say they are. Fails with what is missing, and where.
Result<token::Wrapping> read_wrapping(const KeySettings& settings, Writers writers);

}  // namespace writ::config
