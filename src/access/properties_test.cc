// What must hold of reach, over random worlds and requests: never is never permitted, always never refused,
// and what was witnessed is permitted when it is asked again. Open entities, shadow policies, approvals,
// calendars, contracts of claims and tasks are among the worlds.
//
// WRIT_ACCESS_CASES says how many requests are decided (100,000 and more for the full run).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>

#include "access/testing/random_trial.h"

namespace writ::access::properties_test {
namespace {

using testing::Random;
using testing::RandomWorld;

constexpr std::size_t kQuickCases = 12'000;

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
      // What is pushed by the time of the request may be something else.
      const auto later = world.policies.schema != nullptr && random_.chance(60)
                             ? testing::random_pushed(random_)
                             : world.pushed;
      const auto judged = court_->judge(trial, {frame.inventory, frame.policies, frame.at, later.get()});
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
  Properties properties(testing::seed_or(1), [](Reached&) {});
  const Tally tally = properties.run(testing::cases_or(kQuickCases));
  std::cout << fmt::format(
      "{} worlds, {} answers: never {:.1f} %, always {:.1f} %, witnessed {:.1f} %, open {:.1f} %; {} "
      "requests, "
      "{:.1f} % permitted; {} answers were open and permitted\n",
      tally.worlds, tally.answers, percent(tally.never, tally.answers), percent(tally.always, tally.answers),
      percent(tally.witnessed, tally.answers), percent(tally.open, tally.answers), tally.trials,
      percent(tally.permitted, tally.trials), tally.open_but_permitted);
  EXPECT_EQ(0u, tally.broken) << properties.first_broken();
  EXPECT_GE(tally.trials, testing::cases_or(kQuickCases));
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
}  // namespace writ::access::properties_test
