#include "posture/render.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/record.h"

namespace writ::posture {
namespace {

using codec::Json;

std::string place_text(const Exhibit& exhibit) {
  std::string text;
  if (!exhibit.place.file.empty())
    text = exhibit.place.line > 0 ? fmt::format("{}:{}", exhibit.place.file, exhibit.place.line)
                                  : exhibit.place.file;
  if (exhibit.record) text += fmt::format("{}record {}", text.empty() ? "" : ", ", *exhibit.record);
  return text;
}

std::string counted(const std::array<std::size_t, 4>& counts) {
  return fmt::format("{} critical, {} high, {} medium, {} low", counts[3], counts[2], counts[1], counts[0]);
}

Json texts(const auto& all) {
  auto list = Json::array();
  for (const auto& each : all) list.push(std::string(each));
  return list;
}

Json exhibit_json(const Exhibit& exhibit) {
  auto json = Json::object({{"fact", exhibit.fact}});
  if (!exhibit.place.file.empty()) json.set("file", exhibit.place.file);
  if (exhibit.place.line > 0) json.set("line", exhibit.place.line);
  if (!exhibit.pointer.empty()) json.set("pointer", exhibit.pointer);
  if (exhibit.record) json.set("record", static_cast<std::int64_t>(*exhibit.record));
  if (exhibit.date) json.set("date", audit::format_time(*exhibit.date));
  return json;
}

Json exemption_json(const Exemption& each) {
  return Json::object({{"finding", each.finding},
                       {"owner", each.owner},
                       {"reason", each.reason},
                       {"until", inventory::date_text(each.until)},
                       {"file", each.place.file},
                       {"line", each.place.line}});
}

std::string untold_text(const Checked& checked) {
  if (!checked.not_computable.empty()) return checked.not_computable;
  const std::size_t more = checked.untold - checked.untold_subjects.size();
  return fmt::format("of {}{}: {}", fmt::join(checked.untold_subjects, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "", checked.untold_why);
}

// The command, and the patch, as they are typed where the report was asked for.
std::string typed(const Weakness& weakness, const Invocation& invocation) {
  const Remedy& remedy = weakness.remedy;
  const auto folder = shell_word(invocation.folder);
  std::string text;
  if (!remedy.command.empty())
    text += invocation.folder.empty() ? fmt::format("      $ {}\n", remedy.command)
                                      : fmt::format("      $ (cd {} && {})\n", folder, remedy.command);
  if (remedy.patch.empty()) return text;
  text += fmt::format("      $ {} --fix {}", invocation.look, shell_word(weakness.id()));
  for (const Blank& blank : remedy.blanks) text += fmt::format(" --with {}=…", blank.word);
  text += invocation.folder.empty() ? " | patch -p1\n" : fmt::format(" | patch -p1 -d {}\n", folder);
  for (const Blank& blank : remedy.blanks) text += fmt::format("        {}: {}\n", blank.word, blank.meaning);
  return text;
}

}  // namespace

Json to_json(const Judged& judged) {
  const Weakness& weakness = judged.weakness;
  auto evidence = Json::array();
  for (const auto& each : weakness.evidence) evidence.push(exhibit_json(each));
  auto fix = Json::object({{"what", weakness.remedy.what}});
  if (!weakness.remedy.command.empty()) fix.set("command", weakness.remedy.command);
  if (!weakness.remedy.change.empty()) fix.set("change", weakness.remedy.change);
  if (!weakness.remedy.first.empty()) fix.set("first", weakness.remedy.first);
  if (!weakness.remedy.patch.empty()) fix.set("patch", weakness.remedy.patch);
  if (!weakness.remedy.patch.empty() && !weakness.remedy.blanks.empty()) {
    auto blanks = Json::object();
    for (const Blank& blank : weakness.remedy.blanks) blanks.set(blank.word, blank.meaning);
    fix.set("blanks", std::move(blanks));
  }
  if (!weakness.remedy.by_hand.empty()) fix.set("by_hand", weakness.remedy.by_hand);
  auto json = Json::object({{"id", weakness.id()},
                            {"check", weakness.check->id},
                            {"severity", weight_name(weakness.weight)},
                            {"subjects", texts(weakness.subjects)},
                            {"what", weakness.what},
                            {"evidence", std::move(evidence)},
                            {"standards", texts(weakness.check->standards)},
                            {"fix", std::move(fix)}});
  if (judged.covered_by != nullptr) json.set("excepted", exemption_json(*judged.covered_by));
  if (judged.ended != nullptr) json.set("exception_ended", exemption_json(*judged.ended));
  return json;
}

std::string to_text(const Assessment& assessment, const Invocation& invocation) {
  std::string text;
  const Check* last = nullptr;
  std::size_t shown = 0, left = 0;
  Weight weight = Weight::kLow;
  const auto end_check = [&] {
    if (left > 0) text += fmt::format("  … and {} more; --json has all\n", left);
    left = 0;
  };
  for (const Judged& judged : assessment.judged) {
    if (judged.covered_by != nullptr) continue;
    const Weakness& each = judged.weakness;
    if (each.check != last || each.weight != weight) {
      end_check();
      last = each.check;
      weight = each.weight;
      shown = 0;
      text += fmt::format("{}  {} [{}]\n", weight_name(weight), each.check->title,
                          fmt::join(each.check->standards, ", "));
    }
    if (shown == kShownInText) {
      ++left;
      continue;
    }
    ++shown;
    text += fmt::format("  {}\n    {}\n", each.id(), each.what);
    for (const auto& exhibit : each.evidence) {
      if (const auto place = place_text(exhibit); !place.empty()) {
        text += fmt::format("    at {}\n", place);
        break;
      }
    }
    text += fmt::format("    fix: {}\n", each.remedy.what);
    text += typed(each, invocation);
    if (!each.remedy.by_hand.empty()) text += fmt::format("      by hand: {}\n", each.remedy.by_hand);
    if (judged.ended != nullptr)
      text += fmt::format("    its exception ended on {}\n", inventory::date_text(judged.ended->until));
  }
  end_check();
  for (const Exemption* each : assessment.idle)
    text += fmt::format("exception `{}` matches nothing ({}:{})\n", each->finding, each->place.file,
                        each->place.line);
  std::size_t clean = 0, unclear = 0;
  for (std::size_t i = 0; i < assessment.checked.size(); ++i) {
    const Checked& checked = assessment.checked[i];
    clean += assessment.state(i) == "clean" ? 1 : 0;
    if (checked.not_computable.empty() && checked.untold == 0) continue;
    if (assessment.found_by[i] == 0) ++unclear;
    text += fmt::format("not computable  {}: {}\n", checked.check->id, untold_text(checked));
  }
  text += fmt::format("{} checks over {} identities: {} found something, {} clean, {} not computable\n",
                      assessment.checked.size(), assessment.identities,
                      assessment.checked.size() - clean - unclear, clean, unclear);
  text += fmt::format("{}; {} excepted\n", counted(assessment.counts()), assessment.covered());
  return text;
}

Json idle_json(const Assessment& assessment) {
  auto idle = Json::array();
  for (const Exemption* each : assessment.idle) idle.push(exemption_json(*each));
  return idle;
}

Json to_json(const Assessment& assessment) {
  auto findings = Json::array(), all = Json::array(), exceptions = Json::array();
  for (const Judged& each : assessment.judged) findings.push(to_json(each));
  for (const Exemption& each : assessment.exemptions) exceptions.push(exemption_json(each));
  std::vector<std::string_view> used;
  for (std::size_t i = 0; i < assessment.checked.size(); ++i) {
    const Checked& checked = assessment.checked[i];
    auto json = Json::object({{"id", checked.check->id},
                              {"title", checked.check->title},
                              {"meaning", checked.check->meaning},
                              {"state", assessment.state(i)},
                              {"findings", static_cast<std::int64_t>(assessment.found_by[i])},
                              {"standards", texts(checked.check->standards)}});
    if (!checked.check->limits.empty()) json.set("limits", checked.check->limits);
    if (!checked.not_computable.empty()) json.set("not_computable", checked.not_computable);
    if (checked.untold > 0)
      json.set("not_computable_of", Json::object({{"count", static_cast<std::int64_t>(checked.untold)},
                                                  {"subjects", texts(checked.untold_subjects)},
                                                  {"why", checked.untold_why}}));
    all.push(std::move(json));
  }
  auto table = Json::array();
  for (const Standard& each : standards())
    table.push(Json::object(
        {{"id", each.id}, {"title", each.title}, {"document", each.document}, {"source", each.source}}));
  const auto counts = assessment.counts();
  auto by_weight = Json::object();
  for (const auto weight : {Weight::kCritical, Weight::kHigh, Weight::kMedium, Weight::kLow})
    by_weight.set(weight_name(weight), static_cast<std::int64_t>(counts[static_cast<std::size_t>(weight)]));
  return Json::object({{"at", audit::format_time(assessment.at)},
                       {"policy_revision", assessment.revision},
                       {"identities", static_cast<std::int64_t>(assessment.identities)},
                       {"log", assessment.log},
                       {"counts", std::move(by_weight)},
                       {"excepted", static_cast<std::int64_t>(assessment.covered())},
                       {"findings", std::move(findings)},
                       {"checks", std::move(all)},
                       {"exceptions", std::move(exceptions)},
                       {"exceptions_without_finding", idle_json(assessment)},
                       {"standards", std::move(table)}});
}

namespace {

// RFC 4180. What a spreadsheet would take for a formula begins with a quote there.
std::string cell(std::string_view text) {
  std::string quoted = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    quoted += '\'';
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + '"';
}

}  // namespace

std::string to_csv(const Assessment& assessment) {
  std::string text =
      "severity,id,check,subjects,what,place,standards,fix,command,excepted_until,excepted_by\r\n";
  for (const Judged& judged : assessment.judged) {
    const Weakness& each = judged.weakness;
    std::string place;
    for (const auto& exhibit : each.evidence) {
      place = place_text(exhibit);
      if (!place.empty()) break;
    }
    const auto* exempt = judged.covered_by;
    const std::string cells[] = {std::string(weight_name(each.weight)),
                                 each.id(),
                                 std::string(each.check->id),
                                 fmt::format("{}", fmt::join(each.subjects, " ")),
                                 each.what,
                                 place,
                                 fmt::format("{}", fmt::join(each.check->standards, " ")),
                                 each.remedy.what,
                                 each.remedy.command,
                                 exempt != nullptr ? inventory::date_text(exempt->until) : "",
                                 exempt != nullptr ? exempt->owner : ""};
    for (const auto& one : cells) text += (&one == cells ? "" : ",") + cell(one);
    text += "\r\n";
  }
  return text;
}

Result<std::string> fix_text(const Weakness& weakness, const std::map<std::string, std::string>& words) {
  const Remedy& remedy = weakness.remedy;
  if (!remedy.by_hand.empty() || (remedy.patch.empty() && remedy.command.empty()))
    return failure(ErrorCode::kNotFound,
                   fmt::format("`{}` is mended by hand: {}: {}", weakness.id(), remedy.what, remedy.by_hand));
  const auto is_blank = [&](const auto& word) {
    return std::ranges::find(remedy.blanks, word.first, &Blank::word) != remedy.blanks.end();
  };
  if (const auto unknown = std::ranges::find_if_not(words, is_blank); unknown != words.end())
    return failure(ErrorCode::kInvalid,
                   fmt::format("the fix of `{}` has no blank `{}`", weakness.id(), unknown->first));
  std::string patch = remedy.patch;
  for (const Blank& blank : remedy.blanks) {
    const auto word = words.find(blank.word);
    if (word == words.end())
      return failure(ErrorCode::kInvalid, fmt::format("the fix of `{}` has a blank: add `--with {}=…`, {}",
                                                      weakness.id(), blank.word, blank.meaning));
    // Only in lines that the patch adds, and only whole words.
    std::string filled;
    for (std::size_t at = 0; at < patch.size();) {
      const auto end = std::min(patch.find('\n', at), patch.size() - 1) + 1;
      std::string line = patch.substr(at, end - at);
      const auto is_letter = [&](std::size_t place) {
        return place < line.size() && ((line[place] >= 'A' && line[place] <= 'Z') || line[place] == '-');
      };
      for (auto found = line.find(blank.word); line.starts_with('+') && found != line.npos;
           found = line.find(blank.word, found)) {
        if (is_letter(found - 1) || is_letter(found + blank.word.size())) {
          ++found;
          continue;
        }
        line.replace(found, blank.word.size(), word->second);
        found += word->second.size();
      }
      filled += line;
      at = end;
    }
    patch = std::move(filled);
  }
  std::string text;
  if (!remedy.first.empty()) text += fmt::format("# first: {}\n", remedy.first);
  if (!remedy.command.empty()) text += fmt::format("# run: {}\n", remedy.command);
  return text + patch;
}

std::string history_line(const Assessment& assessment) {
  const auto counts = assessment.counts();
  auto json = Json::object({{"at", audit::format_time(assessment.at)}, {"revision", assessment.revision}});
  for (const auto weight : {Weight::kCritical, Weight::kHigh, Weight::kMedium, Weight::kLow})
    json.set(weight_name(weight), static_cast<std::int64_t>(counts[static_cast<std::size_t>(weight)]));
  json.set("excepted", static_cast<std::int64_t>(assessment.covered()));
  return json.dump() + "\n";
}

Result<std::vector<Run>> parse_history(std::string_view text) {
  std::vector<Run> runs;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const auto json = codec::parse_json(line);
    const auto broken = [&] {
      return failure(ErrorCode::kInvalid,
                     fmt::format("line {} of the history is not a run of `writ posture`", number));
    };
    if (!json || json->find_string("at") == nullptr || json->find_string("revision") == nullptr)
      return broken();
    Run run{.at = *json->find_string("at"), .revision = *json->find_string("revision")};
    for (const auto weight : {Weight::kLow, Weight::kMedium, Weight::kHigh, Weight::kCritical}) {
      const auto* count = json->find(weight_name(weight));
      if (count == nullptr || !count->is_int()) return broken();
      run.counts[static_cast<std::size_t>(weight)] = *count->if_int();
    }
    if (const auto* covered = json->find("excepted"); covered != nullptr && covered->is_int())
      run.covered = *covered->if_int();
    runs.push_back(std::move(run));
  }
  return runs;
}

std::string trend_text(const std::vector<Run>& runs) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = runs.size() > kShown ? runs.size() - kShown : 0; i < runs.size(); ++i) {
    const Run& run = runs[i];
    const auto sum = [](const Run& of) { return of.counts[0] + of.counts[1] + of.counts[2] + of.counts[3]; };
    text += fmt::format("{}  critical {}, high {}, medium {}, low {}, excepted {}{}\n", run.at, run.counts[3],
                        run.counts[2], run.counts[1], run.counts[0], run.covered,
                        i > 0 ? fmt::format("  ({:+})", sum(run) - sum(runs[i - 1])) : "");
  }
  return text;
}

}  // namespace writ::posture
