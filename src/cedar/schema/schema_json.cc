// The JSON form of schemas, read. Strict: a member that is not known is an issue.
#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <utility>

#include "cedar/schema_syntax.h"

namespace writ::cedar {
namespace {

using codec::Json;

constexpr std::size_t kMaxJsonDepth = 1000;

bool is_identifier(std::string_view text) {
  return is_plain_attribute(text) || is_reserved_word(text);
}

// Every reader puts what it finds wrong into `issues` and goes on with a default; `where` names the place.
class JsonReader {
 public:
  explicit JsonReader(std::vector<Issue>& issues) : issues_(issues) {}

  SchemaFragment fragment(const Json& json);

 private:
  using Names = std::span<const std::string_view>;

  void complain(std::string_view where, std::string message, std::string help = {});
  // The object's members, none of them unknown; null and an issue when it is not an object.
  const Json::Object* object(const Json& json, std::string_view where);
  void check_members(const Json::Object& object, std::initializer_list<std::string_view> known,
                     std::string_view where);
  const Json* required(const Json& json, std::string_view member, std::string_view where);
  std::string string(const Json& json, std::string_view where);
  std::vector<TypeName> names(const Json& json, std::string_view where);
  TypeName name(const Json& json, std::string_view where);
  std::vector<Annotation> annotations(const Json& json, std::string_view where);

  NamespaceDecl space(const std::string& name, const Json& json);
  CommonTypeDecl common_type(const std::string& name, const Json& json, std::string_view where);
  EntityTypeDecl entity_type(const std::string& name, const Json& json, std::string_view where);
  std::vector<std::string> choices(const Json& json, std::string_view where);
  ActionDecl action(const std::string& id, const Json& json, std::string_view where);
  AppliesTo applies_to(const Json& json, std::string_view where);
  ActionName action_name(const Json& json, std::string_view where);
  // `decorations`: the members beside those of the type itself.
  TypeDecl type(const Json& json, std::string_view where,
                std::initializer_list<std::string_view> decorations = {});
  TypeDecl type_of_form(std::string_view form, const Json& json, const std::string& where,
                        std::vector<std::string_view>& allowed);
  void read_record(TypeDecl& record, const Json& json, const std::string& where);
  AttributeDecl attribute(const std::string& name, const Json& json, const std::string& where);

