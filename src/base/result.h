// How Writ reports failure.
//
// A function that can fail returns Result<T>; TRY hands its error to the caller. An Error is for broken input
// and broken surroundings. It is never how a request is refused: a refusal is a value (base/denial.h),
// because saying no is Writ's work, not its failure.
//
// Messages follow one style: lowercase, no final full stop, user input in `backquotes`, what was expected
// last.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace writ {

enum class ErrorCode {
  kInvalid,      // the input is malformed or contradicts itself
  kLimit,        // the input is larger or deeper than a stated limit
  kNotFound,     // what the input names does not exist
  kConflict,     // it exists already, or in another state or version
  kUnsupported,  // well-formed, but not something Writ does
  kUnavailable,  // a peer or the operating system did not answer
  kIo,           // a file or socket operation failed
  kCorrupt,      // stored data is not what Writ wrote
  kInternal,     // a defect in Writ
};

struct Error {
  ErrorCode code;
  std::string message;

  // The same error, with where it happened in front: "policies/a.cedar: unexpected token".
  Error in(std::string_view where) && {
    message.insert(0, ": ").insert(0, where);
    return std::move(*this);
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

inline std::unexpected<Error> invalid(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

}  // namespace writ

// Evaluates an expected-like expression; returns its error from the enclosing function, or yields its value.
// Never place a co_await inside it: g++ 12 miscompiles co_await in statement expressions.
#define TRY(...)                                                                        \
  __extension__({                                                                       \
    auto&& try_result_ = (__VA_ARGS__);                                                 \
    if (!try_result_) [[unlikely]]                                                      \
      return std::unexpected(std::forward<decltype(try_result_)>(try_result_).error()); \
    ::writ::internal::unwrap(std::forward<decltype(try_result_)>(try_result_));         \
  })

namespace writ::internal {
template <class E>
auto unwrap(E&& result) {
  if constexpr (!std::is_void_v<typename std::remove_cvref_t<E>::value_type>) return *std::forward<E>(result);
}
}  // namespace writ::internal
