#include "access/change.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "access/report.h"

namespace writ::access {
namespace {

using codec::Json;
using Kind = ReachChange::Kind;

std::string_view name_of(Kind kind) {
  constexpr std::string_view kNames[] = {"given", "taken", "other terms"};
  return kNames[static_cast<std::size_t>(kind)];
}

// How much it is.
int rank_of(std::string_view verdict) {
  return verdict == "never" ? 0 : verdict == "when" ? 1 : 2;
}

struct Answered {
  std::string verdict, terms;
  std::string api;
  std::vector<std::string> policies;
};

// One world: what each group of chains is answered, and which group each chain is of.
class Side {
 public:
  Side(const ReachWorld& world, std::size_t links, bool& cut)
      : survey_(world.reach, chains(world, links, cut), world.census) {
    const auto targets = survey_.targets({}).value();
    for (const ChainGroup& group : survey_.groups()) {
      const std::size_t place = answers_.size();
      auto& answers = answers_.emplace_back();
      for (const Target& target : targets) {
        const Reached reached = survey_.ask(group, target, {.conditions = true});
        if (!reached.may()) continue;
        answers[text_of(target)] = {std::string(verdict_name(reached.verdict)), signature_of(reached),
                                    target.api->id, reached.policies};
      }
      for (const Chain& chain : group.chains) places_.emplace(text_of(chain), Found{&chain, place});
    }
  }

  struct Found {
    const Chain* chain;
    std::size_t group;
  };
  using Answers = std::map<std::string, Answered>;
  const std::map<std::string, Found>& places() const { return places_; }
  const Answers& answers(std::size_t group) const { return answers_[group]; }

 private:
  static std::vector<Chain> chains(const ReachWorld& world, std::size_t links, bool& cut) {
    bool here = false;
    auto all = world.census.chains({.links = links}, here);
    cut = cut || here;
    return all;
  }

  Survey survey_;
  std::vector<Answers> answers_;  // by group; what is never is left out
  std::map<std::string, Found> places_;
};

void compare(const Chain& chain, const Side::Answers& before, const Side::Answers& after,
             std::vector<ReachChange>& changes) {
  const auto never = Answered{"never", {}, {}, {}};
  const auto add = [&](const std::string& target, const Answered& old, const Answered& fresh) {
    const int by = rank_of(fresh.verdict) - rank_of(old.verdict);
    if (by == 0 && old.terms == fresh.terms) return;
    const Kind kind = by > 0 ? Kind::kGiven : by < 0 ? Kind::kTaken : Kind::kOther;
    const Answered& side = fresh.verdict == "never" ? old : fresh;
    changes.push_back({kind, chain, target, side.api, old.verdict, fresh.verdict, side.policies});
  };
  for (const auto& [target, old] : before) {
    const auto found = after.find(target);
    add(target, old, found != after.end() ? found->second : never);
  }
  for (const auto& [target, fresh] : after) {
    if (!before.contains(target)) add(target, never, fresh);
  }
}

}  // namespace

std::vector<ReachChange> changes_between(const ReachWorld& before, const ReachWorld& after, std::size_t links,
                                         bool& cut) {
  cut = false;
  const Side old(before, links, cut), fresh(after, links, cut);
  std::vector<ReachChange> changes;
  const Side::Answers none;
  for (const auto& [text, found] : old.places()) {
    const auto other = fresh.places().find(text);
    compare(*found.chain, old.answers(found.group),
            other != fresh.places().end() ? fresh.answers(other->second.group) : none, changes);
  }
  for (const auto& [text, found] : fresh.places()) {
    if (!old.places().contains(text)) compare(*found.chain, none, fresh.answers(found.group), changes);
  }
  // The inventories may go before what is said of them does.
  for (ReachChange& change : changes) {
    for (ChainLink& each : change.chain) each.member = nullptr;
  }
  return changes;
}

Json to_json(const std::vector<ReachChange>& changes) {
  Json list = Json::array();
  for (const ReachChange& each : changes) {
    Json chain = Json::array();
    for (const ChainLink& link : each.chain) chain.push(link.id);
    list.push(Json::object({{"change", name_of(each.kind)},
                            {"chain", std::move(chain)},
                            {"target", each.target},
                            {"api", each.api},
                            {"before", each.before},
                            {"after", each.after},
                            {"policies", codec::json_texts(each.policies)}}));
  }
  return Json::object({{"changes", std::move(list)}});
}

std::string changes_csv(const std::vector<ReachChange>& changes) {
  std::string out = "change,chain,target,before,after,policies\r\n";
  for (const ReachChange& each : changes) {
    const std::string policies = fmt::format("{}", fmt::join(each.policies, " "));
    out += fmt::format("{},{},{},{},{},{}\r\n", name_of(each.kind), csv_field(text_of(each.chain)),
                       csv_field(each.target), each.before, each.after, csv_field(policies));
  }
  return out;
}

std::string changes_text(const std::vector<ReachChange>& changes) {
  // By identity, then by what it is about, the chains together.
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_identity;
  for (const ReachChange& each : changes) {
    const auto line = fmt::format("{} {}: {} → {}",
                                  each.kind == Kind::kGiven   ? "+"
                                  : each.kind == Kind::kTaken ? "-"
                                                              : "~",
                                  each.target, each.before,
                                  each.kind == Kind::kOther ? each.after + " on other terms" : each.after);
    for (const ChainLink& link : each.chain) by_identity[link.id][line].push_back(text_of(each.chain));
  }
  std::string out;
  constexpr std::size_t kShown = 8;
  for (const auto& [id, lines] : by_identity) {
    out += id + "\n";
    for (const auto& [line, chains] : lines) {
      out += fmt::format("  {}\n", line);
      for (std::size_t i = 0; i < std::min(chains.size(), kShown); ++i) out += "      " + chains[i] + "\n";
      if (chains.size() > kShown) out += fmt::format("      and {} more chains\n", chains.size() - kShown);
    }
  }
  std::map<Kind, std::size_t> counts;
  for (const ReachChange& each : changes) ++counts[each.kind];
  if (changes.empty()) return "nobody's access changes\n";
  out += fmt::format("\n{} given, {} taken, {} on other terms\n", counts[Kind::kGiven], counts[Kind::kTaken],
                     counts[Kind::kOther]);
  return out;
}

}  // namespace writ::access
