#include "policytest/abnormal.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "policytest/reader.h"
#include "policytest/ways.h"

namespace writ::policytest {

namespace {

constexpr std::string_view kDimensionNames[kDimensions] = {"other-application",
                                                           "no-token",
                                                           "other-user",
                                                           "no-user",
                                                           "other-tenant",
                                                           "other-environment",
                                                           "other-purpose",
                                                           "other-api",
                                                           "unbound",
                                                           "wrongly-bound",
                                                           "old-token",
                                                           "longer-chain",
                                                           "shorter-chain",
                                                           "swapped-chain",
                                                           "other-actor",
                                                           "before-window",
                                                           "after-window",
                                                           "other-time",
                                                           "after-end",
                                                           "after-budget",
                                                           "labelled-task",
                                                           "unapproved-task",
                                                           "next-action",
                                                           "next-resource",
                                                           "other-route",
                                                           "other-address",
                                                           "stale-authentication",
                                                           "other-authentication",
                                                           "other-provider",
                                                           "hidden-claim",
                                                           "hidden-attribute"};

// "other-user", or with the words of a variant: "hidden-claim (without `acr`)".
std::optional<std::size_t> subject_length(std::string_view text) {
  for (const auto name : kDimensionNames) {
    if (!text.starts_with(name)) continue;
    const auto rest = text.substr(name.size());
    if (rest.starts_with(" (")) {
      const auto end = rest.find("):");
      return end == rest.npos ? std::nullopt : std::optional(name.size() + end + 1);
    }
    if (rest.empty() || std::string_view(": ;").find(rest.front()) != rest.npos) return name.size();
  }
  return std::nullopt;
}

bool accepts(const Acceptance& acceptance, const Variant& variant) {
  const auto name = dimension_name(variant.dimension);
  return acceptance.subject == name || acceptance.subject == fmt::format("{} ({})", name, variant.what);
}

// A request by what it asks, whether a route says that or the test does; or by the route it takes to that. Of
// a recorded one, when and from where it came is chance; that it comes at another time than the original,
// which came at `base`, is not.
std::string key_of(const policy::Loaded& loaded, const Suite& suite, const RequestSpec& request,
                   const Answer& answer, Instant base, bool by_route) {
  RequestSpec asked = request;
  if (!by_route) {
    const auto way = Ways(loaded).of(request.target);
    const bool counts = !is_task_of(suite, request.target.resource);
    asked.target = {.api = answer.api,
                    .action = {answer.action, {}},
                    .resource = {answer.resource, {}},
                    .attributes = way      ? way->attributes()
                                  : counts ? request.target.attributes
                                           : codec::Json(),
                    .issue = request.target.issue};
  }
  if (suite.recorded) {
    asked.time = Instant(request.time - base);
    asked.ip.clear();
  }
  return suite.file + (by_route ? " route " : " ") + request_to_json(asked).dump();
}

}  // namespace

std::string_view dimension_name(Dimension dimension) noexcept {
  return kDimensionNames[static_cast<std::size_t>(dimension)];
}

Result<std::vector<Acceptance>> accepted_abnormal(const policy::LoadedPolicies& policies) {
  return read_acceptances(policies, {kAcceptAbnormal, "dimension", [](std::size_t, std::string_view text) {
                                       return subject_length(text);
                                     }});
}

Result<Abnormal> Abnormal::make(Shared& shared, bool whole, Live* live) {
  return Abnormal(shared, TRY(accepted_abnormal(shared.loaded.policies)), whole, live);
}

Result<void> Abnormal::run(const Suite& suite) {
  std::vector<Original> originals;
  for (const Test& test : suite.tests) {
    for (std::size_t step = 0; step < test.steps.size(); ++step) {
      const auto* ask = std::get_if<Ask>(&test.steps[step]);
      if (ask == nullptr || ask->expect.code != "permit") continue;
      auto permit = permit_of({suite, test, step, {}});
      if (!permit && suite.recorded) {
        left_out_.push_back({ask->place, test.name, permit.error().message});
        continue;
      }
      if (!permit)
        return std::unexpected(
            std::move(permit.error()).in(fmt::format("{}:{}", ask->place.file, ask->place.line)));
      // The same request in the same state has the same abnormal paths.
      const auto key = [&](bool by_route) {
        return key_of(shared_.loaded, suite, ask->request, *permit, ask->request.time, by_route);
      };
      if (step == 0) expected_.insert(key(true));
      if (step == 0 && !expected_.insert(key(false)).second) continue;
      Original original{suite, test, step, *std::move(permit)};
      if (auto why = TRY(why_not_live(original)); !why.empty()) {
        left_out_.push_back({ask->place, test.name, std::move(why)});
        continue;
      }
      originals.push_back(std::move(original));
    }
  }
  for (const Original& original : originals) TRY(try_original(original));
  return {};
}

// In the original's state; `suite` is the original's, or like it.
Result<std::unique_ptr<World>> Abnormal::world_before(const Original& original, const Suite& suite) {
  auto world = TRY(World::make(shared_, suite, shared_.loaded.policies.snapshot));
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
  const auto world = TRY(world_before(original, original.suite));
  Answer answer = TRY(world->ask(original.ask().request));
  if (answer.permitted()) return answer;
  return failure(
      ErrorCode::kInvalid,
      fmt::format("{}: the request is refused with `{}`, and nothing can be derived from it",
                  original.suite.recorded ? "it cannot be reproduced" : "the test fails", answer.code));
}

// Why the running gateway does not permit what is permitted here; empty: it does, or there is none.
Result<std::string> Abnormal::why_not_live(const Original& original) {
  if (live_ == nullptr) return std::string();
  if (original.step > 0) return "what happened before it does not happen there";
  const auto said = TRY(live_->ask(original.suite, original.ask().request, Before::kNothing));
  if (!said.answer) return said.why_not;
  if (said.answer->permitted()) return std::string();
  return fmt::format("the running gateway refuses it with `{}`: {}", said.answer->code, said.answer->message);
}

// Puts the running gateway's answer in place of the world's; false: it was not sent there.
Result<bool> Abnormal::ask_live(const Original& original, const Variant& variant, Answer& answer,
                                Cell& cell) {
  auto said = TRY(live_->ask(variant.in(original.suite), variant.request, variant.before));
  if (!said.answer) {
    ++cell.not_sent;
    ++cell.by["not sent: " + said.why_not];
    return false;
  }
  Answer live = *std::move(said.answer);
  live.api = answer.api;
  live.action = answer.action;
  live.resource = answer.resource;
  // The gateway does not tell which policies permitted, or which guard refused. Where both agree, it was
  // these.
  live.guard = live.code == answer.code ? answer.guard : "live";
  if (live.permitted() && answer.permitted()) live.policies = answer.policies;
  answer = std::move(live);
  return true;
}

Result<void> Abnormal::try_original(const Original& original) {
  const Ask& ask = original.ask();
  ++originals_;
  Row& row = row_of(original.permit.api);
  std::array<bool, kDimensions> applies{};
  for (Variant& variant : derive(surroundings_, original.suite, ask.request, original.permit)) {
    Answer answer = TRY(answer_of(original, variant));
    Cell& cell = row[index(variant.dimension)];
    if (live_ != nullptr && !TRY(ask_live(original, variant, answer, cell))) {
      applies[index(variant.dimension)] = true;
      continue;
    }
    if (answer.permitted()) {
      // A budget that a test cannot use up is not told apart from none.
      if (variant.before == Before::kUseUpBudget) continue;
      // What a test expects to be permitted is not abnormal.
      const bool as_described =
          original.step == 0 && variant.before == Before::kNothing && variant.world == nullptr;
      if (as_described &&
          expected_.contains(key_of(shared_.loaded, original.suite, variant.request, answer, ask.request.time,
                                    variant.dimension == Dimension::kOtherRoute)))
        continue;
    }
    applies[index(variant.dimension)] = true;
    Tried tried{
        &original.suite, std::move(variant), original.test.name, ask.place, std::move(answer), {}, {}, {}};
    judge(tried, cell);
    tried_.push_back(std::move(tried));
  }
  for (std::size_t i = 0; i < kDimensions; ++i) row[i].not_applicable += applies[i] ? 0 : 1;
  return {};
}

Result<Answer> Abnormal::answer_of(const Original& original, const Variant& variant) {
  const auto world = TRY(world_before(original, variant.in(original.suite)));
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
    const Answer& answer = tried.answer;
    auto by = fmt::format("{}: {}", answer.guard.empty() ? "policies" : answer.guard, answer.code);
    if (!answer.policies.empty()) by += fmt::format(" by {}", fmt::join(answer.policies, ", "));
    ++cell.by[by];
    return;
  }
  for (Acceptance& acceptance : acceptances_) {
    const bool carried_it = std::ranges::binary_search(tried.answer.policies, acceptance.policy);
    if (!carried_it || !accepts(acceptance, tried.variant)) continue;
    acceptance.used = true;
    if (!tried.accepted_by.empty()) continue;
    tried.accepted_by = acceptance.policy;
    tried.accepted_as = acceptance.subject;
    tried.reason = acceptance.reason;
  }
  ++(tried.is_finding() ? cell.permitted : cell.accepted);
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

std::vector<Acceptance> Abnormal::unused_acceptances() const {
  std::vector<Acceptance> unused;
  if (!whole_) return unused;
  std::ranges::copy_if(acceptances_, std::back_inserter(unused),
                       [](const Acceptance& acceptance) { return !acceptance.used; });
  return unused;
}

}  // namespace writ::policytest
