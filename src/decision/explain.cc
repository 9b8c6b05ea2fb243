#include "decision/explain.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/change.h"
#include "decision/guards.h"

namespace writ::decision {
namespace {

using cedar::ContextChange;
using cedar::Kind;
using cedar::Value;
using Outcome = cedar::PolicyExplanation::Outcome;

constexpr std::string_view kRedacted = "(redacted)";
// How many things may be said otherwise, how many at once, and how often it is tried.
constexpr std::size_t kMaxCandidates = 64;
constexpr std::size_t kMaxChanges = 3;
constexpr std::size_t kMaxTries = 20'000;

// Is `path` that one, or below it?
bool lies_in(std::string_view path, std::string_view above) {
  if (!path.starts_with(above)) return false;
  const auto rest = path.substr(above.size());
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' || c == '@';
}

// Keeps out of an explanation what the operator redacts.
class Redactor {
 public:
  Redactor(const Redaction& redaction, const context::Context& context)
      : redaction_(redaction), context_(context) {
    for (const std::string& path : redaction) {
      for (const context::Party& party : context.parties()) hide_what_is_at(path, party);
    }
    std::ranges::sort(hidden_, std::ranges::greater(), &std::string::size);
  }

  // Also a value above a redacted one contains it.
  bool hides(std::string_view path) const {
    return std::ranges::any_of(redaction_, [&](const std::string& redacted) {
      return lies_in(path, redacted) || lies_in(redacted, path);
    });
  }

  std::string text(std::string text) const {
    for (const std::string& hidden : hidden_) {
      for (auto at = text.find(hidden); at != text.npos; at = text.find(hidden, at)) {
        const auto end = at + hidden.size();
        if ((at > 0 && is_word(text[at - 1])) || (end < text.size() && is_word(text[end]))) {
          at = end;
          continue;
        }
        text.replace(at, hidden.size(), kRedacted);
        at += kRedacted.size();
      }
    }
    return text;
  }

 private:
  void hide_what_is_at(std::string_view path, const context::Party& party) {
    const auto root = path.substr(0, path.find('.'));
    Value at = root == "context"    ? context_.record()
               : root == "resource" ? Value::entity(context_.resource())
               : root == "action"   ? Value::entity(context_.action())
                                    : Value::entity(party.uid);
    while (path.find('.') != path.npos) {
      path.remove_prefix(path.find('.') + 1);
      if (at.is(Kind::kEntity)) {
        const cedar::Entity* entity = context_.entities().find(at.as_entity());
        if (entity == nullptr) return;
        at = Value::record(entity->attributes);
      }
      const Value* next =
          at.is(Kind::kRecord) ? at.as_record().find(path.substr(0, path.find('.'))) : nullptr;
      if (next == nullptr) return;
      at = *next;
    }
    hide(at);
  }

  void hide(Value value) {
    switch (value.kind()) {
      case Kind::kBool:
      case Kind::kLong:  // they stand everywhere
        return;
      case Kind::kString:
        return hide(std::string(value.as_string()));
      case Kind::kEntity:
        return hide(std::string(value.as_entity().id()));
      case Kind::kSet:
        for (const Value element : value.as_set()) hide(element);
        return;
      case Kind::kRecord:
        for (const auto& field : value.as_record()) hide(field.value);
        return;
      default:
        return hide(value.to_string());
    }
  }

  void hide(std::string text) {
    const bool names_party = std::ranges::any_of(
        context_.parties(), [&](const context::Party& party) { return party.id == text; });
    if (!text.empty() && !names_party) hidden_.push_back(std::move(text));
  }

