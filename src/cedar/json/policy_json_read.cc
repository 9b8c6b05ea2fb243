#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <unordered_set>

#include "cedar/entity_json.h"
#include "cedar/link.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/syntax/operators.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

using codec::Json;

Expr make_expr(ExprKind kind) {
  return Expr{kind, {}};
}

Expr make_expr(ExprKind kind, std::vector<Expr> operands) {
  Expr expr{kind, {}};
  expr.operands = std::move(operands);
  return expr;
}

std::size_t height(const Expr& expr) {
  std::size_t below = 0;
  for (const Expr& operand : expr.operands) below = std::max(below, height(operand));
  return below + 1 + (expr.kind == ExprKind::kHas ? expr.names.size() : 0);
}

// A member that may be absent; null is absent, too, as the reference has it.
const Json* given(const Json& json, std::string_view member) {
  const Json* found = json.find(member);
  return found != nullptr && found->is_null() ? nullptr : found;
}

// Reads one document and knows where in it it is.
class PolicyReader {
 public:
  Result<PolicySet> set(const Json& json) {
    TRY(only(json, {"staticPolicies", "templates", "templateLinks"}));
    PolicySet set;
    set.policies = TRY(policies(json, "staticPolicies"));
    set.templates = TRY(policies(json, "templates"));
    TRY(links(json, set));
    return set;
  }

  Result<Policy> policy(const Json& json, std::string id) {
    TRY(only(json, {"effect", "principal", "action", "resource", "conditions", "annotations"}));
    Policy policy;
    policy.id = std::move(id);
    const auto effect = TRY(string(json, "effect"));
    if (effect != "permit" && effect != "forbid")
      return fail(fmt::format("`{}` is not an effect, expected `permit` or `forbid`", effect));
    policy.effect = effect == "permit" ? Effect::kPermit : Effect::kForbid;
    policy.principal = TRY(scope(json, Variable::kPrincipal));
    policy.action = TRY(scope(json, Variable::kAction));
    policy.resource = TRY(scope(json, Variable::kResource));
    TRY(conditions(json, policy));
    TRY(annotations(json, policy));
    return policy;
  }

