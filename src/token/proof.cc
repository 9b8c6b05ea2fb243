#include "token/proof.h"

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "http/target.h"
#include "jose/jws.h"
#include "token/claims.h"
#include "token/jwt_rules.h"
#include "token/verifier.h"

namespace writ::token {
namespace {

std::unexpected<Denial> mismatch(std::string message) {
  return std::unexpected(Denial{Reason::kSenderBindingMismatch, std::move(message)});
}

// RFC 9449 §4.3: compare after the normalisation of RFC 3986 §6.2.2 and §6.2.3, without query and fragment:
// escapes as http/target.h has them, scheme and host in lower case, no default port, no empty path. Dot
// segments stay, since no request has one.
// Nothing: it is no URI.
std::optional<std::string> normal_uri(std::string_view uri) {
  std::string normal;
  if (!http::append_normal_escapes(normal, uri.substr(0, uri.find_first_of("?#")))) return std::nullopt;
  const auto scheme_end = normal.find("://");
  if (scheme_end == normal.npos) return normal;
  const auto host = scheme_end + 3;
  auto path = normal.find('/', host);
  if (path == normal.npos) {
    path = normal.size();
    normal.push_back('/');
  }
  for (std::size_t i = 0; i < path; ++i) {
    if (normal[i] >= 'A' && normal[i] <= 'Z') normal[i] = static_cast<char>(normal[i] - 'A' + 'a');
  }
  const std::string_view default_port = normal.starts_with("https:") ? ":443" : ":80";
  const auto authority = std::string_view(normal).substr(host, path - host);
  if (authority.ends_with(default_port)) {
    normal.erase(path - default_port.size(), default_port.size());
  } else if (authority.ends_with(':')) {
    normal.erase(path - 1, 1);
  }
  return normal;
}

struct ProofClaims {
  std::string jti;
  Instant issued_at;
};

std::expected<ProofClaims, Denial> check_claims(const codec::Json& claims, const ProofTarget& target,
                                                const std::optional<BoundToken>& token, Times now) {
  const auto* jti = claims.find_string("jti");
  const auto* iat = claims.find("iat");
  const auto* htm = claims.find_string("htm");
  const auto* htu = claims.find_string("htu");
  if (jti == nullptr || jti->empty() || jti->size() > kMaxClaimBytes)
    return mismatch("the proof has no usable `jti`");
  if (htm == nullptr || *htm != target.method) return mismatch("the proof is for another method");
  const auto proven = htu != nullptr ? normal_uri(*htu) : std::nullopt;
  if (!proven || proven != normal_uri(target.uri)) return mismatch("the proof is for another URI");

  const auto issued_at =
      iat == nullptr ? Result<Instant>(failure(ErrorCode::kInvalid, "")) : numeric_date(*iat, "iat");
  if (!issued_at) return mismatch("the proof has no usable `iat`");
  if (!now.begun(*issued_at - kClockSkew) || now.ended(*issued_at + kProofLifetime)) {
    return mismatch("the proof was made too long ago, or in the future");
  }
  // RFC 7519 §4.1.4, §4.1.5: it needs neither, and one that has them says how long it is to be taken.
  if (const auto* exp = claims.find("exp"); exp != nullptr) {
    const auto end = numeric_date(*exp, "exp");
    if (!end || now.ended(*end)) return mismatch("the proof has expired, by its own `exp`");
  }
  if (const auto* nbf = claims.find("nbf"); nbf != nullptr) {
    const auto begin = numeric_date(*nbf, "nbf");
    if (!begin || !now.begun(*begin - kClockSkew))
      return mismatch("the proof is not valid yet, by its own `nbf`");
  }
  if (token) {
    const auto* ath = claims.find_string("ath");
    if (ath == nullptr || *ath != codec::base64url_encode(crypto::as_bytes(crypto::sha256(token->text)))) {
      return mismatch("the proof is for another token");
    }
  }
  return ProofClaims{*jti, *issued_at};
}

}  // namespace

// RFC 9449 §4.3, checks 2 to 12; check 1 is Presented's.
std::expected<std::string, Denial> verify_proof(std::string_view proof, const ProofTarget& target,
                                                const std::optional<BoundToken>& token,
                                                std::string_view client, ReplayGuard& replays, Times now) {
  const auto jws = jose::parse_jws(proof);
  if (!jws) return mismatch("the proof is not a JWT: " + jws.error().message);
  if (!is_type(jws->typ(), "dpop+jwt")) return mismatch("the proof is not of type dpop+jwt");
  const auto* jwk = jws->header().find("jwk");
  if (jwk == nullptr) return mismatch("the proof holds no key");
  const auto key = jose::Jwk::parse(*jwk);
  if (!key) return mismatch("the proof's key cannot be used: " + key.error().message);
  const auto payload = jws->verify(*key);
  if (!payload) return mismatch("the proof's signature is wrong");
  const auto claims = jose::parse_claims(*payload);
  if (!claims) return mismatch("the proof's claims are malformed");
  const auto checked = TRY(check_claims(*claims, target, token, now));

  auto thumbprint = key->thumbprint();
  if (token && thumbprint != token->key_thumbprint)
    return mismatch("the proof is of another key than the token's");
  const auto fresh = replays.first_use("dpop:" + std::string(client), thumbprint + checked.jti,
                                       checked.issued_at + kProofLifetime, now.earliest);
  if (!fresh) return std::unexpected(Denial{Reason::kIndeterminate, fresh.error().message});
  if (!*fresh) return std::unexpected(Denial{Reason::kTokenReplayed, "the proof was used before"});
  return thumbprint;
}

}  // namespace writ::token
