#include "codec/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>

#include "base/append.h"
#include "base/byte_run.h"
#include "base/check.h"
#include "codec/json_parsing.h"
#include "codec/pick.h"
#include "codec/twin.h"
#include "codec/utf8.h"

namespace writ::codec {
namespace {

using internal::check_text;
using internal::depth_exceeded;
using internal::has_lone_surrogate;
using internal::kDepthCeiling;
using internal::kFewMembers;
using internal::kKeptParserBytes;
using internal::parse_with;
using simdjson::dom::element;
using simdjson::dom::element_type;

// A name that occurs twice; nothing: none does.
template <class Members, class NameOf>
std::optional<std::string_view> find_duplicate(const Members& members, std::size_t size, NameOf name_of) {
  std::array<std::string_view, kFewMembers> few;
  std::vector<std::string_view> many(size <= kFewMembers ? 0 : size);
  const std::span<std::string_view> names =
      size <= kFewMembers ? std::span(few).first(size) : std::span(many);
  std::size_t at = 0;
  for (const auto& member : members) names[at++] = name_of(member);
  // The first ones in any case: of several that occur twice, JsonReader tells of the same.
  for (std::size_t i = 1; i < std::min(size, kFewMembers); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return names[i];
    }
  }
  if (size <= kFewMembers) return std::nullopt;
  std::ranges::sort(names);
  const auto found = std::ranges::adjacent_find(names);
  return found == names.end() ? std::nullopt : std::optional(*found);
}

// What parse_json() refuses beyond what simdjson does.
class Rules {
 public:
  Rules(std::string_view text, std::size_t max_depth)
      : max_depth_(max_depth), has_escapes_(text.find('\\') != text.npos) {}

  // Nothing is made of the value. `depth`: of what lies around it.
  Result<void> check(element value, std::size_t depth = 0) {
    if (!hold_for(value, depth)) return std::unexpected(std::move(error_));
    return {};
  }

 protected:
  bool hold_for(element value, std::size_t depth) {
    switch (value.type()) {
      case element_type::UINT64:
        return fail(internal::too_large().error());
      case element_type::STRING:
        return check_string(value.get_string().value_unsafe());
      case element_type::ARRAY: {
        if (depth >= max_depth_) return fail(depth_exceeded(max_depth_));
        const auto array = value.get_array().value_unsafe();
        for (const auto item : array)
          if (!hold_for(item, depth + 1)) return false;
        return true;
      }
      case element_type::OBJECT: {
        if (depth >= max_depth_) return fail(depth_exceeded(max_depth_));
        const auto object = value.get_object().value_unsafe();
        std::size_t size = 0;  // simdjson saturates its own
        for (const auto member : object) {
          if (!check_string(member.key) || !hold_for(member.value, depth + 1)) return false;
          ++size;
        }
        const auto twice = find_duplicate(object, size, [](const auto& member) { return member.key; });
        return !twice || fail(internal::duplicate_name(*twice).error());
      }
      default:
        return true;
    }
  }

  bool check_string(std::string_view text) {
    if (!has_escapes_ || !has_lone_surrogate(text)) return true;
    return fail(internal::lone_surrogate().error());
  }

  bool fail(Error error) {
    error_ = std::move(error);
    return false;
  }

  std::size_t max_depth_;
  bool has_escapes_;
  Error error_{};
};

// Builds the tree where it will stay; a value is never moved.
class Converter : Rules {
 public:
  using Rules::Rules;

  // `depth`: of what lies around the value.
  Result<Json> convert(element value, std::size_t depth = 0) {
    Json json;
    if (!convert(value, depth, json)) return std::unexpected(std::move(error_));
    return json;
  }

