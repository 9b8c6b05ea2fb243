#include "token/presented.h"

#include <algorithm>
#include <array>

#include "base/byte_run.h"
#include "base/result.h"

namespace writ::token {
namespace {

// RFC 6750 §2.1: b64token, without the `=` at its end.
constexpr auto kTokenByte = [](auto byte) {
  return is_letter(byte) | in_range(byte, '-', '9') |  // - . / and digits
         (byte == '_') | (byte == '+') | (byte == '~');
};

bool is_token_text(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && is_run_of(text, kTokenByte);
}

}  // namespace

std::expected<Presented, Denial> Presented::from_values(std::span<const std::string_view> authorization,
                                                        std::span<const std::string_view> dpop) {
  if (authorization.empty()) return denied(Reason::kTokenMissing, "no Authorization header");
  if (authorization.size() > 1) return denied(Reason::kTokenMalformed, "more than one Authorization header");

  // RFC 9110 §11.4: a scheme, one or more spaces, and what the scheme says.
  const auto value = authorization.front();
  const auto space = value.find(' ');
  const auto name = value.substr(0, space);
  std::optional<Scheme> scheme;
  if (http::equal_ignoring_case(name, "Bearer")) scheme = Scheme::kBearer;
  if (http::equal_ignoring_case(name, "DPoP")) scheme = Scheme::kDpop;
  if (!scheme)
    return denied(Reason::kTokenMissing, "the Authorization header is not of the Bearer or DPoP scheme");
  auto token = space == value.npos ? std::string_view() : value.substr(space + 1);
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  if (token.empty()) return denied(Reason::kTokenMissing, "no token after the scheme");
  if (token.size() > kMaxTokenBytes) return denied(Reason::kTokenMalformed, "the token is longer than 8 KiB");
  if (!is_token_text(token))
    return denied(Reason::kTokenMalformed, "the token holds a character no token has");

  // RFC 9449 §4.3, check 1: not more than one proof.
  if (dpop.size() > 1) return denied(Reason::kTokenMalformed, "more than one DPoP header");
  if (dpop.empty()) return Presented(*scheme, token, std::nullopt);
  if (dpop.front().size() > kMaxProofBytes)
    return denied(Reason::kTokenMalformed, "the proof is longer than 4 KiB");
  return Presented(*scheme, token, dpop.front());
}

std::expected<Presented, Denial> Presented::from_headers(const http::Headers& headers) {
  // Of each, the first two: with more than one the request is refused, however many there are.
  std::array<std::string_view, 2> authorization, dpop;
  std::string_view task;
  std::size_t authorizations = 0, proofs = 0, tasks = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto header = headers[i];
    if (http::equal_ignoring_case(header.name, "Authorization") && authorizations < 2)
      authorization[authorizations++] = header.value;
    if (http::equal_ignoring_case(header.name, "DPoP") && proofs < 2) dpop[proofs++] = header.value;
    if (!http::equal_ignoring_case(header.name, kTaskHeader)) continue;
    task = header.value;
    ++tasks;
  }
  auto presented =
      TRY(from_values(std::span(authorization).first(authorizations), std::span(dpop).first(proofs)));
  if (tasks > 1) return denied(Reason::kTaskMissing, "the request names more than one task in `Writ-Task`");
  if (tasks == 1) presented.task_ = task;
  return presented;
}

}  // namespace writ::token
