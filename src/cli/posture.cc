// writ posture: what is wrong with what is there, with evidence and a fix (docs/posture.md).
#include "cli/posture.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/log_parts.h"
#include "cli/output.h"
#include "files/files.h"
#include "posture/looking.h"
#include "store/api_key_rows.h"

namespace writ::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxHistoryBytes = 16 << 20;

struct PostureOptions {
  std::string config = "writ.yaml", at, data, exceptions, fail_on, history, html, sarif;
  std::string check, fix;
  std::vector<std::string> audit, with;
  std::uint64_t since_days = 0, dormant_days = 90, credential_days = 365;
  bool json = false, csv = false, no_index = false;
};

// The patch of one finding.
int print_fix(const PostureOptions& options, const posture::Assessment& assessment) {
  std::map<std::string, std::string> words;
  for (const auto& each : options.with) {
    const auto equals = each.find('=');
    if (equals == 0 || equals == each.npos)
      return fail(fmt::format("--with takes WORD=TEXT, and `{}` is not of this form", each));
    words.insert_or_assign(each.substr(0, equals), each.substr(equals + 1));
  }
  for (const auto& judged : assessment.judged) {
    if (judged.weakness.id() != options.fix) continue;
    const auto text = posture::fix_text(judged.weakness, words);
    if (text) {
      print_exact(*text);
      return kYes;
    }
    print_error(fmt::format("writ: {}", text.error().message));
    return text.error().code == ErrorCode::kNotFound ? kNo : kBroken;
  }
  return fail(fmt::format("there is no finding `{}`; `writ posture` lists them", options.fix));
}

// The same look again, for the patch of a finding.
posture::Invocation invocation_of(const PostureOptions& options) {
  const PostureOptions usual{};
  posture::Invocation made;
  const auto add = [&](std::string_view option, const std::string& value, const std::string& otherwise) {
    if (value != otherwise) made.look += fmt::format(" {} {}", option, posture::shell_word(value));
  };
  const auto add_number = [&](std::string_view option, std::uint64_t value, std::uint64_t otherwise) {
    if (value != otherwise) made.look += fmt::format(" {} {}", option, value);
  };
  add("--config", options.config, usual.config);
  for (const auto& log : options.audit) add("--audit", log, {});
  add("--data", options.data, usual.data);
  add("--exceptions", options.exceptions, usual.exceptions);
  add("--at", options.at, usual.at);
  add_number("--since-days", options.since_days, usual.since_days);
  add_number("--dormant-days", options.dormant_days, usual.dormant_days);
  add_number("--credential-days", options.credential_days, usual.credential_days);
  made.folder = fs::path(options.config).parent_path().string();
  return made;
}

int look(const PostureOptions& options) {
  const auto now = instant_of(options.at);
  if (!now) return fail(now.error());
  auto exemptions = read_exemptions(options.exceptions);
  if (!exemptions) return kBroken;
  const auto loaded = load_configuration(options.config);
  if (!loaded) return fail(loaded.error());
  // Of a finding's id, what stands in front of the colon is its check.
  const auto asked = options.fix.empty() ? options.check : options.fix.substr(0, options.fix.find(':'));
  const auto* only = asked.empty() ? nullptr : posture::find_check(asked);
  if (!asked.empty() && only == nullptr)
    return fail(fmt::format("there is no check `{}`; `writ posture --json` lists them", asked));
  const bool index = !options.no_index;
  posture::Looking looking{.loaded = *loaded,
                           .now = *now,
                           .index = {.use = index, .keep = index},
                           .limits = {.dormant = std::chrono::days(options.dormant_days),
                                      .credential = std::chrono::days(options.credential_days)},
                           .exemptions = *std::move(exemptions),
                           .only = only};
  if (options.since_days > 0) looking.since = *now - std::chrono::days(options.since_days);
  if (!options.audit.empty()) {
    auto log = log_parts(options.audit);
    if (!log) return fail(log.error());
    looking.log = *std::move(log);
  }
  if (!options.data.empty()) {
    auto keys = store::ApiKeyRows::look(options.data);
    if (!keys) return fail(keys.error());
    looking.api_keys = *std::move(keys);
  }
  const auto looked = posture::look(std::move(looking));
  if (!looked) return fail(looked.error());
  const posture::Assessment& assessment = *looked;
  if (!options.fix.empty()) return print_fix(options, assessment);

  std::string trend;
  if (!options.history.empty()) {
    const auto runs = add_to_history(options.history, assessment);
    if (!runs) return fail(Error(runs.error()).in(options.history));
    trend = posture::trend_text(*runs);
  }
  // The page is an attacker's map; the other one is for a service that many may read.
  const auto page = options.html.empty()
                        ? Result<void>()
                        : files::put_private_file(options.html, posture::to_html(assessment, trend));
  if (!page) return fail(page.error());
  const auto sarif =
      options.sarif.empty()
          ? Result<void>()
          : files::write_file(options.sarif,
                              posture::to_sarif(assessment, "0.1.0", fs::current_path()).pretty() + "\n");
  if (!sarif) return fail(sarif.error());
  if (options.json) {
    print_json(posture::to_json(assessment));
  } else if (options.csv) {
    print_exact(posture::to_csv(assessment));
  } else {
    print_text(posture::to_text(assessment, invocation_of(options)) + trend);
  }
  if (options.fail_on.empty()) return kYes;
  return assessment.any_at_least(*posture::weight_from_name(options.fail_on)) ? kNo : kYes;
}

}  // namespace

