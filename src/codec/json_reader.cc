#include "codec/json_reader.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "codec/json_parsing.h"

namespace writ::codec {

using simdjson::dom::element_type;

struct JsonReader::Parser {
  simdjson::dom::parser parser;
};

// One text on its way into nodes. What is read says whether it is good, and `error` what is wrong.
struct JsonReader::Reading {
  std::vector<JsonNode>& nodes;
  const std::size_t max_depth;
  const bool has_escapes;
  Error error = {};

  // `depth`: of what lies around the value.
  bool read(simdjson::dom::element value, std::size_t depth, std::string_view name) {
    const auto at = nodes.size();
    auto& node = nodes.emplace_back();
    node.name_ = name;
    switch (value.type()) {
      case element_type::NULL_VALUE:
        return true;
      case element_type::BOOL:
        node.kind_ = JsonNode::Kind::kBool;
        node.integer_ = value.get_bool().value_unsafe() ? 1 : 0;
        return true;
      case element_type::INT64:
        node.kind_ = JsonNode::Kind::kInt;
        node.integer_ = value.get_int64().value_unsafe();
        return true;
      case element_type::DOUBLE:
        node.kind_ = JsonNode::Kind::kDouble;
        node.number_ = value.get_double().value_unsafe();
        return true;
      case element_type::UINT64:
        return fail(internal::too_large());
      case element_type::STRING:
        node.kind_ = JsonNode::Kind::kString;
        node.text_ = value.get_string().value_unsafe();
        return check_string(node.text_);
      case element_type::ARRAY:
        node.kind_ = JsonNode::Kind::kArray;
        return read_items(value.get_array().value_unsafe(), depth + 1, at);
      case element_type::OBJECT:
        node.kind_ = JsonNode::Kind::kObject;
        return read_members(value.get_object().value_unsafe(), depth + 1, at);
    }
    return fail(failure(ErrorCode::kInternal, "json: unknown kind of value"));
  }

  bool fail(std::unexpected<Error> why) {
    error = std::move(why).error();
    return false;
  }

  bool read_items(simdjson::dom::array array, std::size_t depth, std::size_t at) {
    if (depth > max_depth) return fail(std::unexpected(internal::depth_exceeded(max_depth)));
    for (const auto item : array)
      if (!read(item, depth, {})) return false;
    nodes[at].size_ = static_cast<std::uint32_t>(nodes.size() - at);
    return true;
  }

  bool read_members(simdjson::dom::object object, std::size_t depth, std::size_t at) {
    if (depth > max_depth) return fail(std::unexpected(internal::depth_exceeded(max_depth)));
    for (const auto member : object)
      if (!check_string(member.key) || !read(member.value, depth, member.key)) return false;
    nodes[at].size_ = static_cast<std::uint32_t>(nodes.size() - at);
    return check_names(nodes[at]);
  }

  bool check_string(std::string_view text) {
    return !has_escapes || !internal::has_lone_surrogate(text) || fail(internal::lone_surrogate());
  }

  bool check_names(const JsonNode& object) {
    const auto* const end = object.next();
    std::size_t count = 0;
    for (const auto* member = object.begin(); member != end; member = member->next()) {
      // Comparing every pair is cheaper than sorting, where they are few.
      if (++count > internal::kFewMembers) return check_many_names(object);
      for (const auto* before = object.begin(); before != member; before = before->next()) {
        if (before->name_ == member->name_) return fail(internal::duplicate_name(member->name_));
      }
    }
    return true;
  }

  bool check_many_names(const JsonNode& object) {
    std::vector<std::string_view> names;
    for (const auto* member = object.begin(); member != object.next(); member = member->next())
      names.push_back(member->name_);
    std::ranges::sort(names);
    const auto found = std::ranges::adjacent_find(names);
    return found == names.end() || fail(internal::duplicate_name(*found));
  }
};

namespace {

// As JSON writes one.
bool is_large_integer(std::string_view number) {
  const auto digits = number.substr(number.starts_with('-') ? 1 : 0);
  if (digits.empty() || digits.front() == '0' || digits.find_first_not_of("0123456789") != digits.npos)
    return false;
  std::int64_t value = 0;
  return std::from_chars(number.data(), number.data() + number.size(), value).ec ==
         std::errc::result_out_of_range;
}

// With a double for each integer that does not fit 64 bits, signed. Nothing: there is none. What is no JSON
// is none afterwards.
std::optional<std::string> with_doubles(std::string_view text) {
  std::string out;
  bool any = false;
  while (!text.empty()) {
    std::size_t size = 1;
    if (text.front() == '"') {
      while (size < text.size() && text[size] != '"') size += text[size] == '\\' ? 2 : 1;
      size = std::min(size + 1, text.size());
    } else {
      size = std::max<std::size_t>(std::min(text.find_first_not_of("+-.0123456789Ee"), text.size()), 1);
    }
    const bool large = is_large_integer(text.substr(0, size));
    out += large ? std::string_view("1e19") : text.substr(0, size);
    any = any || large;
    text.remove_prefix(size);
  }
  return any ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

JsonReader::JsonReader() = default;
JsonReader::~JsonReader() = default;

Result<const JsonNode*> JsonReader::read(std::string_view text, const JsonLimits& limits,
                                         LargeIntegers large) {
  auto made = read_once(text, limits);
  if (made || large == LargeIntegers::kRefused || text.size() > limits.max_bytes) return made;
  const auto other = with_doubles(text);
  return other ? read_once(*other, limits) : made;
}

Result<const JsonNode*> JsonReader::read_once(std::string_view text, const JsonLimits& limits) {
  TRY(internal::check_text(text, limits));
  nodes_.clear();
  // What one long text needed is not held for short ones.
  if (nodes_.capacity() > internal::kKeptParserBytes / sizeof(JsonNode)) nodes_.shrink_to_fit();
  if (parser_ == nullptr || parser_->parser.capacity() > internal::kKeptParserBytes)
    parser_ = std::make_unique<Parser>();
  const auto max_depth = std::min(limits.max_depth, internal::kDepthCeiling);
  Reading reading{nodes_, max_depth, text.find('\\') != text.npos};
  return internal::parse_with(parser_->parser, text, max_depth,
                              [&](simdjson::dom::element root) -> Result<const JsonNode*> {
                                if (!reading.read(root, 0, {}))
                                  return std::unexpected(std::move(reading.error));
                                return nodes_.data();
                              });
}

std::string_view JsonNode::kind() const noexcept {
  switch (kind_) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "boolean";
    case Kind::kInt:
    case Kind::kDouble:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "";
}

const JsonNode* JsonNode::find(std::string_view name) const noexcept {
  if (!is_object()) return nullptr;
  for (const auto* member = begin(); member != next(); member = member->next()) {
    if (member->name_ == name) return member;
  }
  return nullptr;
}

Json JsonNode::tree() const {
  switch (kind_) {
    case Kind::kNull:
      return {};
    case Kind::kBool:
      return Json(integer_ != 0);
    case Kind::kInt:
      return Json(integer_);
    case Kind::kDouble:
      return Json(number_);
    case Kind::kString:
      return Json(text_);
    case Kind::kArray: {
      Json::Array items;
      for (const auto* item = begin(); item != next(); item = item->next()) items.push_back(item->tree());
      return Json(std::move(items));
    }
    case Kind::kObject: {
      Json::Object members;
      for (const auto* member = begin(); member != next(); member = member->next())
        members.emplace_back(std::string(member->name_), member->tree());
      return Json(std::move(members));
    }
  }
  return {};
}

}  // namespace writ::codec
