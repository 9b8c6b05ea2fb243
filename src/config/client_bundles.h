// Which CAs speak for the SPIFFE trust domains of clients, as the configuration says it: `client_bundles` of
// a listener's `tls` (docs/workloads.md). Used while reading it.
//
// A bundle is a JWK set (SPIFFE Trust Domain and Bundle §4); of it the keys with `use: x509-svid` count here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/fields.h"
#include "http/tls/context.h"

namespace writ::config {

inline constexpr std::size_t kMaxTrustDomains = 64;  // of one listener

// Reads the files into `options`, and notes them, so that they are read again when they change. False:
// something was reported.
bool read_client_bundles(const files::Fields& tls, http::TlsServerOptions& options,
                         std::vector<std::filesystem::path>& noted);

// The CAs for X.509-SVIDs of a bundle, as PEM. kInvalid where it has none.
Result<std::string> x509_authorities(std::string_view bundle);

}  // namespace writ::config
