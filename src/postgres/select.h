// Select: what the configuration says in SQL, as PostgreSQL takes it: `:id` becomes `$1` and `:tenant`
// becomes `$2`, wherever they stand outside of quotes and comments. Values are never part of the text: they
// are bound when it is asked. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::postgres {

struct Select {
  std::string text;
  bool has_tenant = false;

  // Fails with kInvalid: it does not begin with SELECT or WITH, has no `:id`, or has another parameter.
  static Result<Select> parse(std::string_view written);
};

}  // namespace writ::postgres
