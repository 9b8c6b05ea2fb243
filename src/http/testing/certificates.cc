#include "http/testing/certificates.h"

#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/source.h"
#include "http/tls/openssl.h"

namespace writ::http::testing {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const tls::Bio bio(BIO_new(BIO_s_mem()));
  WRIT_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  WRIT_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

tls::Certificate make(EVP_PKEY* key, const std::string& name, long begins, long ends) {
  static std::atomic<long> serial{1};
  tls::Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), begins);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), ends);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

}  // namespace

struct TestAuthority::Parts {
  tls::Key key{EVP_EC_gen("P-256")};
  tls::Certificate certificate;
};

TestAuthority::TestAuthority(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->certificate = make(parts_->key.get(), name, -3600, 3600);
  X509* const own = parts_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own, own, NID_key_usage, "critical,keyCertSign");
  WRIT_CHECK(X509_sign(own, parts_->key.get(), EVP_sha256()) > 0);
  certificate_ = pem_of(own);
}

TestAuthority::~TestAuthority() = default;

TlsIdentity TestAuthority::issue(const std::vector<std::string>& names, long begins, long ends) const {
  const tls::Key key(EVP_EC_gen("P-256"));
  const auto made = make(key.get(), names.front(), begins, ends);
  X509* const issuer = parts_->certificate.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
  std::string alternatives;
  for (const auto& name : names)
    alternatives += (alternatives.empty() ? "" : ",") +
                    std::string(name.find("://") != name.npos ? "URI:"
                                : Address::parse(name)        ? "IP:"
                                                              : "DNS:") +
                    name;
  add_extension(made.get(), issuer, NID_subject_alt_name, alternatives);
  WRIT_CHECK(X509_sign(made.get(), parts_->key.get(), EVP_sha256()) > 0);
  const tls::Bio bio(BIO_new(BIO_s_mem()));
  WRIT_CHECK(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {.chain = pem_of(made.get()), .key = std::make_shared<const Secret>(text_of(bio.get()))};
}

TlsIdentity TestAuthority::stapled(TlsIdentity identity, bool good, long ends) const {
  const auto chain = tls::read_certificates(identity.chain).value();
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), chain.front().get(), parts_->certificate.get());
  ASN1_TIME *const now = X509_gmtime_adj(nullptr, -60), *const next = X509_gmtime_adj(nullptr, ends);
  WRIT_CHECK(OCSP_basic_add1_status(basic, id, good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED,
                                    OCSP_REVOKED_STATUS_NOSTATUS, good ? nullptr : now, now,
                                    next) != nullptr);
  WRIT_CHECK(OCSP_basic_sign(basic, parts_->certificate.get(), parts_->key.get(), EVP_sha256(), nullptr,
                             OCSP_NOCERTS) == 1);
  OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &bytes);
  identity.ocsp.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  identity.chain += certificate_;
  OPENSSL_free(bytes);
  OCSP_RESPONSE_free(response);
  ASN1_TIME_free(now);
  ASN1_TIME_free(next);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return identity;
}

std::shared_ptr<const TlsServer> tls_server(std::vector<TlsIdentity> identities, ClientCertificates clients,
                                            std::string client_ca) {
  auto made = TlsServer::make(
      {.identities = std::move(identities), .clients = clients, .client_ca = std::move(client_ca)});
  WRIT_CHECK(made.has_value());
  return *std::move(made);
}

struct TlsPeer::Parts {
  tls::Context context{SSL_CTX_new(TLS_client_method())};
  SSL* ssl = nullptr;
  int socket = -1;
  bool connected = false, told_of_end = false;
};

TlsPeer::TlsPeer(std::uint16_t port, const TlsPeerOptions& options) : parts_(std::make_unique<Parts>()) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own BIO raises it
  SSL_CTX* const context = parts_->context.get();
  if (options.identity != nullptr) WRIT_CHECK(tls::use_identity(*context, *options.identity).has_value());
  if (options.max_version != 0) SSL_CTX_set_max_proto_version(context, options.max_version);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
  if (!options.alpn.empty()) {
    const std::string list = static_cast<char>(options.alpn.size()) + options.alpn;
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
  }
  parts_->socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(parts_->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  WRIT_CHECK(::connect(parts_->socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  (void)!::write(parts_->socket, options.before.data(), options.before.size());
  parts_->ssl = SSL_new(context);
  SSL_set_fd(parts_->ssl, parts_->socket);
  if (!options.server_name.empty()) SSL_set_tlsext_host_name(parts_->ssl, options.server_name.c_str());
  if (options.asks_for_status) SSL_set_tlsext_status_type(parts_->ssl, TLSEXT_STATUSTYPE_ocsp);
  parts_->connected = SSL_connect(parts_->ssl) == 1;
  ERR_clear_error();
}

TlsPeer::~TlsPeer() {
  SSL_free(parts_->ssl);
  ::close(parts_->socket);
}

bool TlsPeer::connected() const {
  return parts_->connected;
}

bool TlsPeer::send(std::string_view bytes) {
  ERR_clear_error();
  return parts_->connected && SSL_write(parts_->ssl, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

std::string TlsPeer::read(std::size_t size) {
  std::string got;
  char bytes[16 * 1024];
  while (parts_->connected && got.size() < size) {
    ERR_clear_error();
    const int count =
        SSL_read(parts_->ssl, bytes, static_cast<int>(std::min(sizeof bytes, size - got.size())));
    if (count <= 0) {
      parts_->told_of_end = SSL_get_error(parts_->ssl, count) == SSL_ERROR_ZERO_RETURN;
      break;
    }
    got.append(bytes, static_cast<std::size_t>(count));
  }
  return got;
}

std::string TlsPeer::read_all() {
  return read(static_cast<std::size_t>(-1));
}

bool TlsPeer::told_of_end() const {
  return parts_->told_of_end;
}

std::string TlsPeer::first_name() const {
  const tls::Certificate shown(SSL_get1_peer_certificate(parts_->ssl));
  return shown == nullptr ? "" : tls::facts_of(*shown).names.front();
}

std::string TlsPeer::protocol() const {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(parts_->ssl, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string TlsPeer::status() const {
  unsigned char* bytes = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(parts_->ssl, &bytes);
  return size > 0 ? std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)) : "";
}

std::string TlsPeer::version() const {
  return SSL_get_version(parts_->ssl);
}

}  // namespace writ::http::testing
