// What is ruled of a route that is public: for the Enforcer and for Recheck alone. Pure.
#pragma once

#include <optional>

#include "base/times.h"
#include "enforce/plain.h"
#include "enforce/question.h"

namespace writ::enforce {

std::optional<decision::Refusal> rule_public(const Question& question, const InForce& in_force, Times time,
                                             PlainMemory& memory, PlainRuling& ruling);

}  // namespace writ::enforce
