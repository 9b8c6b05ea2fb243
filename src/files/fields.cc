#include "files/fields.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codec/nearest.h"
#include "files/files.h"

namespace writ::files {
namespace {

const YamlNode& absent_node() {
  static const YamlNode kNode = [] {
    YamlNode node;
    node.kind = YamlNode::Kind::kMap;
    return node;
  }();
  return kNode;
}

}  // namespace

Fields::Fields(const YamlNode* node, Source& source, std::string_view what,
               std::span<const std::string_view> allowed)
    : node_(node == nullptr ? &absent_node() : node), source_(source), what_(what) {
  if (node_->kind == YamlNode::Kind::kNull) node_ = &absent_node();
  if (node_->kind != YamlNode::Kind::kMap) {
    source_.error(*node_, fmt::format("{} must be a map, found {}", what_, kind_name(node_->kind)));
    node_ = &absent_node();
  }
  join_cut_texts(allowed);
  for (const auto& entry : node_->entries) {
    const bool is_known = std::ranges::find(allowed, entry.key) != allowed.end();
    if (is_known && source_.keys_need_values && entry.value.kind == YamlNode::Kind::kNull)
      source_.issues.error({source_.file, entry.line, entry.column},
                           fmt::format("`{}` has no value", entry.key),
                           "write one, or leave the key out; an empty list is `[]`");
    if (entry.key.empty() || is_known) continue;
    const auto near = codec::nearest(entry.key, allowed);
    source_.issues.error({source_.file, entry.line, entry.column},
                         fmt::format("unknown key `{}` in {}", entry.key, what_),
                         fmt::format("{}the keys are {}",
                                     near.empty() ? std::string() : fmt::format("did you mean `{}`? ", near),
                                     fmt::join(allowed, ", ")));
  }
}

void Fields::join_cut_texts(std::span<const std::string_view> allowed) {
  const auto is_rest = [&](const YamlNode::Entry& entry) {
    return entry.value.kind == YamlNode::Kind::kNull && entry.value.text.empty() && !entry.key.empty() &&
           std::ranges::find(allowed, entry.key) == allowed.end();
  };
  const auto& entries = node_->entries;
  const auto has_rest = [&](std::size_t i) {
    return i + 1 < entries.size() && entries[i].value.kind == YamlNode::Kind::kText && !is_rest(entries[i]) &&
           is_rest(entries[i + 1]) && entries[i + 1].line == entries[i].line;
  };
  std::size_t whole = 0;
  while (whole < entries.size() && !has_rest(whole)) ++whole;
  if (whole == entries.size()) return;
  YamlNode joined = *node_;
  joined.entries.clear();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    joined.entries.push_back(entries[i]);
    if (!has_rest(i)) continue;
    auto& [key, line, column, value] = joined.entries.back();
    const std::string& rest = entries[i + 1].key;
    while (i + 1 < entries.size() && is_rest(entries[i + 1])) value.text += "," + entries[++i].key;
    source_.issues.error(
        {source_.file, line, column},
        fmt::format("the value of `{}` ends at a comma, and `{}` stands alone in {}", key, rest, what_),
        fmt::format("between {{ and }} put a value that has a comma in quotes: {}: \"{}\"", key, value.text));
  }
  joined_ = std::make_shared<const YamlNode>(std::move(joined));
  node_ = joined_.get();
}

const YamlNode* Fields::find(std::string_view key) const {
  const YamlNode* found = node_->find(key);
  return found == nullptr || found->kind == YamlNode::Kind::kNull ? nullptr : found;
}

const YamlNode* Fields::require(std::string_view key) const {
  const YamlNode* found = find(key);
  // A map that is absent itself was reported by whoever needs it, and so was a key without a value.
  const bool reported = node_ == &absent_node() || (source_.keys_need_values && node_->find(key) != nullptr);
  if (found == nullptr && !reported) source_.error(*node_, fmt::format("{} needs `{}`", what_, key));
  return found;
}