 private:
  // A part of the document: a member's name or an element's number on the path, while it lives.
  class Place {
   public:
    Place(PolicyReader& reader, std::string_view name) : path_(reader.path_), size_(path_.size()) {
      path_ += '/';
      for (const char c : name) c == '~' ? path_ += "~0" : c == '/' ? path_ += "~1" : path_ += c;
    }
    Place(PolicyReader& reader, std::size_t number) : Place(reader, std::to_string(number)) {}
    ~Place() { path_.resize(size_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    std::string& path_;
    const std::size_t size_;
  };

  std::unexpected<Error> fail(std::string_view message, ErrorCode code = ErrorCode::kInvalid) const {
    return failure(code, fmt::format("at `{}`: {}", path_.empty() ? "/" : path_, message));
  }
  std::unexpected<Error> fail(Error error) const { return fail(error.message, error.code); }

  Result<const Json::Object*> object(const Json& json) const {
    if (const auto* members = json.if_object()) return members;
    return fail(fmt::format("expected an object, found {}", json.kind()));
  }

  Result<const Json::Array*> array(const Json& json) const {
    if (const auto* elements = json.if_array()) return elements;
    return fail(fmt::format("expected an array, found {}", json.kind()));
  }

  // An object that has no members but these.
  Result<void> only(const Json& json, std::initializer_list<std::string_view> known) const {
    const Json::Object* members = TRY(object(json));
    for (const auto& [name, value] : *members) {
      if (std::ranges::find(known, name) == known.end())
        return fail(fmt::format("unknown member `{}`, expected {}", name, fmt::join(known, ", ")));
    }
    return {};
  }

  Result<const Json*> member(const Json& json, std::string_view name) const {
    if (const Json* found = json.find(name)) return found;
    return fail(fmt::format("`{}` is missing", name));
  }

  Result<std::string> text(const Json& json) const {
    if (const auto* text = json.if_string()) return *text;
    return fail(fmt::format("expected a string, found {}", json.kind()));
  }

  Result<std::string> string(const Json& json, std::string_view name) {
    const Json* found = TRY(member(json, name));
    const Place place(*this, name);
    return text(*found);
  }

  Result<std::string> entity_type(const Json& json, std::string_view name) {
    auto type = TRY(string(json, name));
    if (!is_entity_type_name(type)) return fail(fmt::format("`{}` is not an entity type", type));
    return type;
  }

  Result<EntityUid> uid(const Json& json) {
    names_.reset();
    const auto read = entity_from_json(names_, json);
    if (!read) return fail(read.error());
    return EntityUid{std::string(read->type()), std::string(read->id())};
  }

  Result<std::vector<Policy>> policies(const Json& json, std::string_view list) {
    const Json* found = TRY(member(json, list));
    const Place place(*this, list);
    std::vector<Policy> read;
    const Json::Object* members = TRY(object(*found));
    for (const auto& [id, one] : *members) {
      const Place in_policy(*this, id);
      if (!ids_.insert(id).second) return fail(fmt::format("two policies have the id `{}`", id));
      read.push_back(TRY(policy(one, id)));
      if (read.back().is_template() == (list == "templates")) continue;
      return fail(read.back().is_template() ? "a policy with a slot is a template"
                                            : "a template needs a slot, `?principal` or `?resource`");
    }
    return read;
  }

  Result<void> links(const Json& json, PolicySet& set) {
    const Json* found = TRY(member(json, "templateLinks"));
    const Place place(*this, "templateLinks");
    std::map<std::string_view, const Policy*> templates;
    for (const Policy& one : set.templates) templates.emplace(one.id, &one);
    const Json::Array* elements = TRY(array(*found));
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const Place in_link(*this, i);
      const Json& element = (*elements)[i];
      TRY(only(element, {"templateId", "newId", "values"}));
      TemplateLink link{TRY(string(element, "templateId")), TRY(string(element, "newId")), {}, {}};
      TRY(slot_values(element, link));
      const auto linked = templates.find(link.template_id);
      if (linked == templates.end()) return fail(fmt::format("there is no template `{}`", link.template_id));
      if (!ids_.insert(link.id).second) return fail(fmt::format("two policies have the id `{}`", link.id));
      if (auto done = check_link(*linked->second, link); !done) return fail(done.error());
      set.links.push_back(std::move(link));
    }
    return {};
  }

  Result<void> slot_values(const Json& json, TemplateLink& link) {
    const Json* values = TRY(member(json, "values"));
    const Place place(*this, "values");
    TRY(only(*values, {"?principal", "?resource"}));
    for (const auto& [slot, value] : *values->if_object()) {
      const Place in_slot(*this, slot);
      (slot == "?principal" ? link.principal : link.resource) = TRY(uid(value));
    }
    return {};
  }

  // Scope.

  Result<ScopeTerm> scope(const Json& json, Variable variable) {
    const Json* found = TRY(member(json, variable_name(variable)));
    const Place place(*this, variable_name(variable));
    const auto op = TRY(string(*found, "op"));
    ScopeTerm term;
    if (op == "All" || op == "all") {
      TRY(only(*found, {"op"}));
    } else if (op == "==" || op == "in") {
      TRY(only(*found, {"op", "entity", "slot", "entities"}));
      term.rule = op == "in" ? ScopeTerm::Rule::kIn : ScopeTerm::Rule::kEqual;
      TRY(scope_entities(*found, variable, term));
    } else if (op == "is" && variable != Variable::kAction) {
      TRY(only(*found, {"op", "entity_type", "in"}));
      term.rule = ScopeTerm::Rule::kIs;
      term.type = TRY(entity_type(*found, "entity_type"));
      if (const Json* in = given(*found, "in")) {
        const Place in_group(*this, "in");
        TRY(only(*in, {"entity", "slot"}));
        term.rule = ScopeTerm::Rule::kIsIn;
        TRY(scope_entities(*in, variable, term));
      }
    } else {
      return fail(fmt::format("`{}` cannot be used in the scope of the {}", op, variable_name(variable)));
    }
    return term;
  }

