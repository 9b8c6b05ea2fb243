// What can be wrong with a request: one function for each kind of thing that is changed.
#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "cedar/parse.h"
#include "policytest/abnormal.h"

namespace writ::policytest {

namespace {

using inventory::Identity;
using inventory::Kind;
using MaybeText = std::optional<std::string> TokenSpec::*;

constexpr std::size_t kMaxResources = 32;  // next to the allowed one, of a type
constexpr Duration kFarAway = std::chrono::hours(1);
constexpr Duration kStale = std::chrono::hours(24);

class Deriver {
 public:
  Deriver(const Suite& suite, const RequestSpec& original, const Answer& permit)
      : suite_(suite), original_(original), permit_(permit) {
    const auto task = std::ranges::find_if(
        suite.tasks, [&](const TaskFixture& each) { return each.task.id == original.token.task; });
    if (task != suite.tasks.end()) task_ = &task->task;
    const auto api = std::ranges::find(suite.world.apis, permit.api, &inventory::Api::id);
    if (api != suite.world.apis.end()) api_ = &*api;
  }

  std::vector<Variant> derive() {
    parties();
    places();
    token();
    chain();
    times();
    scope();
    claims();
    return std::move(variants_);
  }

 private:
  RequestSpec& add(Dimension dimension, std::string what, Before before = Before::kNothing) {
    variants_.push_back({dimension, std::move(what), original_, before});
    return variants_.back().request;
  }

  const Identity* identity(std::string_view id) const {
    const auto found = std::ranges::find(suite_.world.identities, id, &Identity::id);
    return found != suite_.world.identities.end() ? &*found : nullptr;
  }
  bool for_user() const { return original_.token.subject != original_.token.client; }

  void parties() {
    const TokenSpec& token = original_.token;
    for (const Identity& other : suite_.world.identities) {
      if (other.kind == Kind::kUser || other.id == token.client) continue;
      RequestSpec& request =
          add(Dimension::kOtherApplication, fmt::format("{} in place of {}", other.id, token.client));
      request.token.client = other.id;
      if (!for_user()) request.token.subject = other.id;
    }
    if (!original_.target.issue) {
      RequestSpec& request = add(Dimension::kNoToken, "without a token");
      request.token = {};
      request.token.present = false;
    }
    if (!for_user()) return;
    for (const Identity& other : suite_.world.identities) {
      if (other.kind != Kind::kUser || other.id == token.subject) continue;
      add(Dimension::kOtherUser, fmt::format("{} in place of {}", other.id, token.subject)).token.subject =
          other.id;
    }
    add(Dimension::kNoUser, fmt::format("{} for itself", token.client)).token.subject = token.client;
  }

  // Claims of the token that say where and what for. What the API's tokens do not carry cannot be wrong.
  void places() {
    std::set<std::string> tenants, environments, purposes;
    for (const Identity& each : suite_.world.identities) {
      if (each.tenant) tenants.insert(*each.tenant);
      if (each.environment) environments.insert(*each.environment);
      purposes.insert(each.purposes.begin(), each.purposes.end());
    }
    change_claim(Dimension::kOtherTenant, "tenant", &TokenSpec::tenant, tenants);
    change_claim(Dimension::kOtherEnvironment, "environment", &TokenSpec::environment, environments);
    change_claim(Dimension::kOtherPurpose, "purpose", &TokenSpec::purpose, purposes);
  }

  bool carried(std::string_view claim) const {
    return original_.target.issue || api_ == nullptr || !api_->claims ||
           std::ranges::find(*api_->claims, claim) != api_->claims->end();
  }

  void change_claim(Dimension dimension, std::string_view name, MaybeText claim,
                    const std::set<std::string>& values) {
    const auto& own = original_.token.*claim;
    if (!own || !carried(name)) return;
    for (const std::string& value : values) {
      if (value == *own) continue;
      add(dimension, fmt::format("{} `{}` in place of `{}`", name, value, *own)).token.*claim = value;
    }
  }

  void token() {
    if (original_.target.issue) return;
    for (const auto& other : suite_.world.apis) {
      if (other.id == permit_.api) continue;
      add(Dimension::kOtherApi, fmt::format("a token for {}", other.id)).token.audience = other.audience;
    }
    if (!original_.token.bound) return;
    // Taken from its owner: the token without what proves that one holds the key.
    add(Dimension::kUnbound, "a bound token without a proof").proof = Proof::kNone;
    add(Dimension::kWronglyBound, "a proof by another key").proof = Proof::kOtherKey;
    add(Dimension::kWronglyBound, "a proof for another request").proof = Proof::kOtherRequest;
    add(Dimension::kWronglyBound, "a proof that was used before").proof = Proof::kReplayed;
  }

