// A certificate for developing: one for names of this machine, and the CA that signed it and nothing else.
//
// Whoever trusts that CA trusts this one certificate: its key is gone when this returns, so nobody can sign
// another one with it. Both end after some days. Pure but for the clock and randomness; thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/tls/context.h"

namespace writ::http {

struct DevelopmentCertificate {
  std::string ca;  // PEM, for whoever has to trust it: `curl --cacert`
  TlsIdentity identity;
};

// `names`: at least one; host names ("localhost", "*.dev.example") and addresses. kInvalid names one that is
// neither.
Result<DevelopmentCertificate> make_development_certificate(const std::vector<std::string>& names,
                                                            std::chrono::days life);

}  // namespace writ::http
