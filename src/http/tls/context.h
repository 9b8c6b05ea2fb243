// What TLS connections begin with: TlsServer for listeners, TlsClient for upstreams.
//
// Both follow Mozilla's intermediate profile (version 5.7): TLS 1.3, and 1.2 with forward secrecy and AEAD;
// no renegotiation, no compression, no early data. Sessions are not resumed, so that nothing outlives a
// certificate that was replaced or a client's that is no longer good. ALPN says `http/1.1`, and where HTTP/2
// is spoken `h2`.
//
// Made once and immutable; a connection keeps the one that it began with. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace writ::http {

class TlsSession;

// A certificate with those that lead to its root, and its private key: both PEM.
struct TlsIdentity {
  std::string chain;
  std::shared_ptr<const Secret> key;  // not encrypted
  std::string ocsp =
      {};  // a CA's response about it (DER), which clients get with it; empty: none. Of listeners.
};

enum class ClientCertificates {
  kNone,      // not asked for
  kAsked,     // a client may have one; one that is not good ends the handshake
  kRequired,  //
};

// A SPIFFE trust domain, and the CAs that speak for it (X.509-SVID §5): for its names and for no others, and
// nobody else speaks for those.
struct TrustDomain {
  std::string name;      // "acme.example"
  std::string ca;        // PEM; empty: they are not known so far, and nobody speaks for it
  std::string url = {};  // where they come from, when Writ fetches them (server/client_bundles.h)
};

struct TlsServerOptions {
  // Which one a client gets is chosen by the name that it asks for (SNI): a certificate for that very name,
  // else one for `*.` and the rest of it, else the first.
  std::vector<TlsIdentity> identities;
  ClientCertificates clients = ClientCertificates::kNone;
  std::string client_ca;                        // PEM: whoever signed the clients' certificates
  std::vector<TrustDomain> trust_domains = {};  // of clients too; empty, or `client_ca` may be
};

// What a certificate says of itself.
struct CertificateFacts {
  std::vector<std::string> names;      // DNS names and addresses, or else its subject's common name
  std::int64_t not_before, not_after;  // seconds since 1970
  // Until when its OCSP response is given to clients; absent: it has none.
  std::optional<std::int64_t> stapled_until = {};
};

class TlsServer : public std::enable_shared_from_this<TlsServer> {
 public:
  // Fails with kInvalid; the message begins with "certificate 2: " where it is about one.
  static Result<std::shared_ptr<const TlsServer>> make(const TlsServerOptions& options);
  ~TlsServer();

  // ALPN says `h2` too, and before `http/1.1`, where HTTP/2 is spoken.
  std::unique_ptr<TlsSession> session(int socket, bool http2 = false) const;
  const std::vector<CertificateFacts>& certificates() const noexcept { return certificates_; }

  // Those that it was made with; and the same server with others.
  const std::vector<TrustDomain>& trust_domains() const noexcept;
  Result<std::shared_ptr<const TlsServer>> with(std::vector<TrustDomain> trust_domains) const;

  struct Impl;  // http only

 private:
  explicit TlsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::vector<CertificateFacts> certificates_;
};

struct TlsClientOptions {
  std::string ca;           // PEM; empty: what the system trusts
  TlsIdentity identity;     // for servers that ask for one; an empty chain: none
  std::string server_name;  // that the certificate has to be for; empty: the host that is connected to
};

class TlsClient : public std::enable_shared_from_this<TlsClient> {
 public:
  // Equal options give the same object while anybody has it, so that its connections are found again.
  static Result<std::shared_ptr<const TlsClient>> make(const TlsClientOptions& options);
  static std::shared_ptr<const TlsClient> system();  // the default options
  ~TlsClient();

  // The server has to prove that it is `host`: a DNS name, or an address. There is no way around that.
  // ALPN offers `h2` too, and before `http/1.1`, where HTTP/2 is spoken.
  std::unique_ptr<TlsSession> session(int socket, const std::string& host, bool http2 = false) const;
  // No two clients in this process have the same.
  std::uint64_t number() const noexcept { return number_; }

  struct Impl;  // http only

 private:
  explicit TlsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  const std::uint64_t number_;
};

}  // namespace writ::http
