// The claims of a Writ access token: RFC 9068's, the actor chain of RFC 8693 §4.1, and Writ's own (`task`,
// `purpose`, `tenant`, `environment`, `exchanged_from`).
//
// One struct serves both directions: the minter writes it, the verifier reads it. It says what a token
// claims, not that the claim is true; a token::Verified does.
//
// What becomes of each claim is one table. Whoever goes through claims goes through it: the token's own JSON,
// the contracts of APIs, the record of a decision and its readers, the questions and tests that state a
// token. A new claim is a member of CarriedClaims and a row of the table; `oauth` says where it comes from,
// and `context` shows it to policies, where they are to see it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"
#include "codec/name.h"

namespace writ::token {

// What the parser accepts; configuration and policy may set a lower limit.
inline constexpr std::size_t kMaxChain = 8;
inline constexpr std::size_t kMaxClaimBytes = codec::kMaxNameBytes;  // of each single text claim
inline constexpr std::size_t kMaxOrigins = 16;
inline constexpr std::size_t kMaxWorkloadFacts = 16;

// One party that acts for the subject (RFC 8693 §4.1).
struct Actor {
  std::string subject;
  std::optional<std::string> issuer;
  friend bool operator==(const Actor&, const Actor&) = default;
};

// What a token carries on from whatever it was made of: who acts, in which task, and the facts that stay the
// same from token to token. Tests, questions and records state these too.
struct CarriedClaims {
  std::vector<Actor> actors;  // nearest first
  std::optional<std::string> task;
  std::optional<std::string> purpose;
  std::optional<std::string> tenant;
  std::optional<std::string> environment;
  // Whose word it is that the subject is this user: the `iss` of the provider's token that was exchanged.
  std::optional<std::string> subject_issuer;
  std::optional<std::string> acr;
  std::optional<Instant> auth_time;
  // With what its client authenticated when it was issued, and since when there is that credential. Each new
  // token says it of its own client.
  std::optional<std::string> credential_kind;  // inventory::credential_type_name()
  std::optional<Instant> credential_created;

  void carry_on(const CarriedClaims& from) { *this = from; }
};

// What a client's platform said of it, by the names of facts.
using WorkloadClaims = std::vector<std::pair<std::string, std::string>>;

struct Foreign;

struct AccessClaims : CarriedClaims {
  std::string issuer;
  std::string subject;
  std::string client_id;
  std::string audience;  // exactly one
  std::string jti;
  Instant issued_at;
  Instant not_before;
  Instant expires_at;
  // The ids of the tokens of ours that it was exchanged from, directly or not, and of what a provider's token
  // came of (token/came_from.h): it is worth no more than each.
  std::vector<std::string> exchanged_from;
  std::optional<std::string> key_thumbprint;  // cnf.jkt: the key this token is bound to (RFC 9449 §6.1)
  codec::Json authorization_details;          // RFC 9396: an array, or null
  WorkloadClaims workload = {};               // when the client authenticated
  // cnf.x5t#S256: the certificate that this token is bound to (RFC 8705 §3.1). Of Writ's own: that or a key.
  std::optional<std::string> certificate_thumbprint = {};
  // Of a token that another issuer made: as what it was accepted. Null: it is Writ's own.
  std::shared_ptr<const Foreign> foreign = {};

  bool sender_bound() const noexcept { return key_thumbprint || certificate_thumbprint; }
};

// A row of the table of claims. Constant data.
struct Claim {
  std::string_view name;  // in the token

  // Its type, and where AccessClaims keeps it: one of these.
  std::string AccessClaims::*text = nullptr;  // required
  Instant AccessClaims::*date = nullptr;      // required
  std::optional<std::string> CarriedClaims::*carried_text = nullptr;
  std::optional<Instant> CarriedClaims::*carried_date = nullptr;
  // Or it is read and written in a way of its own.
  Result<void> (*read)(const codec::Json& json, AccessClaims& into) = nullptr;
  void (*write)(const AccessClaims& claims, codec::Json& into) = nullptr;

  bool by_contract = false;  // only in tokens for APIs that want it; no guard reads it
  // In the record of a decision under its name, as the decision saw it. Who takes part and in which task is
  // in every record, and no claim of its own.
  bool recorded = false;
  std::string_view stated = {};  // what it is called in a question and in a test; empty: nobody states it
};

// In the order in which they are read. Those that are carried as text or date, in the order of records.
std::span<const Claim> claim_table() noexcept;
// What a stated token may say: the names in the column `stated`.
std::span<const std::string_view> stated_names() noexcept;

// Of the claims that a token may carry, those an API wants (`Claim::by_contract`). `act`, `task`, `cnf` and
// `exchanged_from` cannot be left out, because guards read them whatever the API's policies read.
class ClaimsContract {
 public:
  ClaimsContract() = default;  // all of them
  static ClaimsContract none();
  // By the names of the claims; an unknown name is an error.
  static Result<ClaimsContract> of(const std::vector<std::string>& names);

  bool wants(const Claim& claim) const noexcept;

 private:
  std::uint32_t left_out_ = 0;  // a bit for each row of the table
};

codec::Json claims_to_json(const AccessClaims& claims, const ClaimsContract& contract = {});

// Refuses missing or mistyped claims, an audience that is not exactly one, a chain longer than kMaxChain or
// more origins than kMaxOrigins (kLimit), and a `cnf` that binds in a way Writ cannot check (kUnsupported).
Result<AccessClaims> claims_from_json(const codec::Json& json);

// A nested `act` claim, nearest first; empty for null.
Result<std::vector<Actor>> actors_from_json(const codec::Json* act);
codec::Json actors_to_json(const std::vector<Actor>& actors);

// `workload`, an object of texts; empty for null.
Result<WorkloadClaims> workload_from_json(const codec::Json* workload);
codec::Json workload_to_json(const WorkloadClaims& workload);

// RFC 7519 §2: NumericDate, a number of seconds which may have a fraction. Rounded down to milliseconds.
Result<Instant> numeric_date(const codec::Json& json, std::string_view name);

}  // namespace writ::token
