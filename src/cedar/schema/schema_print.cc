// Schema fragments, printed: as JSON and in the Cedar syntax.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cedar/schema_syntax.h"
#include "cedar/symbols.h"

namespace writ::cedar {
namespace {

using codec::Json;

// JSON.

Json type_json(const TypeDecl& decl);

void add_annotations(Json& json, const std::vector<Annotation>& annotations) {
  if (annotations.empty()) return;
  Json members = Json::object();
  for (const Annotation& annotation : annotations)
    members.set(annotation.name, annotation.value ? Json(*annotation.value) : Json());
  json.set("annotations", std::move(members));
}

Json names_json(const std::vector<TypeName>& names) {
  Json list = Json::array();
  for (const TypeName& name : names) list.push(Json(name.text));
  return list;
}

Json record_json(const TypeDecl& decl) {
  Json attributes = Json::object();
  for (const AttributeDecl& attribute : decl.attributes) {
    Json json = type_json(attribute.type);
    if (!attribute.required) json.set("required", Json(false));
    add_annotations(json, attribute.annotations);
    attributes.set(attribute.name, std::move(json));
  }
  Json record = Json::object({{"type", "Record"}, {"attributes", std::move(attributes)}});
  if (decl.additional_attributes) record.set("additionalAttributes", Json(true));
  return record;
}

Json type_json(const TypeDecl& decl) {
  switch (decl.form) {
    case TypeForm::kString:
      return Json::object({{"type", "String"}});
    case TypeForm::kLong:
      return Json::object({{"type", "Long"}});
    case TypeForm::kBoolean:
      return Json::object({{"type", "Boolean"}});
    case TypeForm::kSet:
      return Json::object({{"type", "Set"}, {"element", type_json(decl.element.at(0))}});
    case TypeForm::kRecord:
      return record_json(decl);
    case TypeForm::kEntity:
      return Json::object({{"type", "Entity"}, {"name", decl.name}});
    case TypeForm::kExtension:
      return Json::object({{"type", "Extension"}, {"name", decl.name}});
    case TypeForm::kCommon:
      // A name that JSON would take for one of its own words needs the longer form.
      if (!is_reserved_type_name(decl.name) && decl.name != "EntityOrCommon")
        return Json::object({{"type", decl.name}});
      break;
    case TypeForm::kEntityOrCommon:
      break;
  }
  return Json::object({{"type", "EntityOrCommon"}, {"name", decl.name}});
}

Json entity_json(const EntityTypeDecl& decl) {
  Json json = Json::object();
  if (!decl.choices.empty()) {
    Json choices = Json::array();
    for (const std::string& id : decl.choices) choices.push(Json(id));
    json.set("enum", std::move(choices));
  }
  if (!decl.parents.empty()) json.set("memberOfTypes", names_json(decl.parents));
  if (decl.shape != TypeDecl()) json.set("shape", type_json(decl.shape));
  if (decl.tags) json.set("tags", type_json(*decl.tags));
  add_annotations(json, decl.annotations);
  return json;
}

Json action_json(const ActionDecl& decl) {
  Json json = Json::object();
  if (decl.applies_to) {
    Json applies = Json::object({{"principalTypes", names_json(decl.applies_to->principals)},
                                 {"resourceTypes", names_json(decl.applies_to->resources)}});
    if (decl.applies_to->context != TypeDecl()) applies.set("context", type_json(decl.applies_to->context));
    json.set("appliesTo", std::move(applies));
  }
  if (decl.parents) {
    Json parents = Json::array();
    for (const ActionName& parent : *decl.parents) {
      Json one = Json::object({{"id", parent.id}});
      if (parent.type) one.set("type", Json(*parent.type));
      parents.push(std::move(one));
    }
    json.set("memberOf", std::move(parents));
  }
  add_annotations(json, decl.annotations);
  return json;
}

// The Cedar syntax.

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text);
  return out + '"';
}

std::string name_or_string(std::string_view text) {
  return is_plain_attribute(text) ? std::string(text) : quoted(text);
}

std::string list_of(const std::vector<TypeName>& names) {
  std::string out = "[";
  for (const TypeName& name : names) out += (out.size() > 1 ? ", " : "") + name.text;
  return out + ']';
}