 private:
  bool convert(element value, std::size_t depth, Json& out) {
    switch (value.type()) {
      case element_type::NULL_VALUE:
        return true;
      case element_type::BOOL:
        out = Json(value.get_bool().value_unsafe());
        return true;
      case element_type::INT64:
        out = Json(value.get_int64().value_unsafe());
        return true;
      case element_type::DOUBLE:
        out = Json(value.get_double().value_unsafe());
        return true;
      case element_type::UINT64:
        return fail(internal::too_large().error());
      case element_type::STRING:
        out = Json(value.get_string().value_unsafe());
        return check_string(*out.if_string());
      case element_type::ARRAY:
        return convert_array(value.get_array().value_unsafe(), depth + 1, out);
      case element_type::OBJECT:
        return convert_object(value.get_object().value_unsafe(), depth + 1, out);
    }
    return fail({ErrorCode::kInternal, "json: unknown kind of value"});
  }

  bool convert_array(simdjson::dom::array array, std::size_t depth, Json& out) {
    if (depth > max_depth_) return fail(depth_exceeded(max_depth_));
    out = Json::array();
    Json::Array& items = *out.if_array();
    items.reserve(array.size());  // simdjson saturates it at 2^24 - 1
    for (const auto item : array) {
      if (!convert(item, depth, items.emplace_back())) return false;
    }
    return true;
  }

  bool convert_object(simdjson::dom::object object, std::size_t depth, Json& out) {
    if (depth > max_depth_) return fail(depth_exceeded(max_depth_));
    out = Json::object();
    Json::Object& members = *out.if_object();
    members.reserve(object.size());
    for (const auto member : object) {
      auto& [name, value] = members.emplace_back();
      name = member.key;
      if (!check_string(name) || !convert(member.value, depth, value)) return false;
    }
    const auto twice = find_duplicate(members, members.size(),
                                      [](const auto& member) -> std::string_view { return member.first; });
    return !twice || fail(internal::duplicate_name(*twice).error());
  }
};

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no spelling for it
    return;
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += text;
  // Stays a double when it is read again.
  if (text.find_first_of(".e") == text.npos) out += ".0";
}

// Compact when indent is negative, otherwise indented by two spaces per level.
class Printer {
 public:
  Printer(std::string& out, bool indented) : out_(out), indented_(indented) {}

  void print(const Json& value, int level) {
    if (const auto* boolean = value.if_bool()) {
      out_ += *boolean ? "true" : "false";
    } else if (const auto* integer = value.if_int()) {
      out_ += std::to_string(*integer);
    } else if (const auto* number = value.if_double()) {
      append_double(out_, *number);
    } else if (const auto* text = value.if_string()) {
      append_json_string(out_, *text);
    } else if (const auto* array = value.if_array()) {
      print_sequence('[', ']', *array, level, [&](const Json& item) { print(item, level + 1); });
    } else if (const auto* object = value.if_object()) {
      print_sequence('{', '}', *object, level, [&](const Json::Member& member) {
        append_json_string(out_, member.first);
        out_ += indented_ ? ": " : ":";
        print(member.second, level + 1);
      });
    } else {
      out_ += "null";
    }
  }

