#include "oauth/logout_endpoint.h"

#include "crypto/random.h"
#include "oauth/form_request.h"
#include "oauth/refusal.h"
#include "token/assertion.h"

namespace writ::oauth {
namespace {

// §2.8: 400, and nothing is to be cached.
http::Response refused(const Denial& denial) {
  const bool ours = denial.reason == Reason::kIndeterminate;
  auto response = http::json_response(
      ours ? 503 : 400, codec::Json::object({{"error", ours ? "temporarily_unavailable" : "invalid_request"},
                                             {"error_description", denial.message},
                                             {"reason", reason_code(denial.reason)}})
                            .dump());
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

bool LogoutEndpoint::wait_for_keys(const http::Request& request,
                                   std::move_only_function<void()>& then) const {
  const auto form = read_form(request);
  const auto text = form ? form->find("logout_token") : std::nullopt;
  if (!text) return false;
  if (attempts_.wait(attempts_.from(request.peer_ip), ends_.parts().clock.earliest())) return false;
  const auto& issuers = ends_.parts().issuers;
  const auto issuer = token::unverified_issuer(*text);
  const auto* by = issuer ? issuers.find(*issuer) : nullptr;
  return by != nullptr && by->logout && issuers.wait_for_keys(*text, then);
}

http::Response LogoutEndpoint::handle(const http::Request& request) const {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto request_id = crypto::random_id();
  const auto now = ends_.parts().clock.earliest();
  const auto from = attempts_.from(request.peer_ip);
  const auto text = form->find("logout_token");
  if (!text) return refused({Reason::kTokenMissing, "`logout_token` is missing"});
  if (const auto wait = attempts_.begin(from, now)) {
    auto response = http::error_response(429, "slow_down", "too many logout tokens that were not good");
    response.headers.set("Retry-After",
                         std::to_string(std::chrono::ceil<std::chrono::seconds>(*wait).count()));
    return response;
  }
  const auto ended = ends_.take(*text, request_id);
  attempts_.end(from, ended || ended.error().reason == Reason::kIndeterminate, now);
  if (!ended) {
    // A refusal stands whether or not it could be recorded.
    const auto detail = std::string(reason_code(ended.error().reason)) + ": " + ended.error().message;
    const audit::Event event{.type = "session.end_refused",
                             .detail = detail,
                             .request_id = request_id,
                             .standing = audit::Standing::kStranger};
    (void)ends_.parts().record(make_record(now, event));
    return refused(ended.error());
  }
  http::Response response{200, {}, {}};
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace writ::oauth
