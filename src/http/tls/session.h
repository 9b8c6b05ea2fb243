// TlsSession: the TLS of one connection, over a socket that does not block.
//
// OpenSSL reads and writes the socket itself, so nothing is copied once more. Each step does what it can now
// and says what it waits for; nobody is waited for here, and the loop waits as for a plain socket
// (net/stream.h). A session is made by a TlsServer or TlsClient (tls/context.h), whose certificates and rules
// it keeps to its end. One thread at a time. Internal to http.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct bio_st;
struct ssl_st;

namespace writ::http {

class TlsSession {
 public:
  // Takes the SSL over, whose side and rules are set; `rules` are what it needs to its end.
  TlsSession(ssl_st* ssl, int socket, std::shared_ptr<const void> rules);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step {
    kDone,
    kWantRead,   // once the socket can be read
    kWantWrite,  // once it can be written
    kAgain,      // at once, after others had their turn
    kEnd,        // the peer has ended the session, as it should
    kFailed,     // for good; also where the connection ended without a word, since somebody may have cut it
  };
  Step handshake();
  Step read(char* data, std::size_t size, std::size_t& count);
  // After kWantWrite the same bytes come again, be it from another place.
  Step write(const char* data, std::size_t size, std::size_t& count);
  // Bytes have come that may be more of the plain text: no socket tells of them any more.
  bool has_pending() const noexcept;
  // The SHA-256 of the peer's certificate, in base64url, once the handshake is done; empty: it showed none.
  std::string peer_certificate() const;
  // Its names of these two types: "URI:spiffe://acme.example/export", "DNS:export.acme.example". Null: none.
  std::shared_ptr<const std::vector<std::string>> peer_names() const;
  // Says that nothing more is written. Does not wait.
  void end() noexcept;

  // Why the last step failed, for the operator.
  const std::string& why() const noexcept { return why_; }
  // What both agreed to speak (ALPN), once the handshake is done; empty: nothing was offered.
  std::string_view protocol() const noexcept;
  // The peer spoke HTTP without TLS.
  bool spoke_http() const noexcept { return spoke_http_; }

 private:
  friend struct SocketBio;
  Step step_of(int result);
  void note_failure();

  const std::shared_ptr<const void> rules_;
  ssl_st* const ssl_;
  const int socket_;
  bool blocked_ = false;  // the socket had nothing more to read
  bool ended_ = false;    // the socket has come to its end
  bool ready_ = false;    // the handshake is done, and nothing has failed
  bool spoke_http_ = false;
  std::string why_;
};

}  // namespace writ::http