std::optional<std::string> Fields::text(std::string_view key, std::size_t max_bytes) const {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  return read_text(*found, source_, key, max_bytes);
}

std::optional<std::string> Fields::required_text(std::string_view key, std::size_t max_bytes) const {
  const YamlNode* found = require(key);
  if (found == nullptr) return std::nullopt;
  return read_text(*found, source_, key, max_bytes);
}

std::optional<std::int64_t> Fields::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  const auto limits = min == max ? fmt::format("{}", min) : fmt::format("between {} and {}", min, max);
  // Of more digits than 64 bits hold.
  if (found->kind == YamlNode::Kind::kFloat &&
      found->text.find_first_not_of("+-0123456789") == std::string::npos) {
    source_.error(*found, fmt::format("`{}` must be {}, found {}", key, limits, found->text));
    return std::nullopt;
  }
  if (found->kind != YamlNode::Kind::kInteger) {
    source_.error(*found, fmt::format("`{}` must be an integer, found {}", key, kind_name(found->kind)));
    return std::nullopt;
  }
  if (found->integer < min || found->integer > max) {
    source_.error(*found, fmt::format("`{}` must be {}, found {}", key, limits, found->integer));
    return std::nullopt;
  }
  return found->integer;
}

std::optional<bool> Fields::boolean(std::string_view key) const {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  if (found->kind != YamlNode::Kind::kBool) {
    source_.error(*found, fmt::format("`{}` must be true or false, found {}", key, kind_name(found->kind)));
    return std::nullopt;
  }
  return found->boolean;
}

std::optional<std::size_t> Fields::choice(std::string_view key,
                                          std::initializer_list<std::string_view> choices) const {
  const auto value = text(key);
  if (!value) return std::nullopt;
  const auto found = std::ranges::find(choices, *value);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  source_.error(*find(key),
                fmt::format("`{}` must be one of {}; found `{}`", key, fmt::join(choices, ", "), *value));
  return std::nullopt;
}

const std::vector<YamlNode>& Fields::list(std::string_view key) const {
  static const std::vector<YamlNode> kNone;
  const YamlNode* found = find(key);
  if (found == nullptr) return kNone;
  if (found->kind != YamlNode::Kind::kList) {
    source_.error(*found, fmt::format("`{}` must be a list, found {}", key, kind_name(found->kind)));
    return kNone;
  }
  return found->items;
}

std::vector<std::string> Fields::texts(std::string_view key, std::size_t max_bytes) const {
  std::vector<std::string> values;
  for (const YamlNode& item : list(key))
    if (auto value = read_text(item, source_, key, max_bytes)) values.push_back(std::move(*value));
  return values;
}

std::optional<std::string> read_text(const YamlNode& node, Source& source, std::string_view what,
                                     std::size_t max_bytes) {
  if (node.kind != YamlNode::Kind::kText) {
    const bool scalar = node.kind != YamlNode::Kind::kList && node.kind != YamlNode::Kind::kMap;
    source.error(node, fmt::format("`{}` must be text, found {}", what, kind_name(node.kind)),
                 scalar ? fmt::format("put it in quotes: \"{}\"", node.text) : std::string());
    return std::nullopt;
  }
  if (node.text.empty()) {
    source.error(node, fmt::format("`{}` is empty", what));
    return std::nullopt;
  }
  if (node.text.size() > max_bytes) {
    source.error(node, fmt::format("`{}` is longer than {} bytes", what, max_bytes));
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::string> read_file(const YamlNode& node, Source& source, std::size_t max_bytes) {
  const auto name = read_text(node, source, "file name");
  if (!name) return std::nullopt;
  auto content = read_regular_file(source.resolve(*name), max_bytes);
  if (!content) {
    source.error(node, content.error().message);
    return std::nullopt;
  }
  return std::move(*content);
}

}  // namespace writ::files
