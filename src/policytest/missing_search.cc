// Seeking the request that a change of a policy makes a difference to.
#include <algorithm>
#include <set>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "policytest/missing.h"
#include "policytest/neighbours.h"

namespace writ::policytest {

namespace {

constexpr std::size_t kDepth = 4;          // steps from a request of a test
constexpr std::size_t kBreadth = 12;       // requests whose neighbours are tried, of a policy, at each step
constexpr std::size_t kMaxTried = 40'000;  // requests in all

using Compiled = std::shared_ptr<const cedar::CompiledPolicySet>;

enum class Said : std::uint8_t { kNothing, kPermit, kForbid, kFailed };

// What a set of one policy says; no set says nothing.
Said said_by(const Compiled& policy, const Asked& asked, cedar::Evaluation& evaluation) {
  if (policy == nullptr) return Said::kNothing;
  authorize(*policy, asked.question, asked.entities, evaluation);
  if (!evaluation.satisfied_permits().empty()) return Said::kPermit;
  if (!evaluation.satisfied_forbids().empty()) return Said::kForbid;
  return evaluation.errors().empty() ? Said::kNothing : Said::kFailed;
}

// The parts of a policy that must all hold for it to apply, each as a policy of its own.
Result<Compiled> parts_of(const cedar::Policy& policy) {
  cedar::PolicySet parts;
  const auto add = [&](auto change) {
    cedar::Policy part;
    part.effect = cedar::Effect::kPermit;
    part.id = std::to_string(parts.policies.size());
    change(part);
    parts.policies.push_back(std::move(part));
  };
  add([&](auto& part) { part.principal = policy.principal; });
  add([&](auto& part) { part.action = policy.action; });
  add([&](auto& part) { part.resource = policy.resource; });
  for (const cedar::Condition& condition : policy.conditions) {
    if (condition.unless || condition.body.kind != cedar::ExprKind::kAnd) {
      add([&](auto& part) { part.conditions = {condition}; });
      continue;
    }
    for (const cedar::Expr& operand : condition.body.operands)
      add([&](auto& part) { part.conditions = {{.unless = false, .body = operand, .span = operand.span}}; });
  }
  return cedar::CompiledPolicySet::compile(parts);
}

// A change with what it takes to see its difference.
struct Sought {
  std::size_t policy;
  Compiled before, after;
  Policies world;  // with the change in force
  bool found = false;
};

struct Candidate {
  const Suite* suite;
  Variant asked;
  Answer answer;
  std::vector<std::size_t> nearness;  // by sought policy: how many parts held, of one party
  std::size_t depth = 0;
  bool spread = false;  // its neighbours were tried
};

// What of an answer tells it from another one, added to an expectation. False: nothing does.
bool tell_apart(const Answer& now, const Answer& then, Expectation& expect) {
  if (now.code != then.code) return true;
  if (!now.permitted() && now.refused != then.refused) {
    expect.refused = now.refused;
    return true;
  }
  if (now.policies != then.policies) {
    expect.policies = now.policies;
    return true;
  }
  if (now.permitted()) return false;
  if (now.party != then.party && !now.party.empty()) {
    expect.party = now.party;
    return true;
  }
  for (const std::string& reason : now.reasons) {
    if (std::ranges::find(then.reasons, reason) != then.reasons.end()) continue;
    expect.reasons.push_back(reason);
    return true;
  }
  return false;
}

class Search {
 public:
  Search(Shared& shared, std::span<const Suite> suites)
      : shared_(shared), suites_(suites), surroundings_(Surroundings::of(shared.loaded)) {}

  Result<std::vector<MissingTest>> run(std::span<const Unnoticed> unnoticed) {
    TRY(prepare(unnoticed));
    for (const Suite& suite : suites_) {
      for (const Test& test : suite.tests)
        for (const Step& step : test.steps)
          if (const auto* ask = std::get_if<Ask>(&step))
            TRY(look({&suite, {Dimension::kNoToken, "", ask->request}, {}, {}, 0, false}));
    }
    for (std::size_t i = 0; i < policies_.size(); ++i) TRY(approach(i));
    return std::move(found_);
  }

 private:
  Result<void> prepare(std::span<const Unnoticed> unnoticed) {
    const auto& all = shared_.loaded.policies.policies.policies;
    const auto alone = [](const cedar::Policy& policy) {
      cedar::PolicySet set;
      set.policies = {policy};
      return cedar::CompiledPolicySet::compile(set);
    };
    for (const Unnoticed& one : unnoticed) {
      const auto known = std::ranges::find(policies_, one.policy);
      if (known == policies_.end()) {
        policies_.push_back(one.policy);
        parts_.push_back(TRY(parts_of(all[one.policy])));
      }
      sought_.push_back({one.policy, TRY(alone(all[one.policy])),
                         one.mutant.policy ? TRY(alone(*one.mutant.policy)) : nullptr,
                         TRY(mutated(shared_, one.policy, one.mutant))});
    }
    return {};
  }

