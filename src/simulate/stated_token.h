// StatedToken: a token that nobody holds, as somebody says it: in a question, in a test, or from what an
// audit record tells of it. What is not said is as usual.
//
// Plain values, and pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "codec/members.h"
#include "token/claims.h"

namespace writ::simulate {

struct StatedToken : token::CarriedClaims {
  std::string subject;
  std::string client;
  std::optional<std::string> issuer;    // absent: Writ's own
  std::optional<std::string> audience;  // absent: that of the API which is asked
  // Absent: issued with the request, for the configured lifetime.
  std::optional<Instant> issued_at, not_before, expires_at;
  bool bound = false;                   // to a key of its client
  token::WorkloadClaims workload = {};  // what the client's platform said of it

  // With every instant of it that much later.
  void move(Duration by);

  struct Usual {
    std::string_view issuer, audience;
    Instant time;
    Duration lifetime;
  };
  // Without an id, and without the thumbprint of the key that it is bound to.
  token::AccessClaims claims(const Usual& usual) const;
};

// The claims of a token as a question has them (docs/api.md). Instants are as instant_in() reads them.
Result<StatedToken> read_stated_token(const codec::Json& json, Instant time);

// `workload` of a token that is stated: the names are those that policies know (inventory/workload.h).
Result<token::WorkloadClaims> read_stated_workload(const codec::Json& json);

// Seconds since the epoch, or as parse_moment() reads it.
Result<std::optional<Instant>> instant_in(const codec::Members& members, std::string_view name, Instant base);

}  // namespace writ::simulate
