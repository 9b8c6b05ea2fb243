#include "policy/grants.h"

#include <fmt/format.h>

#include "base/check.h"
#include "cedar/ext_datetime.h"
#include "cedar/link.h"
#include "cedar/parse.h"
#include "cedar/validate.h"

namespace writ::policy {
namespace {

void stand_at(cedar::Expr& expr, cedar::Span span) {
  expr.span = span;
  for (auto& operand : expr.operands) stand_at(operand, span);
}

cedar::Condition before(Instant end, cedar::Span span) {
  const auto text =
      fmt::format("permit (principal, action, resource) when {{ context.request.time < datetime(\"{}\") }};",
                  cedar::Datetime::from(end).to_string());
  auto parsed = cedar::parse_policies(text);
  WRIT_CHECK(parsed && parsed->policies.size() == 1);
  auto condition = std::move(parsed->policies.front().conditions.front());
  condition.span = span;
  stand_at(condition.body, span);
  return condition;
}

}  // namespace

Result<cedar::Policy> linked(const inventory::Grant& grant, const cedar::Policy& policy_template,
                             const cedar::Schema* schema) {
  // Its end would give something.
  if (policy_template.effect != cedar::Effect::kPermit)
    return failure(ErrorCode::kInvalid,
                   fmt::format("grant `{}` links `{}`, which forbids: only a template that permits can be "
                               "granted",
                               grant.id, grant.policy_template));
  auto policy = cedar::linked_policy(policy_template,
                                     {grant.policy_template, grant.id, grant.principal, grant.resource});
  if (!policy) {
    auto message = policy.error().message;
    return failure(ErrorCode::kInvalid, fmt::format("grant `{}`: {}", grant.id, message));
  }
  if (schema != nullptr) {
    cedar::PolicySet alone;
    alone.policies.push_back(*policy);
    const auto validation = cedar::validate(*schema, alone, {}, {});
    const auto& found = !validation.errors.empty() ? validation.errors : validation.warnings;
    if (!found.empty())
      return failure(ErrorCode::kInvalid,
                     fmt::format("grant `{}`: of the template `{}` with these entities, {}", grant.id,
                                 grant.policy_template, found.front().issue.message));
  }
  policy->conditions.insert(policy->conditions.begin(), before(grant.lapses_at(), policy->span));
  std::erase_if(policy->annotations, [](const cedar::Annotation& annotation) {
    return annotation.name == kGrantAnnotation || annotation.name == kLapsesAnnotation;
  });
  policy->annotations.push_back({.name = std::string(kGrantAnnotation), .value = grant.policy_template});
  policy->annotations.push_back(
      {.name = std::string(kLapsesAnnotation), .value = inventory::date_text(grant.lapses_at())});
  return policy;
}

void warn_of_lapsed(std::span<const config::DeclaredGrant> grants, Instant now, files::Issues& issues) {
  for (const auto& [place, grant] : grants) {
    if (now < grant.lapses_at() || place.file.empty()) continue;
    const auto end = inventory::date_text(grant.lapses_at());
    issues.warning(
        place,
        grant.ends_by_review()
            ? fmt::format("grant `{}` lapsed on {}: nobody confirmed that it is needed", grant.id, end)
            : fmt::format("grant `{}` expired on {}, and grants nothing", grant.id, end),
        grant.ends_by_review() ? "confirm it by `reviewed_at` and the next `review_by`, or remove it"
                               : "remove it, or give it another end");
  }
}

}  // namespace writ::policy