 private:
  void print_sequence(char open, char close, const auto& items, int level, const auto& print_item) {
    out_.push_back(open);
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_.push_back(',');
      first = false;
      new_line(level + 1);
      print_item(item);
    }
    if (!items.empty()) new_line(level);
    out_.push_back(close);
  }

  void new_line(int level) {
    if (!indented_) return;
    out_.push_back('\n');
    out_.append(static_cast<std::size_t>(level) * 2, ' ');
  }

  std::string& out_;
  bool indented_;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  const auto* members = if_object();
  if (members == nullptr) return nullptr;
  for (const auto& member : *members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

const std::string* Json::find_string(std::string_view name) const {
  const auto* value = find(name);
  return value == nullptr ? nullptr : value->if_string();
}

Json& Json::set(std::string_view name, Json value) {
  auto* members = if_object();
  WRIT_CHECK(members != nullptr);
  for (auto& member : *members) {
    if (member.first == name) return member.second = std::move(value);
  }
  return members->emplace_back(std::string(name), std::move(value)).second;
}

Json& Json::push(Json value) {
  auto* items = if_array();
  WRIT_CHECK(items != nullptr);
  return items->emplace_back(std::move(value));
}

std::string_view Json::kind() const {
  if (is_bool()) return "boolean";
  if (is_int() || is_double()) return "number";
  if (is_string()) return "string";
  if (is_array()) return "array";
  if (is_object()) return "object";
  return "null";
}

std::string Json::dump() const {
  std::string out;
  Printer(out, /*indented=*/false).print(*this, 0);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  Printer(out, /*indented=*/true).print(*this, 0);
  return out;
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  TRY(check_text(text, limits));
  const auto max_depth = std::min(limits.max_depth, kDepthCeiling);
  const auto convert = [&](element root) { return Converter(text, max_depth).convert(root); };
  if (text.size() > kKeptParserBytes) {
    simdjson::dom::parser parser;
    return parse_with(parser, text, max_depth, convert);
  }
  thread_local simdjson::dom::parser parser;
  return parse_with(parser, text, max_depth, convert);
}

Result<Json> pick_members(std::string_view text, std::span<const std::string_view> names,
                          const JsonLimits& limits) {
  WRIT_CHECK(names.size() <= 64);
  TRY(check_text(text, limits));
  const auto max_depth = std::min(limits.max_depth, kDepthCeiling);
  const auto pick = [&](element root) -> Result<Json> {
    simdjson::dom::object members;
    if (root.get_object().get(members) != simdjson::SUCCESS)
      return failure(ErrorCode::kInvalid, "json: expected an object");
    Converter converter(text, max_depth);
    Json picked = Json::object();
    std::uint64_t seen = 0;
    for (const auto member : members) {
      const auto found = std::ranges::find(names, member.key);
      if (found == names.end()) continue;
      const auto bit = std::uint64_t{1} << (found - names.begin());
      if ((seen & bit) != 0)
        return failure(ErrorCode::kInvalid, "json: duplicate member name `" + std::string(member.key) + "`");
      seen |= bit;
      picked.if_object()->emplace_back(std::string(member.key), TRY(converter.convert(member.value, 1)));
    }
    return picked;
  };
  if (text.size() > kKeptParserBytes) {
    simdjson::dom::parser parser;
    return parse_with(parser, text, max_depth, pick);
  }
  thread_local simdjson::dom::parser parser;
  return parse_with(parser, text, max_depth, pick);
}

namespace {

std::string_view kind_of(element value) {
  switch (value.type()) {
    case element_type::BOOL:
      return "boolean";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return "number";
    case element_type::STRING:
      return "string";
    case element_type::ARRAY:
      return "array";
    case element_type::OBJECT:
      return "object";
    default:
      return "null";
  }
}

// RFC 6901 §4: digits without a leading zero.
std::optional<element> item_at(simdjson::dom::array items, std::string_view token) {
  std::size_t at = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), at);
  const bool leading_zero = token.size() > 1 && token.front() == '0';
  element item;
  if (error != std::errc() || end != token.data() + token.size() || leading_zero ||
      items.at(at).get(item) != simdjson::SUCCESS)
    return std::nullopt;
  return item;
}

// The member of the first name, unless some reader takes another one for it, or for it and those below.
Result<std::optional<element>> only_member(simdjson::dom::object members,
                                           std::span<const std::string> names) {
  std::optional<element> found;
  for (const auto member : members) {
    if (member.key == names.front()) {
      found = member.value;
      continue;
    }
    std::string joined;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names.size() > 1) joined += names[i];
      if (may_read_as(member.key, i == 0 ? names.front() : joined))
        return failure(ErrorCode::kInvalid, "json: other readers could find another value");
    }
  }
  return found;
}

// Where the names lead, one after another; nothing where there is nothing.
Result<std::optional<element>> find_part(element value, std::span<const std::string> names) {
  std::optional<element> at = value;
  for (; at && !names.empty(); names = names.subspan(1)) {
    const std::string& name = names.front();
    if (at->is_array()) {
      at = item_at(at->get_array().value_unsafe(), name);
    } else if (at->is_object()) {
      at = TRY(only_member(at->get_object().value_unsafe(), names));
    } else {
      at.reset();
    }
  }
  return at;
}

}  // namespace

