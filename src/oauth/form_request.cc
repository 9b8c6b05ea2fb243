#include "oauth/form_request.h"

#include "oauth/refusal.h"

namespace writ::oauth {
namespace {

std::unexpected<http::Response> wrong_request(int status, std::string description) {
  auto response = to_response({OauthError::kInvalidRequest, std::move(description), std::nullopt});
  response.status = status;
  return std::unexpected(std::move(response));
}

}  // namespace

std::expected<Form, http::Response> read_form(const http::Request& request) {
  // RFC 6749 §3.2: the client must use POST.
  if (request.method != "POST") {
    auto refused = wrong_request(405, "only POST is allowed here");
    refused.error().headers.set("Allow", "POST");
    return refused;
  }
  // RFC 6749 §2.3.1: parameters are in the body; in a URI, secrets would end in logs.
  if (!request.query.empty()) return wrong_request(400, "parameters belong in the body, not in the query");
  const auto type = request.headers.find("Content-Type");
  if (request.headers.count("Content-Type") != 1 || !is_form_content_type(*type))
    return wrong_request(400, "the body must be application/x-www-form-urlencoded");
  auto form = Form::parse(request.body);
  if (!form) return wrong_request(form.error().code == ErrorCode::kLimit ? 413 : 400, form.error().message);
  return *std::move(form);
}

}  // namespace writ::oauth
