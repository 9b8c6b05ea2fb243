// The operators of expressions by the names that policies and policy JSON call them: `==`, `&&`, `contains`.
// Private to the cedar module.
#pragma once

#include <optional>
#include <string_view>

#include "cedar/ast.h"

namespace writ::cedar {

// Of an operator, a method of the language, or `has`, `like`, `is`, `.` and `if-then-else`. kNegate is `neg`,
// as in JSON; kNotEqual and its like are operators of their own. "" for literals, variables, sets, records,
// calls.
std::string_view operator_name(ExprKind kind) noexcept;

// The kind of that name; kIs for `is`, never kIsIn.
std::optional<ExprKind> find_operator(std::string_view name) noexcept;

}  // namespace writ::cedar
