#include "access/formula.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

namespace writ::access {
namespace {

// The place of a party as it is called whoever stands there.
std::string place_name(const Chain& chain, std::size_t at) {
  if (at + 1 == chain.size()) return "<client>";
  return at == 0 ? "<subject>" : fmt::format("<actor {}>", at);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string written(const ChainLink& link) {
  std::string text;
  const auto uid = link.uid();
  cedar::append_entity(text, uid.type, uid.id);
  return text;
}

// `principal` where it stands as a word.
void name_principal(std::string& text, std::string_view name) {
  constexpr std::string_view kWord = "principal";
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(kWord); at != text.npos; at = text.find(kWord, at + name.size())) {
    const std::size_t end = at + kWord.size();
    const bool whole = (at == 0 || (!is_word(text[at - 1]) && text[at - 1] != '.' && text[at - 1] != '"')) &&
                       (end == text.size() || !is_word(text[end]));
    if (whole) {
      text.replace(at, kWord.size(), name);
    } else {
      at = end - name.size();
    }
  }
}

std::string text_known(const TextKnown& known) {
  return fmt::format("{}{}[{}]", known.certain, known.impossible, fmt::join(known.among, ","));
}

}  // namespace

std::string Formula::whole() const {
  return fmt::format("{}|{}|{}", policies, tenant, environment);
}

bool Formula::differs_in_tenant_alone(const Formula& other) const {
  return policies == other.policies && environment == other.environment && tenant != other.tenant;
}

bool Formula::differs_in_environment_alone(const Formula& other) const {
  return policies == other.policies && tenant == other.tenant && environment != other.environment;
}

bool Formula::names_one_of(const Chain& chain) const {
  const std::string text = whole();
  return std::ranges::any_of(
      chain, [&](const ChainLink& each) { return text.find(written(each)) != std::string::npos; });
}

Formula formula_of(const Reached& reached, const Certainties& certain, const Census& census, Names names,
                   const Target& target) {
  if (reached.verdict == Verdict::kNever) return {"never", {}, {}};
  const Chain& chain = certain.chain();
  // A permit that holds in any case, and no forbid: the party asks for nothing.
  std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> by_party;
  bool follows = target.resource_type.empty() || target.resource_type.starts_with("Writ::");
  for (const Remainder& each : reached.conditions) {
    if (each.policy.empty()) continue;
    std::string text = each.cedar.empty() ? "true" : each.cedar;
    std::size_t place = 0;
    for (std::size_t i = 0; i < chain.size(); ++i)
      if (written(chain[i]) == each.party) place = i;
    if (names == Names::kExchanged) {
      name_principal(text, place_name(chain, place));
      for (std::size_t i = 0; i < chain.size(); ++i)
        replace_all(text, written(chain[i]), place_name(chain, i));
    } else {
      name_principal(text, each.party);
    }
    follows = follows || each.follows;
    auto& [permits, forbids] = by_party[each.party];
    (each.forbids ? forbids : permits).insert(std::move(text));
  }
  std::set<std::string> parts;
  for (const auto& [party, policies] : by_party) {
    const auto& [permits, forbids] = policies;
    if (forbids.empty() && permits.contains("true")) continue;
    const std::string permit =
        permits.contains("true") ? "true" : fmt::format("{}", fmt::join(permits, " || "));
    parts.insert(fmt::format("({}) unless ({})", permit, fmt::join(forbids, " || ")));
  }
  auto purposes = certain.purpose();
  std::ranges::sort(purposes.among);
  Formula formula{fmt::format("{}|{}|task {}|purpose {}", verdict_name(reached.verdict),
                              fmt::join(parts, " && "), certain.needs_task(), text_known(purposes)),
                  fmt::format("tenant {} {}", text_known(certain.tenant()), certain.tenant_by_token()),
                  fmt::format("environment {}", text_known(certain.environment()))};
  if (follows || certain.may_end())
    formula.policies += fmt::format("|profiles {}", fmt::join(census.profiles_of(chain), ","));
  return formula;
}

}  // namespace writ::access