  const Redaction& redaction_;
  const context::Context& context_;
  std::vector<std::string> hidden_;
};

// As decide() asks a party, without reasons.
bool permits(const PolicySnapshot& snapshot, const cedar::Request& request, const cedar::EntityView& entities,
             cedar::Evaluation& evaluation) {
  cedar::authorize(*snapshot.policies, request, entities, evaluation);
  const bool forbid_failed = std::ranges::any_of(evaluation.errors(), [&](const cedar::PolicyError& error) {
    return snapshot.policies->forbids(error.policy);
  });
  return evaluation.allowed() && !forbid_failed;
}

// Looks for the fewest changes that every party would be permitted with.
class ChangeSearch {
 public:
  ChangeSearch(const PolicySnapshot& snapshot, const context::Context& context)
      : snapshot_(snapshot), context_(context), entities_(context.entities()) {
    for (const context::Party& party : context.parties()) {
      for (ContextChange& change : cedar::candidate_changes(
               arena_, *snapshot.policies, question(party, context.record()), entities_, kMaxCandidates))
        candidates_.push_back(std::move(change));
    }
  }

  // The values of what it answers live in it.
  std::vector<ContextChange> run() {
    for (std::size_t count = 1; count <= kMaxChanges; ++count) {
      std::vector<const ContextChange*> chosen;
      if (choose(0, count, chosen)) {
        std::vector<ContextChange> found;
        for (const ContextChange* change : chosen) found.push_back(*change);
        return found;
      }
    }
    return {};
  }

 private:
  cedar::Request question(const context::Party& party, Value record) const {
    return {party.uid, context_.action(), context_.resource(), record};
  }

  bool choose(std::size_t from, std::size_t count, std::vector<const ContextChange*>& chosen) {
    if (count == 0) return helps(chosen);
    for (std::size_t i = from; i < candidates_.size() && tries_ < kMaxTries; ++i) {
      const bool twice = std::ranges::any_of(
          chosen, [&](const ContextChange* other) { return other->path == candidates_[i].path; });
      if (twice) continue;
      chosen.push_back(&candidates_[i]);
      if (choose(i + 1, count - 1, chosen)) return true;
      chosen.pop_back();
    }
    return false;
  }

  bool helps(const std::vector<const ContextChange*>& chosen) {
    ++tries_;
    scratch_.reset();
    const Value changed = cedar::changed_context(scratch_, context_.record(), chosen);
    return std::ranges::all_of(context_.parties(), [&](const context::Party& party) {
      return permits(snapshot_, question(party, changed), entities_, evaluation_);
    });
  }

