#include "claims/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "claims/sources.h"

namespace writ::claims {
namespace {

using report::element;
using report::Markup;
using report::text;

std::string_view words_for(std::string_view minting) {
  if (minting == "list") return "what its `claims` list";
  return minting == "contract" ? "what its contract says" : "everything that is known";
}

// What somebody reads and nobody has to have is what can be left out.
std::string_view look_of(Carried carried) {
  return carried == Carried::kLeftOut ? "low" : carried == Carried::kAlways ? "unknown" : "good";
}

Markup names_of(const Contract& contract, std::initializer_list<Carried> carried) {
  std::vector<std::string_view> names;
  for (const auto each : carried)
    for (const ClaimNeed& need : contract.claims)
      if (need.carried == each) names.push_back(need.claim);
  return text(fmt::format("{}", fmt::join(names, ", ")));
}

Markup readers_of(const ClaimNeed& need) {
  Markup all;
  for (const Reader& reader : need.readers) all += element("div", text_of(reader));
  if (need.more > 0) all += element("div", fmt::format("and {} more", need.more));
  return all;
}

Markup sheet_part(const Sheet& sheet) {
  std::vector<std::vector<Markup>> rows;
  for (const ClaimNeed& need : sheet.contract.claims) {
    const auto word =
        element("span", {{"class", std::string(look_of(need.carried))}}, text(carried_name(need.carried)));
    rows.push_back({element("code", need.claim), word, text(find_use(need.claim)->source), readers_of(need)});
  }
  Markup inside;
  if (!sheet.exchanged_for.empty())
    inside += element("p", fmt::format("Its tokens may be exchanged for tokens for: {}",
                                       fmt::join(sheet.exchanged_for, ", ")));
  inside += report::table({"claim", "by its contract", "from", "read by"}, rows,
                          fmt::format("What tokens for {} have to carry", sheet.api.id));
  return report::unfolding(text(fmt::format("API {}, {}", sheet.api.id, sheet.api.audience)), inside);
}

}  // namespace

Markup contracts_part(const std::vector<Sheet>& sheets, const std::vector<ClaimFinding>& findings) {
  std::vector<std::vector<Markup>> rows;
  for (const Sheet& sheet : sheets)
    rows.push_back({text(sheet.api.id), text(words_for(minting_of(sheet.api))),
                    names_of(sheet.contract, {Carried::kNeeded, Carried::kOutsideTasks}),
                    names_of(sheet.contract, {Carried::kLeftOut}), text(std::to_string(sheet.sizes.now)),
                    text(std::to_string(sheet.sizes.by_contract)),
                    text(std::to_string(sheet.sizes.everything))});
  Markup part = report::table({"API", "its tokens carry", "somebody reads", "nobody reads", "bytes",
                               "by contract", "with everything"},
                              rows, "Tokens of each API, with the bytes of a long one");
  part += element("h2", "Who reads what");
  for (const Sheet& sheet : sheets) part += sheet_part(sheet);
  part += element("h2", "What is wrong between what is carried and what is read");
  if (findings.empty()) return part + element("p", "Nothing was found.");
  Markup items;
  for (const ClaimFinding& each : findings)
    items += element("li", element("code", each.kind) +
                               text(fmt::format(" {}: {}. {}", each.api.empty() ? each.subject : each.api,
                                                each.message, each.help)));
  return part + element("ul", items);
}

}  // namespace writ::claims
