#include "policytest/run.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace writ::policytest {

namespace {

std::string with_place(const files::Place& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

// What differs, or nothing.
bool comes_out(const Expectation& expect, const Answer& answer) {
  if (answer.code != expect.code) return false;
  if (expect.party && answer.party != *expect.party) return false;
  if (expect.path && answer.path != *expect.path) return false;
  if (expect.policies && answer.policies != *expect.policies) return false;
  if (expect.refused && answer.refused != *expect.refused) return false;
  return std::ranges::all_of(expect.reasons, [&](const std::string& reason) {
    return std::ranges::find(answer.reasons, reason) != answer.reasons.end();
  });
}

// One test in one world.
class Runner {
 public:
  Runner(Shared& shared, const Suite& suite, const Test& test, const Policies& policies)
      : shared_(shared), suite_(suite), test_(test), policies_(policies) {}

  // The first step that does not come out as expected; nothing when all do.
  Result<std::optional<Failure>> run(const Observer& observer, bool explained) {
    auto world = World::make(shared_, suite_, policies_);
    if (!world) return std::unexpected(std::move(world.error()).in(suite_.file));
    for (const Step& step : test_.steps) {
      if (const auto* change = std::get_if<Change>(&step)) {
        if (auto done = (*world)->apply(*change); !done)
          return std::unexpected(std::move(done.error()).in(with_place(change->place)));
        continue;
      }
      auto failed = ask(**world, std::get<Ask>(step), observer, explained);
      if (!failed || *failed) return failed;
    }
    return std::nullopt;
  }

 private:
  static Result<std::optional<Failure>> ask(World& world, const Ask& ask, const Observer& observer,
                                            bool explained) {
    for (std::int64_t i = 1; i <= ask.times; ++i) {
      auto explanation = explained ? world.explain(ask.request) : std::nullopt;
      auto answer = world.ask(ask.request, observer);
      if (!answer) return std::unexpected(std::move(answer.error()).in(with_place(ask.place)));
      if (comes_out(ask.expect, *answer)) continue;
      Failure failure{.place = ask.place,
                      .request = describe(ask.request),
                      .expected = describe(ask.expect),
                      .got = describe(*answer),
                      .answer = std::nullopt,
                      .explanation = std::move(explanation)};
      if (ask.times > 1) failure.request += fmt::format(", request {} of {}", i, ask.times);
      failure.answer = *std::move(answer);
      return failure;
    }
    return std::nullopt;
  }

  Shared& shared_;
  const Suite& suite_;
  const Test& test_;
  const Policies& policies_;
};

}  // namespace

std::size_t SuiteResult::failures() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(tests, [](const auto& each) { return each.failure.has_value(); }));
}

Result<SuiteResult> run_suite(Shared& shared, const Suite& suite, const Policies& policies,
                              const Observer& observer) {
  SuiteResult result{&suite, {}};
  for (const Test& test : suite.tests) {
    const auto begin = std::chrono::steady_clock::now();
    Runner runner(shared, suite, test, policies);
    auto failure = TRY(runner.run(observer, false));
    if (failure) failure = TRY(runner.run({}, true));
    const auto took = std::chrono::steady_clock::now() - begin;
    result.tests.push_back(
        {&test, std::move(failure), std::chrono::duration_cast<std::chrono::microseconds>(took)});
  }
  return result;
}

Result<bool> passes(Shared& shared, const Suite& suite, const Test& test, const Policies& policies) {
  return !TRY(Runner(shared, suite, test, policies).run({}, false));
}

std::string describe(const RequestSpec& request) {
  const Target& target = request.target;
  std::string text;
  if (target.issue) {
    text = fmt::format("a token for API `{}`", target.api);
  } else if (target.routed()) {
    text = fmt::format("{} {}", target.method, target.path);
  } else {
    text = fmt::format("{} on {}", target.action.id, task::uid_text(target.resource));
  }
  const TokenSpec& token = request.token;
  if (!token.present) return text + " without a token";
  if (token.subject != token.client) text += fmt::format(" for {}", token.subject);
  text += fmt::format(" through {}", token.client);
  std::vector<std::string> actors;
  for (const auto& actor : token.actors) actors.push_back(actor.subject);
  if (!actors.empty()) text += fmt::format(" (act {})", fmt::join(actors, ", "));
  if (token.task) text += fmt::format(", task {}", *token.task);
  if (token.purpose) text += fmt::format(", purpose {}", *token.purpose);
  return text;
}

std::string describe(const Expectation& expect) {
  auto text = expect.code;
  if (expect.party) text += fmt::format(", party {}", *expect.party);
  if (expect.path) text += fmt::format(", path {}", *expect.path);
  if (expect.policies) text += fmt::format(", policies {}", fmt::join(*expect.policies, ", "));
  if (!expect.reasons.empty()) text += fmt::format(", among all reasons {}", fmt::join(expect.reasons, ", "));
  if (expect.refused) text += fmt::format(", policies refuse {}", fmt::join(*expect.refused, ", "));
  return text;
}

std::string describe(const Answer& answer) {
  auto text = answer.code;
  if (!answer.party.empty()) text += fmt::format(", party {}", answer.party);
  if (!answer.path.empty()) text += fmt::format(", path {}", answer.path);
  if (!answer.policies.empty()) text += fmt::format(", policies {}", fmt::join(answer.policies, ", "));
  if (answer.reasons.size() > 1) text += fmt::format(", all reasons {}", fmt::join(answer.reasons, ", "));
  if (!answer.refused.empty() && answer.refused != std::vector{answer.party})
    text += fmt::format(", policies refuse {}", fmt::join(answer.refused, ", "));
  if (!answer.message.empty()) text += fmt::format(": {}", answer.message);
  return text;
}

}  // namespace writ::policytest
