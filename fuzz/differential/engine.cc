#include "engine.h"

#include <fmt/format.h>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/conform.h"
#include "cedar/entity_json.h"
#include "cedar/link.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/schema.h"
#include "cedar/validate.h"

namespace writ::differential {
namespace {

using cedar::Kind;
using cedar::Value;
using codec::Json;
using Ids = std::set<std::string, std::less<>>;

constexpr std::uint32_t kLevels[] = {0, 1, 2};
// The one field of the record that carries the value of an expression out of the evaluator.
constexpr std::string_view kCarrier = "<value>";

// Deeper values are not told apart below; the reference's side knows the same number.
constexpr std::size_t kMaxShownDepth = 100;

Json ids_to_json(const Ids& ids) {
  return Json(Json::Array(ids.begin(), ids.end()));
}

Json value_to_json(Value value, std::size_t depth = 0) {
  if (depth > kMaxShownDepth) return "...";
  switch (value.kind()) {
    case Kind::kBool:
      return value.as_bool();
    case Kind::kLong:
      return value.as_long();
    case Kind::kString:
      return value.as_string();
    case Kind::kEntity: {
      const auto uid = value.as_entity();
      return Json::object({{"entity", Json(Json::Array{uid.type(), uid.id()})}});
    }
    case Kind::kIp: {
      const cedar::Ip& ip = value.as_ip();
      return Json::object(
          {{"ip", fmt::format("{}:{:016x}{:016x}/{}", ip.v6 ? 6 : 4, ip.high, ip.low, ip.prefix)}});
    }
    case Kind::kDecimal:
      return Json::object({{"decimal", value.as_decimal().ten_thousandths}});
    case Kind::kDatetime:
      return Json::object({{"datetime", value.as_datetime().epoch_ms}});
    case Kind::kDuration:
      return Json::object({{"duration", value.as_duration().ms}});
    case Kind::kSet: {
      Json elements = Json::array();
      for (const Value element : value.as_set()) elements.push(value_to_json(element, depth + 1));
      return Json::object({{"set", std::move(elements)}});
    }
    case Kind::kRecord: {
      Json fields = Json::array();
      for (const auto& field : value.as_record())
        fields.push(Json(Json::Array{field.name->view(), value_to_json(field.value, depth + 1)}));
      return Json::object({{"record", std::move(fields)}});
    }
  }
  return {};
}

class Answerer {
 public:
  explicit Answerer(const Case& asked) : asked_(asked) {}

  Json answer() {
    Json answer = Json::object();
    read_schema();
    answer.set("schema", schema_ != nullptr);
    read_policies();
    answer.set("policies", policies_ != nullptr);
    if (policies_ != nullptr) answer.set("annotations", annotations());
    answer.set("links", std::move(links_));
    read_entities();
    answer.set("entities", entities_ != nullptr);
    if (schema_ != nullptr) answer.set("entities_by_schema", entities_by_schema_ != nullptr);
    if (schema_ != nullptr && policies_ != nullptr) answer.set("validation", validation());
    answer.set("expressions", read_expressions());
    Json complaints = std::exchange(complaints_, Json::object());
    Json requests = Json::array();
    for (const AskedRequest& request : asked_.requests) {
      Json& answered = requests.push(answer_request(request));
      answered.set("complaints", std::exchange(complaints_, Json::object()));
    }
    answer.set("requests", std::move(requests));
    Json names = Json::array();
    for (const std::string& name : asked_.names) names.push(cedar::valid_entity_type(name));
    answer.set("names", std::move(names));
    answer.set("complaints", std::move(complaints));
    return answer;
  }

 private:
  template <class T>
  bool keep(std::string_view what, const Result<T>& result) {
    if (!result) complaints_.set(what, result.error().message);
    return result.has_value();
  }
  template <class T>
  bool keep(std::string_view what, const cedar::Parsed<T>& result) {
    if (!result) complaints_.set(what, result.error().front().message);
    return result.has_value();
  }

  void read_schema() {
    auto schema = asked_.schema_is_json ? cedar::schema_from_json(asked_.schema)
                                        : cedar::schema_from_text(asked_.schema);
    if (keep("schema", schema)) schema_ = *std::move(schema);
  }

