// OpenSSL's objects with owners, and PEM read into them. Internal to http/tls.
#pragma once

#include <memory>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/tls/context.h"

namespace writ::http::tls {

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    function(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<&SSL_CTX_free>>;
using Certificate = std::unique_ptr<X509, Free<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<&BIO_free>>;

// A context of this method with what both sides have in common.
Result<Context> make_context(const SSL_METHOD* method);

// At least one; what is not a certificate is refused.
Result<std::vector<Certificate>> read_certificates(std::string_view pem);
// Sets chain and key, which have to belong together.
Result<void> use_identity(SSL_CTX& context, const TlsIdentity& identity);
// Whom the peer's certificate has to come from.
Result<void> trust(SSL_CTX& context, std::string_view ca);

CertificateFacts facts_of(X509& certificate);

// A trust domain with its CAs, as a server's contexts carry them (SSL_CTX_get_app_data) for their sessions.
struct Domain {
  std::string prefix;  // "spiffe://acme.example/"
  std::vector<Certificate> roots;
};
using Domains = std::vector<Domain>;
// Which of a peer's names count: of a certificate that a trust domain's CA is behind, those of that domain
// alone; of others, none of any domain. `chain` is as it was verified, the peer's certificate first.
void leave_to_their_domains(std::vector<std::string>& names, const Domains& domains,
                            const STACK_OF(X509) * chain);

}  // namespace writ::http::tls
