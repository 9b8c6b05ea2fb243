#include "codec/members.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::codec {
namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Result<Members> Members::of(const Json& json, std::string_view what,
                            std::span<const std::string_view> allowed) {
  const auto* object = json.if_object();
  if (object == nullptr)
    return failure(ErrorCode::kInvalid, fmt::format("{} must be an object, found {}", what, json.kind()));
  for (const auto& [name, value] : *object) {
    if (std::ranges::find(allowed, name) == allowed.end()) {
      return failure(ErrorCode::kInvalid, fmt::format("{} has no member `{}`, expected one of {}", what, name,
                                                      fmt::join(allowed, ", ")));
    }
  }
  return Members(json, what);
}

std::unexpected<Error> Members::wrong(std::string_view name, std::string_view problem) const {
  return failure(ErrorCode::kInvalid, fmt::format("`{}` of {} {}", name, what_, problem));
}

Result<std::optional<std::string>> Members::optional_text(std::string_view name,
                                                          std::size_t max_bytes) const {
  const Json* json = find(name);
  if (json == nullptr || json->is_null()) return std::nullopt;
  const std::string* text = json->if_string();
  if (text == nullptr) return wrong(name, fmt::format("must be a string, found {}", json->kind()));
  if (text->empty()) return wrong(name, "must not be empty");
  if (text->size() > max_bytes)
    return failure(ErrorCode::kLimit, fmt::format("`{}` of {} has {} bytes, at most {} are allowed", name,
                                                  what_, text->size(), max_bytes));
  if (has_control(*text)) return wrong(name, "must not have control characters");
  return *text;
}

Result<std::string> Members::text(std::string_view name, std::size_t max_bytes) const {
  auto text = TRY(optional_text(name, max_bytes));
  if (!text) return wrong(name, "is missing");
  return *std::move(text);
}

Result<std::optional<std::int64_t>> Members::optional_integer(std::string_view name, std::int64_t min,
                                                              std::int64_t max) const {
  const Json* json = find(name);
  if (json == nullptr || json->is_null()) return std::nullopt;
  const std::int64_t* value = json->if_int();
  if (value == nullptr) return wrong(name, fmt::format("must be an integer, found {}", json->kind()));
  if (*value < min || *value > max)
    return wrong(name, fmt::format("must be from {} to {}, found {}", min, max, *value));
  return *value;
}

Result<std::int64_t> Members::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  const auto value = TRY(optional_integer(name, min, max));
  if (!value) return wrong(name, "is missing");
  return *value;
}

Result<bool> Members::boolean(std::string_view name, bool otherwise) const {
  const Json* json = find(name);
  if (json == nullptr || json->is_null()) return otherwise;
  if (!json->is_bool()) return wrong(name, fmt::format("must be true or false, found {}", json->kind()));
  return *json->if_bool();
}

Result<std::vector<std::string>> Members::texts(std::string_view name, std::size_t max_count,
                                                std::size_t max_bytes) const {
  std::vector<std::string> texts;
  const Json* json = find(name);
  if (json == nullptr || json->is_null()) return texts;
  const auto* array = json->if_array();
  if (array == nullptr) return wrong(name, fmt::format("must be a list, found {}", json->kind()));
  if (array->size() > max_count)
    return failure(ErrorCode::kLimit, fmt::format("`{}` of {} has {} entries, at most {} are allowed", name,
                                                  what_, array->size(), max_count));
  for (const Json& entry : *array) {
    const std::string* text = entry.if_string();
    if (text == nullptr || text->empty() || text->size() > max_bytes || has_control(*text))
      return wrong(name, fmt::format("must hold texts of 1 to {} bytes", max_bytes));
    if (std::find(texts.begin(), texts.end(), *text) != texts.end())
      return wrong(name, fmt::format("holds `{}` twice", *text));
    texts.push_back(*text);
  }
  return texts;
}

Json json_texts(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const auto& text : texts) array.push(text);
  return array;
}

}  // namespace writ::codec