std::optional<std::vector<posture::Exemption>> read_exemptions(const std::string& named) {
  if (named.empty()) return std::vector<posture::Exemption>();
  const auto text = files::read_file(named, posture::kMaxExemptionBytes);
  if (!text) {
    fail(text.error());
    return std::nullopt;
  }
  files::Issues issues;
  auto read = posture::parse_exceptions(*text, named, issues);
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (!issues.has_errors()) return read;
  fail(fmt::format("{}: {}, so nothing was looked at", named, number_of(issues.errors(), "error")));
  return std::nullopt;
}

Result<std::vector<posture::Run>> add_to_history(const std::string& file,
                                                 const posture::Assessment& assessment) {
  std::string before;
  std::error_code error;
  if (fs::exists(file, error)) before = TRY(files::read_file(file, kMaxHistoryBytes));
  if (!before.empty() && !before.ends_with('\n')) before += '\n';
  before += posture::history_line(assessment);
  auto runs = TRY(posture::parse_history(before));
  if (fs::exists(file, error)) {
    TRY(files::replace_file(file, before));
  } else {
    TRY(files::write_file(file, before));
  }
  return runs;
}

void add_posture(Command& program) {
  auto options = std::make_shared<PostureOptions>();
  auto& command =
      program.add("posture", "what is wrong with identities, credentials and policies, and the fix");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--audit", options->audit, "an audit log, or the folder of its files: tells what is used");
  command.option("--data", options->data, "Writ's data folder: its database tells of API keys");
  command
      .option("--since-days", options->since_days,
              "look at the last so many days of the log; all if not given")
      .between(1, 36500);
  command.option("--dormant-days", options->dormant_days, "what was not used for so many days is dormant")
      .between(1, 3650)
      .shows_default();
  command.option("--credential-days", options->credential_days, "a credential that is older is ageing")
      .between(1, 3650)
      .shows_default();
  command.option("--exceptions", options->exceptions,
                 "a file of findings that somebody answers for, until a day");
  command.option("--fail-on", options->fail_on, "exit with 1 if there is a finding so severe, or worse")
      .one_of({"critical", "high", "medium", "low"});
  command.option("--history", options->history, "add this run to a file, and show the trend");
  command.option("--check", options->check, "look at this check alone: no-owner");
  command.option("--fix", options->fix, "print the patch of this finding, for `patch -p1`: no-owner:portal");
  command.option("--with", options->with, "what a blank of the patch is: PERSON=nora").needs("--fix");
  command.option("--html", options->html, "write the report as one HTML file");
  command.option("--sarif", options->sarif, "write SARIF 2.1.0");
  command.option("--at", options->at, "as of which instant: 2026-03-02T09:00:00Z; now if not given");
  command.flag("--no-index", options->no_index, "read the log alone, and neither use nor write an index");
  command.flag("--json", options->json, "print JSON").excludes("--csv");
  command.flag("--csv", options->csv, "print CSV, a line for each finding");
  command.runs([options] { return look(*options); });
}

}  // namespace writ::cli
