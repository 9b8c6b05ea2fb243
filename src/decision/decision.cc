#include "decision/decision.h"

#include <algorithm>
#include <fmt/format.h>

#include "decision/guards.h"

namespace writ::decision {

std::string_view effect_name(Effect effect) noexcept {
  switch (effect) {
    case Effect::kPermit:
      return "permit";
    case Effect::kDeny:
      return "deny";
    case Effect::kIndeterminate:
      return "indeterminate";
  }
  return "indeterminate";
}

// One run: the guards, then each party, until the first no (or to the end, when all reasons are asked for).
class Decider {
 public:
  Decider(const PolicySnapshot& snapshot, Workspace& workspace, Reasons reasons)
      : snapshot_(snapshot),
        evaluation_(workspace.evaluation_),
        decision_(workspace.decision_),
        reasons_(reasons) {
    decision_.effect_ = Effect::kIndeterminate;
    decision_.refusals_.clear();
    decision_.policies_.clear();
    decision_.consumes_budget_ = false;
  }

  const Decision& run(const context::Context& context) {
    for (const Guard& guard : guards()) {
      if (auto refused = guard.check(context, snapshot_); refused && refuse(*std::move(refused)))
        return finish();
    }
    const cedar::EntityView entities = context.entities();
    for (const context::Party& party : context.parties()) {
      const cedar::Request request{party.uid, context.action(), context.resource(), context.record()};
      if (!ask(request, entities, kind_name(party.kind)) && reasons_ == Reasons::kFirst) return finish();
    }
    decision_.consumes_budget_ = context.task() != nullptr && context.point() == context::Point::kUse;
    return finish();
  }

  const Decision& run_plain(const cedar::Request& request, const cedar::EntityView& entities) {
    ask(request, entities, request.principal.type());
    return finish();
  }

 private:
  // Whether to stop here.
  bool refuse(Refusal refusal) {
    decision_.refusals_.push_back(std::move(refusal));
    return reasons_ == Reasons::kFirst;
  }

  const Decision& finish() {
    const auto& refusals = decision_.refusals_;
    if (refusals.empty()) {
      decision_.effect_ = Effect::kPermit;
      return decision_;
    }
    const bool broken = refusals.front().reason == Reason::kIndeterminate;
    decision_.effect_ = broken ? Effect::kIndeterminate : Effect::kDeny;
    decision_.policies_.clear();
    decision_.consumes_budget_ = false;
    return decision_;
  }

  // Is this party permitted?
  bool ask(const cedar::Request& request, const cedar::EntityView& entities, std::string_view kind) {
    authorize(*snapshot_.policies, request, entities, evaluation_);
    const auto subject = fmt::format_to_n(label_, sizeof label_, "{} `{}`", kind, request.principal.id());
    const std::string_view party(label_, std::min(sizeof label_, subject.size));
    if (!evaluation_.satisfied_forbids().empty()) {
      Refusal refusal = refusal_of(Reason::kPolicyForbid, request);
      for (const auto policy : evaluation_.satisfied_forbids())
        refusal.policies.emplace_back(snapshot_.policies->id(policy));
      refusal.message = fmt::format("policy `{}` forbids {} to `{}` {}", refusal.policies.front(), party,
                                    request.action.id(), request.resource.to_string());
      refuse(std::move(refusal));
      return false;
    }
    // Cedar skips a policy that fails. A forbid that could not be evaluated might have forbidden, so it does.
    if (const auto* error = first_error(true)) return refuse_error(request, *error, party), false;
    if (evaluation_.satisfied_permits().empty()) {
      if (const auto* error = first_error(false)) return refuse_error(request, *error, party), false;
      Refusal refusal = refusal_of(Reason::kPolicyNoPermit, request);
      refusal.message = fmt::format("no policy permits {} to `{}` {}", party, request.action.id(),
                                    request.resource.to_string());
      refuse(std::move(refusal));
      return false;
    }
    for (const auto policy : evaluation_.satisfied_permits()) {
      const auto id = snapshot_.policies->id(policy);
      auto& policies = decision_.policies_;
      if (std::find(policies.begin(), policies.end(), id) == policies.end()) policies.push_back(id);
    }
    return true;
  }

  static Refusal refusal_of(Reason reason, const cedar::Request& request) {
    return {reason, {}, request.principal.to_string(), {}, {}};
  }

  const cedar::PolicyError* first_error(bool forbids) const {
    const auto errors = evaluation_.errors();
    const auto found = std::find_if(errors.begin(), errors.end(), [&](const cedar::PolicyError& error) {
      return snapshot_.policies->forbids(error.policy) == forbids;
    });
    return found == errors.end() ? nullptr : &*found;
  }

  void refuse_error(const cedar::Request& request, const cedar::PolicyError& error, std::string_view party) {
    const auto kind = error.kind();
    const bool missing = kind == cedar::EvalErrorKind::kMissingAttribute ||
                         kind == cedar::EvalErrorKind::kMissingTag ||
                         kind == cedar::EvalErrorKind::kMissingEntity;
    Refusal refusal = refusal_of(missing ? Reason::kContextMissing : Reason::kIndeterminate, request);
    refusal.policies.emplace_back(snapshot_.policies->id(error.policy));
    if (missing) refusal.path = missing_path(*snapshot_.policies, error);
    refusal.message = fmt::format("policy `{}` could not be evaluated for {}: {}", refusal.policies.front(),
                                  party, error_message(*snapshot_.policies, error));
    refuse(std::move(refusal));
  }

  const PolicySnapshot& snapshot_;
  cedar::Evaluation& evaluation_;
  Decision& decision_;
  Reasons reasons_;
  char label_[160];
};

const Decision& decide(const PolicySnapshot& snapshot, const context::Context& context, Workspace& workspace,
                       Reasons reasons) {
  return Decider(snapshot, workspace, reasons).run(context);
}

const Decision& decide_plain(const PolicySnapshot& snapshot, const cedar::Request& request,
                             const cedar::EntityView& entities, Workspace& workspace) {
  return Decider(snapshot, workspace, Reasons::kFirst).run_plain(request, entities);
}

}  // namespace writ::decision
