#include "codec/json_pointer.h"

#include <algorithm>
#include <charconv>
#include <simdjson.h>
#include <span>

#include "codec/twin.h"

namespace writ::codec {
namespace {

constexpr std::string_view kNumber = "0123456789+-.eE";

// RFC 6901 §4: `~1` is a slash, and then `~0` a tilde.
std::string unescaped(std::string_view token) {
  std::string name;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      name.push_back(token[i]);
    } else {
      name.push_back(token[++i] == '1' ? '/' : '~');
    }
  }
  return name;
}

// RFC 6901 §4: digits without a leading zero.
const Json* item(const Json::Array& items, std::string_view token) {
  std::size_t at = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), at);
  const bool leading_zero = token.size() > 1 && token.front() == '0';
  if (error != std::errc() || end != token.data() + token.size() || leading_zero) return nullptr;
  return at < items.size() ? &items[at] : nullptr;
}

const Json* step(const Json& json, const std::string& name) {
  return json.is_array() ? item(*json.if_array(), name) : json.find(name);
}

// Of the first of the names, or of it and some that follow.
bool has_twin(const Json& json, std::span<const std::string> names) {
  const auto* members = json.if_object();
  if (members == nullptr) return false;
  std::string joined;
  for (const auto& name : names) {
    joined += name;
    for (const auto& [other, value] : *members) {
      if (other != names.front() && may_read_as(other, joined)) return true;
    }
  }
  return false;
}

}  // namespace

bool is_json_pointer(std::string_view pointer) noexcept {
  if (!pointer.starts_with('/')) return false;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] != '~') continue;
    if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) return false;
  }
  return true;
}

std::vector<std::string> pointer_names(std::string_view pointer) {
  std::vector<std::string> names;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    names.push_back(unescaped(token));
  }
  return names;
}

const Json* at_pointer(const Json& json, std::string_view pointer) {
  if (!is_json_pointer(pointer)) return nullptr;
  const Json* found = &json;
  for (const auto& name : pointer_names(pointer)) {
    if (found == nullptr) return nullptr;
    found = step(*found, name);
  }
  return found;
}

const Json* at_pointer_alone(const Json& json, std::string_view pointer) {
  return find_alone(json, pointer).value_or(nullptr);
}

Result<const Json*> find_alone(const Json& json, std::string_view pointer) {
  if (!is_json_pointer(pointer)) return failure(ErrorCode::kInvalid, "json: not a pointer");
  const auto names = pointer_names(pointer);
  const Json* found = &json;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (found == nullptr) return nullptr;
    if (has_twin(*found, std::span(names).subspan(i)))
      return failure(ErrorCode::kInvalid, "json: other readers could find another value");
    found = step(*found, names[i]);
  }
  return found;
}

Result<std::string> number_text(std::string_view text, std::string_view pointer) {
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::value value;
  const bool found = parser.iterate(padded).get(document) == simdjson::SUCCESS &&
                     document.at_pointer(pointer).get(value) == simdjson::SUCCESS;
  if (!found) return failure(ErrorCode::kInvalid, "json: there is no such value");
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_first_not_of(kNumber));
  if (token.empty()) return failure(ErrorCode::kInvalid, "json: the value is not a number");
  return std::string(token);
}

namespace {

// A padded copy of a text, and where in the text its parts are.
class Copy {
 public:
  explicit Copy(std::string_view text) : text_(text), padded_(text) {
    ok_ = parser_.iterate(padded_).get(document_) == simdjson::SUCCESS;
  }

  bool find(std::string_view pointer, simdjson::ondemand::value& value) {
    return ok_ && document_.at_pointer(pointer).get(value) == simdjson::SUCCESS;
  }
  bool find_array(std::string_view pointer, simdjson::ondemand::array& array) {
    if (!ok_) return false;
    if (pointer.empty()) return document_.get_array().get(array) == simdjson::SUCCESS;
    simdjson::ondemand::value value;
    return find(pointer, value) && value.get_array().get(array) == simdjson::SUCCESS;
  }
  std::string_view original(std::string_view part) const {
    return text_.substr(static_cast<std::size_t>(part.data() - padded_.data()), part.size());
  }

 private:
  std::string_view text_;
  simdjson::padded_string padded_;
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
  bool ok_ = false;
};

std::unexpected<Error> not_found(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

}  // namespace

Result<std::vector<std::string_view>> object_texts(std::string_view text, std::string_view pointer) {
  Copy copy(text);
  simdjson::ondemand::array array;
  if (!copy.find_array(pointer, array)) return not_found("json: there is no such array");
  std::vector<std::string_view> parts;
  for (auto item : array) {
    simdjson::ondemand::value value;
    simdjson::ondemand::json_type type;
    if (std::move(item).get(value) != simdjson::SUCCESS || value.type().get(type) != simdjson::SUCCESS)
      return not_found("json: malformed");
    std::string_view part;
    if (type == simdjson::ondemand::json_type::object) {
      simdjson::ondemand::object object;
      if (value.get_object().get(object) != simdjson::SUCCESS ||
          object.raw_json().get(part) != simdjson::SUCCESS)
        return not_found("json: malformed");
      parts.push_back(copy.original(part));
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

Result<std::string_view> scalar_text(std::string_view text, std::string_view pointer) {
  Copy copy(text);
  simdjson::ondemand::value value;
  bool scalar = false;
  if (!copy.find(pointer, value) || value.is_scalar().get(scalar) != simdjson::SUCCESS || !scalar)
    return not_found("json: there is no such number, text or boolean");
  auto part = copy.original(value.raw_json_token());
  const auto end = part.find_last_not_of(" \t\r\n");
  return part.substr(0, end == part.npos ? 0 : end + 1);
}

}  // namespace writ::codec
