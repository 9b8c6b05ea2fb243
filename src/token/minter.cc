#include "token/minter.h"

#include "jose/jws.h"
#include "token/presented.h"

namespace writ::token {

Result<std::string> Minter::mint(const AccessClaims& claims, const ClaimsContract& contract) const {
  const auto json = claims_to_json(claims, contract);
  // The reader's own rules: what Verifier would refuse is not issued.
  TRY(claims_from_json(json));
  if (claims.expires_at <= claims.issued_at)
    return failure(ErrorCode::kInvalid, "token: expires before it is issued");

  const auto keys = ring_.snapshot();
  // RFC 9068 §2.1: the type keeps access tokens and other JWTs of the same issuer apart.
  auto text = TRY(jose::sign_jws(keys->signing, json.dump(), "at+jwt"));
  if (text.size() > kMaxTokenBytes) return failure(ErrorCode::kLimit, "token: longer than 8 KiB");
  return text;
}

}  // namespace writ::token
