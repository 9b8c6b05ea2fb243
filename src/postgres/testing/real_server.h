// For tests: a PostgreSQL server of the test's own, in a folder of its own under /tmp, on a port of loopback
// and a socket. It has the database `shop` and the superuser `owner`, whom the socket lets in without a
// password; over TCP everybody needs one. Ends with the object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "http/tls/context.h"
#include "postgres/read_session.h"

namespace writ::postgres::testing {

class RealServer {
 public:
  // With TLS where there is an identity.
  explicit RealServer(const http::TlsIdentity* identity = nullptr);
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  std::uint16_t port() const { return port_; }
  // As `owner`, over the socket. Ends the test where it fails.
  void execute(std::string_view statements);
  // What a statement's one value is.
  std::string value(std::string_view statement);
  // As `reader`, who has the password `secret`, over loopback and without TLS.
  ServerSettings reader() const;

  void stop();
  void start();

 private:
  void run(const std::vector<std::string>& words);

  std::filesystem::path folder_;
  std::uint16_t port_;
  pid_t server_ = 0;
};

}  // namespace writ::postgres::testing
