#include "inventory/user_names.h"

#include <fmt/format.h>

namespace writ::inventory {

std::optional<std::string> id_problem(const Identity& identity, const std::vector<UserNames>& names) {
  if (identity.kind == Kind::kUser) return std::nullopt;
  for (const auto& [issuer, prefix] : names) {
    if (!prefix.empty() && identity.id.starts_with(prefix))
      return fmt::format("`{}` begins like the users of `{}` (`{}`), but is not a user", identity.id, issuer,
                         prefix);
  }
  return std::nullopt;
}

}  // namespace writ::inventory
