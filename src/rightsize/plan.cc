#include "rightsize/plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "cedar/parse.h"
#include "policy/revisions.h"
#include "rightsize/edit.h"

namespace writ::rightsize {
namespace {

// By their @id, all policies of a revision.
std::map<std::string, cedar::Policy> policies_of(const policy::PolicyTexts& texts) {
  std::map<std::string, cedar::Policy> all;
  for (const auto& file : texts.files) {
    if (file.kind != policy::TextKind::kPolicies) continue;
    auto parsed = cedar::parse_policies(*file.text);
    if (!parsed) continue;
    for (auto& policy : parsed->policies) {
      const auto* id = policy.annotation("id");
      if (id == nullptr || !id->value) continue;
      auto name = *id->value;
      all.insert_or_assign(std::move(name), std::move(policy));
    }
  }
  return all;
}

SameIn same_in(const Source& source) {
  return [&source](const std::string& revision) -> std::optional<std::set<std::string>> {
    if (revision.size() < policy::kMinRevisionPrefix) return std::nullopt;
    const policy::Revisions revisions(source.data, source.loaded.config.policies.keep);
    const auto kept = revisions.find(revision);
    if (!kept) return std::nullopt;
    const auto texts = revisions.read(*kept);
    if (!texts) return std::nullopt;
    const auto then = policies_of(*texts);
    std::set<std::string> same;
    for (const auto& policy : source.loaded.policies.policies.policies) {
      const auto found = then.find(policy.id);
      if (found != then.end() && found->second.same_as(policy)) same.insert(policy.id);
    }
    return same;
  };
}

}  // namespace

Result<std::unique_ptr<RightsizingPlan>> make_plan(const Source& source, Window window) {
  const auto& declared = source.loaded.world.declared;
  const auto inventory = TRY(inventory::Snapshot::empty()->with(declared.identities, declared.apis));
  auto evidence = TRY(read_evidence(source.log, inventory, window, source.settings.by_chance, source.index));
  if (evidence.records == 0 && evidence.unreadable > 0)
    return failure(ErrorCode::kCorrupt, fmt::format("none of the {} lines is a record: is this an audit log?",
                                                    evidence.unreadable));
  if (evidence.permits == 0)
    return failure(ErrorCode::kNotFound,
                   "the log has no permit in this time: of what nobody used, nothing can be said");
  const auto& policies = source.loaded.policies;
  const Governing in_force{policies.policies, *policies.snapshot, *inventory};
  auto proposal = TRY(propose(evidence, in_force, same_in(source), source.settings));

  auto texts = source.loaded.texts;
  std::vector<std::size_t> changed;
  for (std::size_t file = 0; file < texts.files.size(); ++file) {
    std::vector<Edit> edits;
    for (const PolicyUse& use : proposal.policies) {
      const auto& from = policies.sources[use.policy];
      if (!from.is_grant && from.file->text == texts.files[file].text)
        edits.push_back({policies.policies.policies[use.policy].span, &use});
    }
    if (edits.empty()) continue;
    auto text = TRY(edited(*texts.files[file].text, edits));
    if (text == *texts.files[file].text) continue;
    texts.files[file].text = std::make_shared<const std::string>(std::move(text));
    changed.push_back(file);
  }
  files::Issues issues;
  auto loaded = policy::load_policies(texts, source.loaded.world, issues);
  if (!loaded) {
    std::string why = "the proposal does not load";
    const auto first = std::ranges::find(issues.all(), files::Severity::kError, &files::Issue::severity);
    if (first != issues.all().end()) why += ": " + render(*first);
    return failure(ErrorCode::kInternal, std::move(why));
  }
  policy::Loaded proposed{source.loaded.config, source.loaded.world, std::move(texts), *std::move(loaded),
                          source.loaded.routes};
  return std::make_unique<RightsizingPlan>(
      RightsizingPlan{std::move(evidence), std::move(proposal), std::move(proposed), std::move(changed)});
}

Result<Rehearsal> rehearse(const Source& source, const policy::Loaded& proposed, Window window) {
  const policytest::ReplayWindow part{window.since, window.until};
  const auto& before = source.loaded.policies.snapshot;
  auto today = TRY(policytest::replay(source.log, source.loaded, before, source.data, part));
  auto then = TRY(policytest::replay(source.log, proposed, before, source.data, part));
  Rehearsal rehearsal{.permits = then.permits, .decided = then.permits_decided, .left_out = then.left_out};
  // By the number of the record.
  std::map<std::int64_t, std::string> flips;
  const auto number = [](const policytest::Flip& flip) {
    const auto* seq = flip.record.find("seq");
    return seq != nullptr && seq->if_int() != nullptr ? *seq->if_int() : 0;
  };
  for (const auto& flip : today.flips) {
    flips[number(flip)] = flip.effect;
    if (*flip.record.find_string("effect") == "permit") ++rehearsal.refused_today;
  }
  for (auto& flip : then.flips) {
    const auto found = flips.find(number(flip));
    const bool permitted_then = *flip.record.find_string("effect") == "permit";
    const bool permitted = flip.effect == "permit";
    const bool permitted_today = found == flips.end() ? permitted_then : found->second == "permit";
    if (permitted == permitted_today) continue;
    (permitted ? rehearsal.widened : rehearsal.refused).push_back(std::move(flip));
  }
  return rehearsal;
}

Instant two_thirds(const Evidence& evidence) {
  return evidence.first + (evidence.last - evidence.first) / 3 * 2;
}

}  // namespace writ::rightsize
