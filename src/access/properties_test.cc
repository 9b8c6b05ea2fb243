// What must hold of reach, over random worlds and requests: never is never permitted, always never refused,
// and what was witnessed is permitted when it is asked again. Open entities, shadow policies, approvals,
// calendars, contracts of claims and tasks are among the worlds.
//
// WRIT_ACCESS_CASES says how many requests are decided (100,000 and more for the full run).
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>

#include "access/testing/random_world.h"

namespace writ::access {
namespace testing {

Trial random_trial(Random& random, Certainties& certain, const Target& target) {
  const Chain& chain = certain.chain();
  Trial trial{
      .claims = {}, .time = kNow + std::chrono::minutes(random.below(60 * 24 * 10)), .target = target};
  auto& claims = trial.claims;
  claims.subject = chain.front().id;
  claims.client_id = chain.back().id;
  claims.actors = actors_of(chain);
  claims.issued_at = trial.time - std::chrono::minutes(random.below(3));
  claims.not_before = claims.issued_at;
  claims.expires_at = trial.time + std::chrono::minutes(5);
  const auto text = [&](const TextKnown& known, const auto& pool) -> std::optional<std::string> {
    if (known.impossible || random.chance(30)) return std::nullopt;
    if (!known.among.empty()) return known.among[random.below(known.among.size())];
    return random.pick(pool);
  };
  claims.purpose = text(certain.purpose(), kPurposes);
  claims.environment = text(certain.environment(), kEnvironments);
  claims.tenant = text(certain.tenant(), kTenants);
  if (certain.tenant_by_token() && certain.tenant().certain) claims.tenant = certain.tenant().among.front();
  if (random.chance(50)) claims.acr = random.chance(60) ? "strong" : "weak";
  if (random.chance(50)) claims.auth_time = trial.time - std::chrono::seconds(random.below(7200));
  if (random.chance(50)) claims.credential_kind = random.chance(60) ? "key" : "secret";
  if (random.chance(50)) claims.credential_created = trial.time - std::chrono::days(random.below(300));
  if (random.chance(50)) claims.key_thumbprint = std::string(43, 'k');
  if (chain.size() > 1 && random.chance(30)) claims.subject_issuer = "https://idp.example";
  trial.approved = target.point == Point::kUse && random.chance(40);
  if (random.chance(60)) trial.ip = random.chance(70) ? "192.0.2.7" : "198.51.100.1";
  if (random.chance(60)) trial.method = random.chance(70) ? "GET" : "POST";
  if (target.point == Point::kUse) {
    constexpr std::string_view kIds[] = {"1", "2", "3", "9", "fresh"};
    trial.resource = {target.resource_type, target.resource.value_or(random.pick(kIds))};
    Json& told = trial.attributes;
    const auto entity = [](std::string_view type, std::string_view id) {
      return Json::object({{"__entity", Json::object({{"type", type}, {"id", id}})}});
    };
    if (random.chance(40))
      told.set("owner", entity("Writ::User", random.chance(70) ? chain.front().id : "u2"));
    if (random.chance(25)) told.set("tenant", random.pick(kTenants));
    if (random.chance(8)) told.set("environment", random.pick(kEnvironments));
    if (random.chance(8)) told.set("forPurposes", codec::json_texts({random.pick(kPurposes)}));
    if (random.chance(40)) told.set("amount", static_cast<std::int64_t>(random.below(20)));
    if (random.chance(40)) told.set("public", random.chance(70));
    if (random.chance(20)) told.set("team", entity("Writ::Group", "staff"));
    if (random.chance(20)) told.set("labels", codec::json_texts({"a"}));
    if (random.chance(20)) told.set("name", "alpha");
    if (random.chance(5)) told.set("amount", "wrong");
  }
  if (!certain.needs_task() && random.chance(60)) return trial;
  if (certain.purpose().impossible) return trial;
  task::Task task{};
  task.id = "t";
  const auto& among = certain.purpose().among;
  task.purpose = claims.purpose ? *claims.purpose : among.empty() ? random.pick(kPurposes) : among.front();
  if (chain.size() > 1) task.subject = chain.front().id;
  std::size_t clients = 0;
  for (const ChainLink& each : chain) {
    if (each.is_agent()) {
      task.agents.push_back(each.id);
    } else if (each.kind() != inventory::Kind::kUser) {
      ++clients;
      if (random.chance(50)) task.client = each.id;
    }
  }
  if (clients > 1) task.client.reset();
  if (random.chance(20)) task.agents.push_back("a1");
  if (random.chance(40)) task.labels.push_back("secret");
  if (random.chance(20)) task.approvals.needed = 1;
  if (task.approvals.needed > 0) task.approvals.given.resize(1);
  task.opened_by = chain.back().id;
  if (certain.tenant().certain && random.chance(30)) task.tenant = certain.tenant().among.front();
  task.actions.push_back(target.action);
  task.resources.push_back({trial.resource.type, std::nullopt});
  task.not_before = trial.time - std::chrono::minutes(1);
  task.expires_at = trial.time + std::chrono::hours(1);
  trial.task = std::move(task);
  return trial;
}

}  // namespace testing

namespace {

using testing::Random;
using testing::RandomWorld;

constexpr std::size_t kQuickCases = 12'000;

std::size_t cases() {
  const char* said = std::getenv("WRIT_ACCESS_CASES");
  return said != nullptr ? std::strtoull(said, nullptr, 10) : kQuickCases;
}

struct Tally {
  std::size_t worlds = 0, answers = 0, never = 0, always = 0, witnessed = 0, open = 0;
  std::size_t trials = 0, permitted = 0, broken = 0;
  std::size_t open_but_permitted = 0;  // the search missed these
};

std::string shown(const RandomWorld& world, const Chain& chain, const Target& target, const Trial& trial) {
  std::string text = text_of(chain) + " " + target.action.id + " " + target.resource_type + "\n";
  for (const auto& policy : world.texts) text += policy + "\n";
  for (const ChainLink& each : chain) {
    if (each.member != nullptr)
      text += identity_to_json(each.member->identity(), each.member->status()).dump() + "\n";
  }
  return text + to_json(trial).dump();
}

// What an answer says, spoilt on purpose, to see that the properties are looked at.
using Spoil = void (*)(Reached&);

class Properties {
 public:
  Properties(std::uint64_t seed, Spoil spoil) : random_(seed), spoil_(spoil) {}

