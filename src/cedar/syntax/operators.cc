#include "cedar/syntax/operators.h"

#include <algorithm>
#include <array>
#include <utility>

namespace writ::cedar {
namespace {

constexpr std::array<std::pair<std::string_view, ExprKind>, 26> kOperators{{
    {"!", ExprKind::kNot},
    {"neg", ExprKind::kNegate},
    {"&&", ExprKind::kAnd},
    {"||", ExprKind::kOr},
    {"if-then-else", ExprKind::kIf},
    {"==", ExprKind::kEqual},
    {"!=", ExprKind::kNotEqual},
    {"<", ExprKind::kLess},
    {"<=", ExprKind::kLessOrEqual},
    {">", ExprKind::kGreater},
    {">=", ExprKind::kGreaterOrEqual},
    {"+", ExprKind::kAdd},
    {"-", ExprKind::kSubtract},
    {"*", ExprKind::kMultiply},
    {"in", ExprKind::kIn},
    {"contains", ExprKind::kContains},
    {"containsAll", ExprKind::kContainsAll},
    {"containsAny", ExprKind::kContainsAny},
    {"isEmpty", ExprKind::kIsEmpty},
    {"hasTag", ExprKind::kHasTag},
    {"getTag", ExprKind::kGetTag},
    {".", ExprKind::kAttribute},
    {"has", ExprKind::kHas},
    {"like", ExprKind::kLike},
    {"is", ExprKind::kIs},
    {"is", ExprKind::kIsIn},
}};

}  // namespace

std::string_view operator_name(ExprKind kind) noexcept {
  const auto found = std::ranges::find(kOperators, kind, &std::pair<std::string_view, ExprKind>::second);
  return found == kOperators.end() ? std::string_view() : found->first;
}

std::optional<ExprKind> find_operator(std::string_view name) noexcept {
  const auto found = std::ranges::find(kOperators, name, &std::pair<std::string_view, ExprKind>::first);
  return found == kOperators.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace writ::cedar
