// The report as one HTML file (report/html.h): the counts, then the findings by check, then every check.
#include "report/html.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/record.h"
#include "posture/render.h"

namespace writ::posture {
namespace {

using report::element;
using report::Markup;
using report::text;

Markup mark(std::string_view name) {
  return element("span", {{"class", std::string(name)}}, text(name));
}

Markup standard_links(const Check& check) {
  Markup all;
  for (const auto id : check.standards) {
    const Standard* standard = find_standard(id);
    if (!all.empty()) all += text(", ");
    all += report::link_to(standard->source, text(fmt::format("{} {}", standard->id, standard->title)));
  }
  return all;
}

Markup evidence_of(const Weakness& weakness) {
  Markup items;
  for (const Exhibit& each : weakness.evidence) {
    Markup item = text(each.fact);
    if (!each.place.file.empty()) {
      item += text(" – ") +
              element("code", fmt::format("{}{}", each.place.file,
                                          each.place.line > 0 ? fmt::format(":{}", each.place.line) : ""));
    }
    if (!each.pointer.empty()) item += text(" ") + element("code", each.pointer);
    if (each.record) item += text(fmt::format(", record {}", *each.record));
    if (each.date) item += text(fmt::format(", {}", audit::format_time(*each.date)));
    items += element("li", item);
  }
  return element("ul", items);
}

Markup finding(const Judged& judged) {
  const Weakness& each = judged.weakness;
  Markup inside = element("p", {}, element("code", each.id())) + element("h4", "Evidence") +
                  evidence_of(each) + element("h4", "Fix") + element("p", each.remedy.what);
  if (!each.remedy.first.empty()) inside += element("p", "First: " + each.remedy.first);
  if (!each.remedy.command.empty()) inside += element("pre", {}, element("code", each.remedy.command));
  const auto& change = each.remedy.patch.empty() ? each.remedy.change : each.remedy.patch;
  if (!change.empty()) inside += element("pre", {}, element("code", change));
  if (!each.remedy.patch.empty()) {
    for (const Blank& blank : each.remedy.blanks)
      inside += element("p", {}, element("code", blank.word) + text(": " + blank.meaning));
  }
  if (!each.remedy.by_hand.empty()) inside += element("p", "By hand: " + each.remedy.by_hand);
  if (judged.covered_by != nullptr)
    inside += element(
        "p", fmt::format("Excepted until {} by {}: {}", inventory::date_text(judged.covered_by->until),
                         judged.covered_by->owner, judged.covered_by->reason));
  if (judged.ended != nullptr)
    inside += element("p", fmt::format("Its exception ended on {} ({})",
                                       inventory::date_text(judged.ended->until), judged.ended->owner));
  const auto word = judged.covered_by != nullptr ? element("span", {{"class", "unknown"}}, text("excepted"))
                                                 : mark(weight_name(each.weight));
  return report::unfolding(word + text(" " + each.what), inside);
}

}  // namespace

Markup html_part(const Assessment& assessment, std::string_view trend) {
  const auto counts = assessment.counts();
  Markup figures;
  for (const auto weight : {Weight::kCritical, Weight::kHigh, Weight::kMedium, Weight::kLow})
    figures += element(
        "li", mark(weight_name(weight)) + text(fmt::format(" {}", counts[static_cast<std::size_t>(weight)])));
  figures += element("li", fmt::format("excepted {}", assessment.covered()));
  Markup body = element("p", fmt::format("As of {}. Policy revision {}, {} identities. Audit log: {}.",
                                         audit::format_time(assessment.at), assessment.revision,
                                         assessment.identities, assessment.log)) +
                element("ul", {{"class", "figures"}}, figures);
  if (!trend.empty()) body += element("h2", "Trend") + element("pre", trend);

  body += element("h2", "Findings");
  if (assessment.judged.empty()) body += element("p", "Nothing was found.");
  const Check* last = nullptr;
  std::size_t shown = 0, left = 0;
  const auto end_check = [&] {
    if (left > 0)
      body += element("p", fmt::format("… and {} more, which `writ posture --json` lists.", left));
    left = 0;
  };
  // By check, so that its meaning stands once; within it the weightiest first.
  std::vector<const Judged*> judged;
  for (const Judged& each : assessment.judged) judged.push_back(&each);
  std::vector<std::size_t> order(checks().size(), judged.size());
  for (std::size_t i = 0; i < judged.size(); ++i) {
    auto& first = order[static_cast<std::size_t>(judged[i]->weakness.check - checks().data())];
    first = std::min(first, i);
  }
  std::ranges::stable_sort(judged, {}, [&](const Judged* each) {
    return order[static_cast<std::size_t>(each->weakness.check - checks().data())];
  });
  for (const Judged* each : judged) {
    const Check& check = *each->weakness.check;
    if (&check != last) {
      end_check();
      last = &check;
      shown = 0;
      body += element("h3", {{"id", std::string(check.id)}}, text(check.title)) +
              element("p", {}, text(fmt::format("Why: {}. ", check.meaning)) + standard_links(check));
    }
    if (shown++ < kShownInHtml) {
      body += finding(*each);
    } else {
      ++left;
    }
  }
  end_check();

  if (!assessment.idle.empty()) {
    Markup items;
    for (const Exemption* each : assessment.idle)
      items += element("li", fmt::format("{} ({}:{})", each->finding, each->place.file, each->place.line));
    body += element("h2", "Exceptions that match nothing") + element("ul", items);
  }

  std::vector<std::vector<Markup>> rows;
  for (std::size_t i = 0; i < assessment.checked.size(); ++i) {
    const Checked& checked = assessment.checked[i];
    const auto state = assessment.state(i);
    const auto style = state == "found"   ? weight_name(checked.check->weight)
                       : state == "clean" ? "good"
                                          : "unknown";
    std::string why = checked.not_computable;
    if (checked.untold > 0)
      why = fmt::format("not computable of {}, for example {}: {}", checked.untold,
                        fmt::join(checked.untold_subjects, ", "), checked.untold_why);
    if (!checked.check->limits.empty()) why += (why.empty() ? "" : "; ") + std::string(checked.check->limits);
    rows.push_back({assessment.found_by[i] > 0
                        ? report::link_within(checked.check->id, text(checked.check->title))
                        : text(checked.check->title),
                    element("span", {{"class", std::string(style)}}, text(state)),
                    text(std::to_string(assessment.found_by[i])), text(why), standard_links(*checked.check)});
  }
  body += element("h2", "Every check") +
          element("div", {{"class", "wide"}},
                  report::table({"check", "state", "findings", "what cannot be told", "standards"}, rows));
  return body;
}

std::string to_html(const Assessment& assessment, std::string_view trend) {
  return report::page("Posture", html_part(assessment, trend));
}

}  // namespace writ::posture
