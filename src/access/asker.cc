#include "access/asker.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::access {
namespace {

void leave_out_unseen(std::vector<Chain>& chains, const MaySee& may_see) {
  if (!may_see) return;
  std::map<std::string, bool, std::less<>> seen;
  const auto sees = [&](const ChainLink& link) {
    const auto [found, is_new] = seen.try_emplace(link.id, false);
    if (is_new) found->second = may_see(link);
    return found->second;
  };
  std::erase_if(chains, [&](const Chain& chain) { return !std::ranges::all_of(chain, sees); });
}

}  // namespace

bool ClassesAnswered::found() const {
  return !look_alikes.empty() ||
         std::ranges::any_of(targets, [](const TargetClasses& each) { return !each.findings.empty(); });
}

codec::Json ClassesAnswered::json() const {
  auto list = codec::Json::array();
  for (const TargetClasses& each : targets) list.push(to_json(each));
  auto json = codec::Json::object({{"chains_cut", cut}, {"targets", std::move(list)}});
  if (!reads.empty()) json.set("look_alikes", to_json(look_alikes));
  return json;
}

std::string ClassesAnswered::csv() const {
  std::string out = "row,target,class,chain,verdict,finding,other_chain,change,policy\r\n";
  const auto line = [&](std::initializer_list<std::string_view> fields) {
    std::size_t count = 0;
    for (const auto field : fields) out += (count++ > 0 ? "," : "") + csv_field(field);
    out += "\r\n";
  };
  for (const TargetClasses& each : targets) {
    const auto target = text_of(each.target);
    for (std::size_t i = 0; i < each.classes.size(); ++i) {
      const auto verdict = verdict_name(each.classes[i].reached.verdict);
      for (const ChainGroup* group : each.classes[i].groups) {
        for (const Chain& chain : group->chains)
          line({"class", target, std::to_string(i + 1), text_of(chain), verdict, "", "", "", ""});
      }
    }
    for (const auto& [one, other] : each.not_known)
      line({"not known", target, std::to_string(one + 1), "", "", "", std::to_string(other + 1), "", ""});
    for (const ClassFinding& finding : each.findings)
      line({"finding", target, "", text_of(finding.one), "", finding.kind, text_of(finding.other),
            finding.change, finding.policy});
  }
  for (std::size_t i = 0; i < look_alikes.size(); ++i) {
    for (const Chain& chain : look_alikes[i].chains)
      line({"look-alike", "", std::to_string(i + 1), text_of(chain), "", "", "",
            look_alikes[i].change.value_or(""), ""});
  }
  return out;
}

std::string ClassesAnswered::text() const {
  std::string text;
  for (const TargetClasses& each : targets) text += to_text(each) + "\n";
  if (!reads.empty()) text += to_text(look_alikes, reads);
  return text;
}

Asker::Asker(Frame frame, std::unique_ptr<Court> court, KnownAnswers* known)
    : frame_(frame), court_(std::move(court)) {
  reach_ = std::make_unique<Reach>(frame_, *court_, known);
  census_ = std::make_unique<Census>(*reach_);
}

Result<std::unique_ptr<Asker>> Asker::make(const inventory::Snapshot& inventory,
                                           const decision::PolicySnapshot& policies, Instant at,
                                           KnownAnswers* known, const cedar::EntitySource* pushed) {
  auto court = TRY(Court::make());
  return std::unique_ptr<Asker>(new Asker({inventory, policies, at, pushed}, std::move(court), known));
}

std::size_t Asker::links(std::optional<std::uint64_t> wanted) const {
  const std::size_t most = frame_.policies.max_chain;
  return wanted ? std::min<std::size_t>(*wanted, most) : most;
}

Result<Answered> Asker::ask(const ReachQuestion& question, const MaySee& may_see) {
  const std::string& of = question.of;
  const ChainLink* whose = of.empty() ? nullptr : census_->find(of);
  if (!of.empty() && (whose == nullptr || (may_see && !may_see(*whose))))
    return failure(ErrorCode::kNotFound,
                   fmt::format("there is no identity `{}`: the inventory does not list it, and no policy "
                               "names it as a user; `{}` stands for a user whom nothing names",
                               of, census_->any_other_user()));
  Answered answered{.heading = {.revision = frame_.policies.revision,
                                .at = frame_.at,
                                .links = question.links,
                                .searched = question.witness,
                                .of = of},
                    .survey = {},
                    .rows = {}};
  // One that stands for others must not stand for some who are not to be seen.
  const bool one_of_each = of.empty() && !may_see;
  const Census::Limits limits{.links = question.links, .chains = question.chains, .one_of_each = one_of_each};
  auto chains = of.empty() ? census_->chains(limits, answered.heading.cut)
                           : census_->chains_of(of, limits, answered.heading.cut);
  leave_out_unseen(chains, may_see);
  answered.survey = std::make_unique<Survey>(*reach_, std::move(chains), *census_, one_of_each);
  const auto targets = TRY(answered.survey->targets(question.filter));
  answered.rows = answered.survey->ask(targets, {.conditions = true, .witness = question.witness});
  if (!question.never) std::erase_if(answered.rows, [](const Row& row) { return !row.reached.may(); });
  return answered;
}

Result<ClassesAnswered> Asker::classes(const ClassesQuestion& question, const MaySee& may_see) {
  ClassesAnswered answered;
  auto chains = census_->chains({.links = question.links, .chains = question.chains}, answered.cut);
  leave_out_unseen(chains, may_see);
  answered.survey = std::make_unique<Survey>(*reach_, std::move(chains), *census_);
  const auto targets = TRY(answered.survey->targets({.api = question.api, .action = question.action}));
  for (const Target& target : targets) {
    if (target.point == Point::kIssue) continue;
    answered.targets.push_back(classes_of(*answered.survey, *reach_, *census_, target, question.names));
  }
  answered.reads = question.reads;
  // What the API says of itself (`reads` of the configuration).
  if (answered.reads.empty() && !targets.empty()) answered.reads = telling_claims(targets.front().api->reads);
  if (!answered.reads.empty())
    answered.look_alikes = TRY(look_alikes(*answered.survey, targets, answered.reads));
  return answered;
}

}  // namespace writ::access
