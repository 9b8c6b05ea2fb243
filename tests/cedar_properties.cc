#include "cedar_properties.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/format.h"
#include "cedar/parse.h"
#include "cedar/partial.h"
#include "cedar/policy_json.h"
#include "cedar/print.h"

namespace writ::testing {
namespace {

using namespace cedar;

bool same(const std::vector<Policy>& a, const std::vector<Policy>& b) {
  return std::ranges::equal(a, b, [](const Policy& x, const Policy& y) { return x.same_as(y); });
}

std::unexpected<Error> broken(std::string message) {
  return failure(ErrorCode::kInternal, std::move(message));
}

// The record without the fields that are not named.
Value only(Arena& arena, const RecordNode& record, const std::set<std::string, std::less<>>& names) {
  std::vector<TextField> fields;
  for (const RecordNode::Field& field : record) {
    if (names.contains(field.name->view())) fields.push_back(field);
  }
  return make_record(arena, std::span<const TextField>(fields));
}

}  // namespace

Outcome decide(const CompiledPolicySet& policies, const Request& request, const Entities& entities) {
  Evaluation evaluation;
  authorize(policies, request, entities, evaluation);
  Outcome outcome{evaluation.allowed(), {}, {}};
  for (const PolicyIndex policy : evaluation.reason()) outcome.reason.emplace(policies.id(policy));
  for (const PolicyError& error : evaluation.errors()) outcome.errors.emplace(policies.id(error.policy));
  return outcome;
}

Result<PolicySet> check_representations(const PolicySet& policies) {
  const std::string text = print_policies(policies);
  const auto parsed = parse_policies(text);
  if (!parsed || !same(parsed->policies, policies.policies) || !same(parsed->templates, policies.templates))
    return broken("what is printed is not the same policies:\n" + text);
  if (format_policies(text) != text) return broken("formatting changes what was printed:\n" + text);
  const auto json = TRY(policies_to_json(policies));
  PolicySet read = TRY(parse_policies_json(json.dump()));
  const auto json_again = TRY(policies_to_json(read));
  const PolicySet read_again = TRY(parse_policies_json(json_again.dump()));
  if (!same(read.policies, read_again.policies) || !same(read.templates, read_again.templates))
    return broken("policy JSON changes when it is read and written");
  return read;
}

Result<void> check_partial(const CompiledPolicySet& policies, const Request& request,
                           const Entities& entities) {
  const Outcome expected = decide(policies, request, entities);
  for (unsigned unknown = 1; unknown < 16; ++unknown) {
    PartialRequest partial{.context = request.context};
    if ((unknown & 1) == 0) partial.principal = request.principal;
    if ((unknown & 2) == 0) partial.resource = request.resource;
    if ((unknown & 4) == 0) partial.action = request.action;
    if ((unknown & 3) == 3) partial.principal_type = request.principal.type();
    if (unknown == 2) partial.resource_type = request.resource.type();
    if ((unknown & 8) != 0) partial.context = Value::record(empty_record());
    partial.context_complete = (unknown & 8) == 0;
    const PartialAnswer answer = authorize_partially(policies, partial, entities);
    const auto residual = TRY(CompiledPolicySet::compile(answer.residual_policies()));
    if (decide(*residual, request, entities) != expected)
      return broken(fmt::format("residual policies (unknown {}) decide otherwise:\n{}", unknown,
                                print_policies(answer.residual_policies())));
    if (answer.decision != PartialDecision::kUnknown &&
        (answer.decision == PartialDecision::kAllow) != expected.allowed)
      return broken(fmt::format("the partial answer (unknown {}) is not the decision", unknown));
  }
  return {};
}

Result<void> check_manifest(const std::vector<PolicyAccess>& manifest, const CompiledPolicySet& policies,
                            const Request& request, const Entities& entities) {
  std::set<std::string, std::less<>> attributes;
  std::set<std::string, std::less<>> tags;
  bool any_tag = false;
  bool whole_context = false;
  for (const PolicyAccess& access : manifest) {
    for (const AccessPath& path : access.paths) {
      for (const AccessPath::Step& step : path.steps) {
        (step.tag ? tags : attributes).insert(step.name);
        any_tag = any_tag || (step.tag && step.name.empty());
      }
      whole_context = whole_context || (path.root == "context" && path.steps.empty());
    }
  }
  EntitiesBuilder builder;
  for (const Entity& entity : entities.all()) {
    const Value kept = only(builder.arena(), *entity.attributes, attributes);
    const Value kept_tags = any_tag ? Value::record(entity.tags) : only(builder.arena(), *entity.tags, tags);
    TRY(builder.add(entity.uid, kept, entity.parents, kept_tags));
  }
  const auto stripped = TRY(std::move(builder).build());
  Arena arena;
  Request less = request;
  if (!whole_context) less.context = only(arena, request.context.as_record(), attributes);
  if (decide(policies, less, *stripped) != decide(policies, request, entities))
    return broken("without what the manifest leaves out the decision is another");
  return {};
}

}  // namespace writ::testing
