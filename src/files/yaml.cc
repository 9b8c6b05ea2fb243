#include "files/yaml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <new>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <yaml.h>

#include "codec/utf8.h"
#include "files/document.h"

namespace writ::files {
namespace {

// What makes the rest of a text not worth reading; caught in parse.
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

std::string_view text_of(const yaml_char_t* bytes) {
  return bytes == nullptr ? std::string_view() : reinterpret_cast<const char*>(bytes);
}

// How much a node is: itself and all below it.
struct Extent {
  std::size_t nodes = 1, levels = 1;
};

// Writ's own files, or what others wrote (files/document.h).
enum class Written { kForWrit, kByOthers };

class TreeBuilder {
 public:
  TreeBuilder(const std::string& file, Issues& issues, Written written)
      : file_(file),
        issues_(issues),
        by_others_(written == Written::kByOthers),
        max_depth_(by_others_ ? kMaxDocumentDepth : kMaxYamlDepth) {}

  // Nothing: there was no document.
  std::optional<YamlNode> take_root() { return std::move(root_); }

  // Throws Stop.
  void on(const yaml_event_t& event) {
    const auto& data = event.data;
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) stop(event.start_mark, "a second document begins here, expected one");
        return;
      case YAML_ALIAS_EVENT:
        return take_again(event.start_mark, text_of(data.alias.anchor));
      case YAML_SCALAR_EVENT: {
        auto node = begin(event.start_mark, data.scalar.tag, data.scalar.anchor, YamlNode::Kind::kText);
        node.text.assign(reinterpret_cast<const char*>(data.scalar.value), data.scalar.length);
        if (data.scalar.plain_implicit != 0) resolve_plain(node);
        return take(std::move(node), {}, text_of(data.scalar.anchor));
      }
      case YAML_SEQUENCE_START_EVENT:
        return open(begin(event.start_mark, data.sequence_start.tag, data.sequence_start.anchor,
                          YamlNode::Kind::kList),
                    text_of(data.sequence_start.anchor));
      case YAML_MAPPING_START_EVENT:
        return open(
            begin(event.start_mark, data.mapping_start.tag, data.mapping_start.anchor, YamlNode::Kind::kMap),
            text_of(data.mapping_start.anchor));
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return close();
      case YAML_NO_EVENT:
      case YAML_STREAM_START_EVENT:
      case YAML_STREAM_END_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        return;
    }
  }

