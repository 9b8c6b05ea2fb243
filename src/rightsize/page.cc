#include "rightsize/page.h"

#include <fmt/format.h>

#include "audit/record.h"
#include "rightsize/conditions.h"

namespace writ::rightsize {
namespace {

using report::element;
using report::Markup;
using report::text;

std::string_view look_of(Fate fate) {
  switch (fate) {
    case Fate::kWhole:
      return "good";
    case Fate::kNarrowed:
      return "low";
    case Fate::kUnused:
    case Fate::kRedundant:
      return "medium";
    case Fate::kKept:
      break;
  }
  return "unknown";
}

Markup figures_of(const Proposal& proposal) {
  Markup items;
  for (const auto fate : {Fate::kUnused, Fate::kRedundant, Fate::kNarrowed, Fate::kKept, Fate::kWhole})
    items += element("li", element("span", {{"class", std::string(look_of(fate))}}, text(fate_name(fate))) +
                               text(fmt::format(" {}", proposal.count(fate))));
  return element("ul", {{"class", "figures"}}, items);
}

Markup permit_part(const PolicyUse& use, const files::Place& place) {
  Markup inside = element("p", {}, element("code", fmt::format("{}:{}", place.file, place.line))) +
                  element("p", use.evidence);
  for (const auto& why : use.why) inside += element("p", "Kept: " + why);
  for (const auto& condition : use.conditions)
    inside += element("pre", {}, element("code", fmt::format("when {{ {} }}", condition)));
  const auto word =
      element("span", {{"class", std::string(look_of(use.verdict))}}, text(fate_name(use.verdict)));
  return report::unfolding(word + text(" " + use.id), inside);
}

}  // namespace

Markup proposal_part(const RightsizingPlan& plan) {
  const auto& evidence = plan.evidence;
  Markup part =
      element("p", fmt::format("{} permitted requests in {} records, from {} to {} ({} days).",
                               evidence.permits, evidence.records, audit::format_time(evidence.first),
                               audit::format_time(evidence.last), evidence.span_days())) +
      figures_of(plan.proposal) + element("h2", "Permits that grant more than is used");
  bool any = false;
  for (const PolicyUse& use : plan.proposal.policies) {
    if (use.verdict == Fate::kWhole) continue;
    any = true;
    part += permit_part(use, plan.proposed.policies.sources[use.policy].place);
  }
  if (!any) part += element("p", "All that is granted is used, as far as the log shows.");
  std::vector<std::vector<Markup>> rows;
  for (const IdentityUse& use : plan.proposal.identities)
    rows.push_back({element("code", text_of(use.uid)), text(std::to_string(use.granted->size())),
                    text(std::to_string(use.used.size())), text(std::to_string(use.uses))});
  part += element("h2", "Granted and used, by identity");
  return part + report::table({"identity", "rights granted", "rights used", "uses"}, rows);
}

}  // namespace writ::rightsize
