// Members of an audit record (docs/audit-format.md), as they are read back. What is absent or of another kind
// is empty. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cedar/ext_datetime.h"
#include "codec/json.h"
#include "simulate/stated_token.h"

namespace writ::policytest::record {

inline std::string text(const codec::Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? *found : std::string();
}

inline std::optional<std::string> optional_text(const codec::Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

inline std::optional<Instant> instant(const codec::Json& record, std::string_view name) {
  const auto moment = cedar::Datetime::parse(text(record, name));
  return moment ? std::optional(Instant(Duration(moment->epoch_ms))) : std::nullopt;
}

inline std::vector<std::string> texts(const codec::Json& record, std::string_view name) {
  std::vector<std::string> all;
  const codec::Json* found = record.find(name);
  if (found == nullptr || found->if_array() == nullptr) return all;
  for (const codec::Json& each : *found->if_array()) {
    if (const auto* one = each.if_string()) all.push_back(*one);
  }
  return all;
}

// The token of a decision, as far as its record tells; when it was issued is left to the caller.
simulate::StatedToken token_in(const codec::Json& record);

}  // namespace writ::policytest::record
