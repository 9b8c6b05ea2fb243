// What must hold of every proposal, over random worlds and requests, asked of the decision itself: all that
// was used stays permitted, and nothing that was refused is permitted.
//
// Records are those that the enforcer would write. Some are made older: they do not say which permit held for
// which party, or were made under a revision that nobody has any more. WRIT_RIGHTSIZE_CASES says how many
// requests are decided (100,000 and more for the full run).
#include <cstdlib>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <iostream>

#include "access/testing/random_world.h"
#include "audit/chain.h"
#include "enforce/issuing.h"
#include "enforce/record.h"
#include "rightsize/edit.h"
#include "rightsize/proposal.h"
#include "token/testing/verified.h"

namespace writ::rightsize::properties_test {
namespace {

using access::testing::kEnvironments;
using access::testing::kNow;
using access::testing::kPurposes;
using access::testing::kTenants;
using access::testing::Random;
using access::testing::RandomWorld;
using codec::Json;

constexpr std::size_t kQuickCases = 12'000;
constexpr std::size_t kTrials = 160;    // of a world, half of them in the log
constexpr std::size_t kTokens = 3'000;  // made once; signatures are not what this is about

std::size_t cases() {
  const char* said = std::getenv("WRIT_RIGHTSIZE_CASES");
  return said != nullptr ? std::strtoull(said, nullptr, 10) : kQuickCases;
}

constexpr std::array<std::array<std::string_view, 4>, 9> kChains{{{"u1", "app1"},
                                                                  {"u2", "app2"},
                                                                  {"u3", "app1"},
                                                                  {"u1", "app1", "a1"},
                                                                  {"u2", "app1", "a1", "a2"},
                                                                  {"app1"},
                                                                  {"s1"},
                                                                  {"s1", "a1"},
                                                                  {"u1", "a2"}}};

struct Trial {
  const token::Verified* token;
  std::optional<task::Task> task;
  Instant time;
  std::string ip, method;
  bool approved, issue, delegate;
  cedar::EntityUid action, resource;
  Json attributes = Json::object();
};

token::AccessClaims random_claims(Random& random) {
  const auto& chain = kChains[random.below(kChains.size())];
  std::vector<std::string> ids;
  for (const auto id : chain)
    if (!id.empty()) ids.emplace_back(id);
  auto claims = token::testing::valid_claims(kNow);
  claims.audience = "https://shop.example";
  claims.subject = ids.front();
  claims.client_id = ids.back();
  claims.expires_at = kNow + std::chrono::hours(24 * 30);
  claims.actors.clear();
  // Nearest first; the one that presents it comes first (RFC 8693 §4.1).
  if (ids.size() > 2 || (ids.size() == 2 && ids.back().starts_with('a') && !ids.back().starts_with("app")))
    for (std::size_t i = ids.size(); i-- > 1;) claims.actors.push_back({ids[i], {}});
  if (random.chance(60)) claims.purpose = random.pick(kPurposes);
  if (random.chance(30)) claims.environment = random.pick(kEnvironments);
  if (random.chance(30)) claims.tenant = random.pick(kTenants);
  if (random.chance(50)) claims.acr = random.chance(60) ? "strong" : "weak";
  if (random.chance(40)) claims.task = "t";
  return claims;
}

task::Task task_of(Random& random, const token::AccessClaims& claims) {
  task::Task task{};
  task.id = "t";
  task.purpose = claims.purpose ? *claims.purpose : random.pick(kPurposes);
  if (claims.subject.starts_with('u')) task.subject = claims.subject;
  for (const auto* agent : {"a1", "a2"}) task.agents.push_back(agent);
  task.opened_by = claims.client_id;
  for (const auto action : access::testing::kActions)
    task.actions.push_back({"Shop::Action", std::string(action)});
  for (const auto type : access::testing::kTypes) task.resources.push_back({std::string(type), std::nullopt});
  task.not_before = kNow - std::chrono::minutes(1);
  task.expires_at = kNow + std::chrono::hours(24 * 30);
  return task;
}

Trial random_trial(Random& random, const token::Verified& token) {
  const auto& claims = token.claims();
  Trial trial{&token,
              claims.task ? std::optional(task_of(random, claims)) : std::nullopt,
              kNow + std::chrono::minutes(random.below(std::size_t{60} * 24 * 10)),
              random.chance(60) ? "192.0.2.7" : "",
              random.chance(60) ? "GET" : "",
              random.chance(20),
              random.chance(15),
              random.chance(50),
              {"Shop::Action", random.pick(access::testing::kActions)},
              {}};
  constexpr std::string_view kIds[] = {"1", "2", "3", "9", "fresh"};
  trial.resource = {random.pick(access::testing::kTypes), random.pick(kIds)};
  Json& told = trial.attributes;
  if (random.chance(30)) told.set("amount", static_cast<std::int64_t>(random.below(20)));
  if (random.chance(40)) told.set("public", random.chance(70));
  if (random.chance(20)) told.set("labels", codec::json_texts({"a"}));
  if (random.chance(40))
    told.set("owner",
             Json::object({{"__entity", Json::object({{"type", "Writ::User"}, {"id", claims.subject}})}}));
  return trial;
}

// Decides as the gateway and the token service do, and writes the record.
class Judge {
 public:
  // Nothing: there is no question to ask.
  std::optional<bool> permitted(const Trial& trial, const inventory::Snapshot& inventory,
                                const decision::PolicySnapshot& policies, std::string* line = nullptr) {
    const auto& claims = trial.token->claims();
    const auto& api = *inventory.find_api("shop");
    std::optional<task::LiveTask> task;
    if (trial.task) task.emplace(*trial.task, task::State::kActive, std::vector<task::Reservation>(), tasks_);
    const enforce::Deciding deciding{inventory, policies, task ? &*task : nullptr};
    const auto step = trial.delegate ? enforce::IssuingStep::kDelegate : enforce::IssuingStep::kIssue;
    const enforce::Attributes attributes = [&](cedar::Arena& arena) {
      return cedar::record_from_json(arena, trial.attributes).value();
    };
    const enforce::Facts facts{.time = trial.time,
                               .method = trial.method,
                               .path = {},
                               .peer_ip = trial.ip,
                               .api = api,
                               .action = {trial.action.type, trial.action.id},
                               .resource = {trial.resource.type, trial.resource.id},
                               .attributes = attributes,
                               .approved = trial.approved};
    const auto ruling =
        trial.issue
            ? enforce::rule_on(step, {claims, api, {trial.method, {}, {}, {}, trial.ip}, trial.time},
                               deciding, memory_, enforce::Shadows::kLeftAlone)
            : enforce::rule_on_use(*trial.token, facts, deciding, memory_, enforce::Shadows::kLeftAlone);
    if (!ruling) return std::nullopt;
    if (line != nullptr && ruling->permitted()) {
      const auto resource = trial.issue ? enforce::resource_of(step, api, claims) : trial.resource;
      std::string names[2];
      enforce::Told told{.point = trial.issue ? "oauth" : "gateway",
                         .sent = {trial.method, {}, {}, {}, trial.ip},
                         .api = "shop",
                         .action = trial.issue
                                       ? enforce::action_text(step)
                                       : enforce::written(names[0], trial.action.type, trial.action.id),
                         .resource = enforce::written(names[1], resource.type, resource.id),
                         .kind = trial.issue ? context::Point::kIssue : context::Point::kUse,
                         .claims = &claims,
                         .subject = claims.subject,
                         .client = claims.client_id,
                         .policies = &policies};
      told.set(*ruling);
      line->clear();
      audit::append_line(*line, head_, enforce::record_of(trial.time, told).members);
      line->pop_back();
    }
    return ruling->permitted();
  }

