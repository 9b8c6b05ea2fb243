#include "cli/report.h"

#include <fmt/format.h>

#include "audit/record.h"
#include "claims/page.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/log_parts.h"
#include "cli/output.h"
#include "cli/posture.h"
#include "files/files.h"
#include "policy/contract_sheets.h"
#include "posture/looking.h"
#include "rightsize/page.h"

namespace writ::cli {
namespace {

using report::element;
using report::Markup;
using report::text;

struct ReportOptions {
  std::string config = "writ.yaml", html, at, exceptions, history;
  std::vector<std::string> audit;
  bool quick = false, no_index = false;
};

// A part of the page: what the list of contents says, and the whole.
struct Part {
  std::string id, title;
  Markup content;
};

// Without a log nothing can be told; with one that has no permit neither.
Result<Markup> rightsizing(const policy::Loaded& loaded, const std::optional<std::vector<audit::Part>>& log,
                           digest::IndexUse index) {
  if (!log) return element("p", "Not computable: no audit log was given, which tells what is used.");
  const rightsize::Source source{
      .log = *log, .loaded = loaded, .data = loaded.config.data, .settings = {}, .index = index};
  const auto plan = rightsize::make_plan(source, {Instant::min(), Instant::max()});
  if (plan) return rightsize::proposal_part(**plan);
  if (plan.error().code == ErrorCode::kNotFound)
    return element("p", "Not computable: " + plan.error().message);
  return std::unexpected(plan.error());
}

Markup contents_of(const std::vector<Part>& parts) {
  Markup items;
  for (const Part& each : parts) items += element("li", report::link_within(each.id, text(each.title)));
  return element("nav", {{"aria-label", "contents"}}, element("ul", items));
}

Result<std::vector<Part>> parts_of(const ReportOptions& options, const policy::Loaded& loaded, Instant at,
                                   std::vector<posture::Exemption> exemptions) {
  const digest::IndexUse index{.use = !options.no_index, .keep = !options.no_index};
  std::optional<std::vector<audit::Part>> log;
  if (!options.audit.empty()) log = TRY(log_parts(options.audit));
  const auto looked = TRY(posture::look(
      {.loaded = loaded, .now = at, .log = log, .index = index, .exemptions = std::move(exemptions)}));
  std::string trend;
  if (!options.history.empty()) {
    const auto runs = add_to_history(options.history, looked);
    if (!runs) return std::unexpected(Error(runs.error()).in(options.history));
    trend = posture::trend_text(*runs);
  }
  const policy::ContractSheets contracts(loaded);
  const auto sheets = TRY(contracts.sheets({}, false, at));
  const auto findings = TRY(contracts.lint(at));
  std::vector<Part> parts;
  parts.push_back({"posture", "What is wrong", posture::html_part(looked, trend)});
  parts.push_back({"access", "Who can reach what", TRY(access_part(loaded, at, {.quick = options.quick}))});
  parts.push_back({"tokens", "What tokens carry", claims::contracts_part(sheets, findings)});
  parts.push_back({"rightsizing", "What may be narrower", TRY(rightsizing(loaded, log, index))});
  return parts;
}

int make_report(const ReportOptions& options) {
  const auto at = instant_of(options.at);
  if (!at) return fail(at.error());
  auto exemptions = read_exemptions(options.exceptions);
  if (!exemptions) return kBroken;
  const auto loaded = load_configuration(options.config);
  if (!loaded) return fail(loaded.error());
  const auto parts = parts_of(options, *loaded, *at, *std::move(exemptions));
  if (!parts) return fail(parts.error());
  Markup body = element("p", fmt::format("As of {}, by the policies {}.", audit::format_time(*at),
                                         loaded->policies.snapshot->revision)) +
                contents_of(*parts);
  for (const Part& each : *parts) body += report::section(each.id, each.title, each.content);
  // It is a map for whoever attacks.
  const auto page = report::page("Access, tokens and posture", body);
  if (const auto written = files::put_private_file(options.html, page); !written)
    return fail(written.error());
  print_text(fmt::format("written to {}", options.html));
  return kYes;
}

}  // namespace

void add_report(Command& program) {
  auto options = std::make_shared<ReportOptions>();
  auto& command = program.add(
      "report", "one HTML page: what is wrong, who reaches what, what tokens carry, what may be narrower");
  command.option("--html", options->html, "the file to write").required();
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--audit", options->audit, "an audit log, or the folder of its files: tells what is used");
  command.option("--exceptions", options->exceptions,
                 "a file of findings that somebody answers for, until a day");
  command.option("--history", options->history, "add this report to a file, and show the trend");
  command.option("--at", options->at, "as of which instant: 2026-03-02T09:00:00Z; now if not given");
  command.flag("--quick", options->quick, "do not look for requests that are permitted");
  command.flag("--no-index", options->no_index, "read the log alone, and neither use nor write an index");
  command.runs([options] { return make_report(*options); });
}

}  // namespace writ::cli
