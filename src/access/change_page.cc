#include "access/change_page.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace writ::access {
namespace {

using report::element;
using report::Markup;
using report::text;
using ReachKind = ReachChange::Kind;

constexpr std::size_t kUnfoldedOfChange = 2000;  // chains of a change, unfolded

Markup word_of(ReachKind kind) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"given", "high"}, {"taken", "good"}, {"other terms", "medium"}};
  const auto& [words, look] = kWords[static_cast<std::size_t>(kind)];
  return element("span", {{"class", std::string(look)}}, text(words));
}

Markup terms(std::string_view name, const ReachChange::Terms& of) {
  if (!of) return {};
  return element("div", fmt::format("{}: {}", name, fmt::join(*of, "; ")));
}

// All that is told of one change, but for the chains.
struct Line {
  ReachKind kind;
  std::string target, before, after, policies;
  ReachChange::Terms terms_before, terms_after;

  std::string key() const {
    std::string key = fmt::format("{}|{}|{}|{}|{}", static_cast<int>(kind), target, before, after, policies);
    for (const auto& terms : {terms_before, terms_after})
      key += terms ? fmt::format("|{}", fmt::join(*terms, ";")) : "|";
    return key;
  }
};

struct Lines {
  std::map<std::string, std::pair<Line, std::vector<std::string>>> by_key;  // and the chains

  void add(const ReachChange& change) {
    Line line{change.kind,
              change.target,
              change.before,
              change.after,
              fmt::format("{}", fmt::join(change.policies, ", ")),
              change.terms_before,
              change.terms_after};
    auto key = line.key();
    by_key.try_emplace(std::move(key), std::move(line), std::vector<std::string>())
        .first->second.second.push_back(text_of(change.chain));
  }
};

Markup chain_texts(const std::vector<std::string>& chains) {
  Markup all = element("div", chains.front());
  if (chains.size() == 1) return all;
  Markup folded;
  for (std::size_t i = 1; i < std::min(chains.size(), kUnfoldedOfChange); ++i)
    folded += element("div", chains[i]);
  if (chains.size() > kUnfoldedOfChange)
    folded += element("div", fmt::format("and {} more", chains.size() - kUnfoldedOfChange));
  return all + report::unfolding(text(fmt::format("{} more", chains.size() - 1)), folded);
}

Markup open_part(const AccessChange& change) {
  std::vector<std::vector<Markup>> rows;
  for (const auto& [open, kind] :
       {std::pair(&change.opened, ReachKind::kGiven), std::pair(&change.closed, ReachKind::kTaken)}) {
    for (const PublicRoute& each : open->public_routes)
      rows.push_back({word_of(kind), text(each.api), text(fmt::format("{} {}", each.method, each.path)),
                      text("a public route")});
    for (const std::string& api : open->observed)
      rows.push_back({word_of(kind), text(api), text("everything"),
                      text("only observed: what would be refused passes all the same")});
  }
  if (rows.empty()) return {};
  return element("h2", "Whoever asks, without a token") +
         report::table({"change", "API", "what", "how"}, rows);
}

}  // namespace

Markup change_part(const AccessChange& change, std::string_view before, std::string_view after) {
  std::map<std::string, Lines> by_identity;
  std::map<ReachKind, std::size_t> counts;
  for (const ReachChange& each : change.changes) {
    ++counts[each.kind];
    for (const ChainLink& link : each.chain) by_identity[link.id].add(each);
  }
  Markup figures;
  for (const auto& [kind, name] : {std::pair(ReachKind::kGiven, "given"),
                                   {ReachKind::kTaken, "taken"},
                                   {ReachKind::kOther, "on other terms"}})
    figures += element("li", fmt::format("{} {}", counts[kind], name));
  Markup body = element("ul", {{"class", "figures"}}, figures);
  body += element("p",
                  fmt::format("From {} to {}. Of each chain and action: an answer that is more is given, one "
                              "that is less is taken.",
                              before, after));
  if (change.cut)
    body += element("p",
                    element("span", {{"class", "high"}}, text("There are more chains than were looked at.")) +
                        text(" What is missing here may change all the same."));
  if (change.empty()) body += element("p", "Nobody's access changes.");
  body += open_part(change);
  for (const auto& [id, lines] : by_identity) {
    std::vector<std::vector<Markup>> rows;
    for (const auto& [key, told] : lines.by_key) {
      const auto& [line, chains] = told;
      rows.push_back({word_of(line.kind), text(line.target),
                      text(fmt::format("{} → {}", line.before, line.after)), chain_texts(chains),
                      text(line.policies),
                      terms("before", line.terms_before) + terms("after", line.terms_after)});
    }
    body += element("h2", id);
    body +=
        report::table({"change", "what", "verdict", "through which chain", "policies", "what is left"}, rows);
  }
  return body;
}

}  // namespace writ::access
