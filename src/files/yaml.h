// Strict YAML: a document as a tree whose every node knows where it stands in the file.
//
// Read from the library's events and not through its node type, which merges duplicate keys and follows
// aliases. Refused here: duplicate keys, anchors and aliases, tags, keys that are not text, a second
// document, more nesting or bytes than the limits. A plain scalar is read as YAML 1.2's core schema does:
// `true`, `false`, `null`, integers; everything else is text (so is `yes`). The tree is a plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "files/issue.h"

namespace writ::files {

inline constexpr std::size_t kMaxYamlBytes = 64 << 20;  // 100,000 identities, and as many routes
inline constexpr int kMaxYamlDepth = 32;

struct YamlNode {
  enum class Kind { kNull, kBool, kInteger, kFloat, kText, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  int line = 0;  // from 1
  int column = 0;
  std::string text;  // of a scalar, as written
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<YamlNode> items;
  std::vector<Entry> entries;  // in the order of the file; keys are unique

  const YamlNode* find(std::string_view key) const;
};

struct YamlNode::Entry {
  std::string key;
  int line;
  int column;
  YamlNode value;
};

// "a map", "a list", "text", "a number", "true or false", "nothing": for messages.
std::string_view kind_name(YamlNode::Kind kind);

// Nothing when the text has no usable tree; what is wrong is in `issues`.
std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Issues& issues);

// A text of JSON with escapes for what JSON may have as it is and YAML may not: controls, and what ends a
// line for some of its readers. What comes of it is read alike as either.
std::string with_yaml_escapes(std::string_view json);

// The same value as JSON.
codec::Json to_json(const YamlNode& node);

}  // namespace writ::files
