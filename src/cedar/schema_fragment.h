// A schema as it is written, before any name in it is resolved: what both syntaxes are parsed into, and what
// the printers print (cedar/schema_syntax.h). The checked form, which decisions and the validator use, is in
// cedar/schema.h.
//
// Plain values. Names are kept as written; a span is that of the Cedar syntax, and empty for JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cedar/ast.h"

namespace writ::cedar {

// A name such as `User` or `Billing::Invoice`, with or without its namespace.
struct TypeName {
  std::string text;
  Span span = {};
  friend bool operator==(const TypeName& a, const TypeName& b) { return a.text == b.text; }
};

struct AttributeDecl;

enum class TypeForm : std::uint8_t {
  kString,
  kLong,
  kBoolean,
  kSet,             // element[0]
  kRecord,          // attributes
  kEntity,          // name: must be an entity type
  kCommon,          // name: must be a common type
  kEntityOrCommon,  // name: a common type, or else an entity type
  kExtension,       // name: ipaddr, decimal, datetime, duration
};

struct TypeDecl {
  TypeForm form = TypeForm::kRecord;
  std::string name = {};
  std::vector<TypeDecl> element;
  std::vector<AttributeDecl> attributes;  // names are distinct
  bool additional_attributes = false;     // `additionalAttributes` of JSON; not supported when true
  Span span = {};

  friend bool operator==(const TypeDecl& a, const TypeDecl& b);
};

struct AttributeDecl {
  std::string name;
  TypeDecl type;
  bool required = true;
  std::vector<Annotation> annotations = {};
  friend bool operator==(const AttributeDecl&, const AttributeDecl&) = default;
};

inline bool operator==(const TypeDecl& a, const TypeDecl& b) {
  return a.form == b.form && a.name == b.name && a.element == b.element && a.attributes == b.attributes &&
         a.additional_attributes == b.additional_attributes;
}

struct CommonTypeDecl {
  TypeName name;
  TypeDecl type;
  std::vector<Annotation> annotations = {};
  friend bool operator==(const CommonTypeDecl&, const CommonTypeDecl&) = default;
};

struct EntityTypeDecl {
  TypeName name;
  std::vector<std::string> choices = {};  // of an enumerated type; empty for others
  std::vector<TypeName> parents = {};
  TypeDecl shape = {};
  std::optional<TypeDecl> tags = {};
  std::vector<Annotation> annotations = {};
  friend bool operator==(const EntityTypeDecl&, const EntityTypeDecl&) = default;
};

// An action as a parent: its type is `Action` of the namespace unless it is written.
struct ActionName {
  std::optional<std::string> type;
  std::string id;
  Span span = {};
  friend bool operator==(const ActionName& a, const ActionName& b) {
    return a.type == b.type && a.id == b.id;
  }
};

struct AppliesTo {
  std::vector<TypeName> principals = {};
  std::vector<TypeName> resources = {};
  TypeDecl context = {};
  friend bool operator==(const AppliesTo&, const AppliesTo&) = default;
};

struct ActionDecl {
  std::string id;
  std::optional<std::vector<ActionName>> parents = {};
  std::optional<AppliesTo> applies_to = {};  // absent: applies to nothing
  std::vector<Annotation> annotations = {};
  Span span = {};
  friend bool operator==(const ActionDecl& a, const ActionDecl& b) {
    return a.id == b.id && a.parents == b.parents && a.applies_to == b.applies_to &&
           a.annotations == b.annotations;
  }
};

struct NamespaceDecl {
  std::string name;  // empty for what stands in no namespace
  std::vector<CommonTypeDecl> common_types = {};
  std::vector<EntityTypeDecl> entity_types = {};
  std::vector<ActionDecl> actions = {};
  std::vector<Annotation> annotations = {};
  Span span = {};

  bool declares_nothing() const noexcept {
    return common_types.empty() && entity_types.empty() && actions.empty();
  }
  friend bool operator==(const NamespaceDecl& a, const NamespaceDecl& b) {
    return a.name == b.name && a.common_types == b.common_types && a.entity_types == b.entity_types &&
           a.actions == b.actions && a.annotations == b.annotations;
  }
};

struct SchemaFragment {
  std::vector<NamespaceDecl> namespaces = {};
  friend bool operator==(const SchemaFragment&, const SchemaFragment&) = default;
};

}  // namespace writ::cedar