  const PolicySnapshot& snapshot_;
  const context::Context& context_;
  const cedar::EntityView entities_;
  cedar::Arena arena_;
  cedar::Arena scratch_;
  cedar::Evaluation evaluation_;
  std::vector<ContextChange> candidates_;
  std::size_t tries_ = 0;
};

std::optional<std::string> value_at(Value record, const std::vector<std::string>& path) {
  for (const std::string& step : path) {
    if (!record.is(Kind::kRecord)) return std::nullopt;
    const Value* found = record.as_record().find(step);
    if (found == nullptr) return std::nullopt;
    record = *found;
  }
  return record.to_string();
}

std::vector<Change> shown(const std::vector<ContextChange>& found, Value context, const Redactor& redactor) {
  std::vector<Change> changes;
  for (const ContextChange& change : found) {
    Change one{
        .path = change.path_text(), .from = value_at(context, change.path), .to = {}, .any = change.any};
    if (!change.remove && !change.any) one.to = redactor.text(change.value.to_string());
    if (redactor.hides(one.path)) {
      for (auto* value : {&one.from, &one.to}) {
        if (*value) *value = kRedacted;
      }
    }
    changes.push_back(std::move(one));
  }
  return changes;
}

PartyFinding party_finding(const PolicySnapshot& snapshot, const context::Context& context,
                           const context::Party& party, const Redactor& redactor,
                           cedar::Evaluation& evaluation) {
  const cedar::Request request{party.uid, context.action(), context.resource(), context.record()};
  PartyFinding finding{kind_name(party.kind),
                       party.uid.to_string(),
                       permits(snapshot, request, context.entities(), evaluation),
                       {}};
  for (cedar::PolicyExplanation& one : cedar::explain(*snapshot.policies, request, context.entities())) {
    for (cedar::SeenValue& seen : one.seen) {
      if (seen.present && redactor.hides(seen.path)) seen.value = kRedacted;
    }
    one.error = redactor.text(std::move(one.error));
    const std::string id(snapshot.policies->id(one.policy));
    const bool forbids = snapshot.policies->forbids(one.policy);
    finding.policies.push_back({id, forbids, std::move(one)});
  }
  return finding;
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSatisfied:
      return "satisfied";
    case Outcome::kNotSatisfied:
      return "not_satisfied";
    case Outcome::kFailed:
      return "failed";
  }
  return "failed";
}

// What the outcome of a policy means for the party it was asked about.
std::string_view verdict(const PolicyFinding& policy) {
  switch (policy.explanation.outcome) {
    case Outcome::kSatisfied:
      return policy.forbids ? "forbids" : "permits";
    case Outcome::kNotSatisfied:
      return policy.forbids ? "does not forbid" : "does not permit";
    case Outcome::kFailed:
      return "could not be evaluated";
  }
  return "";
}

std::string change_text(const Change& change) {
  if (change.any) return fmt::format("{} is present", change.path);
  if (!change.to) return fmt::format("{} is absent (it is {})", change.path, change.from.value_or("absent"));
  return fmt::format("{} is {} ({})", change.path, *change.to,
                     change.from ? "it is " + *change.from : "it is absent");
}

// Of the parties that are refused.
std::vector<LapsedGrant> lapsed_grants(const PolicySnapshot& snapshot, const context::Context& context,
                                       const std::vector<PartyFinding>& findings,
                                       cedar::Evaluation& evaluation) {
  std::vector<LapsedGrant> lapsed;
  if (snapshot.grants == nullptr) return lapsed;
  const Value now = *context.record().as_record().find("request")->as_record().find("time");
  cedar::Arena arena;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (findings[i].permitted) continue;
    for (const PolicyFinding& policy : findings[i].policies) {
      const auto grant = snapshot.grants->find(policy.id);
      if (grant == snapshot.grants->end() || unix_millis(grant->second) > now.as_datetime().epoch_ms)
        continue;
      ContextChange before;
      before.path = {"request", "time"};
      before.value = Value::datetime(cedar::Datetime::from(grant->second - Duration(1)));
      const std::vector<const ContextChange*> then{&before};
      const cedar::Request request{context.parties()[i].uid, context.action(), context.resource(),
                                   cedar::changed_context(arena, context.record(), then)};
      if (permits(snapshot, request, context.entities(), evaluation))
        lapsed.push_back({policy.id, findings[i].uid, grant->second});
    }
  }
  return lapsed;
}

constexpr std::string_view kPushed = "a pushed entity";

std::vector<ToldFact> told_facts(const context::Context& context, const Redactor& redactor) {
  std::vector<ToldFact> told;
  for (const auto& note : context.notes())
    told.push_back(
        {std::string(note.path), fmt::format("the request, {}", note.source), std::string(note.gap)});
  for (const auto& amount : context.use().amounts)
    told.push_back({fmt::format("context.amounts.{}", amount.name), "the route's `amounts`", {}});
  for (const cedar::Entity* read : context.pushed_read()) {
    const auto whose = read->uid == context.resource() ? "resource" : redactor.text(read->uid.to_string());
    for (const auto& field : *read->attributes)
      told.push_back({fmt::format("{}.{}", whose, field.name->view()), std::string(kPushed), {}});
  }
  return told;
}

}  // namespace

