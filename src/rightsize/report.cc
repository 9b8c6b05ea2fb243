#include "rightsize/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/record.h"
#include "codec/members.h"
#include "rightsize/conditions.h"

namespace writ::rightsize {
namespace {

using codec::Json;

constexpr std::size_t kMostFlips = 10;  // in the text

Json number(std::uint64_t count) {
  return static_cast<std::int64_t>(count);
}

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string right_text(const Right& right) {
  return right.resource_type.empty() ? text_of(right.action)
                                     : fmt::format("{} on {}", text_of(right.action), right.resource_type);
}

Json rights_json(const std::set<Right>& rights) {
  Json all = Json::array();
  for (const Right& right : rights) {
    Json one = Json::object({{"action", text_of(right.action)}});
    if (!right.resource_type.empty()) one.set("resource_type", right.resource_type);
    all.push(std::move(one));
  }
  return all;
}

Json uses_json(const Uses& uses) {
  Json json = Json::object({{"count", number(uses.count)}, {"days", number(uses.days.count())}});
  if (uses.count > 0) {
    json.set("first", audit::format_time(uses.first));
    json.set("last", audit::format_time(uses.last));
  }
  return json;
}

Json flips_json(const std::vector<policytest::Flip>& flips) {
  Json all = Json::array();
  for (const auto& flip : flips) {
    Json one = Json::object(
        {{"record", flip.record}, {"effect", flip.effect}, {"policies", codec::json_texts(flip.policies)}});
    if (!flip.reason.empty()) one.set("reason", flip.reason);
    all.push(std::move(one));
  }
  return all;
}

Json rehearsal_json(const Rehearsal& rehearsal) {
  Json left_out = Json::array();
  for (const auto& [why, count] : rehearsal.left_out)
    left_out.push(Json::object({{"why", why}, {"decisions", number(count)}}));
  return Json::object({{"permits", number(rehearsal.permits)},
                       {"decided", number(rehearsal.decided)},
                       {"decided_percent", percent(rehearsal.decided, rehearsal.permits)},
                       {"refused_today", number(rehearsal.refused_today)},
                       {"refused", flips_json(rehearsal.refused)},
                       {"refused_percent", percent(rehearsal.refused.size(), rehearsal.decided)},
                       {"widened", flips_json(rehearsal.widened)},
                       {"left_out", std::move(left_out)}});
}

std::string rehearsal_text(const Rehearsal& rehearsal, std::string_view name) {
  auto out = fmt::format(
      "{}: {} of {} permitted requests could be decided again ({:.1f} %): {} would be refused ({:.1f} %), "
      "{} newly permitted\n",
      name, rehearsal.decided, rehearsal.permits, percent(rehearsal.decided, rehearsal.permits),
      rehearsal.refused.size(), percent(rehearsal.refused.size(), rehearsal.decided),
      rehearsal.widened.size());
  if (rehearsal.refused_today > 0)
    out += fmt::format("  {} of them are refused by today's policies already\n", rehearsal.refused_today);
  for (std::size_t i = 0; i < rehearsal.refused.size() && i < kMostFlips; ++i) {
    const auto& flip = rehearsal.refused[i];
    const auto show = [&](std::string_view member) {
      const auto* text = flip.record.find_string(member);
      return text != nullptr ? *text : std::string();
    };
    out += fmt::format("  {} for {} through {}: {} {}: {} {}\n", show("time"), show("subject"),
                       show("client"), show("action"), show("resource"), flip.effect, flip.reason);
  }
  for (const auto& [why, count] : rehearsal.left_out) out += fmt::format("  {}: {}\n", count, why);
  return out;
}

std::string place_text(const PolicyUse& use, const RightsizingPlan& plan) {
  return plan.proposed.policies.sources[use.policy].place.file;
}

}  // namespace

std::string to_text(const Report& report, bool all) {
  const auto& [evidence, proposal, proposed, changed] = report.plan;
  auto out = fmt::format("{} permits in {} records, {} to {} ({} days), {} kinds of requests\n",
                         evidence.permits, evidence.records, audit::format_time(evidence.first),
                         audit::format_time(evidence.last), evidence.span_days(), evidence.shapes.size());
  for (const PolicyUse& use : proposal.policies) {
    if (use.verdict == Fate::kWhole && !all) continue;
    out += fmt::format("\n{} {} ({})\n  {}\n", fate_name(use.verdict), use.id, place_text(use, report.plan),
                       use.evidence);
    for (const auto& why : use.why) out += fmt::format("  kept: {}\n", why);
    for (const auto& condition : use.conditions) out += fmt::format("  when {{ {} }}\n", condition);
  }
  out += "\n";
  for (const IdentityUse& use : proposal.identities) {
    std::vector<std::string> unused;
    for (const Right& right : *use.granted)
      if (!use.used.contains(right)) unused.push_back(right_text(right));
    if (unused.empty() && !all) continue;
    out += fmt::format("{}: {} uses of {} rights; {} of the rights that its policies grant were not used\n",
                       text_of(use.uid), use.uses, use.used.size(), unused.size());
  }
  for (const TaskTemplate& each : report.templates.all) {
    if (each.body.is_null() && !all) continue;
    out += fmt::format("\n{} {}\n  {}\n", each.body.is_null() ? "no task for" : "task", each.name,
                       each.evidence);
    for (const auto& why : each.why) out += fmt::format("  kept: {}\n", why);
    if (!each.body.is_null()) out += fmt::format("  {}\n", each.body.dump());
  }
  out += fmt::format("\n{} permits: {} narrowed, {} unused, {} redundant, {} kept, {} whole\n",
                     proposal.policies.size(), proposal.count(Fate::kNarrowed), proposal.count(Fate::kUnused),
                     proposal.count(Fate::kRedundant), proposal.count(Fate::kKept),
                     proposal.count(Fate::kWhole));
  if (proposal.uncertain > 0)
    out += fmt::format(
        "of {} uses by a party the log does not say which permit carried them; all that may have are kept\n",
        proposal.uncertain);
  if (evidence.not_enforced > 0)
    out += fmt::format("{} requests passed although no policy permits them, as their API only observes\n",
                       evidence.not_enforced);
  out += fmt::format(
      "{} tests of what is used, {} of what is refused now; {} kinds of requests and {} dropped "
      "actions have none\n",
      report.suite.permitted, report.suite.refused, report.suite.left_out, report.suite.dropped_unseen);
  if (report.rehearsed != nullptr) {
    out += "\n" + rehearsal_text(report.rehearsed->whole, "replay");
    out += report.rehearsed->last_third
               ? rehearsal_text(*report.rehearsed->last_third,
                                fmt::format("last third, from {}, under a proposal made of what was before",
                                            audit::format_time(report.rehearsed->from)))
               : "last third: there is nothing before it to make a proposal of\n";
  }
  if (!report.folder.empty()) out += fmt::format("\nwritten to {}\n", report.folder);
  return out;
}

Json to_json(const IdentityUse& use) {
  return Json::object({{"identity", text_of(use.uid)},
                       {"uses", number(use.uses)},
                       {"granted", rights_json(*use.granted)},
                       {"used", rights_json(use.used)}});
}

Json to_json(const PolicyUse& use, const RightsizingPlan& plan) {
  const auto& place = plan.proposed.policies.sources[use.policy].place;
  Json idle = Json::array();
  for (const auto& each : use.idle) idle.push(text_of(each));
  return Json::object({{"id", use.id},
                       {"file", place.file},
                       {"line", static_cast<std::int64_t>(place.line)},
                       {"verdict", fate_name(use.verdict)},
                       {"why", codec::json_texts(use.why)},
                       {"evidence", use.evidence},
                       {"uses", uses_json(use.uses)},
                       {"held", uses_json(use.held)},
                       {"granted", rights_json(use.granted)},
                       {"used", rights_json(use.used)},
                       {"unused", rights_json(use.unused)},
                       {"idle_principals", std::move(idle)},
                       {"conditions", codec::json_texts(use.conditions)}});
}

Json to_json(const Report& report) {
  const auto& [evidence, proposal, proposed, changed] = report.plan;
  Json policies = Json::array(), identities = Json::array(), files = Json::array();
  for (const PolicyUse& use : proposal.policies) policies.push(to_json(use, report.plan));
  for (const IdentityUse& use : proposal.identities) identities.push(to_json(use));
  for (const auto file : changed) files.push(proposed.texts.files[file].path);
  Json json =
      Json::object({{"records", number(evidence.records)},
                    {"permits", number(evidence.permits)},
                    {"unreadable", number(evidence.unreadable)},
                    {"not_enforced", number(evidence.not_enforced)},
                    {"first", audit::format_time(evidence.first)},
                    {"last", audit::format_time(evidence.last)},
                    {"days", evidence.span_days()},
                    {"kinds", number(evidence.shapes.size())},
                    {"uncertain", number(proposal.uncertain)},
                    {"policies", std::move(policies)},
                    {"identities", std::move(identities)},
                    {"changed_files", std::move(files)},
                    {"tests", Json::object({{"permitted", number(report.suite.permitted)},
                                            {"refused", number(report.suite.refused)},
                                            {"left_out", number(report.suite.left_out)},
                                            {"dropped_unseen", number(report.suite.dropped_unseen)}})}});
  Json tasks = Json::array();
  for (const TaskTemplate& each : report.templates.all) {
    Json one = Json::object({{"name", each.name},
                             {"identity", each.from.client},
                             {"purpose", each.from.purpose},
                             {"uses", number(each.from.uses)},
                             {"bursts", number(each.from.bursts)},
                             {"evidence", each.evidence},
                             {"kept", codec::json_texts(each.why)},
                             {"tests", number(each.tests)}});
    if (!each.body.is_null()) one.set("task", each.body);
    tasks.push(std::move(one));
  }
  json.set("task_templates", std::move(tasks));
  if (report.rehearsed != nullptr) {
    json.set("replay", rehearsal_json(report.rehearsed->whole));
    json.set("last_third_from", audit::format_time(report.rehearsed->from));
    json.set("last_third",
             report.rehearsed->last_third ? rehearsal_json(*report.rehearsed->last_third) : Json());
  }
  if (!report.folder.empty()) json.set("folder", report.folder);
  return json;
}

}  // namespace writ::rightsize
