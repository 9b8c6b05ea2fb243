#include "cli/jwt.h"

#include "base/clock.h"
#include "crypto/random.h"
#include "files/files.h"
#include "jose/jws.h"

namespace writ::cli {
namespace {

constexpr std::int64_t kAssertionSeconds = 60;

Result<jose::PrivateJwk> parse_private_key(std::string_view text) {
  return jose::PrivateJwk::parse(TRY(codec::parse_json(text)));
}

}  // namespace

Result<jose::PrivateJwk> read_private_key(const std::string& file) {
  const auto text = TRY(files::read_file(file, kMaxKeyFileBytes));
  auto key = parse_private_key(text);
  if (!key) return std::unexpected(std::move(key.error()).in(file));
  return key;
}

Result<std::string> client_assertion(const jose::PrivateJwk& key, std::string_view client,
                                     std::string_view audience) {
  auto claims = codec::Json::object({{"iss", client}, {"sub", client}, {"aud", audience}});
  return sign_claims(key, std::move(claims), kAssertionSeconds, "JWT");
}

Result<std::string> sign_claims(const jose::PrivateJwk& key, codec::Json claims,
                                std::int64_t lifetime_seconds, std::string_view typ) {
  const auto now = unix_seconds(SystemClock().now());
  const auto set_default = [&](std::string_view name, codec::Json value) {
    if (claims.find(name) == nullptr) claims.set(name, std::move(value));
  };
  set_default("iat", now);
  set_default("exp", now + lifetime_seconds);
  set_default("jti", crypto::random_id());
  return jose::sign_jws(key, claims.dump(), typ);
}

}  // namespace writ::cli
