#include "gateway/http_question.h"

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "token/presented.h"

namespace writ::gateway {

enforce::Sent sent_in(const http::Request& request) noexcept {
  return {request.method, request.path, request.encoded_path, request.query, request.peer_ip};
}

enforce::Credentials credentials_in(const http::Request& request, const http::Headers* shown) {
  auto presented = token::Presented::from_headers(shown != nullptr ? *shown : request.headers);
  if (presented) presented = std::move(*presented).with_certificate(request.peer_certificate);
  return presented;
}

std::string digest_of(const http::Request& request, const ForwardedHeaders& forwarded,
                      std::string_view body) {
  // Each part has its length before it, so that no two requests run into one.
  std::string text;
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size()) + ':' + std::string(part);
  };
  add(request.method);
  add(request.encoded_path);
  add(request.query);
  // The same bytes mean something else as another media type, on a condition, or with what an API reads.
  forwarded.append_to(text, request.headers);
  add(body);
  const auto digest = crypto::sha256(text);
  return codec::base64url_encode(crypto::as_bytes(digest));
}

enforce::ApprovalUse approval_in(const http::Request& request, const ForwardedHeaders& forwarded,
                                 std::optional<std::string_view> body) {
  const auto named = request.headers.count(kApprovalHeader);
  if (named == 0) return {};
  enforce::ApprovalUse use{.named = named, .id = *request.headers.find(kApprovalHeader)};
  if (body) {
    use.arguments = [&request, &forwarded, body = *body] { return digest_of(request, forwarded, body); };
  }
  return use;
}

}  // namespace writ::gateway
