#include "policytest/mutate.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/compile.h"
#include "cedar/issue.h"
#include "cedar/print.h"
#include "policytest/run.h"

namespace writ::policytest {

using cedar::Condition;
using cedar::Expr;
using cedar::ExprKind;
using cedar::Policy;
using cedar::ScopeTerm;
using codec::Json;

namespace {

constexpr std::string_view kAnnotation = "accept_mutant";

class Mutator {
 public:
  explicit Mutator(const Policy& policy) : policy_(policy), copy_(policy) {}

  std::vector<Mutant> mutants() {
    mutants_.push_back({"delete the policy", "a request that comes out otherwise without this policy",
                        policy_.span, std::nullopt});
    const bool permits = policy_.effect == cedar::Effect::kPermit;
    copy_.effect = permits ? cedar::Effect::kForbid : cedar::Effect::kPermit;
    add("flip the effect", "a request that this policy decides", policy_.span);
    scope("principal", copy_.principal);
    scope("action", copy_.action);
    scope("resource", copy_.resource);
    for (std::size_t i = 0; i < policy_.conditions.size(); ++i) clause(i);
    return std::move(mutants_);
  }

 private:
  // Takes the copy as it is now, and makes it the original again.
  void add(std::string change, std::string missing, cedar::Span span) {
    mutants_.push_back({std::move(change), std::move(missing), span, copy_});
    copy_ = policy_;
  }

  void scope(std::string_view name, ScopeTerm& term) {
    if (term.rule == ScopeTerm::Rule::kAny) return;
    const auto span = term.span;
    term = ScopeTerm{};
    add(fmt::format("widen the {} to all", name),
        fmt::format("a request that only its {} keeps this policy from", name), span);
  }

  void clause(std::size_t index) {
    const Condition& original = policy_.conditions[index];
    const auto text = fmt::format("{} {{ {} }}", original.unless ? "unless" : "when",
                                  cedar::print_expression(original.body));
    copy_.conditions.erase(copy_.conditions.begin() + static_cast<std::ptrdiff_t>(index));
    add(fmt::format("delete `{}`", text), "a request that only this clause keeps this policy from",
        original.span);
    copy_.conditions[index].unless = !original.unless;
    add(fmt::format("negate `{}`", text), "a request that this policy decides", original.span);
    std::vector<std::size_t> path;
    inside(index, original.body, path);
  }

  static bool is_logic(const Expr& expr) {
    return expr.kind == ExprKind::kAnd || expr.kind == ExprKind::kOr || expr.kind == ExprKind::kNot ||
           expr.kind == ExprKind::kIf;
  }

  // Found anew for each mutant, because the copy is replaced with each.
  Expr& at(std::size_t index, std::span<const std::size_t> path) {
    Expr* expr = &copy_.conditions[index].body;
    for (const auto step : path) expr = &expr->operands[step];
    return *expr;
  }

  // The conditions inside a clause; the outermost is the clause itself. Depth is bounded by the parser.
  void inside(std::size_t index, const Expr& parent, std::vector<std::size_t>& path) {
    if (!is_logic(parent)) return;
    for (std::size_t i = 0; i < parent.operands.size(); ++i) {
      const Expr& operand = parent.operands[i];
      const auto text = cedar::print_expression(operand);
      if (parent.kind == ExprKind::kAnd || parent.kind == ExprKind::kOr) {
        Expr& all = at(index, path);
        all.operands.erase(all.operands.begin() + static_cast<std::ptrdiff_t>(i));
        if (all.operands.size() == 1) all = Expr(all.operands.front());
        add(fmt::format("delete `{}`", text), fmt::format("a request that only `{}` decides", text),
            operand.span);
      }
      path.push_back(i);
      if (parent.kind != ExprKind::kNot) {  // its negation is that of the whole
        Expr& one = at(index, path);
        one = Expr{.kind = ExprKind::kNot, .span = operand.span, .operands = {operand}};
        add(fmt::format("negate `{}`", text), fmt::format("a request for which `{}` is true", text),
            operand.span);
      }
      inside(index, operand, path);
      path.pop_back();
    }
  }

