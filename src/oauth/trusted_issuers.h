// The identity providers whose word Writ takes for who a user is, and the platforms whose word it takes for
// which workload a client is. None is both.
//
// Each has its issuer, its keys, the audience its tokens must be for, and the names of the claims that carry
// what Writ needs. A token of anyone else is refused. Each names users in a namespace of its own, so that
// none of them speaks for another's: a user's id is the issuer's prefix and what the issuer calls the user,
// and only one issuer may go without a prefix. What a token says of how it may be used (RFC 8693 `act` and
// `may_act`, RFC 7800 `cnf`, the client it was made for) is told or refused, never left out. Immutable after
// construction, but for their keys and for which APIs take their tokens; thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "base/published.h"
#include "base/result.h"
#include "base/times.h"
#include "jose/jwk.h"
#include "oauth/claim_path.h"
#include "oauth/key_location.h"
#include "oauth/profiles.h"
#include "oauth/workload_profiles.h"
#include "token/claims.h"

namespace writ::oauth {

class IssuerKeys;
class TokenAsker;
struct AskingRules;

// The claims for which a provider's word counts, beside who the user is.
std::span<const token::Claim* const> provider_claims();

// Which of the provider's claims mean what. An empty path: the provider does not say.
struct ClaimMapping {
  ClaimPath subject = "sub";                                  // in tokens that are exchanged
  std::map<std::string, ClaimPath, std::less<>> others = {};  // by Writ's name

  // What it calls a claim: as Writ does, where nothing else is said.
  ClaimPath name_of(const token::Claim& claim) const {
    const auto found = others.find(claim.name);
    return found != others.end() ? found->second : ClaimPath(std::string(claim.name));
  }
};

// That an API takes the issuer's own access tokens (oauth/accepted_tokens.h).
struct AcceptedAt {
  std::string api;                     // its id
  std::vector<std::string> audiences;  // exact values of `aud` that mean this API
  bool delegated = false, app_only = false;
  std::optional<std::vector<std::string>> tenants = {};          // absent: all that the issuer speaks for
  std::map<std::string, std::string, std::less<>> clients = {};  // its names, and ids of the inventory
  Duration max_lifetime = std::chrono::hours(2);
  bool operator==(const AcceptedAt&) const = default;
};
using Accepts = std::vector<AcceptedAt>;

// That the issuer tells when a session is over (oauth/session_end.h).
struct LogoutRules {
  std::vector<std::string> audiences;  // of its logout tokens; none: it tells nobody
};

inline constexpr Duration kProviderTolerance = std::chrono::seconds(30);

struct TrustedIssuer {
  std::string issuer;
  std::string audience;
  jose::JwkSet keys;  // of a file; none where they are fetched
  ClaimMapping mapping;
  Duration max_token_lifetime = std::chrono::hours(24);
  std::string subject_prefix = {};  // in front of what it calls a user
  std::string group_prefix = {};    // in front of what it calls a group
  // Its names for users, and the identities of the inventory that they are.
  std::map<std::string, std::string, std::less<>> links = {};
  std::optional<std::vector<std::string>> tenants = {};  // that it may speak for; absent: any
  std::map<std::string, std::string, std::less<>> clients =
      {};                                               // its names for clients that Writ calls otherwise
  std::optional<crypto::AlgorithmSet> algorithms = {};  // that it signs with; absent: what its keys pin
  Duration tolerance = kProviderTolerance;              // how far its clock may be ahead
  std::optional<KeyLocation> location = {};             // where its keys are fetched; absent: they are `keys`
  std::shared_ptr<IssuerKeys> fetched = {};             // from there (oauth/key_refresher.h)
  const Profile* profile = &standard_profile();         // how its access tokens are written
  ClaimPath access_subject = "sub";                     // what it calls the user in them
  ClaimPath access_tenant = {};                         // empty: they are not believed about the tenant
  // Sets of texts about the user, by the name of the attribute that they become.
  std::map<std::string, ClaimPath, std::less<>> facts = {};
  std::map<std::string, std::string, std::less<>> tenant_names = {};  // its names; empty: as Writ's
  Accepts accept = {};  // at the start: see TrustedIssuers::accepts_of()
  // Its tokens are opaque to Writ, which asks it about them (oauth/token_asker.h). Null: they are JWTs.
  std::shared_ptr<const AskingRules> asking = {};
  std::shared_ptr<TokenAsker> asked = {};  // made of it (oauth/key_refresher.h)
  // Absent: what came from its sessions does not end with them.
  std::optional<LogoutRules> logout = {};
  // It names workloads, and no users (oauth/workload_tokens.h). Null: users.
  const WorkloadProfile* workloads = nullptr;

