// The typechecker's rules for attributes and tags.
#include <algorithm>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "cedar/validate/typecheck.h"

namespace writ::cedar {
namespace {

bool has_capability(const Capabilities& prior, const Capability& wanted) {
  return std::binary_search(prior.begin(), prior.end(), wanted);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t kMaxWordBytes = 60;
  constexpr std::size_t kMaxWords = 1000;
  if (word.size() > kMaxWordBytes) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::size_t i = 0; i < std::min(known.size(), kMaxWords); ++i) {
    if (known[i].size() > kMaxWordBytes) continue;
    const std::size_t distance = edit_distance(word, known[i]);
    if (distance < least) {
      least = distance;
      best = known[i];
    }
  }
  return std::string(best);
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string nearest = nearest_word(word, known);
  return nearest.empty() ? std::string() : fmt::format("did you mean `{}`?", nearest);
}

std::optional<AttributeType> Typechecker::attribute_of(const Type& type, std::string_view name) const {
  if (type.is(TypeKind::kRecord)) {
    const auto found = type.attributes().find(name);
    if (found == type.attributes().end()) return std::nullopt;
    return found->second;
  }
  if (!type.is(TypeKind::kEntity)) return std::nullopt;
  // Of several entity types: what all have, with the type that covers all.
  std::optional<AttributeType> common;
  for (const std::string& each : type.entity_types()) {
    const SchemaEntityType* declared = schema_.find_entity_type(each);
    if (declared == nullptr) return std::nullopt;
    const auto found = declared->attributes.find(name);
    if (found == declared->attributes.end()) return std::nullopt;
    if (!common) {
      common = found->second;
      continue;
    }
    auto bound = least_upper_bound(common->type, found->second.type, ValidationMode::kPermissive);
    if (!bound) return std::nullopt;
    common = AttributeType{*std::move(bound), common->required && found->second.required};
  }
  return common;
}

bool Typechecker::may_have(const Type& type, std::string_view name) const {
  if (type.is(TypeKind::kNever) || type.is(TypeKind::kAnyEntity)) return true;
  if (type.is(TypeKind::kRecord)) return type.is_open() || type.attributes().contains(name);
  if (!type.is(TypeKind::kEntity)) return false;
  return std::any_of(type.entity_types().begin(), type.entity_types().end(), [&](const std::string& each) {
    const SchemaEntityType* declared = schema_.find_entity_type(each);
    return declared != nullptr && declared->attributes.contains(name);
  });
}

std::string Typechecker::shown(NodeId id, const Type& type) const {
  const std::string path = tree_.path(id);
  if (path.empty()) return fmt::format("a value of type `{}`", type.to_string());
  if (path == "context") return fmt::format("`context` of `{}`", request_.action->uid.id);
  return fmt::format("`{}` of type `{}`", path, type.to_string());
}

void Typechecker::complain_of_attribute(NodeId id, const Type& type) {
  const TreeNode& access = node(id);
  std::vector<std::string_view> known;
  const auto add_all = [&](const Attributes& attributes) {
    for (const auto& [name, attribute] : attributes) known.push_back(name);
  };
  if (type.is(TypeKind::kRecord)) add_all(type.attributes());
  if (type.is(TypeKind::kEntity)) {
    const SchemaEntityType* declared = schema_.find_entity_type(type.entity_types().front());
    if (declared != nullptr) add_all(declared->attributes);
  }
  complain(FindingKind::kUnknownAttribute, access.span,
           fmt::format("there is no attribute `{}` in {}", access.text, shown(access.operands[0], type)),
           suggestion(access.text, known));
}

Typed Typechecker::check_attribute(NodeId id, const Capabilities& prior) {
  const TreeNode& access = node(id);
  const NodeId target = access.operands[0];
  const Typed object = expect(target, prior, Want::kEntityOrRecord);
  if (!object.type) return {};
  auto attribute = attribute_of(*object.type, access.text);
  if (!attribute) {
    complain_of_attribute(id, *object.type);
    return {};
  }
  if (attribute->required || has_capability(prior, {node(target).shape, attribute_id(access.text), false}))
    return {object.ok, std::move(attribute->type), {}};
  const std::string path = tree_.path(target);
  std::string help = "guard it with `has`";
  if (!path.empty() && is_plain_attribute(access.text))
    help = fmt::format("guard it: `{0} has {1} && {0}.{1} ...`", path, access.text);
  complain(FindingKind::kOptionalAttribute, access.span,
           fmt::format("the attribute `{}` of {} is optional, and may be absent here", access.text,
                       shown(target, *object.type)),
           std::move(help));
  return {false, std::move(attribute->type), {}};
}

Typed Typechecker::check_has(const TreeNode& access, const Capabilities& prior) {
  const NodeId target = access.operands[0];
  const Typed object = expect(target, prior, Want::kEntityOrRecord);
  if (!object.type) return {false, Type(TypeKind::kBool), {}};
  const Capability capability{node(target).shape, attribute_id(access.text), false};
  const auto attribute = attribute_of(*object.type, access.text);
  if (!attribute) {
    const bool may = may_have(*object.type, access.text);
    return {object.ok, Type(may ? TypeKind::kBool : TypeKind::kFalse), {}};
  }
  // An entity need not exist, so even a required attribute may be missing; a record's is there.
  const bool surely =
      (attribute->required && object.type->is(TypeKind::kRecord)) || has_capability(prior, capability);
  Typed result{object.ok, Type(surely ? TypeKind::kTrue : TypeKind::kBool), {}};
  if (object.ok) result.capabilities.push_back(capability);
  return result;
}

std::vector<Type> Typechecker::tag_types(const Type& entity) const {
  std::vector<Type> types;
  const auto add = [&](const SchemaEntityType* declared) {
    if (declared != nullptr && declared->tags) types.push_back(*declared->tags);
  };
  if (entity.is(TypeKind::kEntity)) {
    for (const std::string& each : entity.entity_types()) add(schema_.find_entity_type(each));
  } else if (entity.is(TypeKind::kAnyEntity)) {
    for (const auto& [name, declared] : schema_.entity_types()) add(&declared);
  }
  return types;
}

Typed Typechecker::check_tag(const TreeNode& access, const Capabilities& prior) {
  const Typed object = expect(access.operands[0], prior, Want::kEntity);
  const Typed name = expect(access.operands[1], prior, Want::kString);
  if (!object.type) return {};
  const bool ok = object.ok && name.ok;
  const Capability capability{node(access.operands[0]).shape, node(access.operands[1]).shape, true};
  const bool known = has_capability(prior, capability);
  if (access.kind == ExprKind::kGetTag) {
    Typed result = get_tag(access, *object.type, known);
    result.ok = result.ok && ok;
    return result;
  }
  TypeKind kind = known ? TypeKind::kTrue : TypeKind::kBool;
  if (tag_types(*object.type).empty()) kind = TypeKind::kFalse;
  Typed result{ok, Type(kind), {}};
  if (ok) result.capabilities.push_back(capability);
  return result;
}

Typed Typechecker::get_tag(const TreeNode& access, const Type& entity, bool known) {
  if (!known) {
    complain(FindingKind::kTag, access.span, "this tag may be absent here", "guard it with `.hasTag(...)`");
    return {};
  }
  const std::vector<Type> types = tag_types(entity);
  if (types.empty()) {
    complain(FindingKind::kTag, access.span, fmt::format("`{}` has no tags", entity.to_string()));
    return {};
  }
  Type bound(TypeKind::kNever);
  for (const Type& next : types) {
    auto wider = least_upper_bound(bound, next, mode_);
    if (!wider) {
      complain(FindingKind::kTag, access.span,
               fmt::format("the tag may be of different types: `{}` and `{}`", bound.to_string(),
                           next.to_string()));
      return {};
    }
    bound = *std::move(wider);
  }
  return {true, std::move(bound), {}};
}

}  // namespace writ::cedar
