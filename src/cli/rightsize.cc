#include "cli/rightsize.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "cli/loaded.h"
#include "cli/log_parts.h"
#include "cli/output.h"
#include "policy/load.h"
#include "rightsize/folder.h"
#include "rightsize/report.h"
#include "simulate/moment.h"

namespace writ::cli {
namespace {

struct RightsizeOptions {
  std::vector<std::string> audit;
  std::string config = "writ.yaml", data;
  std::string since = "90d", until, out;
  std::vector<std::string> narrow;
  std::uint64_t least_uses = 10;
  std::int64_t least_days = 30;
  bool replay = false, json = false, all = false, no_index = false;
};

// "90d": so long before now.
Result<Instant> moment(const std::string& text, Instant now) {
  if (const auto at = simulate::parse_moment("-" + text, now)) return *at;
  if (const auto at = simulate::parse_moment(text, now)) return *at;
  return failure(ErrorCode::kInvalid,
                 fmt::format("`{}` is not a time: write 90d for so long ago, or 2026-03-02T09:00:00Z", text));
}

Result<rightsize::ByChance> by_chance(const std::vector<std::string>& named) {
  rightsize::ByChance chance;
  for (const auto& name : named) {
    if (name == "ids") {
      chance.ids = true;
    } else if (name == "addresses") {
      chance.addresses = true;
    } else if (name == "hours") {
      chance.hours = true;
    } else {
      return failure(
          ErrorCode::kInvalid,
          fmt::format("--narrow takes `ids`, `addresses` and `hours`, but `{}` is none of them", name));
    }
  }
  return chance;
}

// The whole proposal over the whole window; and of the first two thirds one, over the last.
Result<rightsize::Rehearsed> rehearse(const rightsize::Source& source, const rightsize::RightsizingPlan& plan,
                                      rightsize::Window window) {
  rightsize::Rehearsed rehearsed{TRY(rightsize::rehearse(source, plan.proposed, window)),
                                 rightsize::two_thirds(plan.evidence), std::nullopt};
  const auto earlier = rightsize::make_plan(source, {window.since, rehearsed.from});
  if (!earlier && earlier.error().code != ErrorCode::kNotFound) return std::unexpected(earlier.error());
  if (earlier)
    rehearsed.last_third =
        TRY(rightsize::rehearse(source, (*earlier)->proposed, {rehearsed.from, window.until}));
  return rehearsed;
}

int propose(const RightsizeOptions& options) {
  if (const auto problem = no_configuration(options.config)) return fail(*problem);
  files::Issues issues;
  auto config = config::read_config(options.config, issues);
  if (!config) return broken(issues, "nothing was proposed");
  if (!options.data.empty()) config->data = options.data;
  const auto loaded = policy::load(*std::move(config), issues);
  if (!loaded) return broken(issues, "nothing was proposed");

  const Instant now = SystemClock().now();
  const auto since = moment(options.since, now);
  if (!since) return fail(since.error());
  const auto until = options.until.empty() ? Result<Instant>(Instant::max()) : moment(options.until, now);
  if (!until) return fail(until.error());
  const rightsize::Window window{*since, *until};
  const auto chance = by_chance(options.narrow);
  if (!chance) return fail(chance.error());
  const auto log = log_parts(options.audit, loaded->config);
  if (!log) return fail(log.error());

  const rightsize::Source source{
      *log,
      *loaded,
      loaded->config.data,
      {.by_chance = *chance, .least_uses = options.least_uses, .least_days = options.least_days},
      {.use = !options.no_index, .keep = !options.no_index}};
  const auto plan = rightsize::make_plan(source, window);
  if (!plan) return fail(plan.error());
  const auto suite = rightsize::suite_of(source, **plan, rightsize::kSuiteFile);
  if (!suite) return fail(suite.error());
  const auto templates = rightsize::templates_of(source, **plan, rightsize::kTemplateTests);
  if (!templates) return fail(templates.error());
  std::optional<rightsize::Rehearsed> rehearsed;
  if (options.replay) {
    auto done = rehearse(source, **plan, window);
    if (!done) return fail(done.error());
    rehearsed = *std::move(done);
  }
  if (!options.out.empty()) {
    if (const auto written = rightsize::write_folder(options.out, **plan, *suite, *templates); !written)
      return fail(written.error());
  }
  const rightsize::Report report{**plan, *suite, *templates, rehearsed ? &*rehearsed : nullptr, options.out};
  options.json ? print_json(rightsize::to_json(report)) : print_text(rightsize::to_text(report, options.all));
  if ((*plan)->evidence.unreadable > 0)
    return fail(fmt::format("{} lines are not records; `writ audit verify` names the first",
                            (*plan)->evidence.unreadable));
  return rehearsed && (!rehearsed->whole.refused.empty() || !rehearsed->whole.widened.empty()) ? kNo : kYes;
}

}  // namespace

void add_rightsize(Command& program) {
  auto options = std::make_shared<RightsizeOptions>();
  auto& command = program.add("rightsize", "propose narrower policies that keep what is used");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--audit", options->audit,
                 "files of the audit log, or their folder; the configuration's if not given");
  command.option("--data", options->data, "the data folder, instead of the configuration's");
  command.option("--since", options->since, "look at records from then on: 90d ago, or 2026-03-02T09:00:00Z")
      .shows_default();
  command.option("--until", options->until, "look at records before then; to the end if not given");
  command.option("--out", options->out, "write the policies and their tests into this new folder");
  command.flag("--replay", options->replay,
               "decide the recorded requests again under the proposal, and the last third of them under a "
               "proposal that is made of the others");
  command.option("--narrow", options->narrow,
                 "narrow to what was seen by chance, too: `ids` of resources, `addresses`, `hours`");
  command.option("--least-uses", options->least_uses, "keep permits that were used less often")
      .shows_default();
  command.option("--least-days", options->least_days, "keep permits that were not seen for so many days")
      .between(0, 36500)
      .shows_default();
  command.flag("--no-index", options->no_index, "read the log alone, and neither use nor write an index");
  command.flag("--json", options->json, "print JSON");
  command.flag("-v,--verbose", options->all, "list what stays as it is, too");
  command.runs([options] { return propose(*options); });
}

}  // namespace writ::cli
