// Which CAs speak for the SPIFFE trust domains of clients, as the configuration says it: `client_bundles` of
// a listener's `tls` (docs/workloads.md). Used while reading it.
//
// A bundle is a JWK set (SPIFFE Trust Domain and Bundle §4); of it the keys with `use: x509-svid` count here.
// It is in a file, or at a URL, from where it is fetched while Writ runs (server/client_bundles.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "files/fields.h"
#include "http/address_rules.h"
#include "http/tls/context.h"

namespace writ::config {

inline constexpr std::size_t kMaxTrustDomains = 64;  // of one listener

// Reads the files into `options`, and notes them, so that they are read again when they change. Of URLs it
// checks that they could be fetched by these rules. False: something was reported.
bool read_client_bundles(const files::Fields& tls, const http::AddressRules& rules,
                         http::TlsServerOptions& options, std::vector<std::filesystem::path>& noted);

// Whether a listener has the bundle of the trust domain that a SPIFFE id is of, so that nobody else speaks
// for it. Nothing for what is not such an id, and where the listeners could not be read.
std::optional<bool> has_bundle_of(std::string_view uri, const Config& config);
// "acme.example" of "spiffe://acme.example/export"; empty for what is not a SPIFFE id.
std::string_view trust_domain_of(std::string_view uri);

// The CAs for X.509-SVIDs of a bundle, as PEM. kInvalid where it has none.
Result<std::string> x509_authorities(std::string_view bundle);

}  // namespace writ::config
