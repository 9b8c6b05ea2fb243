// How Writ listens, as the configuration says it: addresses, TLS, and the operator's proxies.
//
// Reading loads certificates and keys, and makes of them what a listener begins with; whatever is wrong is
// reported with its place. What will be wrong soon, a certificate that ends, is a warning. Used while reading
// a file, on one thread.
#pragma once

#include "server/config.h"
#include "server/fields.h"

namespace writ::server {

// Certificates that end sooner are warned of.
inline constexpr std::chrono::days kWarnBeforeEnd{14};

// `listen`. config.data_access has been read.
void read_listeners(const Fields& root, Config& config);

// The file that a node names, if nobody but Writ's user, root and its group can read it, and none but
// `writers` write it.
std::shared_ptr<const Secret> read_private_key(const YamlNode& node, Source& source, Writers writers);

// `chain` and `key` of the fields: nothing where both are absent, or something was reported.
std::optional<http::TlsIdentity> read_tls_identity(const Fields& fields, Writers writers);

// Warns of certificates that have ended, end soon, or have not begun.
void warn_of_end(const std::vector<http::CertificateFacts>& certificates, const YamlNode& place,
                 Source& source);

}  // namespace writ::server