  Tally run(std::size_t cases) {
    while (tally_.trials < cases && tally_.broken == 0) one_world();
    return tally_;
  }
  const std::string& first_broken() const { return first_broken_; }

 private:
  void one_world() {
    ++tally_.worlds;
    const RandomWorld world = testing::random_world(random_);
    const Frame frame = world.frame();
    Reach reach(frame, *court_);
    const Census census(reach);
    bool cut = false;
    const auto chains = census.chains({.links = 3}, cut);
    const auto& api = *world.inventory->find_api("shop");
    for (int i = 0; i < 24 && tally_.broken == 0; ++i) {
      const Chain& chain = chains[random_.below(chains.size())];
      Target target = Target::issue(api);
      if (random_.chance(80)) {
        target.point = Point::kUse;
        target.action = {"Shop::Action", random_.pick(testing::kActions)};
        target.resource_type = random_.pick(testing::kTypes);
        if (random_.chance(25)) target.resource = random_.chance(50) ? "3" : random_.chance(50) ? "1" : "9";
      }
      one_chain(world, frame, reach, chain, target);
    }
  }

  void one_chain(const RandomWorld& world, const Frame& frame, Reach& reach, const Chain& chain,
                 const Target& target) {
    Certainties certain(frame, chain, *target.api, target.point);
    Reached answer = reach.ask(certain, target, {.conditions = true, .witness = true});
    spoil_(answer);
    ++tally_.answers;
    if (answer.witness) {
      const auto again = court_->judge(*answer.witness, frame);
      check(again && again->permitted, "a witness is refused", world, chain, target, *answer.witness);
    }
    (answer.verdict == Verdict::kNever    ? tally_.never
     : answer.verdict == Verdict::kAlways ? tally_.always
     : answer.witness                     ? tally_.witnessed
                                          : tally_.open)++;
    bool permitted_once = false;
    const int count = answer.verdict == Verdict::kWhen ? 6 : 12;
    for (int i = 0; i < count && tally_.broken == 0; ++i) {
      const Trial trial = testing::random_trial(random_, certain, target);
      const auto judged = court_->judge(trial, frame);
      if (!judged) continue;
      ++tally_.trials;
      tally_.permitted += judged->permitted ? 1 : 0;
      permitted_once = permitted_once || judged->permitted;
      check(answer.verdict != Verdict::kNever || !judged->permitted, "what is never permitted is", world,
            chain, target, trial);
      check(answer.verdict != Verdict::kAlways || judged->permitted,
            "what is always permitted is refused: " + (judged->refusal ? judged->refusal->message : ""),
            world, chain, target, trial);
    }
    if (permitted_once && answer.verdict == Verdict::kWhen && !answer.witness) ++tally_.open_but_permitted;
  }

