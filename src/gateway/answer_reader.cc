#include "gateway/answer_reader.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/conform.h"
#include "cedar/schema.h"
#include "codec/json_pointer.h"
#include "codec/pick.h"
#include "codec/twin.h"
#include "gateway/fact_finder.h"

namespace writ::gateway {
namespace {

using cedar::Arena;
using cedar::Type;
using cedar::TypeKind;
using cedar::Value;
using codec::Json;

constexpr std::size_t kMaxKept = 16;

Result<void> check_pointer(std::string_view key, std::string_view pointer) {
  if (!codec::is_json_pointer(pointer))
    return invalid(
        fmt::format("`{}` is not a JSON pointer for `{}`, expected for example `/tenant`", pointer, key));
  if (!std::ranges::all_of(codec::pointer_names(pointer), codec::is_ascii_name))
    return invalid(
        fmt::format("the pointer `{}` has a name that other readers could take for another one; use "
                    "letters and digits of ASCII",
                    pointer));
  return {};
}

// Without a schema: what can only be meant in one way.
Result<Value> plain_value(Arena& arena, const Json& json) {
  if (const auto* text = json.if_string()) return cedar::make_string(arena, *text);
  if (const auto* integer = json.if_int()) return Value::integer(*integer);
  if (const auto* boolean = json.if_bool()) return Value::boolean(*boolean);
  const auto* items = json.if_array();
  if (items == nullptr)
    return invalid(fmt::format("is of a kind that only a schema gives a type to: {}", json.kind()));
  std::vector<Value> values;
  for (const Json& item : *items) values.push_back(TRY(plain_value(arena, item)));
  return cedar::make_set(arena, values);
}

// APIs name an entity by its id alone, where the schema knows of which type it is: a text, or an integer as
// it is written in decimal.
Result<Value> typed_value(Arena& arena, const Json& json, const Type& type) {
  if (type.is(TypeKind::kEntity) && type.entity_types().size() == 1) {
    const auto& entity = type.entity_types().front();
    if (const auto* text = json.if_string()) return Value::entity(arena.entity(entity, *text));
    if (const auto* integer = json.if_int())
      return Value::entity(arena.entity(entity, std::to_string(*integer)));
  }
  if (const auto* items = json.if_array(); items != nullptr && type.is(TypeKind::kSet)) {
    std::vector<Value> values;
    for (const Json& item : *items) values.push_back(TRY(typed_value(arena, item, type.element())));
    return cedar::make_set(arena, values);
  }
  const auto value = TRY(cedar::value_from_json(arena, json, type));
  if (!has_type(value, type)) return invalid(fmt::format("is not of the type `{}`", type.to_string()));
  return value;
}

// Absent: it is not there, and need not be. What a guard goes by has to be: hiding it would help.
Result<std::optional<Value>> attribute(Arena& arena, Result<const Json*> at, std::string_view name,
                                       const cedar::AttributeType* type) {
  const Json* found = TRY(std::move(at));
  if (found == nullptr || found->is_null()) {
    if (is_guarded_attribute(name)) return invalid("is missing, and a guard goes by it");
    if (type != nullptr && !type->required) return std::nullopt;
    return invalid("is missing");
  }
  return std::optional(
      TRY(type != nullptr ? typed_value(arena, *found, type->type) : plain_value(arena, *found)));
}

// A text or an integer; nothing for what is no id.
std::optional<std::string> id_of(const Json* found) {
  if (found == nullptr) return std::nullopt;
  if (const auto* text = found->if_string(); text != nullptr && !text->empty()) return *text;
  if (const auto* integer = found->if_int()) return std::to_string(*integer);
  return std::nullopt;
}

// Nothing where what its permits leave out cannot be left out.
std::optional<std::string> left_of(std::string_view text, const enforce::Element& element) {
  if (element.obligations == nullptr) return std::string(text);
  auto left = codec::cut_json(text, *element.obligations, {.max_bytes = text.size()});
  return left ? std::optional(*std::move(left)) : std::nullopt;
}

}  // namespace

std::optional<std::string_view> answer_pointer(std::string_view text) noexcept {
  constexpr std::string_view kWord = "answer ";
  if (!text.starts_with(kWord)) return std::nullopt;
  return text.substr(kWord.size());
}

Result<AnswerReader> AnswerReader::make(AnswerSpec spec) {
  AnswerReader reader(std::move(spec));
  const auto& made = reader.spec_;
  if (made.attributes.empty())
    return invalid(
        "`decide` decides by nothing: no attribute comes from the API's answer, as in "
        "`attributes: { tenant: answer /tenant }`");
  for (const auto& [name, pointer] : made.attributes) {
    TRY(check_pointer(name, pointer));
    // What a task earns is earned before the API is asked.
    if (name == "taskLabels") return invalid("`taskLabels` cannot come from an answer");
  }
  if (!made.id.empty()) TRY(check_pointer("id", made.id));
  if (!made.elements) {
    for (const auto& [name, pointer] : made.attributes)
      reader.pointers_.push_back(codec::pointer_names(pointer));
    if (!made.id.empty()) reader.pointers_.push_back(codec::pointer_names(made.id));
  }
  if (!made.read.empty() && made.elements)
    return invalid("`decide: on read` reads one resource, and `elements` are those of a list");
  const bool same_kind = made.element_action.empty() && made.element_type.empty();
  if (!made.elements) {
    if (!made.keep.empty() || !same_kind)
      return invalid("`keep` and `each` are about a list, and there are no `elements`");
  } else {
    if (made.id.empty()) return invalid("`elements` needs an `id`: the pointer to it in each element");
    if (*made.elements != ".") {
      TRY(check_pointer("elements", *made.elements));
      reader.list_ = *made.elements;
      reader.list_names_ = codec::pointer_names(*made.elements);
    }
    if (made.keep.size() > kMaxKept) return invalid(fmt::format("`keep` has at most {} pointers", kMaxKept));
    for (const auto& pointer : made.keep) {
      TRY(check_pointer("keep", pointer));
      auto names = codec::pointer_names(pointer);
      const auto shorter = std::min(names.size(), reader.list_names_.size());
      if (std::equal(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shorter),
                     reader.list_names_.begin()))
        return invalid(fmt::format("`keep` names `{}`, which is in the list or around it", pointer));
      reader.kept_.push_back(std::move(names));
    }
  }
  if (!made.elements || same_kind) {
    for (const auto& [name, pointer] : made.attributes) reader.awaited_.push_back(name);
  }
  return reader;
}