  // What Writ calls a tenant of its.
  std::string tenant_of(std::string theirs) const {
    const auto found = tenant_names.find(theirs);
    return found != tenant_names.end() ? found->second : theirs;
  }
};

// A user, as a provider named and described them.
struct ExternalSubject : token::CarriedClaims {
  std::string id;
  Instant expires_at;      // of the provider's token
  Instant issued_at = {};  // the same
  // What that came of (token/came_from.h).
  std::vector<std::string> came_from = {};
  // The client that the provider made the token for (`azp`, `client_id`, `cid`, `appid`), as Writ calls it.
  std::optional<std::string> client = {};
  // Whom else it is for, as Writ calls clients.
  std::vector<std::string> audiences = {};
  std::optional<std::string> may_act = {};         // RFC 8693 §4.4: the one who may act for the user
  std::optional<std::string> key_thumbprint = {};  // RFC 9449 §6.1: the key that the token is bound to
  const TrustedIssuer* by = nullptr;

  bool is_for(std::string_view client_id) const {
    return std::ranges::find(audiences, client_id) != audiences.end();
  }
};

// What Writ calls a user of an issuer with this prefix: the prefix and the name; or a digest of the name,
// where that would be longer than a name can be, or looks like one. No two names have one id.
std::string user_name(std::string_view prefix, std::string_view named);

// Whether both could name one and the same user.
bool overlap(const TrustedIssuer& a, const TrustedIssuer& b) noexcept;

class TrustedIssuers {
 public:
  // Refuses two entries for one issuer, and namespaces that overlap.
  static Result<TrustedIssuers> of(std::vector<TrustedIssuer> issuers);

  const TrustedIssuer* find(std::string_view issuer) const noexcept;
  const std::vector<TrustedIssuer>& all() const noexcept { return issuers_; }
  // Of an issuer whose keys are in a file.
  std::shared_ptr<const jose::JwkSet> keys_of(const TrustedIssuer& issuer) const;
  // Wherever they are. Null: there are none at the moment, or they are too old.
  std::shared_ptr<const jose::JwkSet> keys_in_force(const TrustedIssuer& issuer, Times now) const;
  // The APIs that take its tokens. Never null.
  std::shared_ptr<const Accepts> accepts_of(const TrustedIssuer& issuer) const;
  // As IssuerKeys has them, for keys in files and for what is accepted, too.
  std::uint64_t edition_of(const TrustedIssuer& issuer) const noexcept;
  bool stands(std::size_t issuer, std::uint64_t edition, Times now) const;
  // Of what is accepted alone.
  std::uint64_t accepts_edition_of(std::size_t issuer) const noexcept;

  // The configuration was read again: `now` has what is in it and its key files. Each issuer whose keys are
  // others, or whose tokens other APIs take, gets them, once `record` was told what is different; the first
  // failure of that ends it. Nothing else is taken over; what `accept` says beside other changes of the
  // issuers could mean something else, and waits with them: kKeys.
  enum class Taken { kKeys, kKeysAndAccept };
  struct Change {
    std::string_view event;  // "issuer.keys_changed", "issuer.accept_changed"
    std::string_view difference;
  };
  using Record = std::function<Result<void>(std::string_view issuer, const Change& change)>;
  Result<void> take_over(const std::vector<TrustedIssuer>& now, const Record& record,
                         Taken taken = Taken::kKeysAndAccept) const;
  // An ID token, or another JWT of the provider.
  std::expected<ExternalSubject, Denial> verify(std::string_view token, Times now) const;
  // True: the key that the token names is not known, and its issuer's keys are being fetched; `then` was
  // taken, and is called on another thread when that is over, whatever came of it. False: verify() waits for
  // nothing.
  bool wait_for_keys(std::string_view token, std::move_only_function<void()>& then) const;

  // The issuer's prefix and what it calls the user there. Nobody gets into another's namespace.
  std::expected<std::string, Denial> user_id(const codec::Json& claims, const ClaimPath& place,
                                             const TrustedIssuer& by) const;

 private:
  struct Exchanged {
    Published<jose::JwkSet> keys;
    Published<Accepts> accepts;
    std::atomic<std::uint64_t> keys_edition{0}, accepts_edition{0};
  };
  const Exchanged& exchanged(const TrustedIssuer& issuer) const noexcept {
    return *exchanged_[static_cast<std::size_t>(&issuer - issuers_.data())];
  }
  explicit TrustedIssuers(std::vector<TrustedIssuer> issuers);
  std::vector<TrustedIssuer> issuers_;
  std::vector<std::unique_ptr<Exchanged>> exchanged_;  // of each issuer
};

}  // namespace writ::oauth
