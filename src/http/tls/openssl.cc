#include "http/tls/openssl.h"

#include <algorithm>
#include <arpa/inet.h>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace writ::http::tls {
namespace {

// https://wiki.mozilla.org/Security/Server_Side_TLS, intermediate, version 5.7.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr int kSecurityLevel = 2;  // keys of 112 bits: RSA from 2048
constexpr std::size_t kMostCertificates = 1000;

std::unexpected<Error> refused_by_openssl(std::string what) {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  if (reason != nullptr) what.append(": ").append(reason);
  return failure(ErrorCode::kInvalid, std::move(what));
}

Bio reader(std::string_view pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// A key that is encrypted is refused: nobody is asked for a pass phrase.
int no_pass_phrase(char*, int, int, void*) {
  return 0;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? static_cast<std::int64_t>(::timegm(&utc)) : 0;
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int size = ASN1_STRING_length(bytes);
  if (size == 4 || size == 16)
    ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text, sizeof text);
  return text;
}

}  // namespace

Result<Context> make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  if (context == nullptr) return refused_by_openssl("TLS is not available");
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_security_level(raw, kSecurityLevel);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_id_context(raw, reinterpret_cast<const unsigned char*>("writ"), 4);
  // One record or one message a step: nobody keeps a loop busy with messages that bring nothing.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(
      raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(raw, 1);
  if (SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, kCiphers) != 1 || SSL_CTX_set_ciphersuites(raw, kSuites) != 1 ||
      SSL_CTX_set1_groups_list(raw, kGroups) != 1)
    return refused_by_openssl("OpenSSL does not know Mozilla's intermediate profile");
  return context;
}

Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
  const Bio bio = reader(pem);
  std::vector<Certificate> all;
  ERR_clear_error();
  while (all.size() < kMostCertificates) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, &no_pass_phrase, nullptr));
    if (next == nullptr) break;
    all.push_back(std::move(next));
  }
  const auto error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) return refused_by_openssl("not all of it can be read as certificates (PEM)");
  ERR_clear_error();
  if (all.empty()) return refused_by_openssl("there is no certificate in it (PEM)");
  return all;
}

Result<void> use_identity(SSL_CTX& context, const TlsIdentity& identity) {
  const auto chain = TRY(read_certificates(identity.chain));
  if (SSL_CTX_use_certificate(&context, chain.front().get()) != 1)
    return refused_by_openssl("the certificate cannot be used");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&context, chain[i].get()) != 1)
      return refused_by_openssl("a certificate of the chain cannot be used");
  }
  const Bio bio = reader(identity.key->expose());
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_pass_phrase, nullptr));
  if (key == nullptr)
    return refused_by_openssl("the key cannot be read: expected an unencrypted private key (PEM)");
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 || SSL_CTX_check_private_key(&context) != 1)
    return refused_by_openssl("the key is not that of the first certificate");
  return {};
}

Result<void> trust(SSL_CTX& context, std::string_view ca) {
  const auto all = TRY(read_certificates(ca));
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const auto& certificate : all) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1)
      return refused_by_openssl("a CA's certificate cannot be used");
  }
  return {};
}

void leave_to_their_domains(std::vector<std::string>& names, const Domains& domains,
                            const STACK_OF(X509) * chain) {
  const int length = chain != nullptr ? sk_X509_num(chain) : 0;
  const auto vouches = [&](const Domain& domain) {
    for (int i = 1; i < length; ++i) {
      for (const auto& root : domain.roots)
        if (X509_cmp(sk_X509_value(chain, i), root.get()) == 0) return true;
    }
    return false;
  };
  const auto is_of = [](const std::string& name, const Domain& domain) {
    return name.starts_with("URI:" + domain.prefix);
  };
  const bool is_ca = length > 0 && X509_check_ca(sk_X509_value(chain, 0)) != 0;
  const bool of_a_domain = std::ranges::any_of(domains, vouches);
  std::erase_if(names, [&](const std::string& name) {
    const auto own = std::ranges::find_if(domains, [&](const auto& each) { return is_of(name, each); });
    // X.509-SVID §5.2: what signs others is nobody's own.
    if (own != domains.end()) return is_ca || !vouches(*own);
    return of_a_domain;
  });
}

CertificateFacts facts_of(X509& certificate) {
  CertificateFacts facts{.names = {},
                         .not_before = seconds_of(X509_get0_notBefore(&certificate)),
                         .not_after = seconds_of(X509_get0_notAfter(&certificate))};
  const std::unique_ptr<GENERAL_NAMES, Free<&GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) facts.names.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) facts.names.push_back(address_of(name->d.iPAddress));
  }
  if (facts.names.empty()) {
    char text[256] = "";
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName, text, sizeof text) > 0)
      facts.names.emplace_back(text);
  }
  return facts;
}

}  // namespace writ::http::tls