// `find` finds the attribute of that place in spec_.
template <class Find>
enforce::AnswerFacts AnswerReader::facts_found(Find find, std::string_view type,
                                               enforce::Attributes told) const {
  return [this, find = std::move(find), type = std::string(type), told = std::move(told)](
             Arena& arena, const cedar::Schema* schema) -> Result<Value> {
    const auto* entity = schema != nullptr ? schema->find_entity_type(type) : nullptr;
    if (schema != nullptr && entity == nullptr)
      return invalid(fmt::format("the schema does not have the type `{}`", type));
    const auto& known = told ? told(arena).as_record() : *cedar::empty_record();
    auto* fields = arena.allocate_array<cedar::TextField>(known.size + spec_.attributes.size());
    auto* end = std::uninitialized_copy(known.begin(), known.end(), fields);
    for (std::size_t i = 0; i < spec_.attributes.size(); ++i) {
      const auto& [name, pointer] = spec_.attributes[i];
      const cedar::AttributeType* declared = nullptr;
      if (entity != nullptr) {
        const auto found = entity->attributes.find(name);
        if (found == entity->attributes.end())
          return invalid(fmt::format("the schema does not have the attribute `{}` of `{}`", name, type));
        declared = &found->second;
      }
      auto value = attribute(arena, find(i), name, declared);
      if (!value)
        return invalid(fmt::format("`{}` of the API's answer, the attribute `{}`: {}", pointer, name,
                                   value.error().message));
      if (*value) std::construct_at(end++, cedar::TextField{arena.text(name), **value});
    }
    return cedar::make_record(arena, std::span<const cedar::TextField>(fields, end));
  };
}

enforce::AnswerFacts AnswerReader::facts(std::shared_ptr<const Held> held, std::string_view type,
                                         enforce::Attributes told) const {
  const auto find = [held = std::move(held)](std::size_t i) -> Result<const Json*> {
    const auto& value = (*held)[i];
    return value ? &*value : nullptr;
  };
  return facts_found(find, type, std::move(told));
}

