#include "rightsize/proposal.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tuple>

#include "audit/record.h"
#include "codec/ascii.h"
#include "rightsize/conditions.h"

namespace writ::rightsize {
namespace {

using cedar::EntityUid;
using cedar::Policy;

constexpr std::size_t kMostNamed = 6;  // in a comment

// How long a log has to be to show what happens once in a while: twice as long.
struct Schedule {
  std::string_view name;
  std::int64_t days;
};
constexpr Schedule kSchedules[] = {{"weekly", 14}, {"monthly", 62}, {"quarterly", 184}, {"yearly", 731}};

std::string day_text(Instant time) {
  return audit::format_time(time).substr(0, 10);
}

std::string some_of(const std::vector<std::string>& all) {
  const std::vector<std::string> first(all.begin(), all.begin() + std::min(all.size(), kMostNamed));
  const auto more = all.size() - first.size();
  return fmt::format("{}{}", fmt::join(first, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

std::string counted(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

// A use of a party, and the permits of which each held, or of which nobody knows which held.
struct Item {
  const Shape* shape;
  const PartyUse* party;
  std::vector<std::size_t> holders;  // policies, in the set
  bool exact;
};

class Proposer {
 public:
  Proposer(const Evidence& evidence, const Governing& in_force, const SameIn& same_in,
           const Thresholds& settings)
      : evidence_(evidence),
        in_force_(in_force),
        settings_(settings),
        same_in_(same_in),
        standing_(in_force),
        seen_(in_force.policies.policies.size()),
        uses_(seen_.size()),
        held_(seen_.size()) {
    const auto& all = in_force.policies.policies;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].effect == cedar::Effect::kPermit) permits_.emplace(all[i].id, i);
  }

  Result<Proposal> run() {
    for (const Shape& shape : evidence_.shapes) see(shape);
    choose();
    // A grant ends by itself, and its template is others' too.
    const auto& grants = in_force_.snapshot.grants;
    for (const auto& [id, at] : permits_)
      if (grants == nullptr || !grants->contains(id)) order_.push_back(at);
    std::ranges::sort(order_);
    find_values();
    for (const std::size_t at : order_) proposal_.policies.push_back(TRY(judge(at)));
    find_identities();
    return std::move(proposal_);
  }

 private:
  const Policy& policy(std::size_t at) const { return in_force_.policies.policies[at]; }

  // The permits that the revision has as they are now; null: it is not known.
  const std::set<std::string>* same(const std::string& revision) {
    auto found = same_.find(revision);
    if (found == same_.end()) {
      std::optional<std::set<std::string>> ids;
      if (revision == in_force_.snapshot.revision) {
        ids.emplace();
        for (const auto& [id, at] : permits_) ids->insert(id);
      } else {
        ids = same_in_(revision);
      }
      found = same_.emplace(revision, std::move(ids)).first;
    }
    return found->second ? &*found->second : nullptr;
  }

  std::vector<std::size_t> all_that_may(const Shape& shape, const PartyUse& party, bool any_type) const {
    std::vector<std::size_t> all;
    const std::string_view type = any_type ? std::string_view() : std::string_view(shape.resource_type);
    for (const auto& [id, at] : permits_)
      if (standing_.may_match(policy(at), {party.type, party.id}, shape.action, type)) all.push_back(at);
    return all;
  }

  void see(const Shape& shape) {
    const auto* known = same(shape.revision);
    for (const PartyUse& party : shape.parties) {
      auto& identity = by_identity_[{party.type, party.id}];
      identity.used.insert({shape.action, shape.lists ? std::string() : shape.resource_type});
      identity.uses += shape.uses.count;
      Item item{&shape, &party, {}, false};
      bool all_known = known != nullptr;
      for (const auto& id : party.permits) {
        const auto found = permits_.find(id);
        const bool is_same = known != nullptr && known->contains(id) && found != permits_.end();
        all_known = all_known && is_same;
        if (!is_same) continue;
        if (party.exact || standing_.may_match(policy(found->second), {party.type, party.id}, shape.action,
                                               shape.resource_type))
          item.holders.push_back(found->second);
      }
      // One that held then holds now, whatever else held; without the parties' own lists only if there is no
      // other.
      item.exact = !item.holders.empty() && (party.exact || (all_known && item.holders.size() == 1));
      if (!party.exact && !all_known) item.holders.clear();
      if (item.holders.empty()) item.holders = all_that_may(shape, party, shape.resource_type.empty());
      add(item);
      if (shape.lists) add({&shape, &party, all_that_may(shape, party, true), false});
    }
  }

  void add(const Item& item) {
    for (const std::size_t at : item.holders) held_[at].add(item.shape->uses);
    if (!item.exact) proposal_.uncertain += item.shape->uses.count;
    if (item.exact && item.holders.size() > 1) return open_.push_back(item);
    for (const std::size_t at : item.holders) use(at, item);
  }

  void use(std::size_t at, const Item& item) {
    seen_[at].add(*item.shape, *item.party);
    uses_[at].add(item.shape->uses);
  }

  // Does the policy permit it anyhow, by what it was used for so far?
  bool covers(std::size_t at, const Item& item) const {
    const Sightings& seen = seen_[at];
    const auto action = seen.types.find(item.shape->action);
    const auto party = seen.principals.find(item.party->type);
    return action != seen.types.end() && action->second.contains(item.shape->resource_type) &&
           party != seen.principals.end() && party->second.contains(item.party->id);
  }

  // Where several held, one stays.
  void choose() {
    std::ranges::stable_sort(open_, std::greater<>(),
                             [](const Item& item) { return item.shape->uses.count; });
    for (const Item& item : open_) {
      const auto rank = [&](std::size_t at) {
        return std::tuple(covers(at, item), uses_[at].count > 0, held_[at].count);
      };
      use(*std::ranges::max_element(item.holders, {}, rank), item);
    }
  }

  void find_values() {
    for (const inventory::Member* member : in_force_.inventory.members()) {
      for (const auto& purpose : (*member)->purposes) purposes_.insert(purpose);
      if ((*member)->environment) environments_.insert(*(*member)->environment);
    }
    for (const Shape& shape : evidence_.shapes) {
      if (!shape.purpose.empty()) purposes_.insert(shape.purpose);
      if (!shape.environment.empty()) environments_.insert(shape.environment);
    }
  }

  Result<std::vector<std::string>> why_kept(const PolicyUse& use) {
    std::vector<std::string> why;
    const Policy& policy = this->policy(use.policy);
    if (auto said = TRY(kept_by(policy, evidence_.span_days())); !said.empty())
      why.push_back(std::move(said));
    const auto span = evidence_.span_days();
    if (span < settings_.least_days) {
      why.push_back(fmt::format("the log spans {}, not {}", counted(static_cast<std::uint64_t>(span), "day"),
                                settings_.least_days));
    } else if (const auto since = known_since(policy.id);
               settings_.least_days > 0 &&
               (!since || evidence_.last - *since < std::chrono::days(settings_.least_days))) {
      why.push_back(since ? fmt::format("it is only known since {}", day_text(*since))
                          : std::string("no revision in the log is known to have it"));
    }
    if (use.uses.count > 0 && use.uses.count < settings_.least_uses)
      why.push_back(fmt::format("{} are thin evidence", counted(use.uses.count, "use")));
    if (policy.annotation("id") == nullptr && evidence_.revisions.size() > 1)
      why.push_back("it has no @id, so its uses cannot be followed from revision to revision");
    return why;
  }

  std::optional<Instant> known_since(const std::string& id) {
    std::optional<Instant> since;
    const auto earlier = [&](Instant time) { since = since ? std::min(*since, time) : time; };
    if (const auto named = evidence_.named.find(id); named != evidence_.named.end()) earlier(named->second);
    for (const auto& [revision, time] : evidence_.revisions) {
      const auto* ids = same(revision);
      if (ids != nullptr && ids->contains(id)) earlier(time);
    }
    return since;
  }

  Result<PolicyUse> judge(std::size_t at) {
    const Policy& policy = this->policy(at);
    PolicyUse use{.policy = at, .id = policy.id, .uses = uses_[at], .held = held_[at]};
    use.granted = standing_.granted(policy);
    const Sightings& seen = seen_[at];
    for (const auto& [action, types] : seen.types)
      for (const auto& type : types) use.used.insert({action, type});
    for (const Right& right : use.granted) {
      const auto found = seen.types.find(right.action);
      const bool used =
          found != seen.types.end() && (right.resource_type.empty() || found->second.contains("") ||
                                        found->second.contains(right.resource_type));
      if (!used) use.unused.insert(right);
    }
    const auto possible = standing_.principals(policy);
    for (const EntityUid& each : possible) {
      const auto found = seen.principals.find(each.type);
      if (found == seen.principals.end() || !found->second.contains(each.id)) use.idle.insert(each);
    }
    if (use.uses.count == 0) {
      use.verdict = use.held.count == 0 ? Fate::kUnused : Fate::kRedundant;
      use.conditions = {"false"};
    } else {
      const auto& by_chance = settings_.by_chance;
      const auto others = [](const std::set<std::string>& all, const std::set<std::string>& seen_ones) {
        return std::ranges::any_of(all, [&](const auto& each) { return !seen_ones.contains(each); });
      };
      for (auto& condition :
           {principals_condition(seen, policy, possible, settings_.most_principals),
            rights_condition(seen, policy, use.granted),
            text_condition("purpose", seen.purposes, policy, others(purposes_, seen.purposes)),
            text_condition("environment", seen.environments, policy,
                           others(environments_, seen.environments)),
            by_chance.ids ? resources_condition(seen) : std::string(),
            by_chance.addresses ? addresses_condition(seen) : std::string(),
            by_chance.hours ? hours_condition(seen) : std::string()})
        if (!condition.empty()) use.conditions.push_back(condition);
      use.verdict = use.conditions.empty() ? Fate::kWhole : Fate::kNarrowed;
    }
    use.evidence = in_one_line(evidence_of(use));
    if (use.changes()) {
      use.why = TRY(why_kept(use));
      for (auto& why : use.why) why = in_one_line(std::move(why));
    }
    if (!use.why.empty()) {
      use.verdict = Fate::kKept;
      use.conditions.clear();
    }
    return use;
  }

  std::string evidence_of(const PolicyUse& use) const {
    const auto days = evidence_.span_days();
    if (use.verdict == Fate::kUnused)
      return fmt::format("not used in {} ({} to {})", counted(static_cast<std::uint64_t>(days), "day"),
                         day_text(evidence_.first), day_text(evidence_.last));
    if (use.verdict == Fate::kRedundant)
      return fmt::format("held for {}, and each time another policy permitted it too",
                         counted(use.held.count, "use"));
    auto text =
        fmt::format("{} on {} ({} to {})", counted(use.uses.count, "use"),
                    counted(use.uses.days.count(), "day"), day_text(use.uses.first), day_text(use.uses.last));
    // An action as a whole, or on one type.
    std::vector<std::string> unused;
    std::set<EntityUid> named;
    for (const Right& right : use.unused) {
      const bool whole =
          std::ranges::none_of(use.used, [&](const Right& each) { return each.action == right.action; });
      if (!whole) {
        unused.push_back(fmt::format("{} on {}", text_of(right.action), right.resource_type));
      } else if (named.insert(right.action).second) {
        unused.push_back(text_of(right.action));
      }
    }
    if (!unused.empty()) text += "; never used: " + some_of(unused);
    return text;
  }

  void find_identities() {
    // Most identities of a kind are reached by the same permits.
    std::map<std::vector<bool>, std::shared_ptr<const std::set<Right>>> granted;
    std::vector<bool> reached_by(proposal_.policies.size());
    for (const inventory::Member* member : in_force_.inventory.members()) {
      const auto& identity = member->identity();
      if (identity.kind == inventory::Kind::kUser) continue;
      IdentityUse use{{std::string(inventory::cedar_type(identity.kind)), identity.id}, nullptr};
      if (const auto found = by_identity_.find(use.uid); found != by_identity_.end()) {
        use.used = found->second.used;
        use.uses = found->second.uses;
      }
      for (std::size_t i = 0; i < proposal_.policies.size(); ++i)
        reached_by[i] = standing_.may_be_principal(policy(proposal_.policies[i].policy), use.uid);
      auto& rights = granted[reached_by];
      if (rights == nullptr) {
        std::set<Right> all;
        for (std::size_t i = 0; i < reached_by.size(); ++i)
          if (reached_by[i])
            all.insert(proposal_.policies[i].granted.begin(), proposal_.policies[i].granted.end());
        rights = std::make_shared<const std::set<Right>>(std::move(all));
      }
      use.granted = rights;
      proposal_.identities.push_back(std::move(use));
    }
  }

  struct Used {
    std::set<Right> used;
    std::uint64_t uses = 0;
  };
  const Evidence& evidence_;
  const Governing& in_force_;
  const Thresholds& settings_;
  const SameIn& same_in_;
  const StandingRights standing_;
  std::map<std::string, std::size_t, std::less<>> permits_;  // by id
  std::vector<std::size_t> order_;
  std::map<std::string, std::optional<std::set<std::string>>> same_;  // by revision
  std::vector<Sightings> seen_;                                       // by policy
  std::vector<Uses> uses_, held_;
  std::vector<Item> open_;
  std::map<EntityUid, Used> by_identity_;
  std::set<std::string> purposes_, environments_;
  Proposal proposal_;
};

}  // namespace

std::string in_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return text;
}

Result<std::string> kept_by(const Policy& policy, std::int64_t span_days) {
  const auto* annotation = policy.annotation(kAnnotation);
  if (annotation == nullptr) return std::string();
  const std::string_view value = annotation->value ? std::string_view(*annotation->value) : "";
  const auto word = codec::trimmed(value.substr(0, value.find(':')));
  if (word == "keep") return fmt::format("it says @{}(\"{}\")", kAnnotation, value);
  for (const Schedule& each : kSchedules) {
    if (each.name != word) continue;
    if (span_days >= each.days) return std::string();
    return fmt::format("it is used {}, and the log spans {}, not {}", word,
                       counted(static_cast<std::uint64_t>(span_days), "day"), each.days);
  }
  return failure(ErrorCode::kInvalid,
                 fmt::format("policy `{}`: @{}(\"{}\") is not known; write \"keep\", \"weekly\", "
                             "\"monthly\", \"quarterly\" or \"yearly\", and the reason after a colon",
                             policy.id, kAnnotation, value));
}

std::string_view fate_name(Fate verdict) noexcept {
  switch (verdict) {
    case Fate::kWhole:
      return "whole";
    case Fate::kNarrowed:
      return "narrowed";
    case Fate::kUnused:
      return "unused";
    case Fate::kRedundant:
      return "redundant";
    case Fate::kKept:
      return "kept";
  }
  return "kept";
}

std::size_t Proposal::count(Fate verdict) const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(policies, [&](const PolicyUse& use) { return use.verdict == verdict; }));
}

Result<Proposal> propose(const Evidence& evidence, const Governing& in_force, const SameIn& same_in,
                         const Thresholds& settings) {
  return Proposer(evidence, in_force, same_in, settings).run();
}

}  // namespace writ::rightsize
