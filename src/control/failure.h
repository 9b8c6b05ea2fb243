// Failure: why a use case did not happen, as a value. Each face renders it in its own words.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <variant>

#include "base/result.h"
#include "enforce/outcome.h"
#include "task/registry.h"

namespace writ::control {

// The audit could not take what was about to be done, so it was not done.
struct NotRecorded {
  enforce::RequestId request_id;
};

class Failure {
 public:
  Failure(Error error) : what_(std::move(error)) {}
  Failure(enforce::Refused refused) : what_(std::move(refused)) {}
  Failure(task::NoRoom full) : what_(std::move(full)) {}
  Failure(NotRecorded not_recorded) : what_(std::move(not_recorded)) {}

  // One function for each kind.
  template <class... Functions>
  auto visit(Functions... functions) const {
    struct Visitor : Functions... {
      using Functions::operator()...;
    };
    return std::visit(Visitor{std::move(functions)...}, what_);
  }

 private:
  std::variant<Error, enforce::Refused, task::NoRoom, NotRecorded> what_;
};

template <class T>
using Answer = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(ErrorCode code, std::string message) {
  return std::unexpected(Failure(Error{code, std::move(message)}));
}
inline std::unexpected<Failure> conflict(std::string message) {
  return fail(ErrorCode::kConflict, std::move(message));
}

}  // namespace writ::control
