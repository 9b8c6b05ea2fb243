#include "server/running_reports.h"

#include <algorithm>
#include <fmt/format.h>

#include "policy/contract_sheets.h"
#include "posture/looking.h"
#include "posture/render.h"
#include "rightsize/report.h"

namespace writ::server {
namespace {

using codec::Json;
using control::ReportQuestion;
using control::ReportView;

bool sees(const ReportView& view, const enforce::InForce& in_force, const std::string& id) {
  return view.may_see(id, in_force.inventory->find(id));
}

// Who is not a party, such as a policy or a file, is of no tenant.
bool sees_subject(const ReportView& view, const enforce::InForce& in_force, const std::string& subject) {
  const auto* member = in_force.inventory->find(subject);
  return member != nullptr ? view.may_see(subject, member) : !view.of_a_tenant;
}

bool sees_everybody(const ReportView& view, const enforce::InForce& in_force) {
  return !view.of_a_tenant &&
         std::ranges::all_of(in_force.inventory->members(), [&](const inventory::Member* member) {
           return view.may_see((*member)->id, member);
         });
}

// What may be told to whoever does not see everybody: nothing that quotes the configuration.
Json short_json(const posture::Judged& judged) {
  const auto& weakness = judged.weakness;
  Json standards = Json::array(), subjects = Json::array();
  for (const auto standard : weakness.check->standards) standards.push(standard);
  for (const auto& subject : weakness.subjects) subjects.push(subject);
  return Json::object({{"id", weakness.id()},
                       {"check", weakness.check->id},
                       {"severity", posture::weight_name(weakness.weight)},
                       {"subjects", std::move(subjects)},
                       {"standards", std::move(standards)},
                       {"title", weakness.check->title},
                       {"meaning", weakness.check->meaning}});
}

Json checks_json(const posture::Assessment& assessment) {
  Json all = Json::array();
  for (std::size_t i = 0; i < assessment.checked.size(); ++i) {
    const auto& checked = assessment.checked[i];
    auto json = Json::object({{"id", checked.check->id},
                              {"state", assessment.state(i)},
                              {"findings", static_cast<std::int64_t>(assessment.found_by[i])}});
    if (!checked.not_computable.empty()) json.set("not_computable", checked.not_computable);
    if (checked.untold > 0) json.set("not_computable_of", static_cast<std::int64_t>(checked.untold));
    all.push(std::move(json));
  }
  return all;
}

}  // namespace

Result<Json> RunningReports::answer(const ReportQuestion& question, const enforce::InForce& in_force,
                                    const ReportView& view, Instant now) const {
  const auto loaded = TRY(policies_.in_force());
  const bool all = sees_everybody(view, in_force);
  switch (question.kind) {
    case ReportQuestion::Kind::kContracts:
      return contracts(question, loaded, all, now);
    case ReportQuestion::Kind::kPosture:
      return posture(question, loaded, in_force, view, all, now);
    case ReportQuestion::Kind::kRightsizing:
      break;
  }
  return rightsizing(question, loaded, in_force, view, all, now);
}

Result<Json> RunningReports::contracts(const ReportQuestion& question, const policy::Loaded& loaded,
                                       bool sees_all, Instant now) const {
  const policy::ContractSheets contracts(loaded);
  auto sheets = TRY(contracts.sheets(question.api, false, now));
  Json all = Json::array();
  for (auto& sheet : sheets) {
    if (!sees_all) {
      // Who the example is about.
      sheet.example.subject.clear();
      sheet.example.client_id.clear();
      sheet.example.actors.clear();
    }
    all.push(claims::to_json(sheet));
  }
  return Json::object(
      {{"policy_revision", loaded.policies.snapshot->revision}, {"contracts", std::move(all)}});
}

Result<Json> RunningReports::posture(const ReportQuestion& question, const policy::Loaded& loaded,
                                     const enforce::InForce& in_force, const ReportView& view, bool sees_all,
                                     Instant now) const {
  const auto* only = question.check.empty() ? nullptr : posture::find_check(question.check);
  if (!question.check.empty() && only == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no check `{}`", question.check));
  posture::Looking looking{.loaded = loaded, .now = now, .index = index(), .only = only};
  if (question.log) looking.log = TRY(audit::parts_beside(log_));
  looking.api_keys.emplace();
  for (const auto& entry : api_keys_.all()) looking.api_keys->push_back(entry->key());
  auto assessment = TRY(posture::look(std::move(looking)));
  std::erase_if(assessment.judged, [&](const posture::Judged& each) {
    return !std::ranges::all_of(each.weakness.subjects, [&](const std::string& subject) {
      return sees_subject(view, in_force, subject);
    });
  });
  auto begin = assessment.judged.begin();
  if (!question.after.empty()) {
    begin = std::ranges::find_if(
        assessment.judged, [&](const posture::Judged& each) { return each.weakness.id() == question.after; });
    if (begin == assessment.judged.end())
      return failure(ErrorCode::kConflict, "the finding that `after` names is gone: begin again");
    ++begin;
  }
  Json findings = Json::array();
  std::string last;
  std::size_t count = 0;
  for (; begin != assessment.judged.end() && count < question.limit; ++begin, ++count) {
    findings.push(sees_all ? to_json(*begin) : short_json(*begin));
    last = begin->weakness.id();
  }
  auto json = Json::object({{"policy_revision", assessment.revision},
                            {"at", audit::format_time(assessment.at)},
                            {"whole", sees_all},
                            {"findings", std::move(findings)}});
  // What of others was found is for nobody who does not see them.
  if (sees_all) {
    json.set("log", assessment.log);
    json.set("identities", static_cast<std::int64_t>(assessment.identities));
    json.set("checks", checks_json(assessment));
    json.set("excepted", static_cast<std::int64_t>(assessment.covered()));
    json.set("exceptions_without_finding", posture::idle_json(assessment));
  }
  const bool more = begin != assessment.judged.end();
  json.set("more", more);
  if (more) json.set("next", last);
  return json;
}

Result<Json> RunningReports::rightsizing(const ReportQuestion& question, const policy::Loaded& loaded,
                                         const enforce::InForce& in_force, const ReportView& view,
                                         bool sees_all, Instant now) const {
  const auto log = TRY(audit::parts_beside(log_));
  const rightsize::Source source{
      .log = log, .loaded = loaded, .data = loaded.config.data, .settings = {}, .index = index()};
  const auto since = now - std::chrono::days(question.days);
  auto json = Json::object({{"policy_revision", loaded.policies.snapshot->revision},
                            {"since", audit::format_time(since)},
                            {"whole", sees_all}});
  const auto plan = rightsize::make_plan(source, {since, Instant::max()});
  if (!plan && plan.error().code != ErrorCode::kNotFound) return std::unexpected(plan.error());
  if (!plan) {
    json.set("not_computable", plan.error().message);
    return json;
  }
  Json identities = Json::array(), policies = Json::array();
  for (const auto& use : (*plan)->proposal.identities)
    if (sees_all || sees(view, in_force, use.uid.id)) identities.push(rightsize::to_json(use));
  json.set("identities", std::move(identities));
  // Whom else a policy permits is said by its evidence.
  if (!sees_all) return json;
  for (const auto& use : (*plan)->proposal.policies) policies.push(rightsize::to_json(use, **plan));
  json.set("days", (*plan)->evidence.span_days());
  json.set("permits", static_cast<std::int64_t>((*plan)->evidence.permits));
  json.set("uncertain", static_cast<std::int64_t>((*plan)->proposal.uncertain));
  json.set("policies", std::move(policies));
  return json;
}

}  // namespace writ::server
