#include "rightsize/conditions.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/ext_ip.h"
#include "cedar/symbols.h"

namespace writ::rightsize {
namespace {

using cedar::EntityUid;
using cedar::Expr;
using Rule = cedar::ScopeTerm::Rule;

constexpr std::size_t kMostTexts = 4;  // of purposes and environments
constexpr std::size_t kMostEqual = 3;  // entities that are compared one by one
constexpr std::size_t kKinds = 4;      // of identities

std::string literal(std::string_view text) {
  std::string out = "\"";
  cedar::append_escaped(out, text);
  return out + '"';
}

// `variable == X`, each of a few. Many are one set, behind `is`: strict validation takes no set of one type
// for what may be of another. (There is no `action is`.)
std::vector<std::string> one_of(std::string_view variable, const std::set<EntityUid>& uids) {
  std::map<std::string, std::vector<std::string>> by_type;
  for (const EntityUid& uid : uids) by_type[uid.type].push_back(text_of(uid));
  std::vector<std::string> all;
  for (const auto& [type, texts] : by_type) {
    if (texts.size() > kMostEqual && variable != "action") {
      all.push_back(
          fmt::format("({0} is {1} && [{2}].contains({0}))", variable, type, fmt::join(texts, ", ")));
      continue;
    }
    for (const auto& text : texts) all.push_back(fmt::format("{} == {}", variable, text));
  }
  return all;
}

// In brackets where there are several.
std::string any_of(const std::vector<std::string>& all, bool alone = true) {
  const auto joined = fmt::format("{}", fmt::join(all, " || "));
  return all.size() > 1 && !alone ? "(" + joined + ")" : joined;
}

std::vector<std::string> is_one_of(const std::set<std::string>& types) {
  std::vector<std::string> all;
  for (const auto& type : types) all.push_back(fmt::format("resource is {}", type));
  return all;
}

std::string both(const std::string& a, const std::string& b) {
  return a.empty() ? b : b.empty() ? a : a + " && " + b;
}

bool reads(const Expr& expr, std::string_view name) {
  if (expr.kind == cedar::ExprKind::kAttribute && expr.text == name) return true;
  return std::ranges::any_of(expr.operands, [&](const Expr& each) { return reads(each, name); });
}

}  // namespace

std::string text_of(const EntityUid& uid) {
  std::string out;
  cedar::append_entity(out, uid.type, uid.id);
  return out;
}

void Sightings::add(const Shape& shape, const PartyUse& party) {
  types[shape.action].insert(shape.lists ? std::string() : shape.resource_type);
  if (party.type.empty()) {
    unknown_principal = true;
  } else {
    principals[party.type].insert(party.id);
  }
  purposes.insert(shape.purpose);
  environments.insert(shape.environment);
  addresses.insert(shape.address);
  if (shape.hour >= 0) hours.insert(shape.hour);
  if (shape.lists || shape.resource_type.empty() || shape.resource_id.empty()) {
    unknown_resource = true;
  } else {
    resources.insert({shape.resource_type, shape.resource_id});
  }
}

std::string rights_condition(const Sightings& seen, const cedar::Policy& policy,
                             const std::set<Right>& granted) {
  // Which types a scope leaves open, by action. "": nobody can say.
  std::map<EntityUid, std::set<std::string>> open;
  for (const Right& right : granted) open[right.action].insert(right.resource_type);
  const bool all_actions =
      std::ranges::all_of(open, [&](const auto& each) { return seen.types.contains(each.first); }) &&
      !(open.empty() && policy.action.rule != Rule::kEqual);
  const bool one_type = policy.resource.rule == Rule::kEqual || policy.resource.rule == Rule::kIs ||
                        policy.resource.rule == Rule::kIsIn;
  // Of an action, the types that are left; empty: all of them.
  const auto left_of = [&](const EntityUid& action, const std::set<std::string>& types) {
    const auto known = open.find(action);
    const bool all =
        one_type || types.contains("") ||
        (known != open.end() && !known->second.contains("") && std::ranges::includes(types, known->second));
    return all ? std::set<std::string>() : types;
  };
  std::map<std::set<std::string>, std::set<EntityUid>> groups;
  for (const auto& [action, types] : seen.types) groups[left_of(action, types)].insert(action);
  if (groups.size() == 1) {
    const auto& [types, actions] = *groups.begin();
    const auto of_actions = all_actions ? std::string() : any_of(one_of("action", actions), types.empty());
    const bool alone = of_actions.empty();
    return both(of_actions, any_of(is_one_of(types), alone));
  }
  std::vector<std::string> all;
  for (const auto& [types, actions] : groups)
    all.push_back("(" + both(any_of(one_of("action", actions), false), any_of(is_one_of(types), false)) +
                  ")");
  return fmt::format("{}", fmt::join(all, " || "));
}

std::string principals_condition(const Sightings& seen, const cedar::Policy& policy,
                                 const std::set<EntityUid>& possible, std::size_t most) {
  const auto rule = policy.principal.rule;
  if (seen.unknown_principal || (rule != Rule::kAny && rule != Rule::kIs)) return {};
  bool narrows = rule == Rule::kAny && seen.principals.size() < kKinds;
  std::vector<std::string> all;
  for (const auto& [type, ids] : seen.principals) {
    std::set<EntityUid> uids, of_type;
    for (const auto& id : ids)
      if (!id.empty()) uids.insert({type, id});
    std::ranges::copy_if(possible, std::inserter(of_type, of_type.end()),
                         [&](const EntityUid& each) { return each.type == type; });
    // Users come and go; which of them used it is chance.
    if (ids.contains("") || uids.size() > most || std::ranges::includes(uids, of_type)) {
      all.push_back(fmt::format("principal is {}", type));
    } else {
      narrows = true;
      for (auto& each : one_of("principal", uids)) all.push_back(std::move(each));
    }
  }
  return narrows ? any_of(all) : std::string();
}

std::string text_condition(std::string_view name, const std::set<std::string>& seen,
                           const cedar::Policy& policy, bool others) {
  if (!others || seen.empty() || seen.contains("") || seen.size() > kMostTexts) return {};
  // It has a rule of its own about it.
  for (const auto& condition : policy.conditions)
    if (reads(condition.body, name)) return {};
  std::vector<std::string> texts;
  for (const auto& text : seen) texts.push_back(literal(text));
  return texts.size() == 1
             ? fmt::format("context has {} && context.{} == {}", name, name, texts.front())
             : fmt::format("context has {} && [{}].contains(context.{})", name, fmt::join(texts, ", "), name);
}

std::string resources_condition(const Sightings& seen) {
  return seen.unknown_resource ? std::string() : any_of(one_of("resource", seen.resources));
}

std::string addresses_condition(const Sightings& seen) {
  if (seen.addresses.empty() || seen.addresses.contains("")) return {};
  std::vector<std::string> all;
  for (const auto& address : seen.addresses) {
    // What is not an address is not in the context.
    if (!cedar::Ip::parse(address)) return {};
    all.push_back(fmt::format("context.request.ip == ip({})", literal(address)));
  }
  return "context.request has ip && " + any_of(all, false);
}

std::string hours_condition(const Sightings& seen) {
  if (seen.hours.empty()) return {};
  const int from = *seen.hours.begin(), to = *seen.hours.rbegin() + 1;
  if (from == 0 && to == 24) return {};
  return fmt::format(
      "context.request.time.toTime() >= duration(\"{}h\") && context.request.time.toTime() < "
      "duration(\"{}h\")",
      from, to);
}

}  // namespace writ::rightsize
