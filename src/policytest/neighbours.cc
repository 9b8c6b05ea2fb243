#include "policytest/neighbours.h"

#include <algorithm>

#include "cedar/parse.h"
#include "control/own_api.h"

namespace writ::policytest {

using inventory::Identity;
using inventory::Kind;

namespace {

using MaybeText = std::optional<std::string> TokenSpec::*;

constexpr Duration kLately = std::chrono::minutes(5);
constexpr std::size_t kOfEachType = 2;  // resources of another type

class Finder {
 public:
  Finder(const Surroundings& surroundings, const Suite& suite, const Variant& asked, const Answer& answer)
      : surroundings_(surroundings), suite_(suite), asked_(asked), answer_(answer) {}

  std::vector<Variant> find() {
    const Suite& world = asked_.in(suite_);
    for (Variant& variant : derive(surroundings_, world, asked_.request, answer_)) {
      if (variant.before != Before::kNothing) continue;
      if (variant.world == nullptr) variant.world = asked_.world;
      all_.push_back(std::move(variant));
    }
    others_act();
    more_is_told();
    if (!asked_.request.target.issue) something_else_is_asked();
    return std::move(all_);
  }

 private:
  RequestSpec& add() {
    all_.push_back(asked_);
    return all_.back().request;
  }

  void others_act() {
    const bool for_itself = asked_.request.token.subject == asked_.request.token.client;
    for (const Identity& each : suite_.world.identities) {
      if (each.kind == Kind::kUser) {
        if (for_itself) add().token.subject = each.id;
        continue;
      }
      TokenSpec& alone = add().token;
      alone.client = alone.subject = each.id;
      alone.actors.clear();
      if (each.kind == Kind::kAgent) add().token.actors = {{each.id, std::nullopt}};
    }
    for (const TaskFixture& fixture : suite_.tasks) add().token.task = fixture.task.id;
  }

  void tell(MaybeText claim, const std::set<std::string>& values) {
    if (asked_.request.token.*claim) return;
    for (const std::string& value : values) add().token.*claim = value;
  }

  void more_is_told() {
    const auto& facts = surroundings_.facts;
    std::set<std::string> tenants = facts.texts_of("tenant"), purposes = facts.texts_of("purpose"),
                          environments = facts.texts_of("environment");
    for (const Identity& each : suite_.world.identities) {
      if (each.tenant) tenants.insert(*each.tenant);
      if (each.environment) environments.insert(*each.environment);
      purposes.insert(each.purposes.begin(), each.purposes.end());
    }
    tell(&TokenSpec::tenant, tenants);
    tell(&TokenSpec::purpose, purposes);
    tell(&TokenSpec::environment, environments);
    tell(&TokenSpec::acr, facts.texts_of("acr"));
    tell(&TokenSpec::subject_issuer, facts.texts_of("issuer"));
    for (const std::string& acr : facts.texts_of("acr")) add().token.acr = acr;
    if (!asked_.request.token.auth_time) add().token.auth_time = asked_.request.time - kLately;
    if (!asked_.request.token.bound) add().token.bound = true;
    if (!asked_.request.approved && !asked_.request.target.issue) add().approved = true;
    if (asked_.request.ip.empty()) add().ip = "192.0.2.1";
  }

  void something_else_is_asked() {
    Target target;
    target.api = answer_.api;
    const auto action = cedar::parse_entity(answer_.action), resource = cedar::parse_entity(answer_.resource);
    if (!action || !resource) return;
    target.action = *action;
    target.resource = *resource;
    for (const auto& api : suite_.world.apis) {
      if (api.id == answer_.api || api.id == control::kOwnApi) continue;
      for (const std::string& each : api.actions) {
        Target& next = add().target = target;
        next.api = api.id;
        next.action = {api.action_type(), each};
      }
    }
    std::map<std::string, std::size_t, std::less<>> count;
    for (const cedar::Entity& entity : suite_.entities->all()) {
      const std::string type(entity.uid.type());
      if (type == resource->type || ++count[type] > kOfEachType) continue;
      Target& next = add().target = target;
      next.resource = {type, std::string(entity.uid.id())};
      next.attributes = {};
    }
  }

  const Surroundings& surroundings_;
  const Suite& suite_;
  const Variant& asked_;
  const Answer& answer_;
  std::vector<Variant> all_;
};

}  // namespace

std::vector<Variant> neighbours(const Surroundings& surroundings, const Suite& suite, const Variant& asked,
                                const Answer& answer) {
  return Finder(surroundings, suite, asked, answer).find();
}

}  // namespace writ::policytest
