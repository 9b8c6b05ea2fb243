// What both halves of adopting share. Internal to posture.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "codec/json.h"
#include "config/config.h"
#include "inventory/identity.h"

namespace writ::posture {

inline constexpr codec::JsonLimits kRecordLimits{.max_bytes = 512 * 1024};
inline constexpr std::string_view kNobody = "nobody";

// Of a record; empty when it has none.
inline std::string_view text_of(const codec::Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? std::string_view(*found) : std::string_view();
}

inline std::string day(Instant at) {
  return inventory::date_text(std::chrono::floor<std::chrono::days>(at));
}

inline const files::YamlNode* identity_node(const config::Config& config, std::string_view id) {
  for (const auto& node : config.identities)
    if (const auto* named = node.find("id"); named != nullptr && named->text == id) return &node;
  return nullptr;
}

}  // namespace writ::posture
