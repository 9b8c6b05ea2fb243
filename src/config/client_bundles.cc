#include "config/client_bundles.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/base64url.h"
#include "codec/json.h"

namespace writ::config {
namespace {

constexpr std::size_t kMaxBundleBytes = 1 << 20;
constexpr std::size_t kMaxTrustDomainBytes = 255;  // SPIFFE-ID §2.3
constexpr std::size_t kPemLine = 64;               // RFC 7468 §2

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

bool read_client_bundles(const files::Fields& tls, http::TlsServerOptions& options,
                         std::vector<std::filesystem::path>& noted) {
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
        fmt::format("`client_bundles` must be a map from 1 to {} trust domains to files", kMaxTrustDomains),
        "for example {acme.example: spire/acme.json}");
  bool good = true;
  for (const auto& entry : node->entries) {
    if (!is_trust_domain(entry.key)) {
      good = wrong(entry.value, fmt::format("`{}` is not the name of a SPIFFE trust domain", entry.key),
                   "for example acme.example, without spiffe://, and in lower case");
      continue;
    }
    const auto text = files::read_file(entry.value, source, kMaxBundleBytes);
    if (!text) {
      good = false;
      continue;
    }
    noted.push_back(source.resolve(entry.value.text));
    auto ca = x509_authorities(*text);
    if (!ca)
      good =
          wrong(entry.value,
                fmt::format("`{}` is not a SPIFFE bundle that clients' certificates can be verified with: {}",
                            entry.value.text, ca.error().message),
                "export it with `spire-server bundle show -format spiffe`");
    else
      options.trust_domains.push_back({entry.key, *std::move(ca)});
  }
  return good;
}

}  // namespace writ::config