Explanation explain(const PolicySnapshot& snapshot, const context::Context& context,
                    const Redaction& redaction) {
  Workspace workspace;
  const Decision& decision = decide(snapshot, context, workspace, Reasons::kAll);
  const Redactor redactor(redaction, context);
  Explanation explanation{.api = context.api().id,
                          .action = context.action().to_string(),
                          .resource = context.resource().to_string(),
                          .revision = snapshot.revision,
                          .effect = decision.effect(),
                          .refusals = decision.refusals(),
                          .policies = {},
                          .guards = {},
                          .parties = {},
                          .told = {},
                          .lapsed = {},
                          .smallest_change = {}};
  for (Refusal& refusal : explanation.refusals) refusal.message = redactor.text(std::move(refusal.message));
  for (const std::string_view policy : decision.policies()) explanation.policies.emplace_back(policy);
  bool guarded = false;
  for (const Guard& guard : guards()) {
    const bool passed = !guard.check(context, snapshot);
    guarded = guarded || !passed;
    explanation.guards.push_back({guard.name, passed});
  }
  cedar::Evaluation evaluation;
  for (const context::Party& party : context.parties())
    explanation.parties.push_back(party_finding(snapshot, context, party, redactor, evaluation));
  explanation.told = told_facts(context, redactor);
  // No context gets past a guard.
  if (decision.permitted() || guarded) return explanation;
  explanation.lapsed = lapsed_grants(snapshot, context, explanation.parties, evaluation);
  ChangeSearch search(snapshot, context);
  const auto found = search.run();
  if (!found.empty()) explanation.smallest_change = shown(found, context.record(), redactor);
  return explanation;
}

std::string to_text(const Explanation& explanation) {
  std::string out =
      fmt::format("{}: {} on {} of `{}`, by the policies {}\n", effect_name(explanation.effect),
                  explanation.action, explanation.resource, explanation.api, explanation.revision);
  for (const Refusal& refusal : explanation.refusals) {
    out += fmt::format("  {}: {}\n", reason_code(refusal.reason), refusal.message);
    if (!refusal.party.empty()) out += fmt::format("    at fault: {}\n", refusal.party);
    if (!refusal.policies.empty())
      out += fmt::format("    policies: {}\n", fmt::join(refusal.policies, ", "));
    if (!refusal.path.empty()) out += fmt::format("    missing: {}\n", refusal.path);
  }
  if (!explanation.policies.empty())
    out += fmt::format("  carried by {}\n", fmt::join(explanation.policies, ", "));
  out += "guards\n";
  for (const GuardFinding& guard : explanation.guards)
    out += fmt::format("  {} {}\n", guard.passed ? "passed" : "REFUSED", guard.name);
  for (const PartyFinding& party : explanation.parties) {
    out += fmt::format("{} {}: {}\n", party.kind, party.uid, party.permitted ? "permitted" : "refused");
    if (party.policies.empty()) out += "  no policy applies to this party, action and resource\n";
    for (const PolicyFinding& policy : party.policies) {
      out += fmt::format("  {} {}\n", policy.id, verdict(policy));
      if (!policy.explanation.condition.empty())
        out += fmt::format("    because of: {}\n", policy.explanation.condition);
      if (!policy.explanation.error.empty()) out += fmt::format("    {}\n", policy.explanation.error);
      for (const cedar::SeenValue& seen : policy.explanation.seen)
        out += fmt::format("    {} {}\n", seen.path, seen.present ? "is " + seen.value : "is absent");
    }
  }
  if (!explanation.told.empty()) out += "facts\n";
  for (const ToldFact& fact : explanation.told) {
    out += fact.gap.empty() ? fmt::format("  {} is from {}\n", fact.path, fact.source)
                            : fmt::format("  {} is not told by {}: {}\n", fact.path, fact.source, fact.gap);
  }
  if (explanation.effect == Effect::kPermit) return out;
  for (const LapsedGrant& grant : explanation.lapsed)
    out += fmt::format("the grant `{}` of {} lapsed on {}; before, it permitted this\n", grant.id,
                       grant.party, inventory::date_text(grant.at));
  if (!explanation.smallest_change)
    return out + "no change to the request's context was found that would permit it\n";
  out += "it would be permitted if\n";
  for (const Change& change : *explanation.smallest_change) out += fmt::format("  {}\n", change_text(change));
  return out;
}

