#include "config/signing_keys.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>

#include "files/files.h"

namespace writ::config {
namespace {

constexpr std::size_t kMaxWrappingKeyBytes = 1024;
constexpr const char* kCredentials = "CREDENTIALS_DIRECTORY";

bool lies_in(const std::filesystem::path& file, const std::filesystem::path& folder) {
  const auto inside = std::filesystem::absolute(file).lexically_normal().lexically_relative(
      std::filesystem::absolute(folder).lexically_normal());
  return !inside.empty() && *inside.begin() != "..";
}

std::optional<KeyPlace> read_place(const files::Fields& root, std::string_view key,
                                   const std::filesystem::path& data) {
  const files::YamlNode* node = root.find(key);
  if (node == nullptr) return std::nullopt;
  files::Source& source = root.source();
  const files::Fields fields(node, source, key, {"file", "environment", "credential"});
  std::optional<KeyPlace> place;
  int places = 0;
  if (const auto file = fields.text("file")) {
    ++places;
    place = KeyPlace{KeyPlace::Kind::kFile, *file, source.resolve(*file)};
    if (lies_in(place->file, data))
      source.error(*fields.find("file"),
                   fmt::format("`{}` lies in the data folder, whose copies would have the key with what it "
                               "protects",
                               *file),
                   "put it in a folder of its own, which is not in the same backup");
  }
  if (const auto name = fields.text("environment", 256)) {
    ++places;
    place = KeyPlace{KeyPlace::Kind::kEnvironment, *name};
  }
  if (const auto name = fields.text("credential", 256)) {
    ++places;
    place = KeyPlace{KeyPlace::Kind::kCredential, *name};
    if (name->find('/') != name->npos)
      source.error(*fields.find("credential"), fmt::format("`{}` is not the name of a credential", *name),
                   "the name in `LoadCredential=NAME:…` of the systemd unit");
  }
  if (places != 1)
    source.error(*node, fmt::format("`{}` needs exactly one of `file`, `environment` and `credential`", key));
  return place;
}

Result<Secret> read_file(const std::filesystem::path& file, Writers writers) {
  struct stat info {};
  auto content = files::read_regular_file(file, kMaxWrappingKeyBytes, &info);
  if (!content) return std::unexpected(std::move(content.error()));
  Secret text(*std::move(content));
  TRY(check_private(info, file, "the wrapping key", writers));
  if ((info.st_mode & S_IROTH) != 0)
    return failure(
        ErrorCode::kConflict,
        fmt::format("the wrapping key `{}` may be read by anyone; `chmod o-r` it, and replace it if "
                    "others have used this machine",
                    file.string()));
  return text;
}

Result<Secret> read_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    return failure(ErrorCode::kNotFound, fmt::format("the environment has no variable `{}`", name));
  return Secret(std::string(value));
}

Result<Secret> read_credential(const std::string& name, Writers writers) {
  const char* folder = std::getenv(kCredentials);
  if (folder == nullptr || *folder == '\0')
    return failure(
        ErrorCode::kNotFound,
        fmt::format("the environment has no `{}`: systemd sets it for a unit with `LoadCredential={}:…`",
                    kCredentials, name));
  return read_file(std::filesystem::path(folder) / name, writers);
}

Result<token::WrappingKey> read_key(const KeyPlace& place, Writers writers) {
  auto text = place.kind == KeyPlace::Kind::kFile          ? read_file(place.file, writers)
              : place.kind == KeyPlace::Kind::kEnvironment ? read_variable(place.name)
                                                           : read_credential(place.name, writers);
  auto key =
      text ? token::WrappingKey::parse(*text) : Result<token::WrappingKey>(std::unexpected(text.error()));
  if (key) return key;
  return std::unexpected(std::move(key.error()).in(fmt::format("the wrapping key in {}", place.text())));
}

}  // namespace

std::string KeyPlace::text() const {
  switch (kind) {
    case Kind::kFile:
      return fmt::format("the file `{}`", file.string());
    case Kind::kEnvironment:
      return fmt::format("the variable `{}`", name);
    default:
      return fmt::format("the credential `{}`", name);
  }
}

KeySettings read_signing_keys(const files::Fields& root, const std::filesystem::path& data) {
  KeySettings settings;
  const files::YamlNode* node = root.find("signing_keys");
  const files::Fields fields(
      node, root.source(), "signing_keys",
      {"rotate_after_days", "publish_ahead_seconds", "encrypted_with", "encrypted_before_with"});
  if (const auto days = fields.integer("rotate_after_days", 0, 3650))
    settings.rotate_after = std::chrono::days(*days);
  if (const auto seconds = fields.integer("publish_ahead_seconds", 1, 30 * 86'400))
    settings.publish_ahead = std::chrono::seconds(*seconds);
  if (settings.rotate_after != Duration(0) && settings.publish_ahead >= settings.rotate_after)
    root.source().error(*node, "`publish_ahead_seconds` must be less than `rotate_after_days`",
                        "a key is published ahead while the one before it signs");
  settings.encrypted_with = read_place(fields, "encrypted_with", data);
  settings.encrypted_before_with = read_place(fields, "encrypted_before_with", data);
  if (settings.encrypted_before_with && !settings.encrypted_with)
    root.source().error(
        *fields.find("encrypted_before_with"),
        "`encrypted_before_with` is the key that `encrypted_with` replaces, and that is missing");
  return settings;
}

Result<token::Wrapping> read_wrapping(const KeySettings& settings, Writers writers) {
  token::Wrapping wrapping;
  if (settings.encrypted_with) wrapping.now = TRY(read_key(*settings.encrypted_with, writers));
  if (settings.encrypted_before_with)
    wrapping.before = TRY(read_key(*settings.encrypted_before_with, writers));
  return wrapping;
}

}  // namespace writ::config
