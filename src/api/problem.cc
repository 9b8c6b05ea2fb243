#include "api/problem.h"

#include <cstdio>

#include "base/notice.h"

namespace writ::api {
namespace {

// Of what is in Writ's own files a caller is told nothing, and the operator all.
void say_broken(const std::string& message) {
  static Notice notice;
  if (const auto times = notice.due())
    std::fprintf(stderr, "writ: a request failed: %s (%llu times)\n", message.c_str(),
                 static_cast<unsigned long long>(*times));
}

}  // namespace

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
    case ErrorCode::kIo:
      return "unavailable";
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
    case ErrorCode::kIo:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

http::Response problem(const Error& error) {
  const int status = status_of(error.code);
  std::string_view message = error.message;
  if (error.code == ErrorCode::kIo)
    message = "Writ cannot read or write its files, so nothing was done; its log says why";
  if (status == 500) message = "something broke inside Writ; its log says what";
  if (message != error.message) say_broken(error.message);
  auto response = http::error_response(status, error_code_name(error.code), message);
  if (status == 503) response.headers.set("Retry-After", "1");
  return response;
}

http::Response too_many(const task::NoRoom& full) {
  auto response = http::error_response(429, "too_many_tasks", full.why);
  response.headers.set("Retry-After", std::to_string(full.retry_after.count()));
  return response;
}

}  // namespace writ::api
