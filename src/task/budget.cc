#include "task/budget.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "cedar/symbols.h"
#include "codec/members.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

Result<void> read_action_calls(const Members& members, const std::vector<cedar::EntityUid>& actions,
                               Budget& budget) {
  const Json* json = members.find("actions");
  if (json == nullptr || json->is_null()) return {};
  const auto* object = json->if_object();
  if (object == nullptr) return members.wrong("actions", "must be an object from action to calls");
  for (const auto& [name, calls] : *object) {
    auto action = TRY(parse_action(name));
    const auto* count = calls.if_int();
    if (count == nullptr || *count < 1 || *count > kMaxCalls)
      return members.wrong("actions", fmt::format("must give `{}` from 1 to {} calls", name, kMaxCalls));
    if (std::ranges::find(actions, action) == actions.end())
      return members.wrong("actions", fmt::format("names `{}`, which is not an action of the task", name));
    if (std::ranges::find(budget.actions, action, &ActionCalls::action) != budget.actions.end())
      return members.wrong("actions", fmt::format("names `{}` twice", name));
    budget.actions.push_back({std::move(action), *count});
  }
  return {};
}

Result<void> read_rates(const Members& members, Budget& budget) {
  const Json* json = members.find("rates");
  if (json == nullptr || json->is_null()) return {};
  const auto* array = json->if_array();
  if (array == nullptr) return members.wrong("rates", "must be a list of rates");
  if (array->size() > kMaxRates)
    return failure(
        ErrorCode::kLimit,
        fmt::format("`rates` of the budget has {} rates, at most {} are allowed", array->size(), kMaxRates));
  for (const Json& each : *array) {
    const auto rate = TRY(Members::of(each, "a rate of the budget", {"calls", "seconds"}));
    const auto calls = TRY(rate.integer("calls", 1, kMaxRateCalls));
    const auto seconds = TRY(rate.integer("seconds", 1, kMaxRateSeconds));
    if (std::ranges::find(budget.rates, seconds, &Rate::seconds) != budget.rates.end())
      return members.wrong("rates", fmt::format("gives two rates for {} seconds", seconds));
    budget.rates.push_back({calls, seconds});
  }
  return {};
}

Result<void> read_amounts(const Members& members, Budget& budget) {
  const Json* json = members.find("amounts");
  if (json == nullptr || json->is_null()) return {};
  const auto* object = json->if_object();
  if (object == nullptr) return members.wrong("amounts", "must be an object from a name to its total");
  if (object->size() > kMaxAmounts)
    return failure(ErrorCode::kLimit,
                   fmt::format("`amounts` of the budget has {} totals, at most {} are allowed",
                               object->size(), kMaxAmounts));
  for (const auto& [name, total] : *object) {
    if (!is_amount_name(name))
      return members.wrong("amounts", fmt::format("has `{}`, which is not a valid name", name));
    auto amount = Amount::from_json(total);
    if (!amount) return members.wrong("amounts", fmt::format("gives `{}` {}", name, amount.error().message));
    if (amount->ten_thousandths == 0)
      return members.wrong("amounts", fmt::format("gives `{}` nothing: no call could spend any", name));
    budget.amounts.push_back({name, *amount});
  }
  return {};
}

}  // namespace

std::string uid_text(const cedar::EntityUid& uid) {
  std::string text;
  cedar::append_entity(text, uid.type, uid.id);
  return text;
}

Result<cedar::EntityUid> parse_action(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not an action, {}", text, why));
  };
  auto uid = cedar::parse_entity(text);
  if (!uid) return wrong("expected one such as Billing::Action::\"read\"");
  const auto last = uid->type.rfind("::");
  if ((last == std::string::npos ? uid->type : uid->type.substr(last + 2)) != "Action")
    return wrong("its type must end with `Action`");
  return *std::move(uid);
}

Result<Budget> budget_from_json(const Json* json, const std::vector<cedar::EntityUid>& actions) {
  Budget budget;
  if (json == nullptr || json->is_null()) return budget;
  const auto members = TRY(Members::of(*json, "the budget", {"calls", "actions", "rates", "amounts"}));
  budget.calls = TRY(members.optional_integer("calls", 1, kMaxCalls));
  TRY(read_action_calls(members, actions, budget));
  TRY(read_rates(members, budget));
  TRY(read_amounts(members, budget));
  return budget;
}

Json budget_to_json(const Budget& budget) {
  Json json = Json::object();
  if (budget.calls) json.set("calls", *budget.calls);
  if (!budget.actions.empty()) {
    Json actions = Json::object();
    for (const auto& each : budget.actions) actions.set(uid_text(each.action), each.calls);
    json.set("actions", std::move(actions));
  }
  if (!budget.rates.empty()) {
    Json rates = Json::array();
    for (const Rate& rate : budget.rates)
      rates.push(Json::object({{"calls", rate.calls}, {"seconds", rate.seconds}}));
    json.set("rates", std::move(rates));
  }
  if (!budget.amounts.empty()) {
    Json amounts = Json::object();
    for (const auto& each : budget.amounts) amounts.set(each.name, each.total.to_json());
    json.set("amounts", std::move(amounts));
  }
  return json;
}

}  // namespace writ::task
