#include "claims/lint.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "claims/reads.h"
#include "claims/sources.h"

namespace writ::claims {
namespace {

using CarrierKind = Reader::Kind;

bool carries(const inventory::Api& api, const ClaimNeed& need) {
  // Only where the API asks for it.
  if (need.claim == "authorization_details" && !api.claims) return need.carried != Carried::kLeftOut;
  if (api.claims) return std::ranges::find(*api.claims, need.claim) != api.claims->end();
  return !api.by_contract || need.carried != Carried::kLeftOut;
}

class Search {
 public:
  Search(const Known& known, const std::vector<Contract>& contracts, const Supply& supply)
      : known_(known), contracts_(contracts), supply_(supply) {}

  std::vector<ClaimFinding> run() {
    for (std::size_t i = 0; i < contracts_.size(); ++i) {
      if (known_.apis[i].id != known_.own_api) look_at(known_.apis[i], contracts_[i]);
    }
    look_at_policies();
    return std::move(found_);
  }

 private:
  bool is_supplied(std::string_view claim) const {
    if (claim == "subject_issuer" || claim == "acr" || claim == "auth_time") return supply_.providers;
    if (claim == "tenant") return supply_.tenants || supply_.providers;
    return claim != "environment" || supply_.environments;
  }

  void look_at(const inventory::Api& api, const Contract& contract) {
    std::vector<std::string_view> unread;
    for (const ClaimNeed& need : contract.claims) {
      if (need.carried == Carried::kAlways) continue;
      const bool carried = carries(api, need);
      if (carried && need.carried == Carried::kLeftOut && is_supplied(need.claim))
        unread.push_back(need.claim);
      if (!carried && need.carried != Carried::kLeftOut) missing(api, need);
      const bool only_exchanged =
          need.readers.size() == 1 && need.readers.front().kind >= CarrierKind::kExchange;
      if (carried && only_exchanged && is_supplied(need.claim)) reveals(api, need);
    }
    if (!unread.empty())
      found_.push_back(
          {"unread", api.id, fmt::format("{}", fmt::join(unread, ", ")),
           fmt::format("the tokens of API `{}` carry what nobody reads: {}", api.id, fmt::join(unread, ", ")),
           fmt::format("name what the API itself reads (`reads`), and set `claims: contract`")});
    for (const auto& name : api.reads) {
      const bool is_claim = find_use(name) != nullptr;
      if (is_claim && is_supplied(name)) continue;
      found_.push_back(
          {"unsupplied", api.id, name,
           is_claim
               ? fmt::format("API `{}` reads the claim `{}`, which nothing supplies", api.id, name)
               : fmt::format("API `{}` reads the claim `{}`, which Writ's tokens never have", api.id, name),
           "take it out of `reads`, or see to its source: " +
               std::string(is_claim ? find_use(name)->source : "there is none")});
    }
  }

  void missing(const inventory::Api& api, const ClaimNeed& need) {
    found_.push_back({"missing", api.id, std::string(need.claim),
                      fmt::format("the `claims` of API `{}` leave out `{}`, which is read by: {}", api.id,
                                  need.claim, text_of(need.readers.front())),
                      "add it to the list, or set `claims: contract`", need.readers.front().place});
  }

  void reveals(const inventory::Api& api, const ClaimNeed& need) {
    found_.push_back(
        {"reveals", api.id, std::string(need.claim),
         fmt::format("the tokens of API `{}` tell it `{}`, which it need not know: {} needs it", api.id,
                     need.claim, text_of(need.readers.front())),
         "let nobody be issued tokens for both, or let that API say in `reads` that it reads less"});
  }

  void look_at_policies() {
    const auto asked = asked_with(known_);
    for (std::size_t i = 0; i < known_.policies.size(); ++i) {
      const PolicyAt& each = known_.policies[i];
      std::set<std::string> told;
      for (const PathRead& read : paths_read(*each.policy)) {
        const auto why = gap_of(read.path, asked[i]);
        if (!why || !told.insert(read.path).second) continue;
        ClaimFinding finding{"unsupplied",
                             {},
                             read.path,
                             fmt::format("policy `{}` reads `{}`, which nothing supplies: {}",
                                         each.policy->id, read.path, *why),
                             "see to its source, or take the condition out"};
        if (each.place_of) finding.place = each.place_of(read.span);
        found_.push_back(std::move(finding));
      }
    }
  }

  // Why nothing supplies the path to those with whose tokens it is read; nothing: something may.
  std::optional<std::string> gap_of(const std::string& path, const Asked& asked) const {
    if (path == "context.token.acr" || path == "context.token.authTime")
      return supply_.providers ? std::nullopt : std::optional<std::string>("no identity provider is trusted");
    if (path == "context.tenant" && !is_supplied("tenant")) return "no identity has a tenant";
    if (path == "context.environment" && !is_supplied("environment")) return "no identity has an environment";
    if (const auto gap = gap_of_route(path, "context.amounts.", supply_.amounts, asked)) return gap;
    return gap_of_route(path, "context.input.", supply_.input, asked);
  }

  static std::optional<std::string> gap_of_route(const std::string& path, std::string_view record,
                                                 const Supply::Names& names, const Asked& asked) {
    if (!path.starts_with(record)) return std::nullopt;
    const auto name = path.substr(record.size(), path.find('.', record.size()) - record.size());
    const auto finds_it = [&](const auto& of_api) {
      return of_api.second.contains(name) &&
             (!asked || std::ranges::find(*asked, of_api.first) != asked->end());
    };
    if (std::ranges::any_of(names, finds_it)) return std::nullopt;
    return asked && !asked->empty() ? fmt::format("no route of API {} finds it", fmt::join(*asked, ", "))
                                    : "no route finds it";
  }

  const Known& known_;
  const std::vector<Contract>& contracts_;
  const Supply& supply_;
  std::vector<ClaimFinding> found_;
};

}  // namespace

std::vector<ClaimFinding> lint(const Known& known, const std::vector<Contract>& contracts,
                               const Supply& supply) {
  return Search(known, contracts, supply).run();
}

}  // namespace writ::claims
