#include "cedar/authorize.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/plan/evaluate.h"
#include "cedar/plan/plan.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

constexpr Kind kLastKind = Kind::kDuration;

// Under the store's own name when it has one: what the store says of other entities compares with it by
// address.
ScopeSubject subject_of(EntityRef uid, const EntityView& entities) {
  const Entity* entity = entities.find(uid);
  return {entity != nullptr ? entity->uid : uid, entity};
}

void sort_policies(std::vector<PolicyIndex>& policies) {
  std::sort(policies.begin(), policies.end());
  policies.erase(std::unique(policies.begin(), policies.end()), policies.end());
}

// "record or entity"
std::string kind_names(KindSet kinds) {
  std::vector<std::string_view> names;
  for (unsigned kind = 0; kind <= static_cast<unsigned>(kLastKind); ++kind) {
    if ((kinds & (1u << kind)) != 0) names.push_back(kind_name(static_cast<Kind>(kind)));
  }
  return fmt::format("{}", fmt::join(names, " or "));
}

// Appends `resource.owner` for a chain of attributes of a variable or of a named entity. Answers false,
// leaving something unusable, for anything else.
bool append_path(const Plan& plan, NodeIndex at, std::string& path) {
  const Node& node = plan.nodes[at];
  switch (node.op) {
    case Op::kPrincipal:
      path.append("principal");
      return true;
    case Op::kAction:
      path.append("action");
      return true;
    case Op::kResource:
      path.append("resource");
      return true;
    case Op::kContext:
      path.append("context");
      return true;
    case Op::kConstant:
      if (!plan.constants[node.a].is(Kind::kEntity)) return false;
      path.append(plan.constants[node.a].to_string());
      return true;
    case Op::kAttribute:
      if (!append_path(plan, node.a, path)) return false;
      path.append(".").append(plan.names[node.b]->view());
      return true;
    case Op::kGetTag: {
      const Node& tag = plan.nodes[node.b];
      if (!append_path(plan, node.a, path)) return false;
      if (tag.op != Op::kConstant || !plan.constants[tag.a].is(Kind::kString)) return false;
      path.append(".getTag(").append(plan.constants[tag.a].to_string()).append(")");
      return true;
    }
    default:
      return false;
  }
}

std::string missing_name(const Plan& plan, const Node& node) {
  return node.op == Op::kAttribute ? std::string(plan.names[node.b]->view()) : std::string();
}

}  // namespace

void authorize(const CompiledPolicySet& policies, const Request& request, const EntityView& entities,
               Evaluation& evaluation) {
  const Plan& plan = policies.plan();
  WRIT_CHECK(request.context.is(Kind::kRecord));
  evaluation.satisfied_permits_.clear();
  evaluation.satisfied_forbids_.clear();
  evaluation.errors_.clear();
  evaluation.considered_ = 0;
  evaluation.arena_.reset();

  const RequestScope scope{{subject_of(request.principal, entities), subject_of(request.action, entities),
                            subject_of(request.resource, entities)}};
  Machine machine(plan, scope, request.context, entities, evaluation.arena_);
  plan.index.find(scope, [&](std::span<const PolicyIndex> candidates) {
    for (const PolicyIndex policy : candidates) {
      if (!plan.index.matches(policy, plan.scopes[policy], scope)) continue;
      ++evaluation.considered_;
      const NodeIndex condition = plan.conditions[policy];
      switch (condition == kNoNode ? Truth::kTrue : machine.test(condition)) {
        case Truth::kFalse:
          break;
        case Truth::kTrue:
          (plan.forbids[policy] ? evaluation.satisfied_forbids_ : evaluation.satisfied_permits_)
              .push_back(policy);
          break;
        case Truth::kFailed:
          evaluation.errors_.push_back({policy, machine.failed_at(), machine.failure()});
          break;
      }
    }
  });

  sort_policies(evaluation.satisfied_permits_);
  sort_policies(evaluation.satisfied_forbids_);
  std::vector<PolicyError>& errors = evaluation.errors_;
  const auto by_policy = [](const PolicyError& a, const PolicyError& b) { return a.policy < b.policy; };
  const auto same_policy = [](const PolicyError& a, const PolicyError& b) { return a.policy == b.policy; };
  std::sort(errors.begin(), errors.end(), by_policy);
  errors.erase(std::unique(errors.begin(), errors.end(), same_policy), errors.end());

  const bool allowed = !evaluation.satisfied_permits_.empty() && evaluation.satisfied_forbids_.empty();
  evaluation.decision_ = allowed ? Decision::kAllow : Decision::kDeny;
}

std::string missing_path(const CompiledPolicySet& policies, const PolicyError& error) {
  const Plan& plan = policies.plan();
  std::string path;
  switch (error.kind()) {
    case EvalErrorKind::kMissingAttribute:
    case EvalErrorKind::kMissingTag:
      return append_path(plan, error.node, path) ? path : std::string();
    case EvalErrorKind::kMissingEntity:
      return append_path(plan, plan.nodes[error.node].a, path) ? path : std::string();
    default:
      return {};
  }
}

std::string error_message(const CompiledPolicySet& policies, const PolicyError& error) {
  const Plan& plan = policies.plan();
  const Node& node = plan.nodes[error.node];
  const EvalFailure& failure = error.failure;
  const std::string path = missing_path(policies, error);
  const std::string at = path.empty() ? path : fmt::format(" (`{}`)", path);
  switch (failure.kind) {
    case EvalErrorKind::kType:
      return fmt::format("type error: expected {}, got {} `{}`", kind_names(failure.expected),
                         kind_name(failure.seen.kind()), failure.seen.to_string());
    case EvalErrorKind::kMissingAttribute:
      if (failure.seen.is(Kind::kEntity)) {
        return fmt::format("`{}` does not have the attribute `{}`{}", failure.seen.to_string(),
                           missing_name(plan, node), at);
      }
      return fmt::format("record does not have the attribute `{}`{}", missing_name(plan, node), at);
    case EvalErrorKind::kMissingTag:
      return fmt::format("`{}` does not have the tag{}", failure.seen.to_string(), at);
    case EvalErrorKind::kMissingEntity:
      return fmt::format("entity `{}` does not exist{}", failure.seen.to_string(), at);
    case EvalErrorKind::kOverflow:
      return "integer overflow";
    case EvalErrorKind::kExtension:
      return fmt::format("`{}` cannot be applied to `{}`",
                         extension_function_name(static_cast<ExtFunction>(node.c)), failure.seen.to_string());
    case EvalErrorKind::kArgumentCount:
      return fmt::format("`{}` was called with {} arguments",
                         extension_function_name(static_cast<ExtFunction>(node.c)), failure.seen.as_long());
  }
  return {};
}

}  // namespace writ::cedar