  void read_policies() {
    if (asked_.policies_are_json ? read(cedar::parse_policies_json(asked_.policies))
                                 : read(cedar::parse_policies(asked_.policies))) {
      auto compiled = cedar::CompiledPolicySet::compile(set_);
      if (keep("policies", compiled)) policies_ = *std::move(compiled);
    }
    for (const cedar::TemplateLink& link : asked_.links) links_.push(policies_ != nullptr && add_link(link));
  }

  bool read(auto&& parsed) {
    if (!keep("policies", parsed)) return false;
    set_ = *std::move(parsed);
    return true;
  }

  bool add_link(const cedar::TemplateLink& link) {
    for (const auto& uid : {link.principal, link.resource}) {
      if (uid && !cedar::valid_entity_type(uid->type)) return false;
    }
    if (!keep("link", cedar::add_link(set_, link))) return false;
    auto compiled = cedar::CompiledPolicySet::compile(set_);
    if (keep("link", compiled)) policies_ = *std::move(compiled);
    return compiled.has_value();
  }

  Json annotations() const {
    Json all = Json::object();
    const auto add = [&](const cedar::Policy& policy, const std::string& id) {
      Json own = Json::object();
      for (const auto& annotation : policy.annotations)
        own.set(annotation.name, annotation.value.value_or(""));
      all.set(id, std::move(own));
    };
    for (const auto& policy : set_.policies) add(policy, policy.id);
    for (const auto& policy : set_.templates) add(policy, policy.id);
    for (const auto& link : set_.links) {
      for (const auto& policy : set_.templates) {
        if (policy.id == link.template_id) add(policy, link.id);
      }
    }
    return all;
  }

  void read_entities() {
    auto plain = cedar::entities_from_json(asked_.entities);
    if (keep("entities", plain)) entities_ = *std::move(plain);
    if (schema_ == nullptr) return;
    auto by_schema = cedar::entities_from_json(asked_.entities, *schema_);
    if (keep("entities_by_schema", by_schema)) entities_by_schema_ = *std::move(by_schema);
  }

  Ids refused(std::string_view what, const cedar::Validation& validation) {
    Ids ids;
    for (const auto& finding : validation.errors) {
      ids.insert(finding.policy_id);
      complaints_.set(what, finding.issue.message);
    }
    return ids;
  }

  Json validation() {
    using cedar::ValidationMode;
    const auto strict = cedar::validate(*schema_, set_, {ValidationMode::kStrict, {}}, asked_.policies);
    Ids impossible;
    for (const auto& finding : strict.warnings) {
      if (finding.kind == cedar::FindingKind::kImpossiblePolicy) impossible.insert(finding.policy_id);
    }
    Json levels = Json::array();
    for (const std::uint32_t level : kLevels) {
      levels.push(ids_to_json(refused(
          "level", cedar::validate(*schema_, set_, {ValidationMode::kStrict, level}, asked_.policies))));
    }
    const auto permissive =
        cedar::validate(*schema_, set_, {ValidationMode::kPermissive, {}}, asked_.policies);
    return Json::object({{"strict", ids_to_json(refused("strict", strict))},
                         {"permissive", ids_to_json(refused("permissive", permissive))},
                         {"impossible", ids_to_json(impossible)},
                         {"levels", std::move(levels)}});
  }

  // Each expression becomes the condition of a policy, inside a record. A record is no boolean, so evaluating
  // such a policy fails, and the failure shows the record.
  Json read_expressions() {
    Json parse = Json::array();
    cedar::PolicySet set;
    for (const std::string& expression : asked_.expressions) {
      auto parsed = cedar::parse_expression(expression);
      keep(fmt::format("expressions[{}]", expression_indices_.size()), parsed);
      parse.push(parsed.has_value());
      expression_indices_.push_back(parsed ? set.policies.size() : kNotParsed);
      if (!parsed) continue;
      cedar::Expr record{.kind = cedar::ExprKind::kRecord, .span = {}, .names = {std::string(kCarrier)}};
      record.operands.push_back(*std::move(parsed));
      cedar::Policy& policy = set.policies.emplace_back();
      policy.id = fmt::format("expression{}", set.policies.size());
      policy.conditions.push_back({.body = std::move(record), .span = {}});
    }
    auto compiled = cedar::CompiledPolicySet::compile(set);
    if (compiled) expressions_ = *std::move(compiled);
    return parse;
  }

