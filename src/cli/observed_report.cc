#include "cli/observed_report.h"

#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "audit/verify.h"
#include "cli/log_parts.h"
#include "cli/output.h"
#include "cli/records.h"

namespace writ::cli {
namespace {

using codec::Json;

struct ObservedReportOptions {
  std::vector<std::string> files;
  std::size_t examples = 3;
  bool json = false;
};

// What would have been refused for one reason at one API.
struct Group {
  std::int64_t decisions = 0;
  std::string first, last;  // times
  std::map<std::string, std::int64_t> callers, actions, policies;
  std::vector<Json> examples;
};

struct ObservedCounts {
  std::int64_t decisions = 0;                          // at APIs that are only observed
  std::int64_t refused = 0;                            // of them, had they been enforced
  std::int64_t unreadable = 0;                         // lines
  std::map<std::array<std::string, 2>, Group> groups;  // by API and reason
};

bool is_true(const Json& record, std::string_view name) {
  const auto* value = record.find(name);
  return value != nullptr && value->if_bool() != nullptr && *value->if_bool();
}

// Who sent it, and for whom; without a good token, from where.
std::string caller_of(const Json& record) {
  const auto parties = parties_of(record);
  return parties == "-" ? "unknown, from " + show(record, "peer") : parties;
}

void count(const Json& record, const ObservedReportOptions& options, ObservedCounts& report) {
  if (!is_true(record, "not_enforced")) return;
  ++report.decisions;
  const auto reason = show(record, "reason");
  if (show(record, "effect") == "permit") return;
  ++report.refused;
  Group& group = report.groups[{show(record, "api"), reason}];
  if (group.decisions++ == 0) group.first = show(record, "time");
  group.last = show(record, "time");
  ++group.callers[caller_of(record)];
  ++group.actions[show(record, "action")];
  if (const auto* policies = record.find("policies");
      policies != nullptr && policies->if_array() != nullptr) {
    for (const Json& policy : *policies->if_array())
      if (const auto* id = policy.if_string()) ++group.policies[*id];
  }
  if (group.examples.size() < options.examples) group.examples.push_back(record);
}

std::string list_of(const std::map<std::string, std::int64_t>& counts) {
  std::vector<std::string> all;
  for (const auto& [name, times] : counts) all.push_back(fmt::format("{} ({})", name, times));
  return fmt::format("{}", fmt::join(all, ", "));
}

void print(const ObservedCounts& report) {
  print_text(fmt::format("{} requests to APIs that are only observed, {} would have been refused",
                         report.decisions, report.refused));
  for (const auto& [key, group] : report.groups) {
    print_text(fmt::format("\n{}: {}, {} requests from {} to {}", key[0], key[1], group.decisions,
                           group.first, group.last));
    print_text("  for " + list_of(group.callers));
    print_text("  to " + list_of(group.actions));
    if (!group.policies.empty()) print_text("  by " + list_of(group.policies));
    for (const Json& example : group.examples) {
      print_text("  " + line_of(example));
      print_text("    " + show(example, "message"));
    }
  }
}

Json to_json(const ObservedCounts& report) {
  const auto counts = [](const std::map<std::string, std::int64_t>& of) {
    Json all = Json::array();
    for (const auto& [name, times] : of) all.push(Json::object({{"name", name}, {"requests", times}}));
    return all;
  };
  Json groups = Json::array();
  for (const auto& [key, group] : report.groups) {
    Json examples = Json::array();
    for (const Json& example : group.examples) examples.push(example);
    groups.push(Json::object({{"api", key[0]},
                              {"reason", key[1]},
                              {"requests", group.decisions},
                              {"first", group.first},
                              {"last", group.last},
                              {"callers", counts(group.callers)},
                              {"actions", counts(group.actions)},
                              {"policies", counts(group.policies)},
                              {"examples", std::move(examples)}}));
  }
  return Json::object({{"requests", report.decisions},
                       {"refused", report.refused},
                       {"unreadable", report.unreadable},
                       {"groups", std::move(groups)}});
}

Result<ObservedCounts> read(const ObservedReportOptions& options) {
  ObservedCounts report;
  const auto parts = TRY(log_parts(options.files));
  TRY(audit::read_after(parts, 0, [&](std::string_view line) {
    const auto record = codec::parse_json(line);
    if (record && record->is_object()) {
      count(*record, options, report);
    } else {
      ++report.unreadable;
    }
    return true;
  }));
  return report;
}

int observed_report(const ObservedReportOptions& options) {
  const auto report = read(options);
  if (!report) return fail(report.error());
  options.json ? print_json(to_json(*report)) : print(*report);
  if (report->unreadable > 0)
    return fail(
        fmt::format("{} lines are not records; `writ audit verify` names the first", report->unreadable));
  return report->refused > 0 ? kNo : kYes;
}

}  // namespace

void add_observed_report(Command& audit) {
  auto options = std::make_shared<ObservedReportOptions>();
  auto& command =
      audit.add("observed", "what would have been refused at APIs with `enforce: false`, and for whom?");
  command.option("files", options->files, "the audit log: its files, or the folder they are in").required();
  command.option("--examples", options->examples, "records to show of each reason").shows_default();
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return observed_report(*options); });
}

}  // namespace writ::cli
