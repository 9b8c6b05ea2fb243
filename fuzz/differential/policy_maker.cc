#include "policy_maker.h"

#include <fmt/format.h>

#include "words.h"

namespace writ::differential {

using cedar::EntityUid;

PolicyMaker::PolicyMaker(Random& random, const cedar::Schema& schema, const Population& population)
    : random_(random), schema_(schema), population_(population) {
  for (const auto& [name, action] : schema.actions()) {
    for (const std::string& principal : action.principals) {
      for (const std::string& resource : action.resources)
        environments_.push_back({principal, &action, resource});
    }
  }
  // Policies that speak of the same requests meet each other when they are decided.
  for (std::size_t i = 0; i < 2 && has_environments(); ++i) focus_.push_back(random.pick(environments_));
}

const Environment& PolicyMaker::environment() {
  return random_.pick(random_.percent(85) ? focus_ : environments_);
}

std::string PolicyMaker::policies(std::size_t count, std::vector<cedar::TemplateLink>& links) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += policy(i, links) + "\n";
  return text;
}

std::string PolicyMaker::expression() {
  if (!has_environments()) return "1 + 1";
  return ExpressionMaker(random_, schema_, population_, environment()).expression();
}

std::string PolicyMaker::policy(std::size_t number, std::vector<cedar::TemplateLink>& links) {
  const std::string head = annotations() + (random_.percent(65) ? "permit" : "forbid");
  if (!has_environments()) return head + "(principal, action, resource);";
  const Environment& environment = this->environment();
  bool principal_slot = false;
  bool resource_slot = false;
  std::string text =
      fmt::format("{} ({}, {}, {}{})", head, scope("principal", environment.principal, principal_slot),
                  action_scope(*environment.action), scope("resource", environment.resource, resource_slot),
                  random_.one_in(30) ? "," : "");
  if (principal_slot || resource_slot) {
    for (std::size_t i = random_.below(3); i > 0; --i) {
      cedar::TemplateLink link{fmt::format("policy{}", number), fmt::format("link{}-{}", number, i), {}, {}};
      // A link fills the slots that there are; a few fill others.
      if (principal_slot != random_.one_in(40)) link.principal = group_of(environment.principal);
      if (resource_slot != random_.one_in(40)) link.resource = group_of(environment.resource);
      if (random_.one_in(60)) link.id = fmt::format("policy{}", random_.below(3));
      links.push_back(std::move(link));
    }
  }
  ExpressionMaker expressions(random_, schema_, population_, environment);
  const std::size_t conditions = random_.percent(70) ? 1 : random_.below(4);
  for (std::size_t i = 0; i < conditions; ++i)
    text += fmt::format(" {} {{ {} }}", random_.percent(80) ? "when" : "unless", expressions.condition());
  return text + ";";
}

std::string PolicyMaker::annotations() {
  std::string text;
  while (random_.one_in(5)) {
    const std::string name =
        random_.one_in(8) ? "if" : std::string(any_identifier(random_)) + (text.empty() ? "" : "1");
    text += random_.one_in(3) ? fmt::format("@{} ", name)
                              : fmt::format("@{}({}) ", name, string_literal(random_, any_string(random_)));
  }
  return text;
}

std::string PolicyMaker::uid(const EntityUid& uid) {
  return uid.type + "::" + string_literal(random_, uid.id);
}

EntityUid PolicyMaker::group_of(const std::string& type) {
  const auto* declared = schema_.find_entity_type(type);
  if (declared != nullptr && !declared->ancestors.empty() && random_.percent(65))
    return any_entity(random_, population_, random_.pick(declared->ancestors)->name);
  if (random_.one_in(40)) return {"Nobody", "a"};
  return any_entity(random_, population_, type);
}

std::string PolicyMaker::scope(std::string_view variable, const std::string& type, bool& slot) {
  const auto filled = [&](const EntityUid& entity) {
    slot = random_.one_in(7);
    return slot ? fmt::format("?{}", variable) : uid(entity);
  };
  const std::size_t choice = random_.below(100);
  if (choice < 12) return std::string(variable);
  if (choice < 50) return fmt::format("{} is {}", variable, type);
  if (choice < 65) return fmt::format("{} == {}", variable, filled(any_entity(random_, population_, type)));
  if (choice < 82) return fmt::format("{} in {}", variable, filled(group_of(type)));
  return fmt::format("{} is {} in {}", variable, type, filled(group_of(type)));
}

std::string PolicyMaker::action_scope(const cedar::SchemaAction& action) {
  const auto some = [&]() -> const EntityUid& {
    if (!action.ancestors.empty() && random_.percent(60)) return random_.pick(action.ancestors)->uid;
    if (random_.one_in(60))
      return std::next(schema_.actions().begin(),
                       static_cast<std::ptrdiff_t>(random_.below(schema_.actions().size())))
          ->first;
    return action.uid;
  };
  const std::size_t choice = random_.below(100);
  if (choice < 10) return "action";
  if (choice < 60) return "action == " + uid(action.uid);
  if (choice < 75) return "action in " + uid(some());
  std::vector<std::string> actions;
  for (std::size_t i = random_.below(random_.one_in(20) ? 1 : 3) + 1; i > 0; --i)
    actions.push_back(uid(some()));
  if (random_.one_in(60)) actions.clear();
  return fmt::format("action in [{}]", fmt::join(actions, ", "));
}

}  // namespace writ::differential
