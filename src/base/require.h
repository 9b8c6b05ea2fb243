// WRIT_REQUIRE: a condition of one request that only a defect in Writ can break. It throws: the request is
// refused, and nobody else's ends. Where state that requests share could be broken, WRIT_CHECK
// (base/check.h) ends the process instead.
#pragma once

#include <stdexcept>

namespace writ {

class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void require_failed(const char* condition, const char* file, int line);

}  // namespace writ

#define WRIT_REQUIRE(condition) \
  ((condition) ? static_cast<void>(0) : ::writ::require_failed(#condition, __FILE__, __LINE__))
