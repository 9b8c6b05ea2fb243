// How Writ listens, as the configuration says it: addresses, TLS, and the operator's proxies.
//
// Reading loads certificates and keys, and makes of them what a listener begins with; whatever is wrong is
// reported with its place. What will be wrong soon, a certificate that ends, is a warning. Used while reading
// a file, on one thread.
#pragma once

#include "config/config.h"
#include "files/fields.h"

namespace writ::config {

// Certificates that end sooner are warned of.
inline constexpr std::chrono::days kWarnBeforeEnd{14};

// `listen`. config.data_access has been read.
void read_listeners(const files::Fields& root, Config& config);

// The file that a node names, if nobody but Writ's user, root and its group can read it, and none but
// `writers` write it.
std::shared_ptr<const Secret> read_private_key(const files::YamlNode& node, files::Source& source,
                                               Writers writers, std::string_view what = "the private key");

// `chain` and `key` of the fields: nothing where both are absent, or something was reported.
std::optional<http::TlsIdentity> read_tls_identity(const files::Fields& fields, Writers writers);

// Warns of certificates that have ended, end soon, or have not begun.
void warn_of_end(const std::vector<http::CertificateFacts>& certificates, const files::YamlNode& place,
                 files::Source& source);

}  // namespace writ::config