Result<PickedParts> pick_alone(std::string_view text, std::span<const std::vector<std::string>> pointers,
                               const JsonLimits& limits) {
  TRY(check_text(text, limits));
  const auto max_depth = std::min(limits.max_depth, kDepthCeiling);
  const auto pick = [&](element root) -> Result<PickedParts> {
    TRY(Rules(text, max_depth).check(root));
    PickedParts picked{.kind = kind_of(root), .found = {}};
    picked.found.reserve(pointers.size());
    for (const auto& names : pointers) {
      auto part = find_part(root, names);
      if (!part) {
        picked.found.push_back(std::unexpected(std::move(part).error()));
      } else if (!*part) {
        picked.found.emplace_back(std::nullopt);
      } else {
        picked.found.emplace_back(TRY(Converter(text, max_depth).convert(**part)));
      }
    }
    return picked;
  };
  if (text.size() > kKeptParserBytes) {
    simdjson::dom::parser parser;
    return parse_with(parser, text, max_depth, pick);
  }
  thread_local simdjson::dom::parser parser;
  return parse_with(parser, text, max_depth, pick);
}

Result<void> for_each_item(std::string_view text, const JsonLimits& limits,
                           const std::function<Result<void>(const Json&)>& visit) {
  TRY(check_text(text, limits));
  const auto max_depth = std::min(limits.max_depth, kDepthCeiling);
  // One of its own: `visit` may parse, too.
  simdjson::dom::parser parser;
  return parse_with(parser, text, max_depth, [&](element root) -> Result<void> {
    simdjson::dom::array items;
    if (root.get_array().get(items) != simdjson::SUCCESS) {
      return failure(ErrorCode::kInvalid, "json: expected an array");
    }
    if (max_depth == 0) return std::unexpected(depth_exceeded(max_depth));
    Converter converter(text, max_depth);
    for (const auto item : items) {
      const Json json = TRY(converter.convert(item, 1));
      TRY(visit(json));
    }
    return {};
  });
}

namespace {

// Stands for itself in a string: ASCII without control characters, quotes and backslashes.
constexpr auto kPlain = [](auto byte) { return in_range(byte, 0x20, 0x7f) & (byte != '"') & (byte != '\\'); };

}  // namespace

namespace {

constexpr std::size_t kShortText = 128;

// What needs no escape but for quotes and backslashes, as names of entities do. False: it needs others.
bool append_quoted(std::string& out, std::string_view text) {
  std::array<char, 2 * kShortText + 2> quoted;
  auto* at = quoted.data();
  *at++ = '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
    *at = '\\';
    at += (c == '"' || c == '\\') ? 1 : 0;
    *at++ = c;
  }
  *at++ = '"';
  out.append(quoted.data(), at);
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (is_run_of(text, kPlain)) return append(out, "\"", text, "\"");  // nearly every text
  if (text.size() <= kShortText && append_quoted(out, text)) return;
  out.push_back('"');
  for (;;) {
    const auto plain = text.substr(0, run_length(text, kPlain));
    text.remove_prefix(plain.size());
    if (text.empty()) {
      append(out, plain, "\"");
      return;
    }
    const char c = text.front();
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      append(out, plain, "\\", text.substr(0, 1));
    } else if (c == '\n') {
      append(out, plain, "\\n");
    } else if (c == '\r') {
      append(out, plain, "\\r");
    } else if (c == '\t') {
      append(out, plain, "\\t");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      const std::array<char, 2> digits = {kHex[c >> 4], kHex[c & 15]};
      append(out, plain, "\\u00", std::string_view(digits.data(), digits.size()));
    } else if (length = utf8_sequence_length(text); length > 1) {
      append(out, plain, text.substr(0, length));
    } else {
      append(out, plain, "\xEF\xBF\xBD");  // U+FFFD, so that what is written is always UTF-8
      length = 1;
    }
    text.remove_prefix(length);
  }
}

void append_json_member(std::string& out, std::string_view name, std::string_view text) {
  if (is_run_of(text, kPlain)) return append(out, ",\"", name, "\":\"", text, "\"");
  append(out, ",\"", name, "\":");
  append_json_string(out, text);
}

}  // namespace writ::codec
