#include "config/introspection.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json.h"
#include "config/accept.h"
#include "config/listen.h"
#include "config/outbound.h"
#include "http/url.h"
#include "jose/jwk.h"
#include "oauth/token_asker.h"

namespace writ::config {
namespace {

// Whose access tokens may be opaque. What the others make are JWTs, which are verified here.
constexpr std::string_view kProfiles[] = {"", "curity", "ping"};

void read_credential(const files::Fields& fields, const Config& config, oauth::AskingRules& rules) {
  files::Source& source = fields.source();
  const auto *secret = fields.find("secret_file"), *key = fields.find("key_file");
  if ((secret == nullptr) == (key == nullptr)) {
    const auto* place = secret != nullptr ? secret : fields.find("url");
    if (place != nullptr)
      source.error(*place, "Writ shows the issuer who it is by one of `secret_file` and `key_file`",
                   "`secret_file` holds a client secret, `key_file` a private JWK (`writ keys generate`)");
    return;
  }
  const auto content = read_private_key(secret != nullptr ? *secret : *key, source, config.data_access);
  if (content == nullptr) return;
  if (secret != nullptr) {
    rules.secret_file = source.resolve(secret->text);
    if (content->expose().find_first_not_of("\r\n") == std::string_view::npos)
      source.error(*secret, fmt::format("`{}` is empty", secret->text));
    return;
  }
  rules.key_file = source.resolve(key->text);
  const auto json = codec::parse_json(content->expose());
  const auto parsed = json ? jose::PrivateJwk::parse(*json) : std::unexpected(json.error());
  if (!parsed)
    source.error(*key, fmt::format("`{}` is not a private JWK: {}", key->text, parsed.error().message));
}

void check_alone(const files::YamlNode& node, const Config& config, const oauth::TrustedIssuer& issuer,
                 files::Source& source) {
  for (const auto& other : config.trusted_issuers) {
    if (other.asking == nullptr) continue;
    for (const auto& accept : issuer.accept) {
      if (std::ranges::find(other.accept, accept.api, &oauth::AcceptedAt::api) != other.accept.end())
        source.error(
            node,
            fmt::format("API `{}` takes opaque tokens of `{}` already, and nobody can tell whose one is",
                        accept.api, other.issuer),
            "an API can have one issuer with `introspection`");
    }
  }
}

}  // namespace

void read_introspection(const files::Fields& issuer_fields, const Config& config,
                        oauth::TrustedIssuer& issuer) {
  const files::YamlNode* node = issuer_fields.find("introspection");
  if (node == nullptr) return;
  files::Source& source = issuer_fields.source();
  const files::Fields fields(node, source, "introspection",
                             {"url", "client_id", "secret_file", "key_file", "max_age_seconds"});
  auto rules = std::make_shared<oauth::AskingRules>();
  rules->url = fields.required_text("url", http::kMaxUrlBytes).value_or("");
  if (!rules->url.empty()) check_url(*fields.find("url"), rules->url, config.outbound.rules, source);
  rules->client_id = fields.required_text("client_id").value_or("");
  if (const auto seconds = fields.integer("max_age_seconds", 1, 300))
    rules->max_age = std::chrono::seconds(*seconds);
  read_credential(fields, config, *rules);
  rules->max_wait = config.outbound.timeout;
  if (std::ranges::find(kProfiles, issuer.profile->name) == std::end(kProfiles))
    source.error(*node,
                 fmt::format("the access tokens of profile `{}` are JWTs, which are verified without asking",
                             issuer.profile->name),
                 "leave `introspection` out");
  if (issuer.workloads != nullptr)
    source.error(*node, "an issuer of workloads is not asked about access tokens");
  else if (issuer.accept.empty())
    source.error(*node, "no API takes tokens of this issuer: `introspection` needs `accept`");
  if (issuer.issuer.find(kTenantPlace) != issuer.issuer.npos)
    source.error(*node, fmt::format("an issuer with `{}` cannot have `introspection`", kTenantPlace));
  check_alone(*node, config, issuer, source);
  issuer.asking = std::move(rules);
}

}  // namespace writ::config
