#include "access/reach.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "access/basis.h"
#include "access/known_answers.h"
#include "access/witness.h"
#include "access/words.h"
#include "enforce/issuing.h"

namespace writ::access {
namespace {

using cedar::EntityUid;
using cedar::Kind;
using cedar::PolicyIndex;
using cedar::Value;

constexpr std::size_t kCataloguedTried = 24;  // resources of one type
constexpr std::size_t kNamedTried = 12;
constexpr std::size_t kTimes = 12;
constexpr std::size_t kTrials = 96;    // decided by the real decision, for one answer
constexpr std::size_t kSteps = 4'000;  // of one search
// Who names one of these looks at a clock, or at a date that a witness has from one.
constexpr std::string_view kClocks[] = {"time", "calendars", "issued", "authTime", "created", "reviewedAt"};
constexpr std::string_view kLastUse = "lastUsed";

EntityUid plain(cedar::EntityRef uid) {
  return {std::string(uid.type()), std::string(uid.id())};
}

void collect(Value value, std::vector<EntityUid>& entities, std::vector<std::string>& texts,
             std::vector<Instant>& times) {
  switch (value.kind()) {
    case Kind::kEntity:
      entities.push_back(plain(value.as_entity()));
      return;
    case Kind::kString:
      texts.emplace_back(value.as_string());
      return;
    case Kind::kDatetime:
      times.push_back(Instant(Duration(value.as_datetime().epoch_ms)));
      return;
    case Kind::kSet:
      for (const Value each : value.as_set()) collect(each, entities, texts, times);
      return;
    case Kind::kRecord:
      for (const auto& field : value.as_record()) collect(field.value, entities, texts, times);
      return;
    default:
      return;
  }
}

template <class T>
void sort_distinct(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::string policy_id(const Frame& frame, PolicyIndex policy) {
  return std::string(frame.policies.policies->id(policy));
}

// When other calendars are in force than before, as far as hours of the next week and days of the next year
// show.
std::vector<Instant> calendar_times(const Frame& frame) {
  std::vector<Instant> times;
  if (frame.policies.calendars == context::Calendars::none()) return times;
  cedar::Arena arena;
  std::vector<Value> seen;
  const auto look = [&](Instant at) {
    const Value set = frame.policies.calendars->in_force(at, arena);
    if (std::ranges::find(seen, set) != seen.end()) return;
    seen.push_back(set);
    times.push_back(at);
  };
  for (int hour = 0; hour < 24 * 7; ++hour) look(frame.at + std::chrono::hours(hour));
  for (int day = 0; day < 366; ++day) look(frame.at + std::chrono::hours(24 * day));
  return times;
}

// Entities of these types can be pushed (facts/registry.h), where the store does not have them: what the
// schema declares, without Writ's own.
std::set<std::string, std::less<>> types_told_later(const Frame& frame) {
  std::set<std::string, std::less<>> types;
  if (frame.policies.schema == nullptr) return types;
  for (const auto& [name, type] : frame.policies.schema->entity_types())
    if (!name.starts_with("Writ::")) types.insert(name);
  return types;
}

// An agent takes work over with the token that is issued.
bool is_delegated(const Certainties& certain, const Target& target) {
  const Chain& chain = certain.chain();
  return target.point == Point::kIssue && chain.size() > 1 && chain.back().is_agent();
}

}  // namespace

std::string type_to_try(const Target& target) {
  return target.resource_type.empty() ? "Resource" : target.resource_type;
}

std::string_view verdict_name(Verdict verdict) noexcept {
  constexpr std::string_view kNames[] = {"never", "always", "when"};
  return kNames[static_cast<std::size_t>(verdict)];
}

// One question that the policies are asked about all parties.
struct Reach::Step {
  cedar::OpenWorld world;
  const Policies* policies = nullptr;
  bool resource_is_closed = false;  // nothing is told of it beside what the entities say