  Result<void> scope_entities(const Json& json, Variable variable, ScopeTerm& term) {
    const Json* entity = json.find("entity");
    const Json* slot = json.find("slot");
    const Json* entities = json.find("entities");
    const bool list_allowed = variable == Variable::kAction && term.rule == ScopeTerm::Rule::kIn;
    if ((entity != nullptr) + (slot != nullptr) + (entities != nullptr) != 1 ||
        (slot != nullptr && variable == Variable::kAction) || (entities != nullptr && !list_allowed))
      return fail(variable != Variable::kAction ? "expected either `entity` or `slot`"
                  : list_allowed                ? "expected either `entity` or `entities`"
                                                : "expected `entity`");
    if (slot != nullptr) {
      const auto name = TRY(string(json, "slot"));
      if (name != fmt::format("?{}", variable_name(variable)))
        return fail(fmt::format("the slot `{}` cannot stand here", name));
      term.slot = true;
      return {};
    }
    if (entity != nullptr) {
      const Place place(*this, "entity");
      term.entities.push_back(TRY(uid(*entity)));
    } else {
      const Place place(*this, "entities");
      term.rule = ScopeTerm::Rule::kInAny;
      const Json::Array* elements = TRY(array(*entities));
      for (const Json& element : *elements) term.entities.push_back(TRY(uid(element)));
    }
    if (variable != Variable::kAction) return {};
    for (const EntityUid& uid : term.entities) {
      if (!is_action_type(uid.type))
        return fail(fmt::format("`{}::\"{}\"` is not an action", uid.type, uid.id));
    }
    return {};
  }

  // Conditions and annotations.

  Result<void> conditions(const Json& json, Policy& policy) {
    const Json* found = TRY(member(json, "conditions"));
    const Place place(*this, "conditions");
    const Json::Array* elements = TRY(array(*found));
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const Place in_condition(*this, i);
      const Json& element = (*elements)[i];
      TRY(only(element, {"kind", "body"}));
      const auto kind = TRY(string(element, "kind"));
      if (kind != "when" && kind != "unless")
        return fail(fmt::format("`{}` does not begin a condition, expected `when` or `unless`", kind));
      const Json* body = TRY(member(element, "body"));
      const Place in_body(*this, "body");
      Condition condition{.unless = kind == "unless", .body = TRY(expression(*body)), .span = {}};
      if (height(condition.body) > kMaxNesting)
        return fail(fmt::format("this expression is nested more than {} levels deep", kMaxNesting),
                    ErrorCode::kLimit);
      policy.conditions.push_back(std::move(condition));
    }
    return {};
  }

  Result<void> annotations(const Json& json, Policy& policy) {
    const Json* found = json.find("annotations");
    if (found == nullptr) return {};
    const Place place(*this, "annotations");
    const Json::Object* members = TRY(object(*found));
    for (const auto& [name, value] : *members) {
      const Place in_annotation(*this, name);
      if (!is_plain_attribute(name) && !is_reserved_word(name))
        return fail(fmt::format("`{}` cannot be the name of an annotation", name));
      Annotation annotation{.name = name, .value = {}, .span = {}};
      if (!value.is_null()) annotation.value = TRY(text(value));
      policy.annotations.push_back(std::move(annotation));
    }
    return {};
  }

  // Expressions.

  Result<Expr> expression(const Json& json) {
    const Json::Object* members = TRY(object(json));
    if (members->size() != 1)
      return fail(fmt::format("an expression is an object with one member, found {}", members->size()));
    const auto& [name, content] = members->front();
    const Place place(*this, name);
    if (name == "Value") return value(content);
    if (name == "Var") return variable(content);
    if (name == "Slot") return fail("a slot cannot stand in a condition");
    if (name == "Set") return list(ExprKind::kSet, content);
    if (name == "Record") return record(content);
    if (const auto function = find_extension_function(name)) {
      Expr call = TRY(list(ExprKind::kCall, content));
      if (!is_constructor(*function) && call.operands.empty())
        return fail(fmt::format("`{}` is a method and needs its receiver", name));
      call.text = name;
      return call;
    }
    const auto kind = find_operator(name);
    if (!kind) return fail(fmt::format("there is no operator or function `{}`", name));
    return operation(*kind, content);
  }

