// Who is asking: client authentication at the token and the revocation endpoint.
//
// The methods, exactly one per request: `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1);
// `private_key_jwt` (RFC 7523 §2.2 and §3), with a key of the client's own or as a token of its platform
// (oauth/workload_tokens.h); `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2), by the
// certificate of the connection. Credentials are read first and say which client they claim to be, for the
// record; only authenticate() turns them into an AuthenticatedClient. Thread-safe. A secret that was not
// found right lately costs a scrypt computation on purpose; glance() says so beforehand, so that it is
// computed where nobody else waits for it. Repeated guesses and forgeries are slowed down
// (oauth/secret_attempts.h, oauth/assertion_attempts.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/secret.h"
#include "base/times.h"
#include "http/request.h"
#include "inventory/directory.h"
#include "oauth/assertion_attempts.h"
#include "oauth/form.h"
#include "oauth/refusal.h"
#include "oauth/secret_attempts.h"
#include "oauth/verified_secrets.h"
#include "oauth/workload_tokens.h"
#include "token/replay.h"

namespace writ::oauth {

// RFC 7523 §3: an assertion further in the future than this is refused; its jti is remembered that long.
inline constexpr Duration kMaxAssertionLifetime = std::chrono::minutes(10);
inline constexpr std::size_t kMaxAuthorizationBytes = 4 * 1024;

// What a request claims to be, and with what. Nothing is believed yet.
class Credentials {
 public:
  // Refuses a request with no method, with more than one (RFC 6749 §2.3), or with one Writ does not offer.
  static Outcome<Credentials> read(const http::Request& request, const Form& form);

  const std::string& claimed_client() const noexcept { return client_; }

 private:
  friend class ClientAuthentication;
  struct Assertion {
    std::string text;
    std::string issuer;  // that it says it is of
    bool names_client;   // `client_id` stands beside it
    bool of_a_workload;  // by `client_assertion_type`: a JWT-SVID
  };
  struct Certificate {
    std::string thumbprint;
    std::shared_ptr<const std::vector<std::string>> names;
  };
  using Proof = std::variant<Secret, Assertion, Certificate>;
  Credentials(std::string client, Proof proof) : client_(std::move(client)), proof_(std::move(proof)) {}
  static Outcome<Credentials> read_basic(const http::Headers& headers);
  static Outcome<Credentials> read_secret(const Form& form);
  static Outcome<Credentials> read_assertion(const Form& form);
  static Outcome<Credentials> read_certificate(const http::Request& request, const Form& form);

  std::string client_;
  Proof proof_;
  std::string peer_ip_;  // where they come from
};

// What a client showed, and since when it is one of its credentials, where that is known.
struct ShownCredential {
  inventory::CredentialType type;
  std::optional<Instant> created_at = {};
};

// A client that proved who it is and is active, with the inventory as it was then. Made only by
// ClientAuthentication.
class AuthenticatedClient {
 public:
  const inventory::Identity& identity() const noexcept { return member_->identity(); }
  const inventory::Member& member() const noexcept { return *member_; }
  const std::string& id() const noexcept { return identity().id; }
  const inventory::Snapshot& inventory() const noexcept { return *inventory_; }
  // What its platform said of it, as far as the inventory wants it told.
  const WorkloadFacts& workload() const noexcept { return workload_; }
  const ShownCredential& credential() const noexcept { return credential_; }

 private:
  friend class ClientAuthentication;
  AuthenticatedClient(std::shared_ptr<const inventory::Snapshot> inventory, const inventory::Member& member,
                      WorkloadFacts workload, ShownCredential credential)
      : inventory_(std::move(inventory)),
        member_(&member),
        workload_(std::move(workload)),
        credential_(credential) {}

  std::shared_ptr<const inventory::Snapshot> inventory_;
  const inventory::Member* member_;
  WorkloadFacts workload_;
  ShownCredential credential_;
};

class ClientAuthentication {
 public:
  struct Options {
    std::string issuer;  // assertions are for the issuer or for the token endpoint
    std::string token_endpoint;
    SecretAttempts::Options attempts = {};
    std::size_t remembered_secrets = 1024;
    const TrustedIssuers* issuers = nullptr;  // among them those that name workloads; null: none does
  };
  // What it refers to must outlive it.
  ClientAuthentication(Options options, const inventory::Directory& directory, token::ReplayGuard& replays);

  // An assertion is used up by this. What a stranger learns from a refusal is the same whether the client
  // exists or not; that a client is suspended or retired is told only to who has its credentials.
  Outcome<AuthenticatedClient> authenticate(const Credentials& credentials, Times now) const;

  // True: the assertion is signed with a key of a platform that is being fetched; `then` was taken, and is
  // called when that is over, on another thread. False: authenticate() waits for nothing.
  bool wait_for_keys(const Form& form, std::move_only_function<void()>& then) const;

  // What a request's head, and its body where it is there, tells of how its client will be authenticated. For
  // choosing who waits for whom, and nothing else.
  enum class Standing {
    kKnown,      // a secret that was found right a short while ago
    kSecret,     // one that has to be hashed
    kGuess,      // the same, from a source that was wrong lately
    kAssertion,  // none: an assertion, or nothing
  };
  struct Glance {
    Standing standing;
    std::uint64_t turn;  // its source; behind a proxy, the client it says it is
    bool proxied;
  };
  Glance glance(const http::Request& request, Instant now) const;

  http::AttemptStats attempts() const noexcept { return attempts_.stats(); }
  http::AttemptStats assertion_attempts() const noexcept { return forgeries_.stats(); }

 private:
  static Outcome<Credentials> read_glanced(const http::Request& request);
  Outcome<ShownCredential> check_secret(const inventory::Member* member, const Credentials& credentials,
                                        const Secret& secret, Times now) const;
  Outcome<ShownCredential> check_assertion(const inventory::Member* member, const Credentials& credentials,
                                           const std::string& text, Times now) const;
  // The member that the token is of, and what it says.
  struct Workload {
    const inventory::Member* member;
    WorkloadFacts facts;
    std::optional<Instant> issued_at;
  };
  Outcome<Workload> check_workload(const inventory::Snapshot& snapshot, const Credentials& credentials,
                                   const Credentials::Assertion& assertion, const TrustedIssuer& by,
                                   Times now) const;
  Outcome<const TrustedIssuer*> issuer_of(const Credentials& credentials,
                                          const Credentials::Assertion& assertion) const;

  Options options_;
  const inventory::Directory& directory_;
  token::ReplayGuard& replays_;
  mutable VerifiedSecrets verified_;
  mutable SecretAttempts attempts_;
  mutable AssertionAttempts forgeries_;
};

}  // namespace writ::oauth
