// The claims of a Writ access token: RFC 9068's, the actor chain of RFC 8693 §4.1, and Writ's own (`task`,
// `purpose`, `tenant`, `environment`, `exchanged_from`).
//
// One struct serves both directions: the minter writes it, the verifier reads it. It says what a token
// claims, not that the claim is true; a token::Verified does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// One party that acts for the subject (RFC 8693 §4.1).
struct Actor {
  std::string subject;
  std::optional<std::string> issuer;
  friend bool operator==(const Actor&, const Actor&) = default;
};

struct AccessClaims {
  std::string issuer;
  std::string subject;
  std::string client_id;
  std::string audience;  // exactly one
  std::string jti;
  Instant issued_at;
  Instant not_before;
  Instant expires_at;
  std::vector<Actor> actors;  // nearest first
  // The ids of the tokens of ours that it was exchanged from, directly or not: it is worth no more than each.
  std::vector<std::string> exchanged_from;
  std::optional<std::string> task;
  std::optional<std::string> purpose;
  std::optional<std::string> tenant;
  std::optional<std::string> environment;
  // Whose word it is that the subject is this user: the `iss` of the provider's token that was exchanged.
  std::optional<std::string> subject_issuer = {};
  std::optional<std::string> acr;
  std::optional<Instant> auth_time;
  std::optional<std::string> key_thumbprint;  // cnf.jkt: the key this token is bound to (RFC 9449 §6.1)
  codec::Json authorization_details;          // RFC 9396: an array, or null
};

// Of the claims that a token may carry, those an API wants. `act`, `task`, `cnf` and `exchanged_from` are not
// in here, because guards read them whatever the API's policies read.
struct ClaimsContract {
  bool purpose = true;
  bool tenant = true;
  bool environment = true;
  bool subject_issuer = true;
  bool acr = true;
  bool auth_time = true;
  bool authorization_details = true;

  static ClaimsContract none() { return {false, false, false, false, false, false, false}; }
  // By the names of the claims; an unknown name is an error.
  static Result<ClaimsContract> of(const std::vector<std::string>& names);
};

codec::Json claims_to_json(const AccessClaims& claims, const ClaimsContract& contract = {});

// Refuses missing or mistyped claims, an audience that is not exactly one, a chain longer than kMaxChain or
// more origins than kMaxOrigins (kLimit), and a `cnf` that binds in a way Writ cannot check (kUnsupported).
Result<AccessClaims> claims_from_json(const codec::Json& json);

// A nested `act` claim, nearest first; empty for null.
Result<std::vector<Actor>> actors_from_json(const codec::Json* act);
codec::Json actors_to_json(const std::vector<Actor>& actors);

// RFC 7519 §2: NumericDate, a number of seconds which may have a fraction. Rounded down to milliseconds.
Result<Instant> numeric_date(const codec::Json& json, std::string_view name);

}  // namespace writ::token