  Result<Expr> operand(const Json& json, std::string_view name) {
    const Json* found = TRY(member(json, name));
    const Place place(*this, name);
    return expression(*found);
  }

  Result<Expr> operation(ExprKind kind, const Json& json) {
    switch (kind) {
      case ExprKind::kNot:
      case ExprKind::kNegate:
      case ExprKind::kIsEmpty:
        TRY(only(json, {"arg"}));
        return operands(kind, json, {"arg"});
      case ExprKind::kIf:
        TRY(only(json, {"if", "then", "else"}));
        return operands(kind, json, {"if", "then", "else"});
      case ExprKind::kAttribute: {
        TRY(only(json, {"left", "attr"}));
        Expr access = TRY(operands(kind, json, {"left"}));
        access.text = TRY(string(json, "attr"));
        return access;
      }
      case ExprKind::kHas:
        return has(json);
      case ExprKind::kLike: {
        TRY(only(json, {"left", "pattern"}));
        Expr like = TRY(operands(kind, json, {"left"}));
        like.names = TRY(pattern(json));
        return like;
      }
      case ExprKind::kIs: {
        TRY(only(json, {"left", "entity_type", "in"}));
        Expr is = TRY(operands(kind, json, {"left"}));
        is.text = TRY(entity_type(json, "entity_type"));
        if (given(json, "in") != nullptr) {
          is.kind = ExprKind::kIsIn;
          is.operands.push_back(TRY(operand(json, "in")));
        }
        return is;
      }
      default:
        break;
    }
    TRY(only(json, {"left", "right"}));
    Expr both = TRY(operands(kind, json, {"left", "right"}));
    if (kind != ExprKind::kAnd && kind != ExprKind::kOr) return both;
    // The grouping says nothing: one chain.
    std::vector<Expr> chain;
    for (Expr& part : both.operands) {
      if (part.kind == kind) {
        std::ranges::move(part.operands, std::back_inserter(chain));
      } else {
        chain.push_back(std::move(part));
      }
    }
    both.operands = std::move(chain);
    return both;
  }

  Result<Expr> operands(ExprKind kind, const Json& json, std::initializer_list<std::string_view> names) {
    std::vector<Expr> read;
    for (const std::string_view name : names) read.push_back(TRY(operand(json, name)));
    return make_expr(kind, std::move(read));
  }

