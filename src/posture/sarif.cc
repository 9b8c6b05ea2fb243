// SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
#include <fmt/format.h>
#include <map>

#include "audit/record.h"
#include "posture/render.h"

namespace writ::posture {
namespace {

using codec::Json;

std::string_view level_of(Weight weight) {
  if (weight >= Weight::kHigh) return "error";
  return weight == Weight::kMedium ? "warning" : "note";
}

// GitHub's code scanning sorts by it: over 9 is critical, over 7 high, over 4 medium.
std::string_view score_of(Weight weight) {
  constexpr std::string_view kScores[] = {"3.0", "5.5", "8.0", "9.5"};
  return kScores[static_cast<std::size_t>(weight)];
}

Json message(std::string_view text) {
  return Json::object({{"text", text}});
}

// §3.4.3: a URI reference; what is not unreserved is encoded, and slashes stay.
std::string uri_of(const std::string& file, const std::filesystem::path& root) {
  std::error_code error;
  const auto below = std::filesystem::weakly_canonical(file, error)
                         .lexically_relative(std::filesystem::weakly_canonical(root, error));
  const bool is_below = !below.empty() && *below.begin() != "..";
  const std::string path = is_below ? below.generic_string() : file;
  std::string uri;
  if (path.starts_with('/')) uri = "file://";
  for (const char letter : path) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') ||
                       std::string_view("-._~/").find(letter) != std::string_view::npos;
    uri += plain ? std::string(1, letter) : fmt::format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return uri;
}

Json rule_of(const Check& check) {
  auto tags = Json::array();
  tags.push("security");
  for (const auto id : check.standards) tags.push(id);
  std::string help = fmt::format("{}.", check.meaning);
  for (const auto id : check.standards) {
    const Standard* standard = find_standard(id);
    help +=
        fmt::format("\n{} {} ({}, {})", standard->id, standard->title, standard->document, standard->source);
  }
  return Json::object({{"id", check.id},
                       {"shortDescription", message(check.title)},
                       {"fullDescription", message(check.meaning)},
                       {"help", message(help)},
                       {"defaultConfiguration", Json::object({{"level", level_of(check.weight)}})},
                       {"properties", Json::object({{"tags", std::move(tags)},
                                                    {"security-severity", score_of(check.weight)}})}});
}

Json result_of(const Judged& judged, std::int64_t rule, const std::filesystem::path& root) {
  const Weakness& weakness = judged.weakness;
  auto locations = Json::array(), related = Json::array();
  std::string text = weakness.what + ".";
  for (const Exhibit& each : weakness.evidence) {
    std::string fact = each.fact;
    if (each.record) fact += fmt::format(" (record {} of the audit)", *each.record);
    if (each.date) fact += fmt::format(" ({})", audit::format_time(*each.date));
    text += fmt::format(" {}.", fact);
    if (each.place.file.empty()) continue;
    auto physical =
        Json::object({{"artifactLocation", Json::object({{"uri", uri_of(each.place.file, root)}})}});
    if (each.place.line > 0) {
      auto region = Json::object({{"startLine", each.place.line}});
      if (each.place.column > 0) region.set("startColumn", each.place.column);
      physical.set("region", std::move(region));
    }
    auto location = Json::object({{"physicalLocation", std::move(physical)}});
    // §3.27.12: the place to look at; the others are related.
    if (locations.if_array()->empty()) {
      locations.push(std::move(location));
    } else {
      location.set("message", message(fact));
      related.push(std::move(location));
    }
  }
  text += fmt::format(" Fix: {}.", weakness.remedy.what);
  auto json = Json::object({{"ruleId", weakness.check->id},
                            {"ruleIndex", rule},
                            {"level", level_of(weakness.weight)},
                            {"message", message(text)},
                            {"locations", std::move(locations)},
                            {"partialFingerprints", Json::object({{"writPosture/v1", weakness.id()}})},
                            {"properties", Json::object({{"severity", weight_name(weakness.weight)},
                                                         {"command", weakness.remedy.command},
                                                         {"change", weakness.remedy.change},
                                                         {"patch", weakness.remedy.patch},
                                                         {"by_hand", weakness.remedy.by_hand}})}});
  if (!related.if_array()->empty()) json.set("relatedLocations", std::move(related));
  if (judged.covered_by != nullptr) {
    auto suppressions = Json::array();
    suppressions.push(
        Json::object({{"kind", "external"},
                      {"status", "accepted"},
                      {"justification",
                       fmt::format("{} ({}, until {})", judged.covered_by->reason, judged.covered_by->owner,
                                   inventory::date_text(judged.covered_by->until))}}));
    json.set("suppressions", std::move(suppressions));
  }
  return json;
}

}  // namespace

Json to_sarif(const Assessment& assessment, std::string_view version, const std::filesystem::path& root) {
  auto rules = Json::array(), results = Json::array(), notes = Json::array();
  std::map<const Check*, std::int64_t> places;
  for (std::size_t i = 0; i < assessment.checked.size(); ++i) {
    const Checked& checked = assessment.checked[i];
    places[checked.check] = static_cast<std::int64_t>(i);
    rules.push(rule_of(*checked.check));
    if (checked.not_computable.empty() && checked.untold == 0) continue;
    // §3.58: what could not be looked at is told by the tool, and is not a result.
    const auto why = checked.not_computable.empty()
                         ? fmt::format("{} subjects: {}", checked.untold, checked.untold_why)
                         : checked.not_computable;
    notes.push(
        Json::object({{"level", "note"},
                      {"message", message(fmt::format("{}: not computable: {}", checked.check->id, why))}}));
  }
  for (const Judged& each : assessment.judged)
    results.push(result_of(each, places.at(each.weakness.check), root));
  auto driver = Json::object({{"name", "writ posture"}, {"version", version}, {"rules", std::move(rules)}});
  auto invocations = Json::array();
  invocations.push(
      Json::object({{"executionSuccessful", true}, {"toolExecutionNotifications", std::move(notes)}}));
  auto runs = Json::array();
  runs.push(Json::object({{"tool", Json::object({{"driver", std::move(driver)}})},
                          {"invocations", std::move(invocations)},
                          {"columnKind", "utf16CodeUnits"},
                          {"results", std::move(results)}}));
  return Json::object({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                       {"version", "2.1.0"},
                       {"runs", std::move(runs)}});
}

}  // namespace writ::posture
