#include "enforce/list_ruling.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "codec/json.h"
#include "decision/obligations.h"

namespace writ::enforce {
namespace {

Memory& memory() {
  thread_local std::unique_ptr<Memory> memory;
  if (memory == nullptr) memory = std::make_unique<Memory>();
  return *memory;
}

bool brings_labels(const context::Context& context) {
  return context.task() != nullptr && context.resource_attribute("taskLabels") != nullptr;
}

}  // namespace

ListRuling rule_on_elements(const token::Verified& token, Facts facts, const Deciding& deciding, bool fulfils,
                            std::vector<Element>& elements) {
  ListRuling list;
  std::unordered_map<std::string_view, std::size_t> named;
  for (const Element& element : elements) ++named[element.id];
  std::map<std::string_view, std::int64_t> removed_for;
  std::int64_t permitted = 0;
  const auto rule = [&](Element& element) -> std::optional<Reason> {
    if (!element.facts || named[element.id] > 1) return Reason::kFactsUnavailable;
    bool told = true;
    const Attributes attributes = [&](cedar::Arena& arena) {
      const auto value = element.facts(arena, deciding.policies.schema.get());
      told = value.has_value();
      return told ? *value : cedar::Value::record(cedar::empty_record());
    };
    const Facts of_element{.time = facts.time,
                           .method = facts.method,
                           .path = facts.path,
                           .peer_ip = facts.peer_ip,
                           .api = facts.api,
                           .action = facts.action,
                           .resource = {facts.resource.type, element.id},
                           .attributes = attributes,
                           .amounts = facts.amounts,
                           .approved = facts.approved,
                           .budget_taken = facts.budget_taken,
                           .input = facts.input,
                           .notes = facts.notes};
    const auto ruling = rule_on_use(token, of_element, deciding, memory(), Shadows::kLeftAlone);
    if (!told) return Reason::kFactsUnavailable;
    if (!ruling || brings_labels(ruling->context)) return Reason::kIndeterminate;
    if (const auto refusal = ruling->refusal()) return refusal->reason;
    const auto& carrying = ruling->decision->policies();
    element.obligations = decision::obliged_by(deciding.policies.obligations.get(), carrying);
    if (element.obligations != nullptr) {
      if (!fulfils) return Reason::kObligationUnmet;
      list.obligations.add(*element.obligations);
    }
    for (const auto policy : carrying) {
      if (std::ranges::find(list.policies, policy) == list.policies.end()) list.policies.push_back(policy);
    }
    return std::nullopt;
  };
  for (Element& element : elements) {
    const auto reason = rule(element);
    element.permitted = !reason.has_value();
    reason ? ++removed_for[reason_code(*reason)] : ++permitted;
  }
  auto counts = codec::Json::object();
  for (const auto& [reason, count] : removed_for) counts.set(reason, count);
  auto json = codec::Json::object(
      {{"permitted", permitted}, {"removed", static_cast<std::int64_t>(elements.size()) - permitted}});
  if (!removed_for.empty()) json.set("removed_for", std::move(counts));
  list.json = json.dump();
  return list;
}

}  // namespace writ::enforce