  const Policy& policy_;
  Policy copy_;
  std::vector<Mutant> mutants_;
};

// The reason that the policy gives for a change, if it does.
std::string accepted(const Policy& policy, const std::string& change) {
  const auto* annotation = policy.annotation(kAnnotation);
  if (annotation == nullptr || !annotation->value) return {};
  const std::string text = "; " + *annotation->value;
  const std::string entry = "; " + change + ": ";
  const auto found = text.find(entry);
  if (found == text.npos) return {};
  const auto begin = found + entry.size();
  return text.substr(begin, text.find("; ", begin) - begin);
}

Result<bool> all_pass(Shared& shared, std::span<const Suite> suites, const Policies& policies) {
  for (const Suite& suite : suites) {
    for (const Test& test : suite.tests) {
      if (!TRY(passes(shared, suite, test, policies))) return false;
    }
  }
  return true;
}

Result<Policies> with(const Shared& shared, std::size_t index, const Mutant& mutant) {
  cedar::PolicySet set = shared.loaded.policies.policies;
  if (mutant.policy) {
    set.policies[index] = *mutant.policy;
  } else {
    set.policies.erase(set.policies.begin() + static_cast<std::ptrdiff_t>(index));
  }
  auto snapshot = std::make_shared<decision::PolicySnapshot>(*shared.loaded.policies.snapshot);
  snapshot->policies = TRY(cedar::CompiledPolicySet::compile(set));
  return Policies(std::move(snapshot));
}

}  // namespace

std::vector<Mutant> mutants_of(const Policy& policy) {
  return Mutator(policy).mutants();
}

std::size_t MutationResult::findings() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(survivors, [](const Survivor& survivor) { return survivor.accepted.empty(); }));
}

Result<MutationResult> mutate(Shared& shared, std::span<const Suite> suites) {
  const auto& loaded = shared.loaded.policies;
  if (!TRY(all_pass(shared, suites, loaded.snapshot)))
    return failure(ErrorCode::kInvalid, "a test fails without any change; run `writ test` first");
  MutationResult result;
  for (std::size_t i = 0; i < loaded.policies.policies.size(); ++i) {
    const Policy& policy = loaded.policies.policies[i];
    for (const Mutant& mutant : mutants_of(policy)) {
      ++result.mutants;
      const Policies changed = TRY(with(shared, i, mutant));
      if (!TRY(all_pass(shared, suites, changed))) continue;
      const auto at = cedar::line_column(*loaded.sources[i].text, mutant.span.begin);
      result.survivors.push_back({{loaded.sources[i].place.file, at.line, at.column},
                                  policy.id,
                                  mutant.change,
                                  mutant.missing,
                                  accepted(policy, mutant.change)});
    }
  }
  return result;
}

std::string to_text(const MutationResult& result) {
  std::string out;
  for (const Survivor& one : result.survivors) {
    out += fmt::format("{}:{}: {}: {}\n", one.place.file, one.place.line, one.policy, one.change);
    out += one.accepted.empty() ? fmt::format("  no test notices; missing is {}\n", one.missing)
                                : fmt::format("  accepted: {}\n", one.accepted);
  }
  return out + fmt::format("{} mutants, {} noticed by no test, {} of these accepted\n", result.mutants,
                           result.survivors.size(), result.survivors.size() - result.findings());
}

Json to_json(const MutationResult& result) {
  Json survivors = Json::array();
  for (const Survivor& one : result.survivors) {
    Json& json = survivors.push(Json::object({{"file", one.place.file},
                                              {"line", one.place.line},
                                              {"policy", one.policy},
                                              {"change", one.change},
                                              {"missing", one.missing}}));
    if (!one.accepted.empty()) json.set("accepted", one.accepted);
  }
  return Json::object({{"mutants", static_cast<std::int64_t>(result.mutants)},
                       {"findings", static_cast<std::int64_t>(result.findings())},
                       {"survivors", std::move(survivors)}});
}

}  // namespace writ::policytest
