#include "control/simulations.h"

namespace writ::control {

decision::Effect Prospect::effect() const noexcept {
  if (explanation) return explanation->effect;
  return token && token->reason != Reason::kIndeterminate ? decision::Effect::kDeny
                                                          : decision::Effect::kIndeterminate;
}

Answer<Simulated> Simulations::ask(const Caller& caller, const codec::Json& question) const {
  const auto permit = TRY(authority_.allow_for_all_tenants(caller, "explain-decisions", "explanations are"));
  auto simulated = TRY(simulator_.simulate(question, permit.time().latest));
  // What was asked, and what the answer was in a word: who asks about others is seen.
  TRY(authority_.record(permit, "decision.asked", decision::effect_name(simulated.prospect.effect()),
                        question.dump()));
  return simulated;
}

}  // namespace writ::control