class SchemaPrinter {
 public:
  explicit SchemaPrinter(const SchemaFragment& fragment) {
    for (const NamespaceDecl& space : fragment.namespaces) {
      const auto qualified = [&](const TypeName& name) {
        return space.name.empty() ? name.text : space.name + "::" + name.text;
      };
      for (const CommonTypeDecl& decl : space.common_types) commons_.insert(qualified(decl.name));
      for (const EntityTypeDecl& decl : space.entity_types) entities_.insert(qualified(decl.name));
    }
  }

  Result<void> print(const NamespaceDecl& space);
  std::string take() && { return std::move(out_); }

 private:
  void line(std::string_view text) { out_.append(indent_ * 2, ' ').append(text); }
  void annotations(const std::vector<Annotation>& list);
  Result<void> entity(const EntityTypeDecl& decl);
  Result<void> action(const ActionDecl& decl);
  Result<void> applies_to(const AppliesTo& applies);
  Result<void> type(const TypeDecl& decl);
  Result<void> record(const TypeDecl& decl);
  // Whether a plain name would be taken for a common type.
  bool is_hidden(const std::string& name) const;

  std::string out_;
  std::size_t indent_ = 0;
  std::string space_;
  std::set<std::string> commons_;
  std::set<std::string> entities_;
};

void SchemaPrinter::annotations(const std::vector<Annotation>& list) {
  for (const Annotation& annotation : list) {
    line("@" + annotation.name);
    if (annotation.value) out_ += "(" + quoted(*annotation.value) + ")";
    out_ += '\n';
  }
}

bool SchemaPrinter::is_hidden(const std::string& name) const {
  if (commons_.contains(name)) return true;
  return !space_.empty() && name.find("::") == name.npos && commons_.contains(space_ + "::" + name);
}

Result<void> SchemaPrinter::type(const TypeDecl& decl) {
  switch (decl.form) {
    case TypeForm::kString:
      out_ += "__cedar::String";
      return {};
    case TypeForm::kLong:
      out_ += "__cedar::Long";
      return {};
    case TypeForm::kBoolean:
      out_ += "__cedar::Bool";
      return {};
    case TypeForm::kExtension:
      out_ += "__cedar::" + decl.name;
      return {};
    case TypeForm::kSet:
      out_ += "Set<";
      TRY(type(decl.element.at(0)));
      out_ += '>';
      return {};
    case TypeForm::kRecord:
      return record(decl);
    case TypeForm::kEntity:
      if (is_hidden(decl.name))
        return failure(ErrorCode::kUnsupported,
                       fmt::format("the entity type `{}` is hidden by the common type of that name, and the "
                                   "Cedar syntax cannot tell them apart",
                                   decl.name));
      break;
    case TypeForm::kCommon:
      // A built-in type, where an entity type of the namespace has its name.
      if (!is_hidden(decl.name) && entities_.contains(space_ + "::" + decl.name)) out_ += "__cedar::";
      break;
    case TypeForm::kEntityOrCommon:
      break;
  }
  out_ += decl.name;
  return {};
}

Result<void> SchemaPrinter::record(const TypeDecl& decl) {
  if (decl.additional_attributes)
    return failure(ErrorCode::kUnsupported, "the Cedar syntax has no records with additional attributes");
  out_ += '{';
  ++indent_;
  for (const AttributeDecl& attribute : decl.attributes) {
    out_ += &attribute == &decl.attributes.front() ? "\n" : ",\n";
    annotations(attribute.annotations);
    line(name_or_string(attribute.name));
    out_ += attribute.required ? ": " : "?: ";
    TRY(type(attribute.type));
  }
  --indent_;
  if (!decl.attributes.empty()) {
    out_ += '\n';
    line("");
  }
  out_ += '}';
  return {};
}