  Json answer_request(const AskedRequest& request) {
    Json answer = Json::object();
    const bool names = cedar::valid_entity_type(request.principal.type) &&
                       cedar::valid_entity_type(request.action.type) &&
                       cedar::valid_entity_type(request.resource.type);
    arena_.reset();
    const auto json = codec::parse_json(request.context);
    keep("context", json);
    const auto context = json ? cedar::record_from_json(arena_, *json)
                              : Result<Value>(failure(ErrorCode::kInvalid, json.error().message));
    keep("context", context);
    answer.set("names", names);
    answer.set("context", context.has_value());
    if (!names) return answer;
    const auto uid = [&](const cedar::EntityUid& named) { return arena_.entity(named.type, named.id); };
    cedar::Request asked{uid(request.principal), uid(request.action), uid(request.resource),
                         Value::record(cedar::empty_record())};
    if (context && policies_ != nullptr && entities_ != nullptr) {
      asked.context = *context;
      answer.set("outcome", outcome(asked, *entities_));
    }
    if (schema_ == nullptr) return answer;
    const auto by_schema = json ? cedar::context_from_json(arena_, *json, *schema_, asked.action)
                                : Result<Value>(failure(ErrorCode::kInvalid, json.error().message));
    answer.set("context_by_schema", keep("context_by_schema", by_schema));
    if (!by_schema) return answer;
    asked.context = *by_schema;
    answer.set("valid", keep("request", cedar::check_request(*schema_, asked)));
    if (policies_ != nullptr && entities_by_schema_ != nullptr)
      answer.set("outcome_by_schema", outcome(asked, *entities_by_schema_));
    return answer;
  }

  Json outcome(const cedar::Request& request, const cedar::Entities& entities) {
    cedar::authorize(*policies_, request, entities, evaluation_);
    Ids reason;
    for (const auto policy : evaluation_.reason()) reason.emplace(policies_->id(policy));
    Json errors = Json::object();
    for (const auto& error : evaluation_.errors())
      errors.set(policies_->id(error.policy), cedar::eval_error_code(error.kind()));
    return Json::object({{"allow", evaluation_.allowed()},
                         {"reason", ids_to_json(reason)},
                         {"errors", std::move(errors)},
                         {"values", values(request, entities)}});
  }

  Json values(const cedar::Request& request, const cedar::Entities& entities) {
    Json values = Json::array();
    if (expressions_ != nullptr) cedar::authorize(*expressions_, request, entities, evaluation_);
    for (const std::size_t index : expression_indices_) {
      values.push(index == kNotParsed || expressions_ == nullptr ? Json()
                                                                 : value_of(evaluation_.errors()[index]));
    }
    return values;
  }

  static Json value_of(const cedar::PolicyError& error) {
    const Value seen = error.failure.seen;
    if (error.kind() == cedar::EvalErrorKind::kType && seen.is(Kind::kRecord)) {
      const Value* value = seen.as_record().find(kCarrier);
      if (value != nullptr) return value_to_json(*value, 0);
    }
    return Json::object({{"error", cedar::eval_error_code(error.kind())}});
  }

  static constexpr std::size_t kNotParsed = SIZE_MAX;

  const Case& asked_;
  cedar::SchemaPtr schema_;
  cedar::PolicySet set_;
  std::shared_ptr<const cedar::CompiledPolicySet> policies_;
  Json links_ = Json::array();
  std::shared_ptr<const cedar::Entities> entities_;
  std::shared_ptr<const cedar::Entities> entities_by_schema_;
  std::shared_ptr<const cedar::CompiledPolicySet> expressions_;
  std::vector<std::size_t> expression_indices_;
  Json complaints_ = Json::object();  // of the request at hand, or of the case
  cedar::Arena arena_;
  cedar::Evaluation evaluation_;
};

}  // namespace

Json answer_of_writ(const Case& asked) {
  return Answerer(asked).answer();
}

}  // namespace writ::differential
