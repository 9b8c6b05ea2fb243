#include "policytest/abnormal.h"

#include <algorithm>
#include <fmt/format.h>

#include "policytest/reader.h"

namespace writ::policytest {

namespace {

constexpr std::string_view kAnnotation = "accept_abnormal";

constexpr std::string_view kNames[kDimensions] = {
    "other-application", "no-token",      "other-user",  "no-user",       "other-tenant",
    "other-environment", "other-purpose", "other-api",   "unbound",       "wrongly-bound",
    "longer-chain",      "swapped-chain", "other-actor", "before-window", "after-window",
    "after-end",         "after-budget",  "next-action", "next-resource", "stale-authentication",
    "hidden-claim"};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// A request by what it asks, whether a route says that or the test does.
std::string key_of(const Suite& suite, const RequestSpec& request, const Answer& answer) {
  RequestSpec asked = request;
  asked.target = {.api = answer.api,
                  .action = {answer.action, {}},
                  .resource = {answer.resource, {}},
                  .issue = request.target.issue};
  return suite.file + request_to_json(asked).dump();
}

}  // namespace

std::string_view dimension_name(Dimension dimension) noexcept {
  return kNames[static_cast<std::size_t>(dimension)];
}

Result<Abnormal> Abnormal::make(Shared& shared) {
  Abnormal abnormal(shared);
  TRY(abnormal.read_acceptances());
  return abnormal;
}

// "dimension: reason; dimension: reason".
Result<void> Abnormal::read_acceptances() {
  const auto& loaded = shared_.loaded.policies;
  for (std::size_t i = 0; i < loaded.policies.policies.size(); ++i) {
    const cedar::Policy& policy = loaded.policies.policies[i];
    const auto* annotation = policy.annotation(kAnnotation);
    if (annotation == nullptr) continue;
    const auto& place = loaded.sources[i].place;
    const auto wrong = [&](std::string_view what) {
      return failure(ErrorCode::kInvalid,
                     fmt::format("{}:{}: @{} of policy `{}`: {}; expected \"dimension: reason\", several "
                                 "separated by `;`",
                                 place.file, place.line, kAnnotation, policy.id, what));
    };
    std::string_view rest = annotation->value ? std::string_view(*annotation->value) : std::string_view();
    if (trimmed(rest).empty()) return wrong("it says nothing");
    while (!rest.empty()) {
      const auto end = rest.find(';');
      const auto entry = trimmed(rest.substr(0, end));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
      const auto colon = entry.find(':');
      const auto name = trimmed(entry.substr(0, colon));
      const auto found = std::ranges::find(kNames, name);
      if (found == std::end(kNames)) return wrong(fmt::format("there is no dimension `{}`", name));
      const auto reason = colon == entry.npos ? std::string_view() : trimmed(entry.substr(colon + 1));
      if (reason.empty()) return wrong(fmt::format("`{}` is accepted without a reason", name));
      acceptances_.push_back(
          {policy.id, static_cast<Dimension>(found - std::begin(kNames)), std::string(reason)});
    }
  }
  return {};
}

Result<void> Abnormal::run(const Suite& suite) {
  std::vector<Original> originals;
  for (const Test& test : suite.tests) {
    for (std::size_t step = 0; step < test.steps.size(); ++step) {
      const auto* ask = std::get_if<Ask>(&test.steps[step]);
      if (ask == nullptr || ask->expect.code != "permit") continue;
      auto permit = permit_of({suite, test, step, {}});
      if (!permit)
        return std::unexpected(
            std::move(permit.error()).in(fmt::format("{}:{}", ask->place.file, ask->place.line)));
      // The same request in the same state has the same abnormal paths.
      if (step == 0 && !expected_.insert(key_of(suite, ask->request, *permit)).second) continue;
      originals.push_back({suite, test, step, *std::move(permit)});
    }
  }
  for (const Original& original : originals) TRY(try_original(original));
  return {};
}

Result<std::unique_ptr<World>> Abnormal::world_before(const Original& original) {
  auto world = TRY(World::make(shared_, original.suite, shared_.loaded.policies.snapshot));
  for (std::size_t i = 0; i < original.step; ++i) {
    if (const auto* change = std::get_if<Change>(&original.test.steps[i])) {
      TRY(world->apply(*change));
      continue;
    }
    const Ask& ask = std::get<Ask>(original.test.steps[i]);
    for (std::int64_t n = 0; n < ask.times; ++n) TRY(world->ask(ask.request));
  }
  return world;
}

Result<Answer> Abnormal::permit_of(const Original& original) {
  const auto world = TRY(world_before(original));
  Answer answer = TRY(world->ask(original.ask().request));
  if (answer.permitted()) return answer;
  return failure(
      ErrorCode::kInvalid,
      fmt::format("the test fails: the request is refused with `{}`, and nothing can be derived from it",
                  answer.code));
}

Result<void> Abnormal::try_original(const Original& original) {
  const Ask& ask = original.ask();
  ++originals_;
  Row& row = row_of(original.permit.api);
  std::array<bool, kDimensions> applies{};
  for (Variant& variant : derive(original.suite, ask.request, original.permit)) {
    Answer answer = TRY(answer_of(original, variant));
    if (answer.permitted()) {
      // A budget that a test cannot use up is not told apart from none.
      if (variant.before == Before::kUseUpBudget) continue;
      // What a test expects to be permitted is not abnormal.
      const bool as_described = original.step == 0 && variant.before == Before::kNothing;
      if (as_described && expected_.contains(key_of(original.suite, variant.request, answer))) continue;
    }
    applies[index(variant.dimension)] = true;
    Tried tried{std::move(variant), original.test.name, ask.place, std::move(answer), {}, {}};
    judge(tried, row[index(tried.variant.dimension)]);
    tried_.push_back(std::move(tried));
  }
  for (std::size_t i = 0; i < kDimensions; ++i) row[i].not_applicable += applies[i] ? 0 : 1;
  return {};
}

Result<Answer> Abnormal::answer_of(const Original& original, const Variant& variant) {
  const auto world = TRY(world_before(original));
  if (variant.before == Before::kEndTask) {
    TRY(world->apply({original.test.place, Change::Kind::kEndTask, variant.request.token.task.value(), {}}));
  } else if (variant.before == Before::kUseUpBudget) {
    std::int64_t left = kMaxTimes;
    while (TRY(world->ask(variant.request)).permitted() && --left > 0) {
    }
  }
  return world->ask(variant.request);
}

void Abnormal::judge(Tried& tried, Cell& cell) {
  if (!tried.answer.permitted()) {
    ++cell.refused;
    ++cell.by[fmt::format("{}: {}", tried.answer.guard.empty() ? "policies" : tried.answer.guard,
                          tried.answer.code)];
    return;
  }
  for (Acceptance& acceptance : acceptances_) {
    const bool carried_it = std::ranges::binary_search(tried.answer.policies, acceptance.policy);
    if (!carried_it || acceptance.dimension != tried.variant.dimension) continue;
    acceptance.used = true;
    tried.accepted_by = acceptance.policy;
    tried.reason = acceptance.reason;
    ++cell.accepted;
    return;
  }
  ++cell.permitted;
}

Abnormal::Row& Abnormal::row_of(const std::string& api) {
  const auto found = std::ranges::find(apis_, api);
  if (found != apis_.end()) return cells_[static_cast<std::size_t>(found - apis_.begin())];
  apis_.push_back(api);
  return cells_.emplace_back();
}

std::size_t Abnormal::findings() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(tried_, &Tried::is_finding));
}

std::vector<std::string> Abnormal::unused_acceptances() const {
  std::vector<std::string> unused;
  for (const Acceptance& acceptance : acceptances_)
    if (!acceptance.used)
      unused.push_back(fmt::format("{}: {}", acceptance.policy, dimension_name(acceptance.dimension)));
  return unused;
}

}  // namespace writ::policytest