  std::vector<Issue>& issues_;
  std::size_t depth_ = 0;
};

void JsonReader::complain(std::string_view where, std::string message, std::string help) {
  if (issues_.size() >= kMaxIssues) return;
  if (!where.empty()) message = fmt::format("{}: {}", where, message);
  issues_.push_back(make_placeless_issue({}, message, help));
}

const Json::Object* JsonReader::object(const Json& json, std::string_view where) {
  if (json.is_object()) return json.if_object();
  complain(where, fmt::format("expected an object, got {}", json.kind()));
  return nullptr;
}

void JsonReader::check_members(const Json::Object& object, std::initializer_list<std::string_view> known,
                               std::string_view where) {
  for (const auto& [member, value] : object) {
    if (std::find(known.begin(), known.end(), member) == known.end())
      complain(where,
               fmt::format("unknown member `{}`, expected one of `{}`", member, fmt::join(known, "`, `")));
  }
}

const Json* JsonReader::required(const Json& json, std::string_view member, std::string_view where) {
  const Json* found = json.find(member);
  if (found == nullptr) complain(where, fmt::format("the member `{}` is missing", member));
  return found;
}

std::string JsonReader::string(const Json& json, std::string_view where) {
  if (json.is_string()) return *json.if_string();
  complain(where, fmt::format("expected a string, got {}", json.kind()));
  return {};
}

TypeName JsonReader::name(const Json& json, std::string_view where) {
  TypeName name{string(json, where)};
  if (json.is_string() && !is_type_reference(name.text))
    complain(where, fmt::format("`{}` is not the name of a type", name.text));
  return name;
}

std::vector<TypeName> JsonReader::names(const Json& json, std::string_view where) {
  std::vector<TypeName> list;
  if (!json.is_array()) {
    complain(where, fmt::format("expected an array of names, got {}", json.kind()));
    return list;
  }
  for (const Json& element : *json.if_array()) list.push_back(name(element, where));
  return list;
}

std::vector<Annotation> JsonReader::annotations(const Json& json, std::string_view where) {
  std::vector<Annotation> list;
  const Json* found = json.find("annotations");
  if (found == nullptr) return list;
  const Json::Object* members = object(*found, fmt::format("{}, annotations", where));
  if (members == nullptr) return list;
  for (const auto& [name, value] : *members) {
    if (!is_identifier(name)) complain(where, fmt::format("`{}` cannot be an annotation's name", name));
    if (!value.is_string() && !value.is_null())
      complain(where, fmt::format("the annotation `{}` must be a string or null", name));
    Annotation annotation{name, {}, {}};
    if (value.is_string()) annotation.value = *value.if_string();
    list.push_back(std::move(annotation));
  }
  return list;
}

SchemaFragment JsonReader::fragment(const Json& json) {
  SchemaFragment fragment;
  const Json::Object* spaces = object(json, "schema");
  if (spaces == nullptr) return fragment;
  for (const auto& [name, content] : *spaces) {
    if (!name.empty() && !is_entity_type_name(name))
      complain({}, fmt::format("`{}` cannot be the name of a namespace", name));
    fragment.namespaces.push_back(space(name, content));
  }
  return fragment;
}

NamespaceDecl JsonReader::space(const std::string& name, const Json& json) {
  const std::string where =
      name.empty() ? std::string("the empty namespace") : fmt::format("namespace `{}`", name);
  NamespaceDecl space;
  space.name = name;
  const Json::Object* members = object(json, where);
  if (members == nullptr) return space;
  check_members(*members, {"commonTypes", "entityTypes", "actions", "annotations"}, where);
  space.annotations = annotations(json, where);
  if (name.empty() && !space.annotations.empty())
    complain(where, "annotations are not allowed on the empty namespace");
  const auto each = [&](const Json* list, std::string_view what, auto&& read) {
    const Json::Object* declarations = list == nullptr ? nullptr : object(*list, where);
    if (declarations == nullptr) return;
    for (const auto& [id, content] : *declarations)
      read(id, content, fmt::format("{}, {} `{}`", where, what, id));
  };
  each(json.find("commonTypes"), "common type", [&](const auto& id, const Json& content, const auto& at) {
    space.common_types.push_back(common_type(id, content, at));
  });
  each(required(json, "entityTypes", where), "entity type",
       [&](const auto& id, const Json& content, const auto& at) {
         space.entity_types.push_back(entity_type(id, content, at));
       });
  each(required(json, "actions", where), "action", [&](const auto& id, const Json& content, const auto& at) {
    space.actions.push_back(action(id, content, at));
  });
  return space;
}

CommonTypeDecl JsonReader::common_type(const std::string& name, const Json& json, std::string_view where) {
  if (!is_plain_attribute(name)) complain(where, "this cannot be the name of a type");
  if (is_reserved_type_name(name)) complain(where, "this name is reserved");
  CommonTypeDecl decl{{name}, type(json, where, {"annotations"}), annotations(json, where)};
  return decl;
}

std::vector<std::string> JsonReader::choices(const Json& json, std::string_view where) {
  std::vector<std::string> list;
  if (!json.is_array() || json.if_array()->empty()) {
    complain(where, "`enum` must be an array of at least one string");
    return list;
  }
  for (const Json& element : *json.if_array()) list.push_back(string(element, where));
  return list;
}

EntityTypeDecl JsonReader::entity_type(const std::string& name, const Json& json, std::string_view where) {
  EntityTypeDecl decl;
  decl.name = {name};
  if (!is_plain_attribute(name)) complain(where, "this cannot be the name of an entity type");
  const Json::Object* members = object(json, where);
  if (members == nullptr) return decl;
  decl.annotations = annotations(json, where);
  if (const Json* ids = json.find("enum")) {
    check_members(*members, {"enum", "annotations"}, where);
    decl.choices = choices(*ids, where);
    return decl;
  }
  check_members(*members, {"memberOfTypes", "shape", "tags", "annotations"}, where);
  if (const Json* parents = json.find("memberOfTypes"))
    decl.parents = names(*parents, fmt::format("{}, `memberOfTypes`", where));
  if (const Json* shape = json.find("shape")) decl.shape = type(*shape, fmt::format("{}, `shape`", where));
  if (const Json* tags = json.find("tags")) decl.tags = type(*tags, fmt::format("{}, `tags`", where));
  return decl;
}

ActionName JsonReader::action_name(const Json& json, std::string_view where) {
  ActionName action;
  const Json::Object* members = object(json, where);
  if (members == nullptr) return action;
  check_members(*members, {"id", "type"}, where);
  if (const Json* id = required(json, "id", where)) action.id = string(*id, where);
  const Json* type = json.find("type");
  if (type != nullptr && !type->is_null()) action.type = name(*type, where).text;
  return action;
}

ActionDecl JsonReader::action(const std::string& id, const Json& json, std::string_view where) {
  ActionDecl decl;
  decl.id = id;
  const Json::Object* members = object(json, where);
  if (members == nullptr) return decl;
  check_members(*members, {"attributes", "appliesTo", "memberOf", "annotations"}, where);
  const auto given = [&](std::string_view member) {
    const Json* found = json.find(member);
    return found != nullptr && !found->is_null() ? found : nullptr;
  };
  decl.annotations = annotations(json, where);
  if (given("attributes") != nullptr) complain(where, "actions have no attributes", "leave out `attributes`");
  if (const Json* applies = given("appliesTo"))
    decl.applies_to = applies_to(*applies, fmt::format("{}, `appliesTo`", where));
  if (const Json* parents = given("memberOf")) {
    decl.parents.emplace();
    if (!parents->is_array()) {
      complain(where, "`memberOf` must be an array");
    } else {
      for (const Json& parent : *parents->if_array())
        decl.parents->push_back(action_name(parent, fmt::format("{}, `memberOf`", where)));
    }
  }
  return decl;
}

AppliesTo JsonReader::applies_to(const Json& json, std::string_view where) {
  AppliesTo applies;
  const Json::Object* members = object(json, where);
  if (members == nullptr) return applies;
  check_members(*members, {"principalTypes", "resourceTypes", "context"}, where);
  if (const Json* types = required(json, "principalTypes", where))
    applies.principals = names(*types, fmt::format("{}, `principalTypes`", where));
  if (const Json* types = required(json, "resourceTypes", where))
    applies.resources = names(*types, fmt::format("{}, `resourceTypes`", where));
  if (const Json* context = json.find("context"))
    applies.context = type(*context, fmt::format("{}, `context`", where));
  return applies;
}

TypeDecl JsonReader::type(const Json& json, std::string_view at,
                          std::initializer_list<std::string_view> decorations) {
  const std::string where(at);
  TypeDecl decl;
  const Json::Object* members = object(json, where);
  const Json* form = members == nullptr ? nullptr : required(json, "type", where);
  if (form == nullptr) return decl;
  if (!form->is_string()) {
    complain(where, "`type` must be a string");
    return decl;
  }
  if (depth_ >= kMaxTypeNesting) {
    complain(where, "this type is nested too deeply");
    return decl;
  }
  ++depth_;
  std::vector<std::string_view> allowed(decorations);
  allowed.push_back("type");
  decl = type_of_form(*form->if_string(), json, where, allowed);
  --depth_;
  for (const auto& [member, value] : *members) {
    if (std::find(allowed.begin(), allowed.end(), member) == allowed.end())
      complain(where, fmt::format("unexpected member `{}` in the type `{}`", member, *form->if_string()));
  }
  return decl;
}

TypeDecl JsonReader::type_of_form(std::string_view form, const Json& json, const std::string& where,
                                  std::vector<std::string_view>& allowed) {
  TypeDecl decl;
  if (form == "String" || form == "Long" || form == "Boolean") {
    decl.form = form == "String" ? TypeForm::kString : form == "Long" ? TypeForm::kLong : TypeForm::kBoolean;
  } else if (form == "Set") {
    decl.form = TypeForm::kSet;
    allowed.push_back("element");
    const Json* element = required(json, "element", where);
    decl.element.push_back(element != nullptr ? type(*element, where + ", element") : TypeDecl());
  } else if (form == "Record") {
    allowed.insert(allowed.end(), {"attributes", "additionalAttributes"});
    read_record(decl, json, where);
  } else if (form == "Entity" || form == "EntityOrCommon" || form == "Extension") {
    decl.form = form == "Entity"      ? TypeForm::kEntity
                : form == "Extension" ? TypeForm::kExtension
                                      : TypeForm::kEntityOrCommon;
    allowed.push_back("name");
    if (const Json* named = required(json, "name", where)) decl.name = name(*named, where).text;
  } else {
    decl.form = TypeForm::kCommon;
    decl.name = form;
    if (!is_type_reference(form)) complain(where, fmt::format("`{}` is not the name of a type", form));
  }
  return decl;
}

void JsonReader::read_record(TypeDecl& record, const Json& json, const std::string& where) {
  if (const Json* open = json.find("additionalAttributes")) {
    if (!open->is_bool()) complain(where, "`additionalAttributes` must be true or false");
    record.additional_attributes = open->is_bool() && *open->if_bool();
  }
  const Json* attributes = required(json, "attributes", where);
  const Json::Object* members = attributes == nullptr ? nullptr : object(*attributes, where);
  if (members == nullptr) return;
  for (const auto& [name, content] : *members)
    record.attributes.push_back(attribute(name, content, fmt::format("{}, attribute `{}`", where, name)));
}

AttributeDecl JsonReader::attribute(const std::string& name, const Json& json, const std::string& where) {
  AttributeDecl decl{name, type(json, where, {"required", "annotations"})};
  if (!json.is_object()) return decl;
  decl.annotations = annotations(json, where);
  if (const Json* required = json.find("required")) {
    if (!required->is_bool()) complain(where, "`required` must be true or false");
    decl.required = !required->is_bool() || *required->if_bool();
  }
  return decl;
}

}  // namespace

Parsed<SchemaFragment> schema_fragment_from_json(const Json& json) {
  std::vector<Issue> issues;
  SchemaFragment fragment = JsonReader(issues).fragment(json);
  if (!issues.empty()) return std::unexpected(std::move(issues));
  return fragment;
}

Parsed<SchemaFragment> parse_schema_json(std::string_view text) {
  auto json = codec::parse_json(text, {.max_bytes = kMaxSchemaBytes, .max_depth = kMaxJsonDepth});
  if (!json) return std::unexpected(std::vector<Issue>{{{}, 0, 0, std::move(json).error().message, {}}});
  return schema_fragment_from_json(*json);
}

}  // namespace writ::cedar