codec::Json to_json(const Explanation& explanation) {
  using codec::Json;
  Json refusals = Json::array();
  for (const Refusal& refusal : explanation.refusals) {
    Json policies = Json::array();
    for (const std::string& policy : refusal.policies) policies.push(Json(policy));
    Json& one = refusals.push(Json::object());
    one.set("reason", reason_code(refusal.reason));
    one.set("message", refusal.message);
    if (!refusal.party.empty()) one.set("party", refusal.party);
    if (!refusal.policies.empty()) one.set("policies", std::move(policies));
    if (!refusal.path.empty()) one.set("path", refusal.path);
  }
  Json guards = Json::array();
  for (const GuardFinding& guard : explanation.guards) {
    Json& one = guards.push(Json::object());
    one.set("guard", guard.name);
    one.set("passed", guard.passed);
  }
  Json parties = Json::array();
  for (const PartyFinding& party : explanation.parties) {
    Json policies = Json::array();
    for (const PolicyFinding& policy : party.policies) {
      Json seen = Json::array();
      for (const cedar::SeenValue& value : policy.explanation.seen) {
        Json& one = seen.push(Json::object());
        one.set("path", value.path);
        one.set("value", value.present ? Json(value.value) : Json());
      }
      Json& one = policies.push(Json::object());
      one.set("policy", policy.id);
      one.set("effect", policy.forbids ? "forbid" : "permit");
      one.set("outcome", outcome_name(policy.explanation.outcome));
      if (!policy.explanation.condition.empty()) one.set("condition", policy.explanation.condition);
      if (!policy.explanation.error.empty()) one.set("error", policy.explanation.error);
      one.set("seen", std::move(seen));
    }
    Json& one = parties.push(Json::object());
    one.set("kind", party.kind);
    one.set("party", party.uid);
    one.set("permitted", party.permitted);
    one.set("policies", std::move(policies));
  }
  Json json = Json::object();
  json.set("effect", effect_name(explanation.effect));
  json.set("api", explanation.api);
  json.set("action", explanation.action);
  json.set("resource", explanation.resource);
  json.set("policy_revision", explanation.revision);
  json.set("refusals", std::move(refusals));
  Json carried = Json::array();
  for (const std::string& policy : explanation.policies) carried.push(Json(policy));
  json.set("policies", std::move(carried));
  json.set("guards", std::move(guards));
  json.set("parties", std::move(parties));
  if (!explanation.told.empty()) {
    Json facts = Json::array();
    for (const ToldFact& fact : explanation.told) {
      Json& one = facts.push(Json::object({{"path", fact.path}, {"source", fact.source}}));
      if (!fact.gap.empty()) one.set("gap", fact.gap);
    }
    json.set("facts", std::move(facts));
  }
  if (explanation.effect == Effect::kPermit) return json;
  if (!explanation.lapsed.empty()) {
    Json lapsed = Json::array();
    for (const LapsedGrant& grant : explanation.lapsed)
      lapsed.push(Json::object(
          {{"grant", grant.id}, {"party", grant.party}, {"lapsed_at", inventory::date_text(grant.at)}}));
    json.set("lapsed_grants", std::move(lapsed));
  }
  if (!explanation.smallest_change) {
    json.set("smallest_change", Json());
    return json;
  }
  Json changes = Json::array();
  for (const Change& change : *explanation.smallest_change) {
    Json& one = changes.push(Json::object());
    one.set("path", change.path);
    one.set("from", change.from ? Json(*change.from) : Json());
    one.set("to", change.any ? Json("(anything)") : change.to ? Json(*change.to) : Json());
  }
  json.set("smallest_change", std::move(changes));
  return json;
}

}  // namespace writ::decision
