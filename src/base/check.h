// WRIT_CHECK: a condition that only a defect in Writ can break. It stays on in release builds, because going
// on with a broken invariant could permit what must be refused; stopping cannot.
#pragma once

namespace writ {
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}

#define WRIT_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::writ::check_failed(#condition, __FILE__, __LINE__))
