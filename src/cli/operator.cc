#include "cli/operator.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

namespace writ::cli {

std::string operator_text() {
  const auto user = ::getuid();
  const auto* known = ::getpwuid(user);
  return fmt::format("uid {}{}", user, known != nullptr ? fmt::format(" ({})", known->pw_name) : "");
}

}  // namespace writ::cli
