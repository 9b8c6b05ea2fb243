#include "access/change.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "access/report.h"

namespace writ::access {
namespace {

using codec::Json;
using ReachKind = ReachChange::Kind;

constexpr std::string_view kAnybody = "anybody, without a token";

std::string_view name_of(ReachKind kind) {
  constexpr std::string_view kNames[] = {"given", "taken", "other terms"};
  return kNames[static_cast<std::size_t>(kind)];
}

// How much it is.
int rank_of(std::string_view verdict) {
  return verdict == "never" ? 0 : verdict == "when" ? 1 : 2;
}

// So that no two chains have one key, whatever their members are called.
std::string key_of(const Chain& chain) {
  std::string key;
  for (const ChainLink& each : chain) key += fmt::format("{}:{}", each.id.size(), each.id);
  return key;
}

// Not the party: what is left is the same for each of a group.
ReachChange::Terms terms_of(const Reached& reached) {
  std::vector<std::string> lines;
  for (const Remainder& each : reached.conditions) {
    std::string line = each.words;
    if (!each.policy.empty())
      line = fmt::format("`{}` {} it {}{}", each.policy, each.forbids ? "forbids" : "permits",
                         each.words == "in any case" ? "" : "when ", each.words);
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  return lines.empty() ? nullptr : std::make_shared<const std::vector<std::string>>(std::move(lines));
}

struct Told {
  std::string verdict, signature;
  std::string api;
  std::vector<std::string> policies;
  ReachChange::Terms terms;
};

using Unseen = std::set<std::string, std::less<>>;

// One world: what each group of chains is answered, and which group each chain is of.
class Side {
 public:
  Side(Asker& asker, const ChangeLimits& limits, const Unseen& unseen, bool& cut)
      : survey_(asker.reach(), chains(asker.census(), limits, unseen, cut), asker.census()) {
    const auto targets = survey_.targets({}).value();
    for (const ChainGroup& group : survey_.groups()) {
      const std::size_t place = answers_.size();
      auto& answers = answers_.emplace_back();
      for (const Target& target : targets) {
        const Reached reached = survey_.ask(group, target, {.conditions = true});
        if (!reached.may()) continue;
        answers[text_of(target)] = {std::string(verdict_name(reached.verdict)), signature_of(reached),
                                    target.api->id, reached.policies, terms_of(reached)};
      }
      for (const Chain& chain : group.chains) places_.emplace(key_of(chain), Found{&chain, place});
    }
  }

  struct Found {
    const Chain* chain;
    std::size_t group;
  };
  using Answers = std::map<std::string, Told>;
  const std::map<std::string, Found>& places() const { return places_; }
  const Answers& answers(std::size_t group) const { return answers_[group]; }

 private:
  static std::vector<Chain> chains(const Census& census, const ChangeLimits& limits, const Unseen& unseen,
                                   bool& cut) {
    bool here = false;
    auto all = census.chains({.links = limits.links, .chains = limits.chains}, here);
    cut = cut || here;
    if (unseen.empty()) return all;
    std::erase_if(all, [&](const Chain& chain) {
      return std::ranges::any_of(chain, [&](const ChainLink& each) { return unseen.contains(each.id); });
    });
    return all;
  }

  Survey survey_;
  std::vector<Answers> answers_;  // by group; what is never is left out
  std::map<std::string, Found> places_;
};

void compare(const Chain& chain, const Side::Answers& before, const Side::Answers& after,
             std::vector<ReachChange>& changes) {
  const Told never{"never", {}, {}, {}, {}};
  const auto add = [&](const std::string& target, const Told& old, const Told& fresh) {
    const int by = rank_of(fresh.verdict) - rank_of(old.verdict);
    if (by == 0 && old.signature == fresh.signature) return;
    const ReachKind kind = by > 0 ? ReachKind::kGiven : by < 0 ? ReachKind::kTaken : ReachKind::kOther;
    const Told& side = fresh.verdict == "never" ? old : fresh;
    changes.push_back(
        {kind, chain, target, side.api, old.verdict, fresh.verdict, side.policies, old.terms, fresh.terms});
  };
  for (const auto& [target, old] : before) {
    const auto found = after.find(target);
    add(target, old, found != after.end() ? found->second : never);
  }
  for (const auto& [target, fresh] : after) {
    if (!before.contains(target)) add(target, never, fresh);
  }
}

void add_unseen(const Census& census, const MaySee& may_see, Unseen& unseen) {
  for (const ChainLink& each : census.callers())
    if (!may_see(each)) unseen.insert(each.id);
}

std::array<std::size_t, 3> counts_of(const std::vector<ReachChange>& changes) {
  std::array<std::size_t, 3> counts{};
  for (const ReachChange& each : changes) ++counts[static_cast<std::size_t>(each.kind)];
  return counts;
}

Json count_json(std::size_t count) {
  return Json(static_cast<std::int64_t>(count));
}

Json json_of_counts(const std::array<std::size_t, 3>& counts) {
  return Json::object({{"given", count_json(counts[0])},
                       {"taken", count_json(counts[1])},
                       {"other_terms", count_json(counts[2])}});
}

Json to_json(const OpenToAll& open) {
  Json routes = Json::array();
  for (const PublicRoute& each : open.public_routes)
    routes.push(Json::object({{"api", each.api}, {"method", each.method}, {"path", each.path}}));
  return Json::object({{"public_routes", std::move(routes)}, {"observed", codec::json_texts(open.observed)}});
}

Json json_of(const std::vector<ReachChange>& changes, std::size_t from, std::size_t count) {
  Json list = Json::array();
  for (std::size_t i = from; i < changes.size() && i - from < count; ++i) {
    const ReachChange& each = changes[i];
    Json chain = Json::array();
    for (const ChainLink& link : each.chain) chain.push(link.id);
    Json one = Json::object({{"change", name_of(each.kind)},
                             {"chain", std::move(chain)},
                             {"target", each.target},
                             {"api", each.api},
                             {"before", each.before},
                             {"after", each.after},
                             {"policies", codec::json_texts(each.policies)}});
    if (each.terms_before) one.set("terms_before", codec::json_texts(*each.terms_before));
    if (each.terms_after) one.set("terms_after", codec::json_texts(*each.terms_after));
    list.push(std::move(one));
  }
  return list;
}

template <class Visit>
void each_open(const AccessChange& change, Visit visit) {
  for (const auto& [open, given] : {std::pair(&change.opened, true), std::pair(&change.closed, false)}) {
    for (const PublicRoute& each : open->public_routes)
      visit(given, each.api, fmt::format("{} {}", each.method, each.path), "a public route");
    for (const std::string& api : open->observed)
      visit(given, api, std::string("everything"),
            "only observed: what would be refused passes all the same");
  }
}

}  // namespace

AccessChange changes_between(Asker& before, Asker& after, const ChangeLimits& limits, const MaySee& may_see) {
  AccessChange change;
  Unseen unseen;
  if (may_see) {
    add_unseen(before.census(), may_see, unseen);
    add_unseen(after.census(), may_see, unseen);
  }
  const Side old(before, limits, unseen, change.cut), fresh(after, limits, unseen, change.cut);
  auto& changes = change.changes;
  const Side::Answers none;
  const auto is_full = [&] {
    change.cut = change.cut || changes.size() >= limits.changes;
    return changes.size() >= limits.changes;
  };
  for (const auto& [key, found] : old.places()) {
    if (is_full()) break;
    const auto other = fresh.places().find(key);
    compare(*found.chain, old.answers(found.group),
            other != fresh.places().end() ? fresh.answers(other->second.group) : none, changes);
  }
  for (const auto& [key, found] : fresh.places()) {
    if (is_full()) break;
    if (!old.places().contains(key)) compare(*found.chain, none, fresh.answers(found.group), changes);
  }
  // The inventories may go before what is said of them does.
  for (ReachChange& each : changes) {
    for (ChainLink& link : each.chain) link.member = nullptr;
  }
  return change;
}

void compare(const OpenToAll& before, const OpenToAll& after, AccessChange& change) {
  const auto only = [](const OpenToAll& of, const OpenToAll& without) {
    OpenToAll left = of;
    std::erase_if(left.public_routes, [&](const PublicRoute& each) {
      return std::ranges::any_of(without.public_routes, [&](const PublicRoute& other) {
        return other.api == each.api && other.method == each.method && other.path == each.path;
      });
    });
    std::erase_if(left.observed, [&](const std::string& api) {
      return std::ranges::find(without.observed, api) != without.observed.end();
    });
    return left;
  };
  change.opened = only(after, before);
  change.closed = only(before, after);
}

Json to_json(const AccessChange& change, std::size_t from, std::size_t count) {
  std::map<std::string, std::array<std::size_t, 3>> by_identity;
  for (const ReachChange& each : change.changes) {
    for (const ChainLink& link : each.chain) ++by_identity[link.id][static_cast<std::size_t>(each.kind)];
  }
  Json identities = Json::array();
  for (const auto& [id, counts] : by_identity) {
    Json one = json_of_counts(counts);
    one.set("id", id);
    identities.push(std::move(one));
  }
  Json json = Json::object({{"changes", json_of(change.changes, from, count)},
                            {"counts", json_of_counts(counts_of(change.changes))},
                            {"identities", std::move(identities)},
                            {"chains_cut", change.cut}});
  if (!change.opened.empty() || !change.closed.empty())
    json.set("open_to_all",
             Json::object({{"given", to_json(change.opened)}, {"taken", to_json(change.closed)}}));
  return json;
}

std::string changes_csv(const AccessChange& change) {
  std::string out = "change,chain,target,before,after,policies\r\n";
  for (const ReachChange& each : change.changes) {
    const std::string policies = fmt::format("{}", fmt::join(each.policies, " "));
    out += fmt::format("{},{},{},{},{},{}\r\n", name_of(each.kind), csv_field(text_of(each.chain)),
                       csv_field(each.target), each.before, each.after, csv_field(policies));
  }
  each_open(change, [&](bool given, const std::string& api, const std::string& what, const char*) {
    out += fmt::format("{},{},{},{},{},\r\n", given ? "given" : "taken", csv_field(kAnybody),
                       csv_field(fmt::format("{} {}", api, what)), given ? "never" : "always",
                       given ? "always" : "never");
  });
  return out;
}

std::string changes_text(const AccessChange& change) {
  if (change.empty()) return "nobody's access changes\n";
  std::string out;
  each_open(change, [&](bool given, const std::string& api, const std::string& what, const char* how) {
    out += fmt::format("{} {}: {} of `{}`, {}\n", given ? "+" : "-", kAnybody, what, api, how);
  });
  // By identity, then by what it is about, the chains together.
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_identity;
  for (const ReachChange& each : change.changes) {
    auto line = fmt::format("{} {}: {} → {}",
                            each.kind == ReachKind::kGiven   ? "+"
                            : each.kind == ReachKind::kTaken ? "-"
                                                             : "~",
                            each.target, each.before,
                            each.kind == ReachKind::kOther ? each.after + " on other terms" : each.after);
    const auto add = [&](const char* name, const ReachChange::Terms& terms) {
      if (terms) line += fmt::format("\n    {}: {}", name, fmt::join(*terms, "; "));
    };
    if (each.kind == ReachKind::kOther) add("before", each.terms_before);
    if (each.kind != ReachKind::kTaken)
      add(each.kind == ReachKind::kOther ? "after" : "under", each.terms_after);
    for (const ChainLink& link : each.chain) by_identity[link.id][line].push_back(text_of(each.chain));
  }
  constexpr std::size_t kShown = 8;
  for (const auto& [id, lines] : by_identity) {
    out += id + "\n";
    for (const auto& [line, chains] : lines) {
      out += fmt::format("  {}\n", line);
      for (std::size_t i = 0; i < std::min(chains.size(), kShown); ++i) out += "      " + chains[i] + "\n";
      if (chains.size() > kShown) out += fmt::format("      and {} more chains\n", chains.size() - kShown);
    }
  }
  const auto counts = counts_of(change.changes);
  out += fmt::format("\n{} given, {} taken, {} on other terms\n", counts[0], counts[1], counts[2]);
  return out;
}

}  // namespace writ::access
