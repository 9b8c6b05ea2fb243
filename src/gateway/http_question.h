// What an HTTP request says to the enforcer, for every face that speaks HTTP. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "enforce/question.h"
#include "gateway/forwarded_headers.h"
#include "http/request.h"

namespace writ::gateway {

// The id of an approval of this very call. It never reaches an upstream.
inline constexpr std::string_view kApprovalHeader = "Writ-Approval";

// Views into the request.
enforce::Sent sent_in(const http::Request& request) noexcept;
// The token in its Authorization field, or why there is none. `shown`: fields in place of its own.
enforce::Credentials credentials_in(const http::Request& request, const http::Headers* shown = nullptr);

// The digest of what the upstream acts on: method, target, the forwarded fields that say what is to be done,
// and the body. What an approval of the call is for.
std::string digest_of(const http::Request& request, const ForwardedHeaders& forwarded, std::string_view body);

// The approval that it names. `body` is all of the request's; absent: it was not read. The rest lives as long
// as the question.
enforce::ApprovalUse approval_in(const http::Request& request, const ForwardedHeaders& forwarded,
                                 std::optional<std::string_view> body);

}  // namespace writ::gateway