AnswerReader::Read AnswerReader::read(std::string body, std::string_view resource_type,
                                      std::string_view resource_id, enforce::Attributes told) const {
  Read read;
  read.body_ = std::move(body);
  read.answer.is_list = is_list();
  const codec::JsonLimits limits{.max_bytes = read.body_.size()};
  if (is_list()) {
    auto parsed = codec::parse_json(read.body_, limits);
    if (!parsed) {
      read.answer.unreadable = "the API's answer: " + parsed.error().message;
      return read;
    }
    read.json_ = std::make_shared<const Json>(*std::move(parsed));
    const auto& type = spec_.element_type;
    if (auto wrong = read_list(read, type.empty() ? resource_type : type, told))
      read.answer.unreadable = "the API's answer: " + *std::move(wrong);
    return read;
  }
  auto picked = codec::pick_alone(read.body_, pointers_, limits);
  if (!picked) {
    read.answer.unreadable = "the API's answer: " + picked.error().message;
    return read;
  }
  if (!spec_.read.empty()) {
    auto held = std::make_shared<Held>();
    for (std::size_t i = 0; i < spec_.attributes.size(); ++i)
      held->push_back(picked->found[i].value_or(std::nullopt));
    read.held_ = std::move(held);
  }
  auto find = [found = std::move(picked->found)](std::size_t i) -> Result<const Json*> {
    if (!found[i]) return std::unexpected(found[i].error());
    return *found[i] ? &**found[i] : nullptr;
  };
  if (picked->kind != "object") {
    read.answer.unreadable = fmt::format("the API's answer is not an object but: {}", picked->kind);
  } else if (!spec_.id.empty() && id_of(find(spec_.attributes.size()).value_or(nullptr)) != resource_id) {
    read.answer.unreadable =
        fmt::format("`{}` of the API's answer is not the id that was asked for", spec_.id);
  }
  read.answer.facts = facts_found(std::move(find), resource_type, std::move(told));
  return read;
}

// Nothing, or what is wrong with it.
std::optional<std::string> AnswerReader::read_list(Read& read, std::string_view type,
                                                   const enforce::Attributes& told) const {
  const Json* list = list_.empty() ? read.json_.get() : codec::at_pointer_alone(*read.json_, list_);
  const auto* items = list != nullptr ? list->if_array() : nullptr;
  if (items == nullptr) return fmt::format("there is no list at `{}`", *spec_.elements);
  if (items->size() > kMaxElements) return fmt::format("its list has more than {} elements", kMaxElements);
  auto texts = codec::object_texts(read.body_, list_);
  if (!texts || texts->size() != items->size())
    return fmt::format("its list at `{}` is unclear", *spec_.elements);
  read.texts_ = *std::move(texts);
  for (const auto& pointer : spec_.keep) {
    const auto kept = codec::find_alone(*read.json_, pointer);
    if (!kept) return fmt::format("`{}` is unclear", pointer);
    if (*kept != nullptr && !codec::scalar_text(read.body_, pointer))
      return fmt::format("`{}` is not a number, text or boolean", pointer);
  }
  for (const Json& item : *items) {
    enforce::Element element;
    if (auto id = item.is_object() ? id_of(codec::at_pointer_alone(item, spec_.id)) : std::nullopt) {
      element.id = *std::move(id);
      const auto find = [this, json = read.json_, &item](std::size_t i) {
        return codec::find_alone(item, spec_.attributes[i].second);
      };
      element.facts = facts_found(find, type, told);
    }
    read.answer.elements.push_back(std::move(element));
  }
  return std::nullopt;
}

// Whether what is kept, or the list, stands at the path or below it.
bool AnswerReader::leads_to_kept(const std::vector<std::string>& path) const {
  const auto leads = [&](const std::vector<std::string>& names) {
    return path.size() <= names.size() && std::equal(path.begin(), path.end(), names.begin());
  };
  return leads(list_names_) || std::ranges::any_of(kept_, leads);
}

void AnswerReader::append(std::string& out, const Read& read, const Json& json,
                          std::vector<std::string>& path) const {
  if (path == list_names_) {
    char separator = '[';
    for (std::size_t i = 0; i < read.texts_.size(); ++i) {
      const auto& element = read.answer.elements[i];
      if (!element.permitted) continue;
      const auto left = left_of(read.texts_[i], element);
      if (!left) continue;
      out += separator;
      out += *left;
      separator = ',';
    }
    out += separator == '[' ? "[]" : "]";
    return;
  }
  if (const auto kept = std::ranges::find(kept_, path); kept != kept_.end()) {
    const auto& pointer = spec_.keep[static_cast<std::size_t>(kept - kept_.begin())];
    out += codec::scalar_text(read.body_, pointer).value_or("null");
    return;
  }
  char separator = '{';
  for (const auto& [name, value] : *json.if_object()) {
    path.push_back(name);
    const bool whole = path == list_names_ || std::ranges::find(kept_, path) != kept_.end();
    if (whole || (value.is_object() && leads_to_kept(path))) {
      out += separator;
      codec::append_json_string(out, name);
      out += ':';
      append(out, read, value, path);
      separator = ',';
    }
    path.pop_back();
  }
  out += separator == '{' ? "{}" : "}";
}

std::string AnswerReader::Read::take_body(const AnswerReader& reader) && {
  if (!reader.is_list()) return std::move(body_);
  std::string out;
  std::vector<std::string> path;
  reader.append(out, *this, *json_, path);
  return out;
}

}  // namespace writ::gateway
