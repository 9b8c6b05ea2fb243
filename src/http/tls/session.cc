#include "http/tls/session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/check.h"
#include "codec/base64url.h"
#include "http/tls/openssl.h"

namespace writ::http {

// OpenSSL's own BIO for sockets would raise SIGPIPE, and does not say whether it met the end.
struct SocketBio {
  static TlsSession& session(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* data, int size) {
    TlsSession& session = SocketBio::session(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = 0;
    do {
      got = ::recv(session.socket_, data, static_cast<std::size_t>(size), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      session.blocked_ = true;
      BIO_set_retry_read(bio);
    }
    if (got == 0) session.ended_ = true;
    return static_cast<int>(got);
  }

  static int write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    ssize_t put = 0;
    do {
      put = ::send(session(bio).socket_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    return static_cast<int>(put);
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_EOF && session(bio).ended_ ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      WRIT_CHECK(method != nullptr);
      BIO_meth_set_read(method, &read);
      BIO_meth_set_write(method, &write);
      BIO_meth_set_ctrl(method, &control);
      return method;
    }();
    return made;
  }
};

TlsSession::TlsSession(ssl_st* ssl, int socket, std::shared_ptr<const void> rules)
    : rules_(std::move(rules)), ssl_(ssl), socket_(socket) {
  BIO* bio = BIO_new(SocketBio::method());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

TlsSession::~TlsSession() {
  SSL_free(ssl_);
}

TlsSession::Step TlsSession::step_of(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return Step::kDone;
    case SSL_ERROR_WANT_READ:
      return blocked_ ? Step::kWantRead : Step::kAgain;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kEnd;
    default:
      break;
  }
  ready_ = false;
  note_failure();
  ERR_clear_error();
  return Step::kFailed;
}

void TlsSession::note_failure() {
  // What OpenSSL says last is what it all comes to.
  const auto error = ERR_peek_last_error();
  spoke_http_ = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
  const char* text = ERR_reason_error_string(error);
  if (const auto verified = SSL_get_verify_result(ssl_); verified != X509_V_OK) {
    why_ = "the peer's certificate is not good: ";
    why_ += X509_verify_cert_error_string(verified);
  } else if (ended_) {
    why_ = "the connection ended";
  } else {
    why_ = text != nullptr ? text : "the connection broke";
  }
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  blocked_ = false;
  const auto step = step_of(SSL_do_handshake(ssl_));
  if (step == Step::kDone) ready_ = true;
  return step;
}

TlsSession::Step TlsSession::read(char* data, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  blocked_ = false;
  return step_of(SSL_read_ex(ssl_, data, size, &count));
}

TlsSession::Step TlsSession::write(const char* data, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  blocked_ = false;
  return step_of(SSL_write_ex(ssl_, data, size, &count));
}

bool TlsSession::has_pending() const noexcept {
  return SSL_has_pending(ssl_) == 1;
}

std::string_view TlsSession::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

// RFC 8705 §3.1: over its DER.
std::string TlsSession::peer_certificate() const {
  const X509* shown = SSL_get0_peer_certificate(ssl_);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (shown == nullptr || X509_digest(shown, EVP_sha256(), digest, &size) != 1) return {};
  return codec::base64url_encode({reinterpret_cast<const char*>(digest), size});
}

std::shared_ptr<const std::vector<std::string>> TlsSession::peer_names() const {
  const X509* shown = SSL_get0_peer_certificate(ssl_);
  if (shown == nullptr) return nullptr;
  const std::unique_ptr<GENERAL_NAMES, tls::Free<&GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(shown, NID_subject_alt_name, nullptr, nullptr)));
  auto all = std::make_shared<std::vector<std::string>>();
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const ASN1_STRING* text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
    all->push_back((name->type == GEN_URI ? "URI:" : "DNS:") +
                   std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text))));
  }
  const auto* domains = static_cast<const tls::Domains*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl_)));
  if (domains != nullptr) tls::leave_to_their_domains(*all, *domains, SSL_get0_verified_chain(ssl_));
  return all;
}

void TlsSession::end() noexcept {
  if (!ready_) return;
  ready_ = false;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace writ::http
