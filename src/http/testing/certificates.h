// For tests: a certificate authority of their own, and a client that speaks TLS as it is told to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/tls/context.h"

namespace writ::http::testing {

// Certificates for an hour, unless the test says otherwise.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test CA");
  ~TestAuthority();

  const std::string& certificate() const { return certificate_; }
  // For DNS names, addresses ("127.0.0.1") or URIs. From now, in seconds.
  TlsIdentity issue(const std::vector<std::string>& names, long begins = -3600, long ends = 3600) const;
  // The CA's response about the first certificate of the chain, for `ends` seconds from now: `good`, or
  // revoked. The identity with it, and with the CA behind its certificate.
  TlsIdentity stapled(TlsIdentity identity, bool good = true, long ends = 3600) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string certificate_;
};

// A server's rules with these identities.
std::shared_ptr<const TlsServer> tls_server(std::vector<TlsIdentity> identities,
                                            ClientCertificates clients = ClientCertificates::kNone,
                                            std::string client_ca = {});

struct TlsPeerOptions {
  std::string server_name = "a.example";
  const TlsIdentity* identity = nullptr;
  std::string alpn = "http/1.1";  // empty: offers nothing
  int max_version = 0;            // 0x0303: TLS 1.2
  std::string ciphers = {};       // of TLS 1.2
  std::string before = {};        // sent in plain before anything else
  bool asks_for_status = false;   // OCSP
};

// Blocking. Checks no certificate: a test looks at the one it got.
class TlsPeer {
 public:
  explicit TlsPeer(std::uint16_t port, const TlsPeerOptions& options = {});
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  bool connected() const;  // the handshake came to its good end
  bool send(std::string_view bytes);
  std::string read(std::size_t size);  // less at the end
  std::string read_all();
  bool told_of_end() const;  // the peer has ended the session, not only the connection
  // Of what the server showed and chose.
  std::string first_name() const;
  std::string protocol() const;  // by ALPN
  std::string version() const;
  std::string status() const;  // the OCSP response; empty: none

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace writ::http::testing