Result<void> SchemaPrinter::entity(const EntityTypeDecl& decl) {
  annotations(decl.annotations);
  line("entity " + decl.name.text);
  if (!decl.choices.empty()) {
    for (const std::string& id : decl.choices)
      out_ += (&id == &decl.choices.front() ? " enum [" : ", ") + quoted(id);
    out_ += ']';
  }
  if (!decl.parents.empty()) out_ += " in " + list_of(decl.parents);
  if (decl.shape.form != TypeForm::kRecord)
    return failure(ErrorCode::kUnsupported,
                   fmt::format("the shape of `{}` is the name of a type; the Cedar syntax has only records "
                               "there",
                               decl.name.text));
  if (decl.shape != TypeDecl()) {
    out_ += " = ";
    TRY(type(decl.shape));
  }
  if (decl.tags) {
    out_ += " tags ";
    TRY(type(*decl.tags));
  }
  out_ += ";\n";
  return {};
}

Result<void> SchemaPrinter::applies_to(const AppliesTo& applies) {
  ++indent_;
  out_ += " appliesTo {\n";
  line("principal: " + list_of(applies.principals) + ",\n");
  line("resource: " + list_of(applies.resources));
  if (applies.context != TypeDecl()) {
    const TypeForm form = applies.context.form;
    if (form != TypeForm::kRecord && form != TypeForm::kCommon)
      return failure(ErrorCode::kUnsupported, "a context can only be a record or a common type");
    out_ += ",\n";
    line("context: ");
    TRY(type(applies.context));
  }
  --indent_;
  out_ += '\n';
  line("}");
  return {};
}

Result<void> SchemaPrinter::action(const ActionDecl& decl) {
  annotations(decl.annotations);
  line("action " + name_or_string(decl.id));
  if (decl.parents && !decl.parents->empty()) {
    for (const ActionName& parent : *decl.parents) {
      out_ += &parent == &decl.parents->front() ? " in [" : ", ";
      out_ += parent.type ? *parent.type + "::" + quoted(parent.id) : name_or_string(parent.id);
    }
    out_ += ']';
  }
  // An action without principals or resources applies to nothing; there is only one way to say so.
  if (decl.applies_to && !decl.applies_to->principals.empty() && !decl.applies_to->resources.empty())
    TRY(applies_to(*decl.applies_to));
  out_ += ";\n";
  return {};
}

Result<void> SchemaPrinter::print(const NamespaceDecl& space) {
  if (!out_.empty()) out_ += '\n';
  space_ = space.name;
  annotations(space.annotations);
  if (!space.name.empty()) out_ += fmt::format("namespace {} {{\n", space.name);
  indent_ = space.name.empty() ? 0 : 1;
  for (const CommonTypeDecl& decl : space.common_types) {
    annotations(decl.annotations);
    line("type " + decl.name.text + " = ");
    TRY(type(decl.type));
    out_ += ";\n";
  }
  for (const EntityTypeDecl& decl : space.entity_types) TRY(entity(decl));
  for (const ActionDecl& decl : space.actions) TRY(action(decl));
  indent_ = 0;
  if (!space.name.empty()) out_ += "}\n";
  return {};
}

}  // namespace

codec::Json schema_to_json(const SchemaFragment& fragment) {
  Json json = Json::object();
  for (const NamespaceDecl& space : fragment.namespaces) {
    Json content = Json::object();
    Json commons = Json::object();
    for (const CommonTypeDecl& decl : space.common_types) {
      Json type = type_json(decl.type);
      add_annotations(type, decl.annotations);
      commons.set(decl.name.text, std::move(type));
    }
    if (!space.common_types.empty()) content.set("commonTypes", std::move(commons));
    Json entities = Json::object();
    for (const EntityTypeDecl& decl : space.entity_types) entities.set(decl.name.text, entity_json(decl));
    content.set("entityTypes", std::move(entities));
    Json actions = Json::object();
    for (const ActionDecl& decl : space.actions) actions.set(decl.id, action_json(decl));
    content.set("actions", std::move(actions));
    add_annotations(content, space.annotations);
    json.set(space.name, std::move(content));
  }
  return json;
}

Result<std::string> schema_to_text(const SchemaFragment& fragment) {
  SchemaPrinter printer(fragment);
  // What stands in no namespace comes first, as when it is read.
  for (const bool named : {false, true}) {
    for (const NamespaceDecl& space : fragment.namespaces) {
      if (space.name.empty() == named || (!named && space.declares_nothing())) continue;
      TRY(printer.print(space));
    }
  }
  return std::move(printer).take();
}

}  // namespace writ::cedar
