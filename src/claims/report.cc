#include "claims/report.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "claims/sources.h"

namespace writ::claims {
namespace {

using codec::Json;

std::string_view kind_name(Reader::Kind kind) {
  constexpr std::string_view kNames[] = {"guard", "policy", "shadow", "api", "forwarded", "exchange", "open"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string place_text(const files::Place& place) {
  return place.file.empty() ? std::string() : fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

Json json_of(const Reader& reader) {
  auto json = Json::object({{"kind", kind_name(reader.kind)}, {"name", reader.name}});
  if (!reader.path.empty()) json.set("path", reader.path);
  if (!reader.place.file.empty()) json.set("place", place_text(reader.place));
  return json;
}

std::string example_text(const token::AccessClaims& example) {
  std::string text = fmt::format("a token for `{}` by `{}`", example.subject, example.client_id);
  if (example.actors.size() > 1) text += fmt::format(" with {} actors", example.actors.size());
  return text;
}

std::vector<std::string_view> names_of(const Contract& contract, Carried carried) {
  std::vector<std::string_view> names;
  for (const ClaimNeed& need : contract.claims)
    if (need.carried == carried) names.push_back(need.claim);
  return names;
}

}  // namespace

std::string_view minting_of(const inventory::Api& api) noexcept {
  return api.claims ? "list" : api.by_contract ? "contract" : "all";
}

Json to_json(const Sheet& sheet) {
  auto claims = Json::array();
  for (const ClaimNeed& need : sheet.contract.claims) {
    auto readers = Json::array();
    for (const Reader& reader : need.readers) readers.push(json_of(reader));
    auto claim = Json::object({{"claim", need.claim},
                               {"carried", carried_name(need.carried)},
                               {"source", find_use(need.claim)->source},
                               {"readers", std::move(readers)}});
    if (need.more > 0) claim.set("more_readers", static_cast<std::int64_t>(need.more));
    claims.push(std::move(claim));
  }
  const auto bytes = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  const auto& example = sheet.example;
  return Json::object({{"api", sheet.api.id},
                       {"audience", sheet.api.audience},
                       {"minting", minting_of(sheet.api)},
                       {"exchanged_for", codec::json_texts(sheet.exchanged_for)},
                       {"claims", std::move(claims)},
                       {"token_bytes", Json::object({{"everything", bytes(sheet.sizes.everything)},
                                                     {"by_contract", bytes(sheet.sizes.by_contract)},
                                                     {"as_minted", bytes(sheet.sizes.now)},
                                                     {"subject", example.subject},
                                                     {"client", example.client_id},
                                                     {"actors", bytes(example.actors.size())}})}});
}

std::string to_text(const Sheet& sheet) {
  constexpr std::string_view kMinted[] = {"everything that is known", "what its `claims` list",
                                          "what its contract says"};
  const auto minting = minting_of(sheet.api);
  std::string out = fmt::format("API `{}`, {}: its tokens carry {}\n", sheet.api.id, sheet.api.audience,
                                kMinted[minting == "all"    ? 0
                                        : minting == "list" ? 1
                                                            : 2]);
  if (!sheet.exchanged_for.empty())
    out += fmt::format("They may be exchanged for tokens for: {}\n", fmt::join(sheet.exchanged_for, ", "));
  if (minting != "contract") out += "If every API went by its contract, they would carry:\n";
  out += fmt::format("\nalways: {}\n", fmt::join(names_of(sheet.contract, Carried::kAlways), ", "));
  for (const ClaimNeed& need : sheet.contract.claims) {
    if (need.carried == Carried::kAlways) continue;
    out += fmt::format("{}: {}, from {}\n", carried_name(need.carried), need.claim,
                       find_use(need.claim)->source);
    for (const Reader& reader : need.readers) out += fmt::format("  {}\n", text_of(reader));
    if (need.more > 0) out += fmt::format("  and {} more\n", need.more);
  }
  out += fmt::format("\n{}: {} bytes by contract, {} with everything\n", example_text(sheet.example),
                     sheet.sizes.by_contract, sheet.sizes.everything);
  return out;
}

std::string in_short(const Sheet& sheet) {
  auto carried = names_of(sheet.contract, Carried::kNeeded);
  const auto outside = names_of(sheet.contract, Carried::kOutsideTasks);
  carried.insert(carried.begin(), outside.begin(), outside.end());
  return fmt::format("{} ({}): {}; left out: {}; {} bytes, {} with everything\n", sheet.api.id,
                     minting_of(sheet.api), fmt::join(carried, ", "),
                     fmt::join(names_of(sheet.contract, Carried::kLeftOut), ", "), sheet.sizes.by_contract,
                     sheet.sizes.everything);
}

std::optional<ClaimFinding> over_budget(const Sheet& sheet) {
  if (sheet.sizes.now <= kTokenBudget) return std::nullopt;
  const bool contract_helps = sheet.sizes.by_contract < sheet.sizes.now;
  return ClaimFinding{"over-budget", sheet.api.id, std::string(),
                      fmt::format("{} for API `{}` has {} bytes, more than {}", example_text(sheet.example),
                                  sheet.api.id, sheet.sizes.now, kTokenBudget),
                      contract_helps
                          ? fmt::format("with `claims: contract` it has {}", sheet.sizes.by_contract)
                          : "shorten names and chains, or let it carry less"};
}

std::vector<ContractChange> differences(const std::vector<Contract>& before,
                                        const std::vector<Contract>& after) {
  std::map<std::string, std::pair<const Contract*, const Contract*>> by_api;
  for (const Contract& each : before) by_api[each.api].first = &each;
  for (const Contract& each : after) by_api[each.api].second = &each;
  static const ClaimNeed kNone{};
  const auto first_new = [](const ClaimNeed& in, const ClaimNeed& other) {
    std::optional<Reader> found;
    for (const Reader& each : in.readers) {
      const bool known = std::ranges::any_of(other.readers, [&](const Reader& old) {
        return old.kind == each.kind && old.name == each.name && old.path == each.path;
      });
      if (!known && !found) found = each;
    }
    return found;
  };
  std::vector<ContractChange> all;
  for (const auto& [api, pair] : by_api) {
    for (const ClaimUse& use : claim_uses()) {
      const ClaimNeed& old = pair.first != nullptr ? pair.first->need(use.claim) : kNone;
      const ClaimNeed& now = pair.second != nullptr ? pair.second->need(use.claim) : kNone;
      if (old.carried == now.carried) continue;
      const bool grows = now.carried != Carried::kLeftOut;
      all.push_back({api, std::string(use.claim), old.carried, now.carried,
                     grows ? first_new(now, old) : first_new(old, now)});
    }
  }
  return all;
}

Json to_json(const std::vector<ContractChange>& differences) {
  auto all = Json::array();
  for (const ContractChange& each : differences) {
    auto json = Json::object({{"api", each.api},
                              {"claim", each.claim},
                              {"before", carried_name(each.before)},
                              {"after", carried_name(each.after)}});
    if (each.reader) json.set("reader", json_of(*each.reader));
    all.push(std::move(json));
  }
  return Json::object({{"differences", std::move(all)}});
}

std::string to_text(const std::vector<ContractChange>& differences) {
  std::string out;
  for (const ContractChange& each : differences) {
    const char sign = each.before == Carried::kLeftOut ? '+' : each.after == Carried::kLeftOut ? '-' : '~';
    out += fmt::format("{} {} {}: {} -> {}", sign, each.api, each.claim, carried_name(each.before),
                       carried_name(each.after));
    if (each.reader) out += "  " + text_of(*each.reader);
    out += "\n";
  }
  return out.empty() ? "the contracts are the same\n" : out;
}

Json to_json(const std::vector<ClaimFinding>& findings) {
  auto all = Json::array();
  for (const ClaimFinding& each : findings) {
    auto json = Json::object(
        {{"kind", each.kind}, {"subject", each.subject}, {"message", each.message}, {"help", each.help}});
    if (!each.api.empty()) json.set("api", each.api);
    if (!each.place.file.empty()) json.set("place", place_text(each.place));
    all.push(std::move(json));
  }
  return Json::object({{"findings", std::move(all)}});
}

std::string to_text(const std::vector<ClaimFinding>& findings) {
  std::string out;
  for (const ClaimFinding& each : findings) {
    const auto place = place_text(each.place);
    out += fmt::format("{}{}{}: {}\n  {}\n", place, place.empty() ? "" : ": ", each.kind, each.message,
                       each.help);
  }
  return out.empty() ? "nothing found\n" : out;
}

}  // namespace writ::claims
