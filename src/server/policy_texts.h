// What decides, as texts: the policies, schemas and entities that the configuration names, read once and
// whole, with what the configuration itself adds to them.
//
// What is loaded, named and kept is this value and not the files, which may change in between. Plain values.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/issue.h"

namespace writ::server {

enum class TextKind : std::uint8_t { kPolicies, kSchema, kEntities };
std::string_view kind_name(TextKind kind) noexcept;  // "policies", "schema", "entities"

struct PolicyText {
  TextKind kind;
  std::string path;   // from the configuration's folder on: "policies/billing.cedar"
  std::string shown;  // how messages name it
  std::shared_ptr<const std::string> text;
};

struct PolicyTexts {
  std::vector<PolicyText> files;  // in the order of the configuration; those of a folder by name
  // Of the configuration itself, which decide too.
  std::size_t max_chain = 4;
  std::vector<context::Calendar> calendars = {};
};

// What cannot be read is reported and left out.
PolicyTexts read_policy_texts(const Config& config, Issues& issues);

// The name of a set: 64 hex digits, the SHA-256 of everything in it. Each part goes in with its length, so no
// two sets are written alike; where the configuration's folder is does not matter.
std::string revision_of(const PolicyTexts& texts);

}  // namespace writ::server
