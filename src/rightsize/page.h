// Page: a proposal as a part of an HTML report (report/html.h). Pure.
#pragma once

#include "report/html.h"
#include "rightsize/plan.h"

namespace writ::rightsize {

report::Markup proposal_part(const RightsizingPlan& plan);

}  // namespace writ::rightsize
