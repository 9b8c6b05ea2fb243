#include "cli/shadow_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "audit/verify.h"
#include "cli/output.h"
#include "cli/records.h"

namespace writ::cli {
namespace {

using codec::Json;

struct ShadowReportOptions {
  std::string file;
  std::string revision;
  std::size_t examples = 3;
  bool json = false;
};

// What one shadow policy would do in one way, over all decisions.
struct Change {
  std::int64_t decisions = 0;
  std::string first, last;                                              // times
  std::map<std::pair<std::string, std::string>, std::int64_t> parties;  // by role and id
  std::map<std::string, std::int64_t> apis;
  std::vector<Json> examples;
};

struct ShadowCounts {
  std::int64_t decisions = 0;  // that shadow policies were asked about
  std::int64_t changed = 0;
  std::int64_t unreadable = 0;  // lines
  // By policy, effect and outcome with the shadow policies.
  std::map<std::array<std::string, 3>, Change> changes;
};

void count_parties(const Json& record, Change& change) {
  const auto count = [&](const char* role, const std::string& id) {
    if (!id.empty()) ++change.parties[{role, id}];
  };
  const auto client = show(record, "client"), subject = show(record, "subject");
  if (subject != client) count("subject", subject);
  count("client", client);
  const auto* actors = record.find("actors");
  if (actors == nullptr || actors->if_array() == nullptr) return;
  for (const Json& actor : *actors->if_array()) {
    const auto* id = actor.if_string();
    if (id != nullptr && *id != client && *id != subject) count("actor", *id);
  }
}

void count(const Json& record, const ShadowReportOptions& options, ShadowCounts& report) {
  if (record.find("shadow_effect") == nullptr ||
      !show(record, "policy_revision").starts_with(options.revision))
    return;
  ++report.decisions;
  if (!would_change(record)) return;
  ++report.changed;
  std::vector<std::string> policies;
  if (const auto* named = record.find("shadow_policies"); named != nullptr && named->if_array() != nullptr) {
    for (const Json& id : *named->if_array())
      policies.push_back(id.if_string() != nullptr ? *id.if_string() : "");
  }
  // A decision that broke off names none.
  if (policies.empty()) policies.emplace_back();
  for (const auto& policy : policies) {
    Change& change = report.changes[{policy, show(record, "effect"), shadow_outcome(record)}];
    if (change.decisions++ == 0) change.first = show(record, "time");
    change.last = show(record, "time");
    count_parties(record, change);
    ++change.apis[show(record, "api")];
    if (change.examples.size() < options.examples) change.examples.push_back(record);
  }
}

void print(const ShadowCounts& report) {
  print_text(fmt::format("{} decisions with shadow policies, {} would have been otherwise", report.decisions,
                         report.changed));
  for (const auto& [key, change] : report.changes) {
    const auto& [policy, from, to] = key;
    print_text(fmt::format("\n{}: {} → {}, {} decisions from {} to {}",
                           policy.empty() ? "(no policy)" : policy, from, to, change.decisions, change.first,
                           change.last));
    std::vector<std::string> parties, apis;
    for (const auto& [party, times] : change.parties)
      parties.push_back(fmt::format("{} {} {}", party.first, party.second, times));
    for (const auto& [api, times] : change.apis) apis.push_back(fmt::format("{} {}", api, times));
    print_text(fmt::format("  for {}", fmt::join(parties, ", ")));
    print_text(fmt::format("  at {}", fmt::join(apis, ", ")));
    for (const Json& example : change.examples) print_text("  " + line_of(example));
  }
}

Json to_json(const ShadowCounts& report) {
  Json changes = Json::array();
  for (const auto& [key, change] : report.changes) {
    const auto& [policy, from, to] = key;
    Json parties = Json::array(), apis = Json::array(), examples = Json::array();
    for (const auto& [party, times] : change.parties)
      parties.push(Json::object({{"role", party.first}, {"id", party.second}, {"decisions", times}}));
    for (const auto& [api, times] : change.apis)
      apis.push(Json::object({{"api", api}, {"decisions", times}}));
    for (const Json& example : change.examples) examples.push(example);
    changes.push(Json::object({{"policy", policy},
                               {"from", from},
                               {"to", to},
                               {"decisions", change.decisions},
                               {"first", change.first},
                               {"last", change.last},
                               {"parties", std::move(parties)},
                               {"apis", std::move(apis)},
                               {"examples", std::move(examples)}}));
  }
  return Json::object({{"decisions", report.decisions},
                       {"changed", report.changed},
                       {"unreadable", report.unreadable},
                       {"changes", std::move(changes)}});
}

int shadow_report(const ShadowReportOptions& options) {
  ShadowCounts report;
  const auto read = audit::read_lines(options.file, [&](std::string_view line) {
    const auto record = codec::parse_json(line);
    if (record && record->is_object()) {
      count(*record, options, report);
    } else {
      ++report.unreadable;
    }
    return true;
  });
  if (!read) return fail(read.error());
  options.json ? print_json(to_json(report)) : print(report);
  if (report.unreadable > 0)
    return fail(
        fmt::format("{} lines are not records; `writ audit verify` names the first", report.unreadable));
  return report.changed > 0 ? kNo : kYes;
}

}  // namespace

void add_shadow_report(Command& audit) {
  auto options = std::make_shared<ShadowReportOptions>();
  auto& command =
      audit.add("shadow-report", "which decisions would shadow policies have changed, and for whom?");
  command.option("file", options->file, "the audit log").required();
  command.option("--revision", options->revision,
                 "only decisions under this revision (its first digits are enough)");
  command.option("--examples", options->examples, "records to show of each change").shows_default();
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return shadow_report(*options); });
}

}  // namespace writ::cli
