// A proposal for people and for programs. Pure.
#pragma once

#include <optional>
#include <string>

#include "codec/json.h"
#include "rightsize/plan.h"
#include "rightsize/suite.h"
#include "rightsize/templates.h"

namespace writ::rightsize {

// What was tried of a proposal.
struct Rehearsed {
  Rehearsal whole;  // the proposal, over all of the window
  Instant from;     // of the last third
  // The proposal of the first two thirds, over the last one; nothing: they have no permit.
  std::optional<Rehearsal> last_third;
};

// Views.
struct Report {
  const RightsizingPlan& plan;
  const SuiteText& suite;
  const TemplatesOf& templates;
  const Rehearsed* rehearsed = nullptr;  // null: nobody asked
  std::string folder = {};               // where it was written; empty: nowhere
};

// Permits that are whole are only counted; with `all` they are listed.
std::string to_text(const Report& report, bool all);
codec::Json to_json(const Report& report);
// Of one identity, and of one permit of the plan.
codec::Json to_json(const IdentityUse& use);
codec::Json to_json(const PolicyUse& use, const RightsizingPlan& plan);

}  // namespace writ::rightsize
