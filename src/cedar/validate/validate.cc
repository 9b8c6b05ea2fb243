#include "cedar/validate.h"

#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "cedar/validate/typecheck.h"
#include "cedar/validate/validate_levels.h"
#include "cedar/validate/validate_scope.h"

namespace writ::cedar {
namespace {

// More are of no use to anybody; the outcome is known by then.
constexpr std::size_t kMaxFindings = 1000;

class Validator {
 public:
  Validator(const Schema& schema, const ValidationOptions& options, std::string_view text)
      : schema_(schema), options_(options), text_(text) {}

  void check(const Policy& policy);
  void check_link(const Policy& templ, const TemplateLink& link);
  bool full() const { return result_.errors.size() >= kMaxFindings; }
  Validation take() && { return std::move(result_); }

 private:
  using Key = std::tuple<FindingKind, std::uint32_t, std::uint32_t, std::string>;

  void add(std::vector<Finding>& list, FindingKind kind, const std::string& policy, Span span,
           std::string message, std::string help);
  // Answers whether the policy may ever hold for such requests.
  bool check_types(const ValidationTree& tree, const RequestTypes& request,
                   const Typechecker::Report& report);

  const Schema& schema_;
  const ValidationOptions& options_;
  std::string_view text_;
  std::optional<LineIndex> lines_;  // of the text, once there is a finding
  Validation result_;
  std::set<Key> seen_;  // of the current policy: most findings come for many combinations of types
  bool too_complex_ = false;
};

void Validator::add(std::vector<Finding>& list, FindingKind kind, const std::string& policy, Span span,
                    std::string message, std::string help) {
  if (list.size() >= kMaxFindings || !seen_.emplace(kind, span.begin, span.end, message).second) return;
  if (!lines_) lines_.emplace(text_);
  list.push_back(
      {kind, policy,
       text_.empty() ? make_placeless_issue(span, message, help) : make_issue(*lines_, span, message, help)});
}

bool Validator::check_types(const ValidationTree& tree, const RequestTypes& request,
                            const Typechecker::Report& report) {
  Typechecker checker(schema_, options_.mode, tree, request, report);
  const Typed typed = checker.run();
  too_complex_ = checker.too_complex();
  const bool never = typed.type && typed.type->is(TypeKind::kFalse);
  if (options_.max_level && (typed.ok || never))
    LevelChecker(tree, checker.typed_tree(), request, *options_.max_level, report).run();
  return !never;
}

void Validator::check(const Policy& policy) {
  seen_.clear();
  too_complex_ = false;
  const Typechecker::Report report = [&](FindingKind kind, Span span, std::string message, std::string help) {
    add(result_.errors, kind, policy.id, span, std::move(message), std::move(help));
  };
  check_names(schema_, policy, report);
  check_scope(schema_, policy, report);
  const ValidationTree tree(policy);
  bool possible = false;
  // How deep a policy reaches is asked of every request, also of those that its scope is not about.
  const auto combinations = options_.max_level ? Combinations::kAll : Combinations::kInScope;
  for (const SchemaAction* action : actions_to_check(schema_, policy, combinations)) {
    for (const RequestTypes& request : request_types_of(schema_, *action, policy, combinations)) {
      if (!too_complex_) possible = check_types(tree, request, report) || possible;
    }
  }
  if (too_complex_)
    report(FindingKind::kTooComplex, policy.span, "this policy is too complex to be checked", {});
  if (!possible)
    add(result_.warnings, FindingKind::kImpossiblePolicy, policy.id, policy.span,
        "this policy is false for every valid request", {});
}

void Validator::check_link(const Policy& templ, const TemplateLink& link) {
  seen_.clear();
  const Typechecker::Report report = [&](FindingKind kind, Span span, std::string message, std::string help) {
    add(result_.errors, kind, link.id, span, std::move(message), std::move(help));
  };
  Policy scope;
  scope.principal = templ.principal;
  scope.action = templ.action;
  scope.resource = templ.resource;
  scope.span = templ.span;
  const auto fill = [&](ScopeTerm& term, const std::optional<EntityUid>& uid) {
    if (!term.slot || !uid) return;
    check_slot_type(schema_, *uid, term.span, report);
    term.slot = false;
    term.entities = {*uid};
  };
  fill(scope.principal, link.principal);
  fill(scope.resource, link.resource);
  check_scope(schema_, scope, report);
}

}  // namespace

Validation validate(const Schema& schema, const PolicySet& policies, const ValidationOptions& options,
                    std::string_view text) {
  Validator validator(schema, options, text);
  for (const auto* list : {&policies.policies, &policies.templates}) {
    for (const Policy& policy : *list) {
      if (!validator.full()) validator.check(policy);
    }
  }
  std::map<std::string_view, const Policy*> templates;
  for (const Policy& templ : policies.templates) templates.emplace(templ.id, &templ);
  for (const TemplateLink& link : policies.links) {
    const auto found = templates.find(link.template_id);
    if (found != templates.end() && !validator.full()) validator.check_link(*found->second, link);
  }
  return std::move(validator).take();
}

}  // namespace writ::cedar
