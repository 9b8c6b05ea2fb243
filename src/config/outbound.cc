#include "config/outbound.h"

#include <fmt/format.h>

#include "config/accept.h"
#include "config/listen.h"
#include "files/files.h"
#include "http/url.h"

namespace writ::config {
namespace {

void read_networks(const files::Fields& fields, std::string_view key, http::Networks& networks) {
  for (const files::YamlNode& node : fields.list(key)) {
    const auto text = files::read_text(node, fields.source(), "a network");
    if (!text) continue;
    if (const auto added = networks.add(*text); !added) fields.source().error(node, added.error().message);
  }
}

void read_ca(const files::Fields& fields, http::FetcherOptions& options) {
  const files::YamlNode* file = fields.find("ca_file");
  const auto pem =
      file != nullptr ? files::read_file(*file, fields.source(), files::kMaxPemBytes) : std::nullopt;
  if (!pem) return;
  auto tls = pem->empty() ? failure(ErrorCode::kInvalid, "the CA: it is empty")
                          : http::TlsClient::make({.ca = *pem});
  if (!tls) return fields.source().error(*file, tls.error().message);
  options.tls = *std::move(tls);
}

void read_proxy(const files::Fields& root, Writers writers, http::FetcherOptions& options) {
  const files::YamlNode* node = root.find("proxy");
  if (node == nullptr) return;
  files::Source& source = root.source();
  const files::Fields fields(node, source, "proxy",
                             {"url", "credentials_file", "no_proxy", "resolves_names"});
  const auto url = fields.required_text("url", http::kMaxUrlBytes);
  if (!url) return;
  auto proxy = http::OutboundProxy::parse(*url);
  if (!proxy) return source.error(*fields.find("url"), proxy.error().message);
  if (fields.boolean("resolves_names").value_or(false)) proxy->let_it_resolve_names();
  for (const files::YamlNode& each : fields.list("no_proxy")) {
    const auto text = files::read_text(each, source, "a host or a network");
    if (!text) continue;
    if (const auto left_out = proxy->leave_out(*text); !left_out)
      source.error(each, left_out.error().message);
  }
  if (const auto* file = fields.find("credentials_file")) {
    const auto credentials = read_private_key(*file, source, writers, "the file of credentials");
    if (credentials == nullptr) return;
    if (const auto read = proxy->authenticate(*credentials); !read)
      source.error(*file, fmt::format("`{}`: {}", file->text, read.error().message));
  }
  options.proxy = std::make_shared<const http::OutboundProxy>(*std::move(proxy));
}

// One of the URLs that a text stands for, where it has a place for a tenant.
files::YamlNode with_some_tenant(files::YamlNode node) {
  if (const auto at = node.text.find(kTenantPlace); at != node.text.npos)
    node.text.replace(at, kTenantPlace.size(), "tenant");
  return node;
}

oauth::RefreshRules read_refresh(const files::Fields& issuer) {
  constexpr std::int64_t kDaySeconds = 86'400;
  oauth::RefreshRules rules;
  const files::YamlNode* node = issuer.find("key_refresh");
  const files::Fields fields(node, issuer.source(), "key_refresh",
                             {"default_seconds", "min_seconds", "max_seconds", "keep_seconds"});
  const auto set = [&](std::string_view key, auto& value, std::int64_t most) {
    if (const auto seconds = fields.integer(key, 1, most)) value = std::chrono::seconds(*seconds);
  };
  set("default_seconds", rules.usual, kDaySeconds);
  set("min_seconds", rules.least, kDaySeconds);
  set("max_seconds", rules.most, kDaySeconds);
  set("keep_seconds", rules.keep, 30 * kDaySeconds);
  if (node == nullptr) return rules;
  if (rules.least > rules.most || rules.usual < rules.least || rules.usual > rules.most)
    issuer.source().error(*node, fmt::format("`default_seconds` ({}) must lie between `min_seconds` ({}) and "
                                             "`max_seconds` ({})",
                                             rules.usual.count(), rules.least.count(), rules.most.count()));
  if (rules.keep < 2 * rules.most)
    issuer.source().error(
        *node, fmt::format("`keep_seconds` ({}) must be at least twice `max_seconds` ({}), else keys are too "
                           "old when one fetch has failed",
                           std::chrono::floor<std::chrono::seconds>(rules.keep).count(), rules.most.count()));
  return rules;
}

}  // namespace

// Names are looked up when they are asked for.
void check_url(const files::YamlNode& node, std::string_view text, const http::AddressRules& rules,
               files::Source& source) {
  const auto url = http::parse_url(text);
  if (!url) return source.error(node, url.error().message);
  if (const auto address = http::Address::parse(url->origin.host)) {
    if (auto why = rules.refusal(*address, url->is_secure()))
      source.error(node, fmt::format("`{}` will not be connected to: {}", text, *why));
  } else if (!url->is_secure() && url->origin.host != "localhost" && rules.allowed_plain.empty()) {
    source.error(node, fmt::format("`{}` is not of this machine, and has to be `https://`", text),
                 "or name its network in `outbound.allow_http`");
  }
}

http::FetcherOptions read_outbound(const files::Fields& root, Writers writers) {
  http::FetcherOptions options;
  const files::Fields fields(
      root.find("outbound"), root.source(), "outbound",
      {"allow", "allow_http", "ca_file", "proxy", "connect_timeout_seconds", "timeout_seconds"});
  read_networks(fields, "allow", options.rules.allowed);
  read_networks(fields, "allow_http", options.rules.allowed_plain);
  read_ca(fields, options);
  read_proxy(fields, writers, options);
  if (const auto seconds = fields.integer("connect_timeout_seconds", 1, 60))
    options.connect_timeout = std::chrono::seconds(*seconds);
  if (const auto seconds = fields.integer("timeout_seconds", 1, 120))
    options.timeout = std::chrono::seconds(*seconds);
  return options;
}

std::optional<oauth::KeyLocation> read_key_location(const files::Fields& issuer,
                                                    const http::AddressRules& rules) {
  files::Source& source = issuer.source();
  const files::YamlNode *file = issuer.find("jwks_file"), *uri = issuer.find("jwks_uri");
  const files::YamlNode* issuer_node = issuer.find("issuer");
  const auto name_node = issuer_node != nullptr ? with_some_tenant(*issuer_node) : files::YamlNode();
  if (file != nullptr) {
    for (const auto* key : {"jwks_uri", "key_refresh"}) {
      if (const auto* other = issuer.find(key))
        source.error(*other, fmt::format("`{}` is about keys at a URL, and these are in `jwks_file`", key),
                     "leave one of the two out");
    }
    return std::nullopt;
  }
  oauth::KeyLocation location{.refresh = read_refresh(issuer)};
  if (uri != nullptr) {
    location.jwks_uri = issuer.text("jwks_uri", http::kMaxUrlBytes).value_or("");
    if (!location.jwks_uri.empty()) check_url(*uri, with_some_tenant(*uri).text, rules, source);
  } else if (const auto* name = issuer_node != nullptr ? &name_node : nullptr) {
    if (!http::parse_url(name->text) || name->text.find('?') != name->text.npos) {
      source.error(*name,
                   fmt::format("`{}` is not a URL at which its keys could be found, and neither `jwks_uri` "
                               "nor `jwks_file` says where they are",
                               name->text));
    } else {
      check_url(*name, name->text, rules, source);
    }
  }
  return location;
}

}  // namespace writ::config
