#include "config/client_bundles.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/base64url.h"
#include "codec/json.h"
#include "config/outbound.h"
#include "http/url.h"

namespace writ::config {
namespace {

constexpr std::size_t kMaxBundleBytes = 1 << 20;
constexpr std::size_t kMaxTrustDomainBytes = 255;  // SPIFFE-ID §2.3
constexpr std::size_t kPemLine = 64;               // RFC 7468 §2
constexpr std::string_view kSpiffe = "spiffe://";

// SPIFFE-ID §2.1.
bool is_trust_domain(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTrustDomainBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

// RFC 7517 §4.7: base64 and not base64url, of the DER.
Result<std::string> pem_of(std::string_view base64) {
  TRY(codec::base64_decode(base64));
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < base64.size(); at += kPemLine)
    pem.append(base64.substr(at, kPemLine)).append("\n");
  return pem + "-----END CERTIFICATE-----\n";
}

bool is_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

// Nothing: what is wrong was reported.
std::optional<http::TrustDomain> read_bundle(const files::YamlNode::Entry& entry,
                                             const http::AddressRules& rules, files::Source& source,
                                             std::vector<std::filesystem::path>& noted) {
  const auto place = files::read_text(entry.value, source, "a bundle");
  if (!place) return std::nullopt;
  if (is_url(*place)) {
    const auto before = source.issues.errors();
    check_url(entry.value, *place, rules, source);
    if (source.issues.errors() != before) return std::nullopt;
    return http::TrustDomain{.name = entry.key, .ca = {}, .url = *place};
  }
  const auto text = files::read_file(entry.value, source, kMaxBundleBytes);
  if (!text) return std::nullopt;
  noted.push_back(source.resolve(*place));
  auto ca = x509_authorities(*text);
  if (!ca) {
    source.error(
        entry.value,
        fmt::format("`{}` is not a SPIFFE bundle that clients' certificates can be verified with: {}", *place,
                    ca.error().message),
        "export it with `spire-server bundle show -format spiffe`");
    return std::nullopt;
  }
  return http::TrustDomain{.name = entry.key, .ca = *std::move(ca)};
}

}  // namespace

Result<std::string> x509_authorities(std::string_view bundle) {
  const auto json = TRY(codec::parse_json(bundle));
  const auto* member = json.is_object() ? json.find("keys") : nullptr;
  const auto* keys = member != nullptr ? member->if_array() : nullptr;
  if (keys == nullptr) return failure(ErrorCode::kInvalid, "`keys` is missing or not an array");
  std::string all;
  for (const auto& key : *keys) {
    const auto* use = key.is_object() ? key.find_string("use") : nullptr;
    if (use == nullptr || *use != "x509-svid") continue;
    const auto* x5c = key.find("x5c");
    const auto* chain = x5c != nullptr ? x5c->if_array() : nullptr;
    // SPIFFE X.509-SVID §6.1: exactly one, the CA's own.
    const auto* text = chain != nullptr && chain->size() == 1 ? chain->front().if_string() : nullptr;
    if (text == nullptr)
      return failure(ErrorCode::kInvalid, "a key with `use: x509-svid` needs one certificate in `x5c`");
    all += TRY(pem_of(*text));
  }
  if (all.empty()) return failure(ErrorCode::kInvalid, "it has no key with `use: x509-svid`");
  return all;
}

std::string_view trust_domain_of(std::string_view uri) {
  if (!uri.starts_with(kSpiffe)) return {};
  uri.remove_prefix(kSpiffe.size());
  return uri.substr(0, uri.find('/'));
}

std::optional<bool> has_bundle_of(std::string_view uri, const Config& config) {
  const auto domain = trust_domain_of(uri);
  if (domain.empty()) return std::nullopt;
  bool unread = false;
  const auto has = [&](const ListenAddress& listen) {
    unread = unread || (listen.tls == nullptr && listen.asks_certificates);
    return listen.tls != nullptr &&
           std::ranges::find(listen.tls->trust_domains(), domain, &http::TrustDomain::name) !=
               listen.tls->trust_domains().end();
  };
  for (const auto* listen : {&config.api_listen, config.gateway_listen ? &*config.gateway_listen : nullptr,
                             config.operator_listen ? &*config.operator_listen : nullptr}) {
    if (listen != nullptr && has(*listen)) return true;
  }
  return unread ? std::nullopt : std::optional(false);
}

bool read_client_bundles(const files::Fields& tls, const http::AddressRules& rules,
                         http::TlsServerOptions& options, std::vector<std::filesystem::path>& noted) {
  const files::YamlNode* node = tls.find("client_bundles");
  if (node == nullptr) return true;
  files::Source& source = tls.source();
  const auto wrong = [&](const files::YamlNode& at, std::string what, std::string help) {
    source.error(at, std::move(what), std::move(help));
    return false;
  };
  if (options.clients == http::ClientCertificates::kNone)
    return wrong(*node, "`client_bundles` is not used: no client is asked for a certificate",
                 "`client_certificates` must be `asked` or `required`");
  if (node->kind != files::YamlNode::Kind::kMap || node->entries.empty() ||
      node->entries.size() > kMaxTrustDomains)
    return wrong(
        *node,
        fmt::format("`client_bundles` must be a map from 1 to {} trust domains to files or URLs",
                    kMaxTrustDomains),
        "for example {acme.example: spire/acme.json, partner.example: https://spire.partner.example/bundle}");
  bool good = true;
  for (const auto& entry : node->entries) {
    if (!is_trust_domain(entry.key)) {
      good = wrong(entry.value, fmt::format("`{}` is not the name of a SPIFFE trust domain", entry.key),
                   "for example acme.example, without spiffe://, and in lower case");
      continue;
    }
    auto domain = read_bundle(entry, rules, source, noted);
    good = good && domain;
    if (domain) options.trust_domains.push_back(*std::move(domain));
  }
  return good;
}

}  // namespace writ::config
