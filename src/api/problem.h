// How Writ's own API says no: JSON with a stable code (docs/errors.md).
//
//   {"error": "not_found", "message": "there is no task `t-1`"}
//   {"error": "denied", "reason": "policy_no_permit", "message": "...", ...}
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/denial.h"
#include "base/result.h"
#include "http/response.h"
#include "task/registry.h"

namespace writ::api {

// "not_found" for kNotFound, ... : the API's `error` codes.
std::string_view error_code_name(ErrorCode code) noexcept;
int status_of(ErrorCode code) noexcept;

// What is wrong with a request, or with us. What is inside Writ (I/O, corruption, defects) is not told to the
// caller.
http::Response problem(const Error& error);
inline std::unexpected<http::Response> invalid(std::string message) {
  return std::unexpected(problem({ErrorCode::kInvalid, std::move(message)}));
}
// 429, with when to try again.
http::Response too_many(const task::NoRoom& full);

}  // namespace writ::api
