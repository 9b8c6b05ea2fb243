#include "policytest/mutate.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/compile.h"
#include "cedar/coverage.h"
#include "cedar/issue.h"
#include "cedar/print.h"
#include "policytest/report.h"
#include "policytest/run.h"

namespace writ::policytest {

using cedar::Condition;
using cedar::Expr;
using cedar::ExprKind;
using cedar::Policy;
using cedar::ScopeTerm;
using codec::Json;

namespace {

class Mutator {
 public:
  explicit Mutator(const Policy& policy) : policy_(policy), copy_(policy) {}

  std::vector<Mutant> mutants() {
    mutants_.push_back(
        {"delete the policy", "a request whose outcome this policy changes", policy_.span, std::nullopt});
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
        fmt::format("a request that this policy would decide but for its {}", name), span);
  }

  void clause(std::size_t index) {
    const Condition& original = policy_.conditions[index];
    const auto text = fmt::format("{} {{ {} }}", original.unless ? "unless" : "when",
                                  cedar::print_expression(original.body));
    copy_.conditions.erase(copy_.conditions.begin() + static_cast<std::ptrdiff_t>(index));
    add(fmt::format("delete `{}`", text), "a request that this policy would decide but for this clause",
        original.span);
    copy_.conditions[index].unless = !original.unless;
    add(fmt::format("negate `{}`", text), "a request that this policy decides", original.span);
    std::vector<std::size_t> path;
    inside(index, original.body, path);
  }

  // Found anew for each mutant, because the copy is replaced with each.
  Expr& at(std::size_t index, std::span<const std::size_t> path) {
    Expr* expr = &copy_.conditions[index].body;
    for (const auto step : path) expr = &expr->operands[step];
    return *expr;
  }

