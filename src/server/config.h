// The configuration: one YAML file, read strictly into plain values (docs/configuration.md describes every
// key).
//
// Reading checks form and limits and loads the key files it names. Whether policies, routes and identities
// fit together is checked when they are loaded (server/policies.h, server/world.h). Paths in the file are
// relative to its folder. Plain values, read once at start-up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "context/calendars.h"
#include "crypto/keys.h"
#include "oauth/trusted_issuers.h"
#include "server/issue.h"
#include "server/yaml.h"

namespace writ::server {

struct ListenAddress {
  std::string address;
  std::uint16_t port;
  std::string text() const;  // "127.0.0.1:8180"
};

struct PolicySettings {
  std::vector<std::filesystem::path> policies;  // files, or folders of *.cedar
  std::vector<std::filesystem::path> schemas;
  std::optional<std::filesystem::path> entities;
  std::size_t keep = 10;  // revisions
  bool watch = false;     // the files, and take what changes
};

struct LimitSettings {
  std::size_t max_connections = 10'000;
  std::size_t max_head_bytes = 16 * 1024;
  std::uint64_t max_body_bytes = 1 << 20;                   // of a request to Writ itself
  std::uint64_t max_stream_bytes = std::uint64_t{1} << 30;  // of a request through the gateway
  std::size_t max_chain = 4;                                // agents in a delegation chain
  Duration upstream_timeout{30'000};
  std::size_t max_proofs_of_client = 1 << 16;  // DPoP proofs of one client that are remembered at a time
  std::size_t max_proofs = 1 << 20;            // of all clients
  Duration clock_tolerance{5'000};             // that the system's clock may be set by while Writ runs
};

enum class AuthzenAccess { kToken, kOpen };

struct AuthzenSettings {
  AuthzenAccess access = AuthzenAccess::kToken;
  // AuthZEN's type names to Cedar's: {"user", "Writ::User"}. A type that is not here is taken as it is.
  std::vector<std::pair<std::string, std::string>> types;
  std::string action_type = "Action";  // the Cedar type of AuthZEN's actions
};

struct Config {
  std::filesystem::path file;
  // Paths whose values explanations do not show: "context.request.ip".
  std::vector<std::string> redact;
  std::string issuer;
  ListenAddress api_listen;
  std::optional<ListenAddress> gateway_listen;  // without it there is no gateway
  // How callers reach the gateway: "https://api.acme.example". Empty: sender-bound tokens are refused there.
  std::string public_origin;
  std::size_t threads = 2;
  std::filesystem::path data;  // folder of the database and, unless named elsewhere, the audit log
  Duration token_lifetime{300'000};
  crypto::Algorithm token_algorithm = crypto::Algorithm::kEs256;
  std::vector<oauth::TrustedIssuer> trusted_issuers;
  PolicySettings policies;
  std::vector<context::Calendar> calendars;
  std::filesystem::path audit_file;  // relative to data unless absolute
  bool audit_durable = true;
  LimitSettings limits;
  AuthzenSettings authzen;
  std::string api_audience;  // of tokens for Writ's own API; the issuer unless configured
  YamlNode root;             // the whole file
  // As in the file; server/world.h gives them meaning.
  std::vector<YamlNode> identities;
  std::vector<YamlNode> apis;
};

// Nothing when the file has errors; they are in `issues`.
std::optional<Config> read_config(const std::filesystem::path& file, Issues& issues);
std::optional<Config> parse_config(std::string_view text, const std::filesystem::path& file, Issues& issues);

}  // namespace writ::server
