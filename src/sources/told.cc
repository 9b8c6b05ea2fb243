#include "sources/told.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "cedar/conform.h"

namespace writ::sources {
namespace {

using cedar::Arena;
using cedar::Type;
using cedar::TypeKind;
using cedar::Value;
using codec::Json;

constexpr std::size_t kMaxDigits = 15;  // that a double keeps
constexpr std::size_t kMaxElements = 64;

// A number where a decimal is expected, digit by digit; nothing where it may have been rounded.
std::optional<std::string> decimal_text(const Json& json) {
  if (const auto* integer = json.if_int()) return fmt::format("{}.0", *integer);
  const auto* number = json.if_double();
  if (number == nullptr || !std::isfinite(*number)) return std::nullopt;
  auto text = fmt::format("{}", *number);
  if (text.find('e') != text.npos || text.size() > kMaxDigits + 1) return std::nullopt;
  if (text.find('.') == text.npos) text += ".0";
  return text;
}

// Sources name an entity by its id alone, where the schema knows of which type it is.
Result<Value> typed(Arena& arena, const Json& json, const Type& type, const ToldRules& reading) {
  const auto* text = json.if_string();
  if (text != nullptr && type.is(TypeKind::kEntity) && type.entity_types().size() == 1)
    return Value::entity(arena.entity(type.entity_types().front(), *text));
  if (const auto* items = json.if_array(); items != nullptr && type.is(TypeKind::kSet)) {
    if (items->size() > kMaxElements) return invalid(fmt::format("has more than {} elements", kMaxElements));
    std::vector<Value> values;
    for (const Json& item : *items) values.push_back(TRY(typed(arena, item, type.element(), reading)));
    return cedar::make_set(arena, values);
  }
  if (const auto* number = json.if_int();
      number != nullptr && reading.numbers_are_bools && type.is(TypeKind::kBool) && (*number >> 1) == 0)
    return Value::boolean(*number == 1);
  if (type.is(TypeKind::kDecimal) && (json.is_int() || json.is_double())) {
    const auto digits = decimal_text(json);
    if (!digits) return invalid("is a number that may have been rounded");
    return cedar::value_from_json(arena, Json(*digits), type);
  }
  const auto value = TRY(cedar::value_from_json(arena, json, type));
  if (!has_type(value, type)) return invalid(fmt::format("is not of the type `{}`", type.to_string()));
  return value;
}

}  // namespace

Result<std::shared_ptr<ToldFacts>> told_by(const ToldRules& reading, const std::optional<Json>& said,
                                           const cedar::SchemaPtr& schema) {
  const auto* type = schema != nullptr ? schema->find_entity_type(reading.type) : nullptr;
  if (type == nullptr) return invalid(fmt::format("the schema does not have the type `{}`", reading.type));
  const auto is_needed = [&](const std::string& name) {
    return std::ranges::find(reading.needed, name) != reading.needed.end();
  };
  auto told = std::make_shared<ToldFacts>();
  told->known = said.has_value();
  told->schema = schema;
  if (said && said->dump().size() > kMaxToldBytes)
    return failure(ErrorCode::kLimit,
                   fmt::format("the attributes have more than {} bytes, as JSON", kMaxToldBytes));
  std::vector<cedar::TextField> fields;
  for (const auto& name : reading.attributes) {
    const auto wrong = [&](std::string_view why) {
      return invalid(fmt::format("the attribute `{}` {}", name, why));
    };
    const auto declared = type->attributes.find(name);
    if (declared == type->attributes.end())
      return wrong(fmt::format("is not one that the schema declares for `{}`", reading.type));
    const Json* value = said ? said->find(name) : nullptr;
    const bool there = value != nullptr && !value->is_null();
    told->has.push_back(there);
    if (!there) {
      if (is_needed(name)) return wrong("is missing, and a guard or a task goes by it");
      if (said && declared->second.required) return wrong("is missing, and the schema says that it is there");
      continue;
    }
    auto made = typed(told->arena, *value, declared->second.type, reading);
    if (!made) return wrong(made.error().message);
    fields.push_back({told->arena.text(name), *made});
  }
  if (!fields.empty())
    told->attributes =
        &cedar::make_record(told->arena, std::span<const cedar::TextField>(fields)).as_record();
  return told;
}

}  // namespace writ::sources