  // The conditions inside a clause; the outermost is the clause itself. Depth is bounded by the parser.
  void inside(std::size_t index, const Expr& parent, std::vector<std::size_t>& path) {
    if (!cedar::joins_conditions(parent.kind)) return;
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

// How long the text of the longest change is that stands at the beginning.
std::optional<std::size_t> change_length(const std::vector<Mutant>& mutants, std::string_view text) {
  std::optional<std::size_t> longest;
  for (const Mutant& mutant : mutants)
    if (text.starts_with(mutant.change)) longest = std::max(longest.value_or(0), mutant.change.size());
  return longest;
}

Result<bool> all_pass(Shared& shared, std::span<const Suite> suites, const Policies& policies) {
  for (const Suite& suite : suites) {
    for (const Test& test : suite.tests) {
      if (!TRY(passes(shared, suite, test, policies))) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Mutant> mutants_of(const Policy& policy) {
  return Mutator(policy).mutants();
}

Result<std::vector<Acceptance>> accepted_mutants(const policy::LoadedPolicies& policies) {
  return read_acceptances(policies, {kAcceptMutant, "change", [&](std::size_t index, std::string_view text) {
                                       return change_length(mutants_of(policies.policies.policies[index]),
                                                            text);
                                     }});
}

std::size_t MutationResult::survivors() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(mutants, [](const TriedMutant& mutant) { return !mutant.noticed; }));
}

std::size_t MutationResult::findings() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(mutants, &TriedMutant::is_finding)) + unused.size();
}

Result<Policies> mutated(const Shared& shared, std::size_t policy, const Mutant& mutant) {
  cedar::PolicySet set = shared.loaded.policies.policies;
  if (mutant.policy) {
    set.policies[policy] = *mutant.policy;
  } else {
    set.policies.erase(set.policies.begin() + static_cast<std::ptrdiff_t>(policy));
  }
  auto snapshot = std::make_shared<decision::PolicySnapshot>(*shared.loaded.policies.snapshot);
  snapshot->policies = TRY(cedar::CompiledPolicySet::compile(set));
  return Policies(std::move(snapshot));
}

Result<MutationResult> mutate(Shared& shared, std::span<const Suite> suites) {
  const auto& loaded = shared.loaded.policies;
  auto acceptances = TRY(accepted_mutants(loaded));
  if (!TRY(all_pass(shared, suites, loaded.snapshot)))
    return failure(ErrorCode::kInvalid, "a test fails without any change; run `writ test` first");
  MutationResult result;
  for (std::size_t i = 0; i < loaded.policies.policies.size(); ++i) {
    const std::string& policy = loaded.policies.policies[i].id;
    for (const Mutant& mutant : mutants_of(loaded.policies.policies[i])) {
      const Policies changed = TRY(mutated(shared, i, mutant));
      TriedMutant tried{.place = loaded.sources[i].place_of(mutant.span),
                        .policy = policy,
                        .change = mutant.change,
                        .missing = mutant.missing,
                        .noticed = !TRY(all_pass(shared, suites, changed)),
                        .accepted = {}};
      const auto acceptance = std::ranges::find_if(acceptances, [&](const Acceptance& each) {
        return each.policy == policy && each.subject == mutant.change;
      });
      if (!tried.noticed && acceptance != acceptances.end()) {
        tried.accepted = acceptance->reason;
        acceptance->used = true;
      }
      result.mutants.push_back(std::move(tried));
    }
  }
  std::ranges::copy_if(acceptances, std::back_inserter(result.unused),
                       [](const Acceptance& each) { return !each.used; });
  return result;
}

std::string to_text(const MutationResult& result) {
  std::string out;
  std::size_t accepted = 0, written = 0;
  for (const TriedMutant& one : result.mutants) {
    if (one.noticed) continue;
    accepted += one.accepted.empty() ? 0 : 1;
    written += one.noticed_in.empty() ? 0 : 1;
    if (!one.noticed_in.empty()) continue;
    out += fmt::format("{}:{}: {}: {}\n", one.place.file, one.place.line, one.policy, one.change);
    out += one.accepted.empty() ? fmt::format("  no test notices; missing is {}\n", one.missing)
                                : fmt::format("  accepted: {}\n", one.accepted);
  }
  for (const Acceptance& unused : result.unused)
    out += fmt::format("UNUSED {}\n", unused_text(unused, kAcceptMutant));
  for (const auto& file : result.written) out += fmt::format("wrote {} tests to {}\n", file.tests, file.file);
  out += fmt::format("{} mutants, {} noticed by no test, {} of these accepted", result.mutants.size(),
                     result.survivors(), accepted);
  if (!result.written.empty()) out += fmt::format(", {} noticed by the tests that were written", written);
  return out + "\n";
}

Json to_json(const MutationResult& result) {
  Json survivors = Json::array(), unused = Json::array();
  for (const TriedMutant& one : result.mutants) {
    if (one.noticed) continue;
    Json& json = survivors.push(Json::object({{"file", one.place.file},
                                              {"line", one.place.line},
                                              {"policy", one.policy},
                                              {"change", one.change},
                                              {"missing", one.missing}}));
    if (!one.accepted.empty()) json.set("accepted", one.accepted);
    if (!one.noticed_in.empty()) json.set("noticed_in", one.noticed_in);
  }
  Json written = Json::array();
  for (const auto& file : result.written)
    written.push(Json::object({{"file", file.file}, {"tests", static_cast<std::int64_t>(file.tests)}}));
  for (const Acceptance& acceptance : result.unused) unused.push(to_json(acceptance));
  return Json::object({{"mutants", static_cast<std::int64_t>(result.mutants.size())},
                       {"findings", static_cast<std::int64_t>(result.findings())},
                       {"survivors", std::move(survivors)},
                       {"written", std::move(written)},
                       {"unused_acceptances", std::move(unused)}});
}

std::string to_junit(const MutationResult& result) {
  std::string cases;
  std::size_t skipped = 0;
  for (const TriedMutant& one : result.mutants) {
    cases +=
        fmt::format(R"(    <testcase classname="{}" name="{}" file="{}" line="{}">)", xml_text(one.policy),
                    xml_text(one.change), xml_text(one.place.file), one.place.line);
    if (one.is_finding()) {
      cases +=
          fmt::format(R"(<failure message="no test notices">missing is {}</failure>)", xml_text(one.missing));
    } else if (!one.noticed) {
      ++skipped;
      cases += fmt::format(R"(<skipped message="{}"/>)",
                           xml_text(one.accepted.empty() ? "a test was written: " + one.noticed_in
                                                         : "accepted: " + one.accepted));
    }
    cases += "</testcase>\n";
  }
  for (const Acceptance& unused : result.unused) cases += junit_case(unused, kAcceptMutant);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"mutants\" tests=\"{}\" "
      "failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}  </testsuite>\n</testsuites>\n",
      result.mutants.size() + result.unused.size(), result.findings(), skipped, cases);
}

}  // namespace writ::policytest
