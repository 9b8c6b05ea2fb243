#include "access/page.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "access/picture.h"
#include "cedar/ext_datetime.h"
#include "report/html.h"

namespace writ::access {
namespace {

using report::element;
using report::Markup;
using report::text;

constexpr std::size_t kShownAtOnce = 12;  // chains of an answer, at once
constexpr std::size_t kUnfolded = 2000;   // chains of an answer, unfolded

Markup paragraph(std::string_view words) {
  return element("p", words);
}

Markup item(std::string_view words) {
  return element("li", words);
}

Markup word(std::string_view words, std::string_view look) {
  return element("span", {{"class", std::string(look)}}, text(words));
}

Markup verdict_of(const Reached& reached) {
  if (reached.verdict == Verdict::kNever) return word("never", "good");
  if (reached.verdict == Verdict::kAlways) return word("always", "high");
  return reached.witness ? word("when, witnessed", "medium") : word("when, open", "unknown");
}

Markup lines_of(const std::vector<std::string>& lines) {
  Markup all;
  for (const std::string& line : lines) all += element("div", line);
  return all;
}

// Some at once, the others unfold.
Markup chains_of(const Row& row) {
  std::vector<std::string> shown, folded;
  std::size_t count = 0;
  row.each_chain([&](const Chain& chain) {
    if (count++ < kShownAtOnce) {
      shown.push_back(text_of(chain));
    } else if (folded.size() < kUnfolded) {
      folded.push_back(text_of(chain));
    }
  });
  Markup all = lines_of(shown);
  if (folded.empty()) return all;
  const std::size_t more = count - kShownAtOnce;
  if (more > folded.size()) folded.push_back(fmt::format("and {} more", more - folded.size()));
  return all + report::unfolding(text(fmt::format("{} more", more)), lines_of(folded));
}

Markup conditions_of(const Reached& reached) {
  std::vector<std::string> lines;
  if (reached.verdict == Verdict::kNever)
    lines.push_back(fmt::format("{}: {}", reached.reason, reached.message));
  if (reached.verdict == Verdict::kAlways)
    lines.push_back(fmt::format("by {}", fmt::join(reached.policies, ", ")));
  for (const Remainder& each : reached.conditions) {
    std::string line = each.party.empty() ? std::string() : each.party + ": ";
    if (!each.policy.empty())
      line += fmt::format("`{}` {} it ", each.policy, each.forbids ? "forbids" : "permits");
    line += each.policy.empty() || each.words == "in any case" ? each.words : "when " + each.words;
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  Markup all = lines_of(lines);
  if (reached.witness)
    all += report::unfolding(text("an example that is permitted"), paragraph(text_of(*reached.witness)));
  return all;
}

std::string what_of(const Target& target) {
  if (target.point == Point::kIssue) return "a token";
  return target.resource_type.empty() ? target.action.id
                                      : fmt::format("{} {}", target.action.id, target.resource_type);
}

Markup api_part(const PageContent& content, const std::string& api) {
  std::vector<std::vector<Markup>> may, never;
  for (const Row& row : content.answered.rows) {
    if (row.target.api->id != api) continue;
    auto& rows = row.reached.may() ? may : never;
    rows.push_back(
        {text(what_of(row.target)), chains_of(row), verdict_of(row.reached), conditions_of(row.reached)});
  }
  const std::vector<std::string> columns{"what", "through which chain", "reached", "under which conditions"};
  Markup part = element("h3", "Who reaches it");
  part += may.empty() ? paragraph("Nobody.") : report::table(columns, may);
  if (!never.empty())
    part += report::unfolding(text(fmt::format("Never: {} answers, each with its reason", never.size())),
                              report::table(columns, never));
  return part;
}

// In words; and as it was applied, with the two requests that it tells apart.
Markup change_of(const ClassFinding& finding) {
  Markup change = paragraph(finding.change);
  if (!finding.policy.empty()) change += element("pre", finding.policy);
  if (finding.fact)
    change += paragraph(fmt::format("A resource with {} `{}`.", finding.fact->first, finding.fact->second));
  if (finding.shown)
    change += report::unfolding(text("the requests that it tells apart"),
                                paragraph("Permitted: " + text_of(finding.shown->first)) +
                                    paragraph("Refused: " + text_of(finding.shown->second)));
  return change;
}

Markup classes_part(const ClassesAnswered& classes) {
  std::vector<std::vector<Markup>> found;
  Markup all;
  for (const TargetClasses& target : classes.targets) {
    std::vector<std::vector<Markup>> rows;
    for (std::size_t i = 0; i < target.classes.size(); ++i) {
      const CallerClass& each = target.classes[i];
      if (!each.reached.may()) continue;
      const Row row{target.target, each.groups, each.reached};
      rows.push_back({text(std::to_string(i + 1)), chains_of(row), verdict_of(each.reached)});
    }
    std::size_t not_known = 0;
    for (const auto& [one, other] : target.not_known)
      not_known += target.classes[one].reached.may() && target.classes[other].reached.may() ? 1 : 0;
    for (const ClassFinding& each : target.findings)
      found.push_back({text(what_of(target.target)), text(each.kind), text(text_of(each.one)),
                       text(text_of(each.other)), change_of(each)});
    const auto summary =
        fmt::format("{}: {} classes that may{}", what_of(target.target), rows.size(),
                    not_known > 0 ? fmt::format("; of {} pairs it is not known whether they are decided "
                                                "differently",
                                                not_known)
                                  : "");
    all += report::unfolding(text(summary),
                             report::table({"class", "callers that are decided equally", "reached"}, rows));
  }
  Markup part = element("h3", "What it cannot tell apart");
  part +=
      found.empty()
          ? paragraph("Nothing was found that somebody may want to tell apart.")
          : report::table({"what", "finding", "one caller", "another", "what would tell them apart"}, found);
  if (!classes.reads.empty()) {
    std::vector<std::vector<Markup>> alike;
    for (const LookAlikes& each : classes.look_alikes) {
      std::vector<std::string> seen, chains;
      for (const auto& [claim, value] : each.seen) seen.push_back(fmt::format("{} {}", claim, value));
      for (std::size_t i = 0; i < std::min(kShownAtOnce, each.chains.size()); ++i)
        chains.push_back(text_of(each.chains[i]));
      if (each.chains.size() > kShownAtOnce)
        chains.push_back(fmt::format("and {} more", each.chains.size() - kShownAtOnce));
      alike.push_back({lines_of(seen), lines_of(chains), text(each.change.value_or(""))});
    }
    part += paragraph(fmt::format("The API itself reads {}. By these the following are one caller to it:",
                                  fmt::join(classes.reads, ", ")));
    part += alike.empty()
                ? paragraph("None.")
                : report::table({"what it sees", "who that may be", "the claim that would tell them apart"},
                                alike);
  }
  return part + all;
}

Markup groups_part(const PageContent& content) {
  const auto& inventory = content.asker.frame().inventory;
  std::vector<std::vector<Markup>> rows;
  for (std::size_t place = 0; place < content.overview.groups.size(); ++place) {
    const Group& group = content.overview.groups[place];
    Markup members;
    for (const ChainLink* link : group.members) {
      std::string line = link->id;
      if (link->member != nullptr) {
        const auto& identity = link->member->identity();
        if (identity.tenant) line += fmt::format(", tenant {}", *identity.tenant);
        if (identity.environment) line += fmt::format(", {}", *identity.environment);
        if (identity.owner) {
          const auto* owner = inventory.find(*identity.owner);
          const bool gone =
              owner != nullptr && owner->status_at(content.asker.frame().at) != inventory::Status::kActive;
          line += fmt::format(", owner {}{}", *identity.owner, gone ? " (not active)" : "");
        } else if (identity.kind != inventory::Kind::kUser) {
          line += ", owner unknown";
        }
      } else {
        line += ", not listed";
      }
      members += element("div", line);
    }
    std::vector<std::string> whom, reaches;
    if (group.any_user) whom.emplace_back("any user");
    for (const std::size_t other : group.acts_for)
      whom.push_back(names_of(content.overview.groups[other], kShownAtOnce));
    for (const auto& [api, reaching] : group.reaches)
      reaches.push_back(fmt::format("{}: {} {}{}", api, reaching.actions,
                                    reaching.actions == 1 ? "action" : "actions",
                                    reaching.always ? ", one of them always"
                                    : reaching.open ? ", open"
                                                    : ""));
    const Markup name = element("span", {{"id", group_anchor(place)}}, text(kind_name(group.kind)));
    rows.push_back({name, members,
                    word(group.active ? "active" : "not active", group.active ? "low" : "unknown"),
                    lines_of(whom), lines_of(reaches)});
  }
  return report::table(
      {"kind", "identities of equal answer", "status", "acts for", "reaches, as subject or sender"}, rows);
}

Markup summary_of(const PageContent& content) {
  std::map<inventory::Kind, std::size_t> kinds;
  for (const Group& group : content.overview.groups) kinds[group.kind] += group.members.size();
  const VerdictCounts counts = verdict_counts(content.answered.rows);
  std::size_t findings = 0;
  for (const auto& each : content.classes)
    for (const auto& target : each.targets) findings += target.findings.size();
  Markup figures;
  for (const auto& [kind, count] : kinds) figures += item(fmt::format("{} {}s", count, kind_name(kind)));
  figures += item(fmt::format("{} APIs", content.overview.apis.size()));
  figures += item(fmt::format("{} answers: {} never, {} always, {} when and witnessed, {} open",
                              counts.never + counts.always + counts.witnessed + counts.open, counts.never,
                              counts.always, counts.witnessed, counts.open));
  figures += item(fmt::format("{} findings of callers that an API cannot tell apart", findings));
  const Heading& heading = content.answered.heading;
  Markup all = element("ul", {{"class", "figures"}}, figures);
  all += paragraph(
      fmt::format("Made from the configuration alone, as of {}, policy revision {}, chains of up to {} "
                  "links. Users whom nothing names are one: {}.",
                  cedar::Datetime::from(heading.at).to_string(), heading.revision, heading.links,
                  content.asker.census().any_other_user()));
  for (const std::string& line : open_to_all(heading))
    all += element("p", word("whoever asks", "high") + text(" " + line));
  if (heading.cut || std::ranges::any_of(content.classes, &ClassesAnswered::cut))
    all += element("p", word("There are more chains than were looked at.", "high") +
                            text(" What is missing here may be reached all the same."));
  return all;
}

Markup legend() {
  return element(
      "ul", item("A line is a group of identities of equal answer: U users, A applications, S services, "
                 "G agents. It leads to the table of identities.") +
                item("An arc on the left leads from who acts to for whom.") +
                item("A number says how many actions of the API some chain with the group, as its subject or "
                     "as who sends it, may use. A square: one of them always. A full circle: under "
                     "conditions, and a permitted request is known. A dashed circle: open, nobody knows."));
}

}  // namespace

report::Markup access_part(const PageContent& content) {
  Markup contents =
      element("li", report::link_within("picture", text("Who acts for whom, and who reaches what"))) +
      element("li", report::link_within("identities", text("Identities")));
  for (std::size_t i = 0; i < content.overview.apis.size(); ++i)
    contents += element(
        "li", report::link_within(fmt::format("api-{}", i + 1), text("API " + content.overview.apis[i])));
  Markup body = summary_of(content) + element("nav", {{"aria-label", "contents"}}, element("ul", contents));
  body += element("h2", {{"id", "picture"}}, text("Who acts for whom, and who reaches what"));
  body += element("figure", {{"class", "wide"}}, picture_of(content.overview)) + legend();
  body += element("h2", {{"id", "identities"}}, text("Identities")) + groups_part(content);
  for (std::size_t i = 0; i < content.overview.apis.size(); ++i) {
    body += element("h2", {{"id", fmt::format("api-{}", i + 1)}}, text("API " + content.overview.apis[i]));
    body += api_part(content, content.overview.apis[i]);
    if (i < content.classes.size()) body += classes_part(content.classes[i]);
  }
  return body;
}

std::string access_page(const PageContent& content) {
  return report::page("Who can reach what", access_part(content));
}

}  // namespace writ::access