 private:
  // A list or a map under construction, and of a map the key that waits for its value.
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;
    std::unordered_set<std::string> keys;  // of a map with many
    std::string anchor;
    Extent extent;
  };
  static constexpr std::size_t kFewKeys = 16;
  // What aliases may add to a document: one of a few lines can stand for as much as anybody likes.
  static constexpr std::size_t kMaxRepeatedNodes = 500'000;

  [[noreturn]] void stop(const yaml_mark_t& mark, std::string message) {
    issues_.error(place_of(mark), std::move(message));
    throw Stop();
  }

  Place place_of(const yaml_mark_t& mark) const {
    return {file_, static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
  }

  YamlNode begin(const yaml_mark_t& mark, const yaml_char_t* tag, const yaml_char_t* anchor,
                 YamlNode::Kind kind) {
    if (anchor != nullptr && !by_others_) stop(mark, "anchors are not supported; write the value out");
    if (tag != nullptr) stop(mark, fmt::format("tags are not supported, found `{}`", text_of(tag)));
    if (path_.size() >= max_depth_) stop(mark, fmt::format("nested deeper than {} levels", max_depth_));
    YamlNode node;
    node.kind = kind;
    node.line = static_cast<int>(mark.line) + 1;
    node.column = static_cast<int>(mark.column) + 1;
    return node;
  }

  void open(YamlNode node, std::string_view anchor) {
    path_.push_back(
        {.node = std::move(node), .key = {}, .keys = {}, .anchor = std::string(anchor), .extent = {}});
  }

  void close() {
    Open done = std::move(path_.back());
    path_.pop_back();
    if (by_others_) merge(done.node);
    take(std::move(done.node), done.extent, done.anchor);
  }

  // YAML 1.1's `<<: *defaults`: what the other map has, and this one does not say itself.
  static void merge(YamlNode& node) {
    const auto at = std::ranges::find(node.entries, "<<", &YamlNode::Entry::key);
    if (at == node.entries.end()) return;
    YamlNode from = std::move(at->value);
    node.entries.erase(at);
    std::vector<YamlNode> maps;
    if (from.kind == YamlNode::Kind::kList) {
      maps = std::move(from.items);
    } else {
      maps.push_back(std::move(from));
    }
    std::unordered_set<std::string> keys;
    for (const auto& entry : node.entries) keys.insert(entry.key);
    for (auto& map : maps)
      for (auto& entry : map.entries)
        if (keys.insert(entry.key).second) node.entries.push_back(std::move(entry));
  }

  // An alias: what the anchor stands at, written out. Inside of itself an anchor stands for nothing yet.
  void take_again(const yaml_mark_t& mark, std::string_view name) {
    if (!by_others_) stop(mark, "aliases are not supported; write the value out");
    const auto found = anchored_.find(std::string(name));
    if (found == anchored_.end()) stop(mark, fmt::format("the alias `{}` stands for nothing", name));
    const auto& [node, extent] = found->second;
    if (path_.size() + extent.levels > max_depth_)
      stop(mark, fmt::format("nested deeper than {} levels", max_depth_));
    repeated_ += extent.nodes;
    if (repeated_ > kMaxRepeatedNodes)
      stop(mark, fmt::format("aliases repeat more than {} values", kMaxRepeatedNodes));
    take(node, extent, {});
  }

  void take(YamlNode node, Extent extent, std::string_view anchor) {
    if (!anchor.empty()) anchored_.insert_or_assign(std::string(anchor), std::pair(node, extent));
    if (path_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& whole = path_.back().extent;
    whole.nodes += extent.nodes;
    whole.levels = std::max(whole.levels, extent.levels + 1);
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
    const bool is_empty = key.text.empty() && !(by_others_ && key.kind == YamlNode::Kind::kText);
    if (!scalar || is_empty) {
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
  const bool by_others_;
  const std::size_t max_depth_;
  int documents_ = 0;
  std::unordered_map<std::string, std::pair<YamlNode, Extent>> anchored_;
  std::size_t repeated_ = 0;  // nodes that aliases stood for
  std::vector<Open> path_;
  std::optional<YamlNode> root_;
};

// The library's reader of one text, which has to outlive it.
class Events {
 public:
  explicit Events(std::string_view text) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Events() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  // The next one, valid until the one after it; null when the text is not YAML.
  const yaml_event_t* next() {
    yaml_event_delete(&event_);
    return yaml_parser_parse(&parser_, &event_) != 0 ? &event_ : nullptr;
  }
  const yaml_parser_t& parser() const { return parser_; }

 private:
  yaml_parser_t parser_;
  yaml_event_t event_{};
};

// A reader's problem has no line.
// Of a byte in it. A column counts characters.
Place place_of(std::string_view text, std::size_t at, const std::string& file) {
  const auto before = text.substr(0, at);
  const auto line = before.substr(before.rfind('\n') + 1);
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return {file, static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(std::ranges::count_if(line, begins_character)) + 1};
}

Place place_of_problem(const yaml_parser_t& parser, std::string_view text, const std::string& file) {
  if (parser.error == YAML_READER_ERROR)
    return place_of(text, std::min(parser.problem_offset, text.size()), file);
  return {file, static_cast<int>(parser.problem_mark.line) + 1,
          static_cast<int>(parser.problem_mark.column) + 1};
}

// Is there a tab in what stands before the text of this line? The library's words for it tell nobody so.
bool is_indented_with_tab(std::string_view text, int line) {
  for (; line > 1; --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != text.npos;
}

// Its size where all of it is.
std::size_t first_that_is_no_text(std::string_view text) {
  if (codec::valid_utf8(text) && text.find('\0') == text.npos) return text.size();
  std::size_t at = 0;
  while (at < text.size() && text[at] != '\0') {
    const auto length = codec::utf8_sequence_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

// YAML 1.1 ends lines at more signs than YAML 1.2 does, so a text with one of them has two readings. Where
// the first one is; the text's size: there is none.
std::size_t line_end_of_yaml_1_1(std::string_view text) {
  auto first = text.size();
  for (const std::string_view sign : {"\u0085", "\u2028", "\u2029"}) first = std::min(first, text.find(sign));
  return first;
}

}  // namespace

std::string with_yaml_escapes(std::string_view json) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEscapes{{
      {"\x7f", "\\u007f"},
      {"\u2028", "\\u2028"},
      {"\u2029", "\\u2029"},
      {"\ufeff", "\\ufeff"},
      {"\xef\xbf\xbe", "\\ufffe"},
      {"\xef\xbf\xbf", "\\uffff"},
  }};
  std::string out;
  while (!json.empty()) {
    const auto* found =
        std::ranges::find_if(kEscapes, [&](const auto& escape) { return json.starts_with(escape.first); });
    if (found != kEscapes.end()) {
      out += found->second;
      json.remove_prefix(found->first.size());
    } else if (json.size() > 1 && json[0] == '\xc2' && static_cast<unsigned char>(json[1]) < 0xa0) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(json[1]));
      json.remove_prefix(2);
    } else {
      out += json.front();
      json.remove_prefix(1);
    }
  }
  return out;
}

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
                              Written written) {
  if (text.size() > kMaxYamlBytes) {
    issues.error({file}, fmt::format("larger than {} bytes", kMaxYamlBytes));
    return std::nullopt;
  }
  if (const auto at = first_that_is_no_text(text); at < text.size()) {
    issues.error(place_of(text, at, file), "not UTF-8 text");
    return std::nullopt;
  }
  if (const auto at = line_end_of_yaml_1_1(text); at < text.size()) {
    const std::string_view sign = text[at] == '\xc2'       ? "U+0085"
                                  : text[at + 2] == '\xa8' ? "U+2028"
                                                           : "U+2029";
    issues.error(place_of(text, at, file),
                 fmt::format("{0} ends a line for some readers of YAML and not for others; "
                             "write it as an escape in double quotes, or leave it out",
                             sign));
    return std::nullopt;
  }
  TreeBuilder builder(file, issues, written);
  Events events(text);
  try {
    const yaml_event_t* event = nullptr;
    do {
      event = events.next();
      if (event != nullptr) builder.on(*event);
    } while (event != nullptr && event->type != YAML_STREAM_END_EVENT);
    if (event == nullptr) {
      if (events.parser().error == YAML_MEMORY_ERROR) throw std::bad_alloc();
      const auto place = place_of_problem(events.parser(), text, file);
      issues.error(place, fmt::format("not valid YAML: {}", events.parser().problem),
                   place.line > 0 && is_indented_with_tab(text, place.line)
                       ? "a tab indents this line; YAML is indented with spaces"
                       : "");
      return std::nullopt;
    }
  } catch (const Stop&) {
    return std::nullopt;
  }
  auto root = builder.take_root();
  if (!root) issues.error({file, 1, 1}, "the file is empty, expected a map");
  return root;
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Issues& issues) {
  return parse(text, file, issues, Written::kForWrit);
}

std::optional<codec::Json> parse_document(std::string_view text, const std::string& file, Issues& issues) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin != text.npos && text[begin] == '{') {
    auto json = codec::parse_json(text, {.max_bytes = kMaxDocumentBytes, .max_depth = kMaxDocumentDepth});
    if (json) return *std::move(json);
    // The one thing that other documents do have: limits of 64 bits without a sign, and such that went
    // through a double. As YAML it is read too.
    if (json.error().message.find("64 bits") == std::string::npos &&
        json.error().message.find("out of range") == std::string::npos) {
      issues.error({file}, std::move(json.error().message));
      return std::nullopt;
    }
  }
  const auto before = issues.errors();
  const auto tree = parse(text, file, issues, Written::kByOthers);
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