 private:
  enforce::Memory memory_;
  task::MemoryStore tasks_;
  audit::Head head_;
};

cedar::PolicySet parsed(const std::vector<std::string>& texts) {
  cedar::PolicySet all;
  for (const auto& text : texts) {
    auto one = cedar::parse_policies(text).value();
    one.policies.front().id = "p" + std::to_string(all.policies.size());
    all.policies.push_back(std::move(one.policies.front()));
  }
  return all;
}

std::string without(std::string line, std::string_view from, std::string_view to) {
  const auto begin = line.find(from);
  if (begin == line.npos) return line;
  const auto end = line.find(to, begin);
  return line.erase(begin, end + to.size() - begin);
}

struct Tally {
  std::size_t worlds = 0, trials = 0, recorded = 0, fresh_refused = 0, fresh_permitted = 0, broken = 0;
  std::size_t fates[5] = {};
};

// Spoils a proposal on purpose, to see that the properties are looked at.
using Spoil = void (*)(Proposal&);

class Properties {
 public:
  Properties(std::uint64_t seed, Spoil spoil) : random_(seed), spoil_(spoil) {
    for (std::size_t i = 0; i < kTokens; ++i)
      tokens_.push_back(token::testing::verified(random_claims(random_), kNow));
  }

  Tally run(std::size_t cases) {
    while (tally_.trials < cases && tally_.broken == 0) one_world();
    return tally_;
  }
  const std::string& first_broken() const { return first_broken_; }