  struct Party {
    const ChainLink* caller;
    cedar::EntityRef uid;
    Policies permits, forbids;  // that may hold; that may hold or fail
    Policies sure;              // of the permits
  };
  std::vector<Party> parties = {};
};

Reach::Reach(const Frame& frame, Court& court, KnownAnswers* known)
    : frame_(frame), court_(court), open_(*frame.policies.policies, *frame.policies.entities), known_(known) {
  std::vector<Instant> instants;
  readings_.reserve(open_.size());
  for (PolicyIndex policy = 0; policy < open_.size(); ++policy) {
    const auto& reading = readings_.emplace_back(read_policy(*frame.policies.policies, policy));
    for (const auto name : reading.names) read_names_.emplace(name);
    for (const Value value : reading.constants) collect(value, named_, named_texts_, instants);
  }
  sort_distinct(named_);
  sort_distinct(named_texts_);
  for (const auto& entity : frame.policies.entities->all()) {
    auto& ids = catalogued_[std::string(entity.uid.type())];
    if (ids.size() < kCataloguedTried) ids.emplace_back(entity.uid.id());
  }
  if (frame.policies.resource_types != nullptr) {
    for (const auto& [type, actions] : *frame.policies.resource_types) {
      for (const EntityUid& action : actions) types_[action].push_back(type);
    }
  }
  calendar_times_ = calendar_times(frame);
  told_later_ = types_told_later(frame);
  if (known_ != nullptr) basis_ = std::make_unique<Basis>(frame, readings_, told_later_);
}

Reach::~Reach() = default;

std::vector<std::string> Reach::resource_types(const EntityUid& action) const {
  const auto found = types_.find(action);
  return found != types_.end() ? found->second : std::vector<std::string>{""};
}

Reach::About Reach::about(const Certainties& certain, const Target& target, bool delegate) {
  if (target.point == Point::kUse) return {target.action, target.resource_type, target.resource};
  if (!delegate) return {{"Writ::Action", "issue"}, "Writ::Api", target.api->id};
  const EntityUid agent = certain.chain().back().uid();
  return {{"Writ::Action", "delegate"}, agent.type, agent.id};
}

// The policies whose scope lets them have to do with what the step is about.
const Reach::Policies& Reach::concerned(Certainties& certain, const Target& target, bool delegate) {
  const About about = Reach::about(certain, target, delegate);
  std::string key = fmt::format("{}|{}|{}", about.action.type, about.action.id, about.type);
  if (about.resource) key += "|" + *about.resource;
  const auto [found, is_new] = concerned_.try_emplace(std::move(key));
  if (!is_new) return found->second;
  const Step step = make_step(certain, target, delegate);
  open_.pose(step.world);
  for (PolicyIndex policy = 0; policy < open_.size(); ++policy) {
    if (open_.concerns(policy)) found->second.push_back(policy);
  }
  return found->second;
}

// Of those the ones that have to do with some party.
Reach::Policies Reach::in_scope(const Certainties& certain, const Policies& concerned) {
  Policies policies;
  for (const PolicyIndex policy : concerned) {
    const bool concerns = std::ranges::any_of(certain.parties(), [&](const ChainLink* party) {
      return open_.concerns(policy, certain.uid_of(*party));
    });
    if (concerns) policies.push_back(policy);
  }
  return policies;
}

Reach::Hints Reach::hints_of(const Policies& policies) const {
  Hints hints;
  std::vector<Instant> instants;
  std::vector<std::string> texts;
  bool by_time = false;
  for (const PolicyIndex policy : policies) {
    for (const Value value : readings_[policy].constants) collect(value, hints.named, texts, instants);
    for (const std::string_view name : readings_[policy].names) {
      by_time = by_time || name == "time" || name == "calendars";
      hints.by_clock = hints.by_clock || std::ranges::find(kClocks, name) != std::end(kClocks);
      hints.by_use = hints.by_use || name == kLastUse;
    }
  }
  hints.by_clock = hints.by_clock || hints.by_use || !instants.empty();
  sort_distinct(hints.named);
  if (by_time) hints.times = calendar_times_;
  if (hints.times.empty()) hints.times.push_back(frame_.at);
  sort_distinct(instants);
  for (const Instant at : instants) {
    for (const Instant near : {at - std::chrono::seconds(1), at + std::chrono::seconds(1)}) {
      if (near > frame_.at && hints.times.size() < kTimes) hints.times.push_back(near);
    }
  }
  return hints;
}

// Without a look at any condition: a party whom the scope of no permit lets in. Most are.
std::optional<Reached> Reach::unpermitted_by_scope(Certainties& certain, const Target& target) {
  const Policies& policies = concerned(certain, target, false);
  for (const ChainLink* party : certain.parties()) {
    const auto uid = certain.uid_of(*party);
    const bool permitted = std::ranges::any_of(
        policies, [&](PolicyIndex policy) { return !open_.forbids(policy) && open_.concerns(policy, uid); });
    if (!permitted)
      return Reached{Verdict::kNever, std::string(reason_code(Reason::kPolicyNoPermit)),
                     fmt::format("no policy permits it for {} `{}`", kind_name(party->kind()), party->id)};
  }
  return std::nullopt;
}

Reach::Step Reach::make_step(Certainties& certain, const Target& target, bool delegate) {
  cedar::Arena& arena = certain.arena();
  const About about = Reach::about(certain, target, delegate);
  Step step{certain.world(arena.entity(about.action.type, about.action.id))};
  step.world.told_later = &told_later_;
  step.world.resource_type = about.type;
  if (about.resource) step.world.resource = arena.entity(about.type, *about.resource);
  if (target.point == Point::kIssue) {
    step.resource_is_closed = true;
    if (!delegate) {
      // Nobody tells anything of an API.
      std::vector<cedar::OpenField> fields;
      if (const auto* catalogued = frame_.policies.entities->find(*step.world.resource)) {
        for (const auto& field : *catalogued->attributes)
          fields.push_back({std::string(field.name->view()), true, cedar::OpenFact::of(field.value)});
      }
      step.world.entities.push_back({*step.world.resource, cedar::OpenFact::record(std::move(fields), true)});
    }
  }
  return step;
}

// A guard that the resource itself runs into, where it is known which one it is.
std::optional<Reached> Reach::refused_by_resource(const Certainties& certain, const Target& target,
                                                  const Step& step) const {
  if (!step.world.resource || step.world.resource_type.starts_with("Writ::")) return std::nullopt;
  const auto* catalogued = frame_.policies.entities->find(*step.world.resource);
  if (catalogued == nullptr || target.point != Point::kUse) return std::nullopt;
  const auto never = [&](Reason reason, std::string message) {
    return Reached{Verdict::kNever, std::string(reason_code(reason)), std::move(message)};
  };
  const auto differs = [&](std::string_view name, const TextKnown& known,
                           Reason reason) -> std::optional<Reached> {
    const Value* own = catalogued->attributes->find(name);
    if (own == nullptr || !own->is(Kind::kString)) return std::nullopt;
    const bool other =
        !known.among.empty() && std::ranges::find(known.among, own->as_string()) == known.among.end();
    if (!other && !known.impossible) return std::nullopt;
    return never(reason, fmt::format("{} belongs to {} `{}`, and the request does not",
                                     step.world.resource->to_string(), name, own->as_string()));
  };
  const bool nobodys = certain.tenant().impossible && !certain.tenant_by_token();
  if (!nobodys) {
    if (auto answer = differs("tenant", certain.tenant(), Reason::kTenantMismatch)) return answer;
  }
  if (auto answer = differs("environment", certain.environment(), Reason::kEnvironmentMismatch))
    return answer;
  const Value* purposes = catalogued->attributes->find("forPurposes");
  if (purposes == nullptr) return std::nullopt;
  const bool possible =
      purposes->is(Kind::kSet) && !certain.purpose().impossible &&
      (certain.purpose().among.empty() || std::ranges::any_of(purposes->as_set(), [&](Value each) {
         return each.is(Kind::kString) &&
                std::ranges::find(certain.purpose().among, each.as_string()) != certain.purpose().among.end();
       }));
  if (possible) return std::nullopt;
  return never(Reason::kPurposeMismatch, fmt::format("{} is for purposes for which the parties may not act",
                                                     step.world.resource->to_string()));
}

// An agent that takes work over is of a tenant and an environment, and the request has to be. Of these it is
// not certain that it is.
std::vector<Reach::Place> Reach::unfitting_places(const Certainties& certain) {
  std::vector<Place> places;
  const auto& attributes = certain.chain().back().member->attributes().as_record();
  const auto look = [&](std::string_view name, const TextKnown* known) {
    const Value* own = attributes.find(name);
    if (own == nullptr) return;
    const bool is_text = own->is(Kind::kString);
    const bool fits = is_text && known != nullptr && known->certain && known->among.size() == 1 &&
                      known->among.front() == own->as_string();
    if (!fits) places.push_back({std::string(name), is_text ? std::string(own->as_string()) : std::string()});
  };
  look("tenant", &certain.tenant());
  look("environment", &certain.environment());
  look("forPurposes", nullptr);
  return places;
}

// Whether no guard can refuse it, within the frame.
bool Reach::guards_pass(const Certainties& certain, const Step& step) const {
  if (certain.needs_task() || certain.may_end() || !step.world.resource) return false;
  const auto* catalogued = frame_.policies.entities->find(*step.world.resource);
  const auto has = [&](std::string_view name) -> const Value* {
    return catalogued != nullptr ? catalogued->attributes->find(name) : nullptr;
  };
  const bool names_any =
      has("tenant") != nullptr || has("environment") != nullptr || has("forPurposes") != nullptr;
  if (step.resource_is_closed) {
    if (names_any) return false;
    if (step.world.resource_type == "Writ::Api") return true;
    return unfitting_places(certain).empty();
  }
  const auto fits = [&](std::string_view name, const TextKnown& known) {
    const Value* own = has(name);
    return own != nullptr && own->is(Kind::kString) && known.certain && known.among.size() == 1 &&
           known.among.front() == own->as_string();
  };
  // What the entities say of a resource, nobody else says otherwise; what they do not, somebody may.
  if (!fits("tenant", certain.tenant()) || !fits("environment", certain.environment())) return false;
  const Value* purposes = has("forPurposes");
  return purposes != nullptr && purposes->is(Kind::kSet) && certain.purpose().certain &&
         !certain.purpose().among.empty() &&
         std::ranges::all_of(certain.purpose().among, [&](const std::string& purpose) {
           return std::ranges::any_of(purposes->as_set(), [&](Value each) {
             return each.is(Kind::kString) && each.as_string() == purpose;
           });
         });
}

Reached Reach::ask_step(Certainties& certain, const Target& target, Step& step, Detail wanted) {
  open_.pose(step.world);
  if (auto refused = refused_by_resource(certain, target, step)) return *std::move(refused);
  bool always = true;
  std::vector<std::string> sure, maybe;
  for (const ChainLink* caller : certain.parties()) {
    Step::Party party{caller, certain.uid_of(*caller), {}, {}, {}};
    for (const PolicyIndex policy : *step.policies) {
      if (!open_.concerns(policy, party.uid)) continue;
      const auto outcomes = open_.outcomes(policy, party.uid);
      if (open_.forbids(policy)) {
        if (outcomes.certainly_blocks())
          return {Verdict::kNever,
                  std::string(reason_code(Reason::kPolicyForbid)),
                  fmt::format("policy `{}` forbids it for {}", policy_id(frame_, policy),
                              caller->uid().type + "::\"" + caller->id + "\""),
                  {policy_id(frame_, policy)}};
        if (!outcomes.certainly_not()) party.forbids.push_back(policy);
      } else if (outcomes.may_hold()) {
        party.permits.push_back(policy);
        maybe.push_back(policy_id(frame_, policy));
        if (outcomes.certainly_holds()) {
          party.sure.push_back(policy);
          sure.push_back(policy_id(frame_, policy));
        }
      }
    }
    if (party.permits.empty())
      return {Verdict::kNever, std::string(reason_code(Reason::kPolicyNoPermit)),
              fmt::format("no policy permits it for {} `{}`", kind_name(caller->kind()), caller->id)};
    always = always && !party.sure.empty() && party.forbids.empty();
    step.parties.push_back(std::move(party));
  }
  sort_distinct(sure);
  sort_distinct(maybe);
  if (always && guards_pass(certain, step)) return {Verdict::kAlways, {}, {}, std::move(sure)};
  Reached answer{Verdict::kWhen, {}, {}, std::move(maybe)};
  if (!wanted.conditions) return answer;
  for (const Step::Party& party : step.parties) {
    const auto add = [&](PolicyIndex policy, bool forbids) {
      const auto residual = open_.residual(policy, party.uid);
      Remainder condition{party.uid.to_string(), residual.id,        forbids,
                          cedar_of(residual),    words_of(residual), follows_entities(residual)};
      if (condition.words.empty()) condition.words = "in any case";
      answer.conditions.push_back(std::move(condition));
    };
    for (const PolicyIndex policy : party.sure.empty() ? party.permits : party.sure) add(policy, false);
    for (const PolicyIndex policy : party.forbids) add(policy, true);
  }
  return answer;
}

// By a date that is known one of the chain, or an owner who has to be there, ends.
template <class Add>
void Reach::add_ends(const Certainties& certain, const Add& add) const {
  const auto of = [&](const std::string& whose, const inventory::Member* member) {
    if (member == nullptr) return;
    std::optional<Instant> end = (*member)->expires_at;
    if (const auto review = member->review_by(); review && (!end || *review < *end)) end = review;
    if (end) add(fmt::format("it is before {}, when {} ends", inventory::date_text(*end), whose));
  };
  for (const ChainLink& each : certain.chain()) {
    if (each.member == nullptr) continue;
    of(fmt::format("`{}`", each.id), each.member);
    const auto& owner = (*each.member)->owner;
    if ((*each.member)->needs_owner && owner)
      of(fmt::format("`{}`, the owner of `{}`,", *owner, each.id), frame_.inventory.find(*owner));
  }
}

void Reach::add_guard_conditions(const Certainties& certain, const Target& target, Reached& answer) const {
  if (answer.verdict != Verdict::kWhen) return;
  const auto add = [&](std::string words) {
    answer.conditions.push_back({{}, {}, false, {}, std::move(words), false});
  };
  add_ends(certain, add);
  if (target.point == Point::kIssue) {
    if (is_delegated(certain, target)) {
      for (const auto& [name, value] : unfitting_places(certain))
        add(value.empty() ? fmt::format("the agent's `{}` fits the request", name)
                          : fmt::format("the request's {} is `{}`", name, value));
    }
    return;
  }
  const auto place = [&](std::string_view name, const TextKnown& known) {
    if (known.impossible) {
      add(fmt::format("the resource has no {}", name));
    } else if (known.among.size() == 1) {
      add(fmt::format("the resource has no {}, or it is `{}`", name, known.among.front()));
    } else {
      add(fmt::format("the resource has no {}, or it is the request's", name));
    }
  };
  if (certain.needs_task()) add("a live task names the parties and covers the call");
  place("tenant", certain.tenant());
  place("environment", certain.environment());
  if (!certain.purpose().among.empty() && certain.purpose().certain)
    add(fmt::format("the purpose is one of `{}`", fmt::join(certain.purpose().among, "`, `")));
}

std::vector<EntityUid> Reach::resources_to_try(const Target& target, const Hints& hints) const {
  const std::string type = type_to_try(target);
  if (target.resource) return {{type, *target.resource}};
  std::vector<EntityUid> all{{type, std::string(kAnyResource)}};
  for (const EntityUid& each : hints.named) {
    if (each.type == type && all.size() <= kNamedTried) all.push_back(each);
  }
  if (const auto found = catalogued_.find(type); found != catalogued_.end()) {
    for (const std::string& id : found->second) {
      EntityUid uid{type, id};
      if (std::ranges::find(all, uid) == all.end()) all.push_back(std::move(uid));
    }
  }
  return all;
}

std::optional<Trial> Reach::find_witness(Certainties& certain, const Target& target, const Step& step) {
  std::vector<cedar::OpenGoal> goals;
  std::vector<cedar::EntityRef> parties;
  for (const Step::Party& party : step.parties) {
    // Those that hold in any case first.
    Policies permits = party.sure;
    for (const PolicyIndex policy : party.permits) {
      if (std::ranges::find(permits, policy) == permits.end()) permits.push_back(policy);
    }
    goals.push_back({party.uid, std::move(permits), party.forbids});
    parties.push_back(party.uid);
    if (const auto* catalogued = frame_.policies.entities->find(party.uid)) {
      for (const cedar::EntityRef parent : catalogued->parents) parties.push_back(parent);
    }
  }
  std::optional<Trial> found;
  std::size_t trials = 0;
  const Hints hints = hints_of(in_scope(certain, *step.policies));
  const auto& times = hints.times;
  const auto resources =
      target.point == Point::kUse ? resources_to_try(target, hints) : std::vector<EntityUid>{{"", ""}};
  for (std::size_t time = 0; time < times.size(); ++time) {
    cedar::OpenWorld world = certain.world(step.world.action, times[time]);
    world.told_later = &told_later_;
    for (std::size_t i = 0; i < resources.size(); ++i) {
      // Later, few of the resources.
      if (trials >= kTrials || (time > 0 && i >= 4)) break;
      world.resource_type = step.world.resource_type;
      world.resource = step.world.resource;
      if (target.point == Point::kUse)
        world.resource = certain.arena().entity(resources[i].type, resources[i].id);
      if (world.entities.size() < step.world.entities.size())
        world.entities.push_back(step.world.entities.back());
      open_.pose(world);
      const auto visit = [&](std::span<const cedar::OpenBinding> bindings) {
        ++trials;
        Trial trial = trial_of(certain, target, resources[i], times[time], bindings);
        const auto judged = court_.judge(trial, frame_);
        if (judged && judged->permitted) found = std::move(trial);
        return found.has_value() || trials >= kTrials;
      };
      open_.find(goals, parties, visit, {.steps = kSteps});
      if (found) return found;
    }
  }
  return std::nullopt;
}

std::optional<Trial> Reach::witness(Certainties& certain, const Target& target) {
  return ask(certain, target, {.witness = true}).witness;
}

Reached Reach::ask(Certainties& certain, const Target& target, Detail wanted) {
  if (const auto& refusal = certain.refusal())
    return {Verdict::kNever, std::string(reason_code(refusal->reason)), refusal->message};
  if (!wanted.conditions && !wanted.witness && target.point == Point::kUse) {
    if (auto never = unpermitted_by_scope(certain, target)) return *std::move(never);
  }
  return known_ != nullptr ? known_or_asked(certain, target, wanted) : ask_afresh(certain, target, wanted);
}

Reached Reach::known_or_asked(Certainties& certain, const Target& target, Detail wanted) {
  std::vector<Policies> steps;
  Policies all;
  const auto add = [&](bool delegate) {
    steps.push_back(in_scope(certain, concerned(certain, target, delegate)));
    all.insert(all.end(), steps.back().begin(), steps.back().end());
  };
  add(false);
  if (is_delegated(certain, target)) add(true);
  const Hints hints = hints_of(all);
  const auto catalogued = catalogued_.find(type_to_try(target));
  const auto basis = basis_->of(
      {.certain = certain,
       .target = target,
       .wanted = wanted,
       .policies = {steps.begin(), steps.end()},
       .resources = catalogued != catalogued_.end() ? std::span<const std::string>(catalogued->second)
                                                    : std::span<const std::string>(),
       .times = hints.by_clock ? std::span(hints.times) : std::span<const Instant>(),
       .reads_use = hints.by_use});
  if (auto known = known_->find(basis, target, frame_.at)) return *std::move(known);
  Reached answer = ask_afresh(certain, target, wanted);
  known_->keep(basis, answer, frame_.at);
  return answer;
}

Reached Reach::ask_afresh(Certainties& certain, const Target& target, Detail wanted) {
  Step step = make_step(certain, target, false);
  step.policies = &concerned(certain, target, false);
  Reached answer = ask_step(certain, target, step, wanted);
  if (answer.may() && is_delegated(certain, target)) {
    Step delegate = make_step(certain, target, true);
    delegate.policies = &concerned(certain, target, true);
    Reached second = ask_step(certain, target, delegate, wanted);
    if (!second.may()) return second;
    if (second.verdict == Verdict::kWhen) answer.verdict = Verdict::kWhen;
    answer.policies.insert(answer.policies.end(), second.policies.begin(), second.policies.end());
    sort_distinct(answer.policies);
    answer.conditions.insert(answer.conditions.end(), second.conditions.begin(), second.conditions.end());
  }
  if (answer.verdict != Verdict::kWhen) return answer;
  if (wanted.conditions) add_guard_conditions(certain, target, answer);
  if (wanted.witness) answer.witness = find_witness(certain, target, step);
  return answer;
}

}  // namespace writ::access