  void chain() {
    const auto& actors = original_.token.actors;
    for (const Identity& agent : suite_.world.identities) {
      if (agent.kind != Kind::kAgent) continue;
      const bool taking_part = agent.id == original_.token.client ||
                               std::ranges::find(actors, agent.id, &token::Actor::subject) != actors.end();
      if (taking_part) continue;
      if (actors.size() < token::kMaxChain) {
        auto& longer =
            add(Dimension::kLongerChain, fmt::format("{} before the chain", agent.id)).token.actors;
        longer.insert(longer.begin(), {agent.id, std::nullopt});
        add(Dimension::kLongerChain, fmt::format("{} behind the chain", agent.id))
            .token.actors.push_back({agent.id, std::nullopt});
      }
      for (std::size_t i = 0; i < actors.size(); ++i)
        add(Dimension::kOtherActor, fmt::format("{} in place of {}", agent.id, actors[i].subject))
            .token.actors[i] = {agent.id, std::nullopt};
    }
    for (std::size_t i = 0; i + 1 < actors.size(); ++i) {
      auto& swapped =
          add(Dimension::kSwappedChain, fmt::format("{} and {}", actors[i].subject, actors[i + 1].subject))
              .token.actors;
      std::swap(swapped[i], swapped[i + 1]);
    }
  }

  // At another instant, with a token that is issued there.
  void at(Dimension dimension, std::string what, Instant time) {
    RequestSpec& request = add(dimension, std::move(what));
    request.time = time;
    request.token.issued_at = request.token.not_before = request.token.expires_at = std::nullopt;
  }

  void times() {
    if (!original_.target.issue) {
      add(Dimension::kBeforeWindow, "before the token's time").token.not_before = original_.time + kFarAway;
      RequestSpec& late = add(Dimension::kAfterWindow, "after the token's time");
      late.token.issued_at = late.token.not_before = original_.time - 2 * kFarAway;
      late.token.expires_at = original_.time - kFarAway;
    }
    if (original_.token.auth_time && carried("auth_time"))
      add(Dimension::kStaleAuthentication, "the user signed in a day earlier").token.auth_time =
          *original_.token.auth_time - kStale;
    if (task_ == nullptr) return;
    at(Dimension::kBeforeWindow, "before the task's window", task_->not_before - std::chrono::seconds(1));
    at(Dimension::kAfterWindow, "after the task's window", task_->expires_at + std::chrono::seconds(1));
    add(Dimension::kAfterEnd, "after the task's end", Before::kEndTask);
    // A token that is issued uses nothing up.
    if (!original_.target.issue && !task_->budget.unlimited())
      add(Dimension::kAfterBudget, "after the task's budget", Before::kUseUpBudget);
  }

  // The route is left out: what matters is what it leads to.
  Target explicit_target() const {
    Target target = original_.target;
    target.api = permit_.api;
    target.action = cedar::parse_entity(permit_.action).value();
    target.resource = cedar::parse_entity(permit_.resource).value();
    return target;
  }

  void scope() {
    if (original_.target.issue || api_ == nullptr) return;
    const Target target = explicit_target();
    for (const std::string& action : api_->actions) {
      if (action == target.action.id) continue;
      Target& next = add(Dimension::kNextAction, fmt::format("{} on {}", action, permit_.resource)).target;
      next = target;
      next.action.id = action;
    }
    std::size_t count = 0;
    for (const cedar::Entity& entity : suite_.entities->all()) {
      if (entity.uid.type() != target.resource.type || entity.uid.id() == target.resource.id) continue;
      if (++count > kMaxResources) return;
      Target& next =
          add(Dimension::kNextResource, fmt::format("{} on {}", target.action.id, entity.uid.to_string()))
              .target;
      next = target;
      next.resource.id = entity.uid.id();
    }
  }

  void claims() {
    const TokenSpec& token = original_.token;
    const auto hide = [&](std::string_view name, MaybeText claim) {
      if (token.*claim && (name == "task" || carried(name)))
        add(Dimension::kHiddenClaim, fmt::format("without `{}`", name)).token.*claim = std::nullopt;
    };
    if (original_.approved)
      add(Dimension::kHiddenClaim, "without people's approval of the call").approved = false;
    hide("task", &TokenSpec::task);
    hide("purpose", &TokenSpec::purpose);
    hide("tenant", &TokenSpec::tenant);
    hide("environment", &TokenSpec::environment);
    hide("subject_issuer", &TokenSpec::subject_issuer);
    hide("acr", &TokenSpec::acr);
    if (token.auth_time && carried("auth_time"))
      add(Dimension::kHiddenClaim, "without `auth_time`").token.auth_time = std::nullopt;
    // A client that is its own only actor takes part with and without `act`.
    const auto is_client = [&](const token::Actor& actor) { return actor.subject == token.client; };
    if (!std::ranges::all_of(token.actors, is_client))
      add(Dimension::kHiddenClaim, "without `act`").token.actors.clear();
  }

  const Suite& suite_;
  const RequestSpec& original_;
  const Answer& permit_;
  const task::Task* task_ = nullptr;
  const inventory::Api* api_ = nullptr;
  std::vector<Variant> variants_;
};

}  // namespace

std::vector<Variant> derive(const Suite& suite, const RequestSpec& original, const Answer& permit) {
  return Deriver(suite, original, permit).derive();
}

}  // namespace writ::policytest
