#include "api/problem.h"

namespace writ::api {

std::string_view error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid_request";
    case ErrorCode::kLimit:
      return "limit_exceeded";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return "internal_error";
  }
  return "internal_error";
}

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kLimit:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

http::Response problem(const Error& error) {
  const int status = status_of(error.code);
  auto response =
      http::error_response(status, error_code_name(error.code),
                           status == 500 ? std::string_view("something broke inside Writ; its log says what")
                                         : std::string_view(error.message));
  if (status == 503) response.headers.set("Retry-After", "1");
  return response;
}

http::Response too_many(const task::NoRoom& full) {
  auto response = http::error_response(429, "too_many_tasks", full.why);
  response.headers.set("Retry-After", std::to_string(full.retry_after.count()));
  return response;
}

}  // namespace writ::api