 private:
  void one_world() {
    ++tally_.worlds;
    RandomWorld world = access::testing::random_world(random_);
    // So that what is recorded is often permitted, and by more than one.
    world.texts.emplace_back("permit (principal, action, resource) when { context has purpose };");
    auto policies = world.policies;
    policies.with_shadows = nullptr;
    policies.policies = access::testing::compiled(world.texts);
    const cedar::PolicySet set = parsed(world.texts);

    struct Past {
      Trial trial;
      bool permitted, recorded;
    };
    std::vector<Past> past;
    const ByChance by_chance{random_.chance(20), random_.chance(20), random_.chance(20)};
    EvidenceReader reader(world.inventory, {}, by_chance);
    const std::size_t old = random_.below(3) * 50;  // per cent of records
    std::string line;
    for (std::size_t i = 0; i < kTrials; ++i) {
      Trial trial = random_trial(random_, tokens_[random_.below(tokens_.size())]);
      line.clear();
      const auto permitted = judge_.permitted(trial, *world.inventory, policies, &line);
      if (!permitted) continue;
      const bool recorded = i % 2 == 0 && *permitted;
      if (recorded) {
        if (random_.chance(old)) line = without(line, "\"permits\":", "]],");
        if (random_.chance(old)) line = aged(line);
        ASSERT_TRUE(reader.see(line).has_value());
      }
      past.push_back({std::move(trial), *permitted, recorded});
    }
    const Evidence evidence = std::move(reader).finish();
    ASSERT_EQ(0u, evidence.unreadable);
    const SameIn same_in = [&](const std::string& revision) -> std::optional<std::set<std::string>> {
      if (revision == "forgotten") return std::nullopt;
      std::set<std::string> all;
      for (const auto& policy : set.policies) all.insert(policy.id);
      return all;
    };
    auto proposal = propose(evidence, {set, policies, *world.inventory}, same_in,
                            {.by_chance = by_chance, .least_uses = 0, .least_days = 0});
    ASSERT_TRUE(proposal.has_value()) << proposal.error().message;
    spoil_(*proposal);
    auto texts = world.texts;
    for (const PolicyUse& use : proposal->policies) {
      ++tally_.fates[static_cast<std::size_t>(use.verdict)];
      const Edit edit{set.policies[use.policy].span, &use};
      texts[use.policy] = edited(world.texts[use.policy], {&edit, 1}).value();
    }
    auto after = policies;
    after.policies = access::testing::compiled(texts);
    for (const Past& each : past) {
      ++tally_.trials;
      const bool now = judge_.permitted(each.trial, *world.inventory, after).value_or(false);
      tally_.recorded += each.recorded ? 1 : 0;
      if (!each.recorded && each.permitted) ++(now ? tally_.fresh_permitted : tally_.fresh_refused);
      if (each.recorded && !now) broke("a used request is refused", each.trial, world.texts, texts);
      if (!each.permitted && now) broke("a refused request is permitted", each.trial, world.texts, texts);
    }
  }

  std::string aged(std::string line) {
    constexpr std::string_view kRevision = "\"policy_revision\":\"random\"";
    const auto at = line.find(kRevision);
    return line.replace(at, kRevision.size(),
                        fmt::format("\"policy_revision\":\"{}\"", random_.chance(50) ? "forgotten" : "kept"));
  }

  void broke(std::string_view what, const Trial& trial, const std::vector<std::string>& before,
             const std::vector<std::string>& after) {
    if (tally_.broken++ > 0) return;
    first_broken_ =
        fmt::format("{}\n{}\n{} {} {}\n", what, token::claims_to_json(trial.token->claims()).dump(),
                    trial.action.id, trial.resource.type, trial.resource.id);
    for (std::size_t i = 0; i < before.size(); ++i) first_broken_ += after[i] + "\n";
  }

  Random random_;
  const Spoil spoil_;
  std::vector<token::Verified> tokens_;
  Judge judge_;
  Tally tally_;
  std::string first_broken_;
};

TEST(RightsizeProperties, WhatWasUsedStaysAndNothingNewIsPermitted) {
  const char* seed = std::getenv("WRIT_RIGHTSIZE_SEED");
  Properties properties(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1, [](Proposal&) {});
  const Tally tally = properties.run(cases());
  std::cout << fmt::format(
      "{} worlds, {} requests, {} used; of permitted ones that were not in the log {} are refused and {} "
      "permitted; permits: {} whole, {} narrowed, {} unused, {} redundant\n",
      tally.worlds, tally.trials, tally.recorded, tally.fresh_refused, tally.fresh_permitted, tally.fates[0],
      tally.fates[1], tally.fates[2], tally.fates[3]);
  EXPECT_EQ(0u, tally.broken) << properties.first_broken();
  EXPECT_GE(tally.trials, cases());
  // Enough of each kind to mean something.
  EXPECT_GT(tally.recorded, tally.trials / 50);
  EXPECT_GT(tally.fresh_refused, 20u);
  for (const auto fate : {Fate::kNarrowed, Fate::kUnused, Fate::kRedundant})
    EXPECT_GT(tally.fates[static_cast<std::size_t>(fate)], 20u) << fate_name(fate);
}

TEST(RightsizeProperties, ACutThatGoesTooFarIsFound) {
  Properties properties(2, [](Proposal& proposal) {
    for (PolicyUse& use : proposal.policies)
      if (use.uses.count > 0) use.conditions = {"false"};
  });
  EXPECT_GT(properties.run(kQuickCases).broken, 0u);
}

}  // namespace
}  // namespace writ::rightsize::properties_test
