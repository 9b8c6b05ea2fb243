#include "access/look_alikes.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "access/report.h"

namespace writ::access {
namespace {

using codec::Json;

constexpr std::size_t kShownPairs = 50;

constexpr std::string_view kClaims[] = {"sub",         "client_id", "act", "purpose",   "tenant",
                                        "environment", "task",      "acr", "auth_time", "scope"};

std::string claim_of(std::string_view claim, const Chain& chain, const Certainties& certain) {
  const auto text = [](const TextKnown& known) {
    return known.certain && known.among.size() == 1 ? known.among.front() : std::string("(open)");
  };
  if (claim == "sub") return chain.front().id;
  if (claim == "client_id") return chain.back().id;
  if (claim == "tenant") return text(certain.tenant());
  if (claim == "environment") return text(certain.environment());
  if (claim == "purpose") return fmt::format("one of [{}]", fmt::join(certain.purpose().among, ", "));
  if (claim == "task") return certain.needs_task() ? "(there is one)" : "(open)";
  if (claim == "act") {
    std::vector<std::string> ids;
    for (const auto& actor : actors_of(chain)) ids.push_back(actor.subject);
    return fmt::format("{}", fmt::join(ids, " < "));
  }
  return "(open)";
}

}  // namespace

std::vector<std::string> telling_claims(const std::vector<std::string>& declared) {
  std::vector<std::string> claims;
  for (const auto& claim : declared)
    if (std::ranges::find(kClaims, claim) != std::end(kClaims)) claims.push_back(claim);
  return claims;
}

Result<std::vector<LookAlikes>> look_alikes(Survey& survey, const std::vector<Target>& targets,
                                            const std::vector<std::string>& reads) {
  for (const std::string& claim : reads) {
    if (std::ranges::find(kClaims, claim) == std::end(kClaims))
      return failure(ErrorCode::kInvalid,
                     fmt::format("`{}` is not a claim that can be looked at: name some of {}", claim,
                                 fmt::join(kClaims, ", ")));
  }
  std::map<std::vector<std::pair<std::string, std::string>>, LookAlikes> by_seen;
  for (const ChainGroup& group : survey.groups()) {
    const bool reaches = std::ranges::any_of(
        targets, [&](const Target& target) { return survey.ask(group, target, {}).may(); });
    if (!reaches || targets.empty()) continue;
    const Certainties& certain = survey.certainties(group, targets.front());
    for (const Chain& chain : group.chains) {
      std::vector<std::pair<std::string, std::string>> seen;
      for (const std::string& claim : reads) seen.emplace_back(claim, claim_of(claim, chain, certain));
      LookAlikes& alike = by_seen[seen];
      alike.seen = seen;
      alike.chains.push_back(chain);
      // The first claim that tells this one from those before.
      for (const std::string_view claim : kClaims) {
        if (alike.change || std::ranges::find(reads, claim) != reads.end()) continue;
        const Chain& first = alike.chains.front();
        const bool open = claim == "purpose" || claim == "acr" || claim == "auth_time" || claim == "scope" ||
                          claim == "task";
        if (!open && claim_of(claim, chain, certain) != claim_of(claim, first, certain)) alike.change = claim;
      }
    }
  }
  std::vector<LookAlikes> all;
  for (auto& [seen, alike] : by_seen)
    if (alike.chains.size() > 1) all.push_back(std::move(alike));
  return all;
}

Json to_json(const std::vector<LookAlikes>& alike) {
  Json list = Json::array();
  for (const LookAlikes& each : alike) {
    Json seen = Json::object(), chains = Json::array();
    for (const auto& [claim, value] : each.seen) seen.set(claim, value);
    for (std::size_t i = 0; i < std::min(each.chains.size(), kShownPairs); ++i)
      chains.push(ids_of(each.chains[i]));
    Json one = Json::object({{"seen", std::move(seen)},
                             {"chain_count", static_cast<std::int64_t>(each.chains.size())},
                             {"chains", std::move(chains)}});
    if (each.change) one.set("change", *each.change);
    list.push(std::move(one));
  }
  return list;
}

std::string to_text(const std::vector<LookAlikes>& alike, const std::vector<std::string>& reads) {
  std::string out = fmt::format("by {}:\n", fmt::join(reads, ", "));
  for (const LookAlikes& each : alike) {
    std::vector<std::string> seen;
    for (const auto& [claim, value] : each.seen) seen.push_back(fmt::format("{} {}", claim, value));
    out += fmt::format("  {}: the same caller\n", fmt::join(seen, ", "));
    for (std::size_t i = 0; i < std::min<std::size_t>(each.chains.size(), 12); ++i)
      out += "    " + text_of(each.chains[i]) + "\n";
    if (each.chains.size() > 12) out += fmt::format("    and {} more\n", each.chains.size() - 12);
    if (each.change) out += fmt::format("    `{}` would tell them apart\n", *each.change);
  }
  if (alike.empty()) out += "  no two callers look alike\n";
  return out;
}

}  // namespace writ::access
