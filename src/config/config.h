// The configuration: one YAML file, read strictly into plain values (docs/configuration.md describes every
// key).
//
// Reading checks form and limits and loads the key files it names. Whether policies, routes and identities
// fit together is checked when they are loaded (policy/policies.h, config/world.h). Paths in the file are
// relative to its folder. Plain values, read once at start-up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/strangers.h"
#include "base/clock.h"
#include "base/private_file.h"
#include "base/secret.h"
#include "config/exceptions.h"
#include "config/signing_keys.h"
#include "context/calendars.h"
#include "crypto/keys.h"
#include "files/issue.h"
#include "files/yaml.h"
#include "http/fetcher.h"
#include "http/forwarded.h"
#include "http/source.h"
#include "http/tls/context.h"
#include "oauth/trusted_issuers.h"
#include "task/call_approvals.h"
#include "task/registry.h"

namespace writ::config {

struct ListenAddress {
  std::string address;
  std::uint16_t port;
  std::shared_ptr<const http::TlsServer> tls = {};  // null: plain TCP
  bool proxy_protocol = false;
  bool http2 = true;
  bool asks_certificates = false;           // of clients, in TLS
  std::string text() const;                 // "127.0.0.1:8180"
  std::string url(std::uint16_t at) const;  // with that port: "https://127.0.0.1:8180"
};

// An absolute URI without query and fragment, as RFC 8414 §2 wants an issuer.
bool is_issuer_url(std::string_view text);

struct PolicySettings {
  std::vector<std::filesystem::path> policies;  // files, or folders (policy/policy_texts.h)
  std::vector<std::string> ignore;              // globs of what in the folders is no policy
  std::vector<std::filesystem::path> schemas;
  std::optional<std::filesystem::path> entities;
  std::size_t keep = 10;  // revisions
  bool watch = false;     // the files, and take what changes
};

struct LimitSettings {
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_source = 256;
  std::size_t max_streams = 100;  // of one HTTP/2 connection at a time
  std::size_t max_head_bytes = 16 * 1024;
  std::uint64_t max_body_bytes = 1 << 20;                   // of a request to Writ itself
  std::uint64_t max_stream_bytes = std::uint64_t{1} << 30;  // of a request through the gateway
  std::uint64_t max_unauthenticated_bytes = 8 << 20;  // of all bodies of strangers that Writ reads, together
  std::uint64_t max_authenticated_bytes = 64 << 20;   // of those of callers with good tokens
  Duration body_timeout{30'000};
  std::uint64_t min_body_bytes_per_second = 1024;
  std::size_t wrong_secrets_per_minute = 10;  // of one source
  std::size_t wrong_tokens_per_minute = 60;   // of one source
  std::size_t max_entities = 1'000'000;       // that are pushed
  std::size_t max_unlisted_stops = 100'000;   // of ids that nobody knows
  std::size_t max_chain = 4;                  // agents in a delegation chain
  Duration upstream_timeout{30'000};
  Duration idle_timeout{75'000};               // of a connection between two requests
  std::size_t max_proofs_of_client = 1 << 16;  // DPoP proofs of one client that are remembered at a time
  std::size_t max_proofs = 1 << 20;            // of all clients
  Duration clock_tolerance{5'000};             // that the system's clock may be set by while Writ runs
  Duration drain_grace{5'000};  // from the word that Writ is to stop until it takes nothing new
};

struct WaitSettings {
  std::size_t max_waiting = 1024;  // requests that wait for the database
  Duration max_wait{5'000};
};

struct AuditSettings {
  std::filesystem::path file;  // relative to data unless absolute
  bool durable = true;
  std::uint64_t rotate_bytes = 0;  // 0: only when somebody moves the file away
  std::uint64_t reserve_bytes = 8 << 20;
  audit::StrangerLimits strangers;
};

enum class AuthzenAccess { kToken, kOpen };

struct AuthzenSettings {
  AuthzenAccess access = AuthzenAccess::kToken;
  // AuthZEN's type names to Cedar's: {"user", "Writ::User"}. A type that is not here is taken as it is.
  std::vector<std::pair<std::string, std::string>> types;
  std::string action_type = "Action";  // the Cedar type of AuthZEN's actions
  // The same by the type of the resource, in AuthZEN's words or Cedar's: {"mailbox", "Mail::Action"}.
  std::vector<std::pair<std::string, std::string>> action_types = {};
};

struct Config {
  std::filesystem::path file;
  // Paths whose values explanations do not show: "context.request.ip".
  std::vector<std::string> redact;
  std::string issuer;
  ListenAddress api_listen;
  std::optional<ListenAddress> gateway_listen;   // without it there is no gateway
  std::optional<ListenAddress> operator_listen;  // for /v1, health and metrics alone
  http::Networks proxies;                        // the operator's own, in front of the listeners
  http::ForwardedBy forwarded_by = http::ForwardedBy::kEither;
  std::vector<std::filesystem::path> tls_files;  // that the listeners' TLS was made from
  std::shared_ptr<const Secret> metrics_token;   // null: none is asked for
  // How callers reach the gateway: "https://api.acme.example". Empty: sender-bound tokens are refused there.
  std::string public_origin;
  std::size_t threads = 2;
  std::filesystem::path data;  // folder of the database and, unless named elsewhere, the audit log
  Duration token_lifetime{300'000};
  crypto::Algorithm token_algorithm = crypto::Algorithm::kEs256;
  KeySettings signing_keys;
  http::FetcherOptions outbound;  // for what Writ asks for of its own accord
  std::vector<oauth::TrustedIssuer> trusted_issuers;
  std::vector<std::filesystem::path> key_files;  // of theirs
  PolicySettings policies;
  std::vector<context::Calendar> calendars;
  std::vector<Exception> exceptions;      // findings of `writ posture` that somebody answers for
  Writers data_access = Writers::kOwner;  // who may be able to write the data folder and what is in it
  AuditSettings audit;
  LimitSettings limits;
  WaitSettings database;
  task::TaskLimits tasks;
  task::CallLimits approvals;
  AuthzenSettings authzen;
  std::string api_audience;  // of tokens for Writ's own API; the issuer unless configured
  // Tokens carry what the API's contract says, where the API itself does not say otherwise.
  bool claims_by_contract = false;
  // The whole file, shared and not copied: it may list very many identities. Never null once it was read.
  std::shared_ptr<const files::YamlNode> root;
  // Of it; config/world.h gives them meaning.
  std::span<const files::YamlNode> identities;
  std::span<const files::YamlNode> apis;
  std::span<const files::YamlNode> grants;
};

// Nothing when the file has errors; they are in `issues`.
std::optional<Config> read_config(const std::filesystem::path& file, files::Issues& issues);
// The same with errors in it: to look for more of them, and for nothing else. Nothing when there is no tree.
std::optional<Config> draft_config(const std::filesystem::path& file, files::Issues& issues);
std::optional<Config> parse_config(std::string_view text, const std::filesystem::path& file,
                                   files::Issues& issues);

}  // namespace writ::config
