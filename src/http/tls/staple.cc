#include "http/tls/staple.h"

#include <ctime>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <utility>

#include "http/tls/openssl.h"

namespace writ::http::tls {
namespace {

using Response = std::unique_ptr<OCSP_RESPONSE, Free<&OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, Free<&OCSP_BASICRESP_free>>;
using Id = std::unique_ptr<OCSP_CERTID, Free<&OCSP_CERTID_free>>;
using Store = std::unique_ptr<X509_STORE, Free<&X509_STORE_free>>;

std::unexpected<Error> invalid_staple(std::string what) {
  ERR_clear_error();
  return failure(ErrorCode::kInvalid, std::move(what));
}

// That it is about a certificate is told by a hash of its issuer, and responders choose which.
int find_status(OCSP_BASICRESP& basic, X509& certificate, X509& issuer, ASN1_GENERALIZEDTIME** next) {
  for (const EVP_MD* hash : {EVP_sha1(), EVP_sha256()}) {
    const Id id(OCSP_cert_to_id(hash, &certificate, &issuer));
    int status = -1;
    if (id != nullptr &&
        OCSP_resp_find_status(&basic, id.get(), &status, nullptr, nullptr, nullptr, next) == 1)
      return status;
  }
  return -1;
}

int give(SSL* ssl, void* given) {
  const auto& staple = *static_cast<const Staple*>(given);
  if (std::time(nullptr) >= staple.until) return SSL_TLSEXT_ERR_NOACK;
  auto* bytes = static_cast<unsigned char*>(OPENSSL_memdup(staple.response.data(), staple.response.size()));
  if (bytes == nullptr) return SSL_TLSEXT_ERR_NOACK;
  // It owns the bytes then.
  if (SSL_set_tlsext_status_ocsp_resp(ssl, bytes, static_cast<long>(staple.response.size())) == 1)
    return SSL_TLSEXT_ERR_OK;
  OPENSSL_free(bytes);
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::unique_ptr<const Staple>> read_staple(SSL_CTX& context, std::string_view response) {
  const auto* begin = reinterpret_cast<const unsigned char*>(response.data());
  const auto* end = begin;
  const Response read(d2i_OCSP_RESPONSE(nullptr, &end, static_cast<long>(response.size())));
  if (read == nullptr || end != begin + response.size())
    return invalid_staple("it is not an OCSP response (DER)");
  if (OCSP_response_status(read.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return invalid_staple("the responder gave no answer");
  const Basic basic(OCSP_response_get1_basic(read.get()));
  if (basic == nullptr) return invalid_staple("it is not a basic OCSP response");
  X509* const certificate = SSL_CTX_get0_certificate(&context);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(&context, &chain);
  if (certificate == nullptr || chain == nullptr || sk_X509_num(chain) == 0)
    return invalid_staple("the chain has no issuer behind the certificate, to check the response by");
  X509* const issuer = sk_X509_value(chain, 0);
  ASN1_GENERALIZEDTIME* next = nullptr;
  const int status = find_status(*basic, *certificate, *issuer, &next);
  if (status < 0) return invalid_staple("it is about another certificate");
  if (status == V_OCSP_CERTSTATUS_REVOKED) return invalid_staple("it says that the certificate is revoked");
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return invalid_staple("it says that the responder does not know the certificate");
  const Store store(X509_STORE_new());
  if (store == nullptr || X509_STORE_add_cert(store.get(), issuer) != 1) throw std::bad_alloc();
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  // RFC 6960 §4.2.2.2: the issuer itself, or whom it delegates to by a certificate for that.
  if (OCSP_basic_verify(basic.get(), chain, store.get(), 0) != 1)
    return invalid_staple("it is not signed by the certificate's issuer");
  std::tm utc{};
  if (next == nullptr || ASN1_TIME_to_tm(next, &utc) != 1) return invalid_staple("it has no nextUpdate");
  return std::make_unique<const Staple>(std::string(response), static_cast<std::int64_t>(::timegm(&utc)));
}

void use_staple(SSL_CTX& context, const Staple& staple) {
  SSL_CTX_set_tlsext_status_arg(&context, const_cast<Staple*>(&staple));
  SSL_CTX_set_tlsext_status_cb(&context, &give);
}

}  // namespace writ::http::tls
