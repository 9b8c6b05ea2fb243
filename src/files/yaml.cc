#include "files/yaml.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <sstream>
#include <unordered_set>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "codec/utf8.h"
#include "files/document.h"

namespace writ::files {
namespace {

// Thrown through the library, which stops parsing; caught in parse_yaml.
struct Stop {};

bool is_decimal_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  bool digits = false;
  std::size_t i = 0;
  while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i, digits = true;
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i, digits = true;
  }
  if (digits && i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    const auto exponent = i;
    while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i;
    digits = i > exponent;
  }
  return digits && i == text.size();
}

bool is_null_text(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}
bool is_true_text(std::string_view text) {
  return text == "true" || text == "True" || text == "TRUE";
}

// YAML 1.2 §10.3: the core schema, for scalars without quotes.
void resolve_plain(YamlNode& node) {
  const std::string_view text = node.text;
  using Kind = YamlNode::Kind;
  if (is_null_text(text)) {
    node.kind = Kind::kNull;
  } else if (is_true_text(text) || text == "false" || text == "False" || text == "FALSE") {
    node.kind = Kind::kBool;
    node.boolean = is_true_text(text);
  } else if (const auto [end, error] = std::from_chars(text.begin(), text.end(), node.integer);
             error == std::errc() && end == text.end()) {
    node.kind = Kind::kInteger;
  } else {
    node.kind = is_decimal_number(text) ? Kind::kFloat : Kind::kText;
  }
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Issues& issues, std::size_t max_depth)
      : file_(file), issues_(issues), max_depth_(max_depth) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) stop(mark, "a second document begins here, expected one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    take(begin(mark, "", anchor, YamlNode::Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(mark, "aliases are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = begin(mark, tag, anchor, YamlNode::Kind::kText);
    node.text = value;
    // The library gives plain scalars the tag `?` and quoted ones `!`.
    if (tag == "?") resolve_plain(node);
    take(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    path_.push_back({begin(mark, tag, anchor, YamlNode::Kind::kList), {}, {}});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    path_.push_back({begin(mark, tag, anchor, YamlNode::Kind::kMap), {}, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or a map under construction, and of a map the key that waits for its value.
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;
    std::unordered_set<std::string> keys;  // of a map with many
  };
  static constexpr std::size_t kFewKeys = 16;

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    issues_.error({file_, mark.line + 1, mark.column + 1}, std::move(message));
    throw Stop();
  }

  YamlNode begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (anchor != YAML::NullAnchor) stop(mark, "anchors are not supported; write the value out");
    if (!tag.empty() && tag != "?" && tag != "!")
      stop(mark, fmt::format("tags are not supported, found `{}`", tag));
    if (path_.size() >= max_depth_) stop(mark, fmt::format("nested deeper than {} levels", max_depth_));
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void close() {
    YamlNode node = std::move(path_.back().node);
    path_.pop_back();
    take(std::move(node));
  }

  void take(YamlNode node) {
    if (path_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = path_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      take_key(parent, std::move(node));
    } else {
      parent.node.entries.push_back(
          {std::move(parent.key->text), parent.key->line, parent.key->column, std::move(node)});
      parent.key.reset();
    }
  }

  void take_key(Open& parent, YamlNode key) {
    const bool scalar = key.kind != YamlNode::Kind::kList && key.kind != YamlNode::Kind::kMap;
    const Place place{file_, key.line, key.column};
    if (!scalar || key.text.empty()) {
      issues_.error(place, "a key must be text");
      key.text.clear();
    } else if (!is_new(parent, key.text)) {
      issues_.error(place, fmt::format("key `{}` is given twice", key.text));
    }
    parent.key = std::move(key);
  }

  // Most maps have few keys, and there are very many of them.
  static bool is_new(Open& map, const std::string& key) {
    const auto& entries = map.node.entries;
    if (entries.size() < kFewKeys)
      return std::ranges::find(entries, key, &YamlNode::Entry::key) == entries.end();
    if (map.keys.empty())
      for (const auto& entry : entries) map.keys.insert(entry.key);
    return map.keys.insert(key).second;
  }

  const std::string& file_;
  Issues& issues_;
  const std::size_t max_depth_;
  int documents_ = 0;
  std::vector<Open> path_;
  YamlNode root_;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kBool:
      return "true or false";
    case YamlNode::Kind::kInteger:
      return "an integer";
    case YamlNode::Kind::kFloat:
      return "a number with a fraction";
    case YamlNode::Kind::kText:
      return "text";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

namespace {

std::optional<YamlNode> parse(std::string_view text, const std::string& file, Issues& issues,
                              std::size_t max_depth) {
  if (text.size() > kMaxYamlBytes) {
    issues.error({file}, fmt::format("larger than {} bytes", kMaxYamlBytes));
    return std::nullopt;
  }
  if (!codec::valid_utf8(text) || text.find('\0') != text.npos) {
    issues.error({file}, "not UTF-8 text");
    return std::nullopt;
  }
  TreeBuilder builder(file, issues, max_depth);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      issues.error({file, 1, 1}, "the file is empty, expected a map");
      return std::nullopt;
    }
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    issues.error({file, error.mark.line + 1, error.mark.column + 1}, "not valid YAML: " + error.msg);
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Issues& issues) {
  return parse(text, file, issues, kMaxYamlDepth);
}

std::optional<codec::Json> parse_document(std::string_view text, const std::string& file, Issues& issues) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin != text.npos && text[begin] == '{') {
    auto json = codec::parse_json(text, {.max_bytes = kMaxDocumentBytes, .max_depth = kMaxDocumentDepth});
    if (json) return *std::move(json);
    // The one thing that other documents do have: limits of 64 bits without a sign. As YAML it is read too.
    if (json.error().message.find("64 bits") == std::string::npos) {
      issues.error({file}, std::move(json.error().message));
      return std::nullopt;
    }
  }
  const auto before = issues.errors();
  const auto tree = parse(text, file, issues, kMaxDocumentDepth);
  if (!tree || issues.errors() > before) return std::nullopt;
  return to_json(*tree);
}

codec::Json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kBool:
      return node.boolean;
    case YamlNode::Kind::kInteger:
      return node.integer;
    case YamlNode::Kind::kFloat:
      return std::strtod(node.text.c_str(), nullptr);
    case YamlNode::Kind::kText:
      return node.text;
    case YamlNode::Kind::kList: {
      auto json = codec::Json::array();
      for (const YamlNode& item : node.items) json.push(to_json(item));
      return json;
    }
    case YamlNode::Kind::kMap: {
      codec::Json::Object object;
      for (const auto& entry : node.entries) object.emplace_back(entry.key, to_json(entry.value));
      return codec::Json(std::move(object));
    }
  }
  return nullptr;
}

}  // namespace writ::files