  void check(bool holds, std::string_view what, const RandomWorld& world, const Chain& chain,
             const Target& target, const Trial& trial) {
    if (holds) return;
    if (tally_.broken++ == 0) first_broken_ = std::string(what) + "\n" + shown(world, chain, target, trial);
  }

  Random random_;
  const Spoil spoil_;
  const std::unique_ptr<Court> court_ = Court::make().value();
  Tally tally_;
  std::string first_broken_;
};

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

TEST(AccessProperties, NeverIsNeverPermittedAlwaysNeverRefusedAndWitnessesReplay) {
  const char* seed = std::getenv("WRIT_ACCESS_SEED");
  Properties properties(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1, [](Reached&) {});
  const Tally tally = properties.run(cases());
  std::cout << fmt::format(
      "{} worlds, {} answers: never {:.1f} %, always {:.1f} %, witnessed {:.1f} %, open {:.1f} %; {} "
      "requests, "
      "{:.1f} % permitted; {} answers were open and permitted\n",
      tally.worlds, tally.answers, percent(tally.never, tally.answers), percent(tally.always, tally.answers),
      percent(tally.witnessed, tally.answers), percent(tally.open, tally.answers), tally.trials,
      percent(tally.permitted, tally.trials), tally.open_but_permitted);
  EXPECT_EQ(0u, tally.broken) << properties.first_broken();
  EXPECT_GE(tally.trials, cases());
  // Enough of each kind to mean something.
  EXPECT_GT(percent(tally.never, tally.answers), 5);
  EXPECT_GT(tally.always, 3u);
  EXPECT_GT(percent(tally.witnessed, tally.answers), 5);
  EXPECT_GT(percent(tally.permitted, tally.trials), 3);
}

TEST(AccessProperties, AWrongNeverIsFound) {
  Properties properties(2, [](Reached& answer) {
    if (answer.verdict == Verdict::kWhen) answer.verdict = Verdict::kNever;
  });
  EXPECT_GT(properties.run(5'000).broken, 0u);
}

TEST(AccessProperties, AWrongAlwaysIsFound) {
  Properties properties(3, [](Reached& answer) {
    if (answer.verdict == Verdict::kWhen) answer.verdict = Verdict::kAlways;
  });
  EXPECT_GT(properties.run(5'000).broken, 0u);
}

TEST(AccessProperties, AWrongWitnessIsFound) {
  Properties properties(4, [](Reached& answer) {
    if (answer.witness) answer.witness->claims.client_id = "nobody";
  });
  EXPECT_GT(properties.run(5'000).broken, 0u);
}

}  // namespace
}  // namespace writ::access
