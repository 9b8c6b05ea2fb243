// RequestId: what a request is called, in its answer and in the audit. Unique, not secret; made by us alone,
// never taken from a request. 22 characters of base64url, kept in place: copies are free.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace writ::enforce {

class RequestId {
 public:
  static RequestId next() noexcept;  // from any thread

  std::string_view view() const noexcept { return {text_.data(), text_.size()}; }
  operator std::string_view() const noexcept { return view(); }
  std::string str() const { return std::string(view()); }

 private:
  RequestId() = default;
  static RequestId begin_of_thread() noexcept;
  std::array<char, 22> text_;
};

}  // namespace writ::enforce