  bool is_open(std::size_t policy) const {
    return std::ranges::any_of(sought_,
                               [&](const Sought& each) { return each.policy == policy && !each.found; });
  }

  // Asks it once, and keeps it for its neighbours.
  Result<void> look(Candidate candidate) {
    const Variant& asked = candidate.asked;
    const Suite& world_of = asked.in(*candidate.suite);
    auto key = candidate.suite->file + request_to_json(asked.request).dump();
    if (asked.world != nullptr) key += world_of.fixtures.dump();
    if (seen_.size() >= kMaxTried || !seen_.insert(std::move(key)).second) return {};
    auto world = World::make(shared_, world_of, shared_.loaded.policies.snapshot);
    if (!world) return {};
    candidate.nearness.assign(policies_.size(), 0);
    std::set<std::size_t> differ;
    auto answer = (*world)->ask(asked.request, [&](const Asked& question) {
      for (std::size_t i = 0; i < policies_.size(); ++i) {
        authorize(*parts_[i], question.question, question.entities, evaluation_);
        candidate.nearness[i] = std::max(candidate.nearness[i], evaluation_.satisfied_permits().size());
      }
      for (std::size_t i = 0; i < sought_.size(); ++i) {
        if (sought_[i].found || differ.contains(i)) continue;
        if (said_by(sought_[i].before, question, evaluation_) !=
            said_by(sought_[i].after, question, evaluation_))
          differ.insert(i);
      }
    });
    if (!answer) return {};
    candidate.answer = *std::move(answer);
    TRY(take(candidate, differ));
    candidates_.push_back(std::move(candidate));
    return {};
  }

  // A test of it, if somebody sees the difference.
  Result<void> take(const Candidate& candidate, const std::set<std::size_t>& differ) {
    MissingTest test{candidate.suite, candidate.asked, {.place = {}, .code = candidate.answer.code}, {}};
    for (const std::size_t i : differ) {
      const auto world = World::make(shared_, candidate.asked.in(*candidate.suite), sought_[i].world);
      if (!world) continue;
      const auto then = (*world)->ask(candidate.asked.request);
      if (!then || !tell_apart(candidate.answer, *then, test.expect)) continue;
      test.notices.push_back(i);
      sought_[i].found = true;
    }
    // It can be written down when no more than a task is another.
    if (!test.notices.empty() && is_writable(candidate)) {
      found_.push_back(std::move(test));
      return {};
    }
    for (const std::size_t i : test.notices) sought_[i].found = false;
    return {};
  }

  static bool is_writable(const Candidate& candidate) {
    return candidate.asked.world == nullptr || candidate.asked.world->entities == candidate.suite->entities;
  }

  Result<void> approach(std::size_t policy) {
    for (std::size_t depth = 0; depth < kDepth && is_open(policies_[policy]); ++depth) {
      std::vector<std::size_t> nearest;
      for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (!candidates_[i].spread && !candidates_[i].answer.api.empty()) nearest.push_back(i);
      std::ranges::stable_sort(nearest, std::greater<>(),
                               [&](std::size_t i) { return candidates_[i].nearness[policy]; });
      if (nearest.size() > kBreadth) nearest.resize(kBreadth);
      for (const std::size_t i : nearest) {
        if (!is_open(policies_[policy])) return {};
        candidates_[i].spread = true;
        const Candidate from = candidates_[i];
        for (Variant& next : neighbours(surroundings_, *from.suite, from.asked, from.answer))
          TRY(look({from.suite, std::move(next), {}, {}, from.depth + 1, false}));
      }
    }
    return {};
  }

  Shared& shared_;
  std::span<const Suite> suites_;
  const Surroundings surroundings_;
  std::vector<std::size_t> policies_;  // with something unnoticed
  std::vector<Compiled> parts_;        // by them
  std::vector<Sought> sought_;
  std::vector<Candidate> candidates_;
  std::set<std::string> seen_;
  std::vector<MissingTest> found_;
  cedar::Evaluation evaluation_;
};

}  // namespace

Result<std::vector<MissingTest>> find_missing(Shared& shared, std::span<const Suite> suites,
                                              std::span<const Unnoticed> unnoticed) {
  return Search(shared, suites).run(unnoticed);
}

}  // namespace writ::policytest
