// Strict application/x-www-form-urlencoded parameters (WHATWG URL §5.1), as OAuth uses them.
//
// RFC 6749 §3.2: a parameter given twice is refused, one without a value counts as absent. Also refused:
// broken percent-encoding, names or values that are not UTF-8, control characters, and more than the limits.
// A plain value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::oauth {

inline constexpr std::size_t kMaxFormBytes = 64 * 1024;
inline constexpr std::size_t kMaxFormParameters = 32;

class Form {
 public:
  static Result<Form> parse(std::string_view body);

  // Nothing when absent or without a value.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

 private:
  explicit Form(std::vector<std::pair<std::string, std::string>> parameters)
      : parameters_(std::move(parameters)) {}
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// Is this Content-Type value the form's? Parameters other than charset=UTF-8 are refused.
bool is_form_content_type(std::string_view value) noexcept;

// Decodes one name or value: `+` is a space. Also for the parts of Basic credentials (RFC 6749 §2.3.1).
Result<std::string> form_decode(std::string_view text);
// The other way round; a space is `%20`.
std::string form_encode(std::string_view text);

}  // namespace writ::oauth
