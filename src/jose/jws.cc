#include "jose/jws.h"

#include "codec/base64url.h"

namespace writ::jose {
namespace {

using codec::Json;

constexpr codec::JsonLimits kJoseLimits{.max_bytes = kMaxJwsBytes, .max_depth = kMaxJoseDepth};

Result<std::string> decode_part(std::string_view part, std::string_view name) {
  auto bytes = codec::base64url_decode(part);
  if (!bytes) return failure(ErrorCode::kInvalid, "jws: the " + std::string(name) + " is not base64url");
  return *std::move(bytes);
}

// RFC 7515 §3.6, RFC 8725 §2.1: an unsecured JWS is never accepted, whatever the key.
Result<void> check_algorithm(std::string_view alg, Signers signers) {
  const auto algorithm = crypto::algorithm_from_name(alg);
  const auto& allowed = signers == Signers::kOwn ? crypto::kOwnAlgorithms : crypto::kAllAlgorithms;
  const bool by_own_name = algorithm && alg == crypto::algorithm_name(*algorithm);
  if (algorithm && allowed.contains(*algorithm) && (by_own_name || signers == Signers::kOthers)) return {};
  return failure(ErrorCode::kUnsupported,
                 "jws: algorithm `" + std::string(alg) + "`, expected one of " + allowed.text());
}

Result<void> check_header(const Json& header, Signers signers) {
  if (!header.is_object()) return failure(ErrorCode::kInvalid, "jws: the header is not a JSON object");
  // RFC 7515 §4.1.1: `alg` must be present.
  const auto* alg = header.find_string("alg");
  if (alg == nullptr) return failure(ErrorCode::kInvalid, "jws: `alg` is missing or not a string");
  TRY(check_algorithm(*alg, signers));
  // RFC 7515 §4.1.11: what is critical and not understood must be refused; Writ understands no extension.
  if (header.find("crit") != nullptr)
    return failure(ErrorCode::kUnsupported, "jws: `crit` names an extension");
  // RFC 7797 §3: an unencoded payload would change what is signed.
  if (header.find("b64") != nullptr) return failure(ErrorCode::kUnsupported, "jws: `b64` is not supported");
  for (const auto* name : {"kid", "typ"}) {
    const auto* value = header.find(name);
    if (value != nullptr && !value->is_string()) {
      return failure(ErrorCode::kInvalid, "jws: `" + std::string(name) + "` is not a string");
    }
  }
  const auto* kid = header.find_string("kid");
  if (kid != nullptr && kid->size() > kMaxKidBytes)
    return failure(ErrorCode::kLimit, "jws: `kid` is too long");
  return {};
}

std::optional<std::string_view> text_of(const Json& header, std::string_view name) {
  const auto* text = header.find_string(name);
  if (text == nullptr) return std::nullopt;
  return *text;
}

}  // namespace

UnverifiedJws::UnverifiedJws(Json header, std::string payload, std::string signing_input,
                             std::string signature)
    : header_(std::move(header)),
      payload_(std::move(payload)),
      signing_input_(std::move(signing_input)),
      signature_(std::move(signature)) {}

std::string_view UnverifiedJws::alg() const noexcept {
  return *header_.find_string("alg");
}

std::optional<crypto::Algorithm> UnverifiedJws::algorithm() const noexcept {
  return crypto::algorithm_from_name(alg());
}

std::optional<std::string_view> UnverifiedJws::kid() const noexcept {
  return text_of(header_, "kid");
}

std::optional<std::string_view> UnverifiedJws::typ() const noexcept {
  return text_of(header_, "typ");
}

Result<std::string> UnverifiedJws::verify(const Jwk& key) const {
  // RFC 8725 §3.1: the key says which algorithm; the header can only agree.
  const auto algorithm = this->algorithm();
  if (!algorithm || !key.allows(*algorithm)) {
    return failure(ErrorCode::kUnsupported, "jws: algorithm `" + std::string(alg()) + "` is not the key's");
  }
  if (!key.key().verify_as(*algorithm, signing_input_, signature_))
    return failure(ErrorCode::kInvalid, "jws: wrong signature");
  return payload_;
}

// RFC 7515 §5.2, steps 1 to 7.
Result<UnverifiedJws> parse_jws(std::string_view text, Signers signers) {
  if (text.size() > kMaxJwsBytes) return failure(ErrorCode::kLimit, "jws: longer than 16 KiB");
  const auto first = text.find('.');
  const auto second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) {
    return failure(ErrorCode::kInvalid, "jws: expected three parts separated by `.`");
  }
  const auto header_text = TRY(decode_part(text.substr(0, first), "header"));
  auto header = TRY(codec::parse_json(header_text, kJoseLimits));
  TRY(check_header(header, signers));
  auto payload = TRY(decode_part(text.substr(first + 1, second - first - 1), "payload"));
  auto signature = TRY(decode_part(text.substr(second + 1), "signature"));
  return UnverifiedJws(std::move(header), std::move(payload), std::string(text.substr(0, second)),
                       std::move(signature));
}

// RFC 7515 §5.1.
Result<std::string> sign_jws(const PrivateJwk& key, std::string_view payload,
                             std::optional<std::string_view> typ) {
  auto header = Json::object({{"alg", crypto::algorithm_name(key.algorithm())}, {"kid", key.kid()}});
  if (typ) header.set("typ", *typ);
  auto text = codec::base64url_encode(header.dump()) + "." + codec::base64url_encode(payload);
  const auto signature = TRY(key.key().sign(text));
  text.append(".").append(codec::base64url_encode(signature));
  return text;
}

Result<Json> parse_claims(std::string_view payload) {
  auto claims = TRY(codec::parse_json(payload, kJoseLimits));
  if (!claims.is_object()) return failure(ErrorCode::kInvalid, "jwt: the claims are not a JSON object");
  return claims;
}

}  // namespace writ::jose
