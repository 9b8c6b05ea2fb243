// How an evaluation fails. Failing is ordinary for a policy (the attribute is not there), so a failure is
// recorded as plain data without text. error_message() (cedar/authorize.h) makes the text when it is needed.
#pragma once

#include <cstdint>
#include <string_view>

#include "cedar/value.h"

namespace writ::cedar {

enum class EvalErrorKind : std::uint8_t {
  kType,              // an operand is of the wrong kind
  kMissingAttribute,  // a record or an entity lacks the attribute
  kMissingTag,        // an entity lacks the tag
  kMissingEntity,     // attribute or tag of an entity that the store does not hold
  kOverflow,          // the result does not fit a 64-bit integer
  kExtension,         // an extension function refused its argument
  kArgumentCount,     // an extension function was called with another number of arguments
};

// "type_error", "missing_attribute", "missing_tag", "missing_entity", "overflow", "extension_error",
// "argument_count": stable, for programs.
std::string_view eval_error_code(EvalErrorKind kind) noexcept;

using KindSet = std::uint16_t;
constexpr KindSet kind_set(Kind kind) noexcept {
  return static_cast<KindSet>(1u << static_cast<unsigned>(kind));
}

struct EvalFailure {
  EvalErrorKind kind;
  KindSet expected;  // for kType: the kinds that would have been right
  Value seen;        // the operand at fault; for missing attributes and tags, what lacks them
};

}  // namespace writ::cedar