  Result<Expr> list(ExprKind kind, const Json& json) {
    const Json::Array* elements = TRY(array(json));
    std::vector<Expr> read;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const Place place(*this, i);
      read.push_back(TRY(expression((*elements)[i])));
    }
    return make_expr(kind, std::move(read));
  }

  Result<Expr> record(const Json& json) {
    const Json::Object* members = TRY(object(json));
    Expr record = make_expr(ExprKind::kRecord);
    for (const auto& [name, content] : *members) {
      const Place place(*this, name);
      record.names.push_back(name);
      record.operands.push_back(TRY(expression(content)));
    }
    return record;
  }

  Result<Expr> variable(const Json& json) const {
    const auto name = TRY(text(json));
    for (const auto variable :
         {Variable::kPrincipal, Variable::kAction, Variable::kResource, Variable::kContext}) {
      if (name != variable_name(variable)) continue;
      Expr expr = make_expr(ExprKind::kVariable);
      expr.integer = static_cast<std::int64_t>(variable);
      return expr;
    }
    return fail(fmt::format("`{}` is not a variable, expected principal, action, resource or context", name));
  }

  Result<Expr> has(const Json& json) {
    TRY(only(json, {"left", "attr"}));
    Expr has = TRY(operands(ExprKind::kHas, json, {"left"}));
    const Json* attribute = TRY(member(json, "attr"));
    const Place place(*this, "attr");
    if (!attribute->is_array()) {
      has.names.push_back(TRY(text(*attribute)));
      return has;
    }
    for (const Json& name : *attribute->if_array()) has.names.push_back(TRY(text(name)));
    if (has.names.empty()) return fail("a path has at least one attribute");
    if (has.names.size() > kMaxNesting)
      return fail(fmt::format("this path has more than {} steps", kMaxNesting), ErrorCode::kLimit);
    if (has.names.size() == 1 || std::ranges::all_of(has.names, is_plain_attribute)) return has;
    // Text has no such path, so it is written out: `x has "a b" && x["a b"] has c`.
    Expr tests = make_expr(ExprKind::kAnd);
    Expr base = std::move(has.operands[0]);
    for (std::string& name : has.names) {
      Expr test = make_expr(ExprKind::kHas, {base});
      test.names.push_back(name);
      tests.operands.push_back(std::move(test));
      base = make_expr(ExprKind::kAttribute, {std::move(base)});
      base.text = std::move(name);
    }
    return tests;
  }

  Result<std::vector<std::string>> pattern(const Json& json) {
    const Json* found = TRY(member(json, "pattern"));
    const Place place(*this, "pattern");
    const Json::Array* elements = TRY(array(*found));
    std::vector<std::string> pieces(1);
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const Place in_element(*this, i);
      const Json& element = (*elements)[i];
      if (element.is_string() && *element.if_string() == "Wildcard") {
        pieces.emplace_back();
      } else if (element.is_object()) {
        TRY(only(element, {"Literal"}));
        pieces.back() += TRY(string(element, "Literal"));
      } else {
        return fail("expected `Wildcard` or an object with `Literal`");
      }
    }
    return pieces;
  }

  // A literal, in the form that attributes of entities have.
  Result<Expr> value(const Json& json) {
    if (const bool* boolean = json.if_bool()) {
      Expr expr = make_expr(ExprKind::kBool);
      expr.integer = *boolean ? 1 : 0;
      return expr;
    }
    if (const std::int64_t* integer = json.if_int()) {
      Expr expr = make_expr(ExprKind::kLong);
      expr.integer = *integer;
      return expr;
    }
    if (const std::string* text = json.if_string()) {
      Expr expr = make_expr(ExprKind::kString);
      expr.text = *text;
      return expr;
    }
    if (const Json::Array* elements = json.if_array()) return values(ExprKind::kSet, *elements);
    if (!json.is_object()) return fail(fmt::format("{} is not a value in Cedar", json.kind()));
    if (const Json* entity = entity_escape(json)) {
      const auto read = TRY(uid(*entity));
      Expr expr = make_expr(ExprKind::kEntity);
      expr.text = read.type;
      expr.names.push_back(read.id);
      return expr;
    }
    if (const auto call = call_escape(json)) {
      const auto function = find_extension_function(call->function);
      if (!function) return fail(fmt::format("there is no function `{}`", call->function));
      Expr expr = TRY(values(ExprKind::kCall, call->arguments));
      if (!is_constructor(*function) && expr.operands.empty())
        return fail(fmt::format("`{}` is a method and needs its receiver", call->function));
      expr.text = call->function;
      return expr;
    }
    if (is_expression_escape(json)) return fail("the `__expr` escape is no longer supported");
    Expr record = make_expr(ExprKind::kRecord);
    for (const auto& [name, content] : *json.if_object()) {
      const Place place(*this, name);
      record.names.push_back(name);
      record.operands.push_back(TRY(value(content)));
    }
    return record;
  }

  Result<Expr> values(ExprKind kind, std::span<const Json> elements) {
    std::vector<Expr> read;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Place place(*this, i);
      read.push_back(TRY(value(elements[i])));
    }
    return make_expr(kind, std::move(read));
  }

  std::string path_;
  std::unordered_set<std::string> ids_;
  Arena names_;
};

}  // namespace

Result<Policy> policy_from_json(const Json& json, std::string id) {
  return PolicyReader().policy(json, std::move(id));
}

Result<PolicySet> policies_from_json(const Json& json) {
  return PolicyReader().set(json);
}

Result<PolicySet> parse_policies_json(std::string_view text) {
  const Json json =
      TRY(codec::parse_json(text, {.max_bytes = kMaxPolicyTextBytes, .max_depth = kMaxPolicyJsonDepth}));
  return policies_from_json(json);
}

}  // namespace writ::cedar
