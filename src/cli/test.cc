// writ test: do the policies decide as their tests say?
#include <cstdio>
#include <fmt/format.h>

#include "audit/log.h"
#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "files/files.h"
#include "policy/file_watch.h"
#include "policytest/abnormal.h"
#include "policytest/coverage.h"
#include "policytest/files.h"
#include "policytest/live.h"
#include "policytest/missing.h"
#include "policytest/mutate.h"
#include "policytest/reader.h"
#include "policytest/recorded.h"
#include "policytest/report.h"

namespace writ::cli {
namespace {

struct TestOptions {
  std::vector<std::string> files;
  std::string config = "writ.yaml";
  std::vector<std::string> policies;  // in place of the configuration's
  bool json = false;
  bool verbose = false;
  std::string junit;
  bool abnormal = false;
  std::string audit;
  std::string live, opener, data;
  std::string out;
  std::string record;
  bool mutate = false;
  bool write_missing = false;
  bool coverage = false;
  std::optional<unsigned> coverage_at_least;  // per cent
  bool watch = false;
};

// Nothing when something is wrong with them.
std::optional<std::vector<policytest::Suite>> read_suites(const TestOptions& options,
                                                          const policy::Loaded& loaded,
                                                          files::Issues& issues) {
  std::vector<policytest::Suite> suites;
  for (const auto& file : policytest::test_files(options.files, loaded.config, issues)) {
    if (auto suite = policytest::read_suite(file, loaded, issues)) suites.push_back(*std::move(suite));
  }
  if (issues.has_errors()) return std::nullopt;
  return suites;
}

int not_tested(const files::Issues& issues, const TestOptions& options) {
  if (options.json) {
    auto list = codec::Json::array();
    for (const auto& issue : issues.all()) list.push(to_json(issue));
    print_json(codec::Json::object({{"issues", std::move(list)}}));
  } else {
    for (const auto& issue : issues.all()) print_error(render(issue));
  }
  return fail("nothing was tested: " + number_of(issues.errors(), "error"));
}

// A file for each derived request that was permitted, which `writ explain` takes.
Result<void> write_findings(const policytest::Abnormal& abnormal, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failure(ErrorCode::kIo, fmt::format("cannot create `{}`: {}", folder, error.message()));
  std::size_t number = 0;
  for (const policytest::Tried& tried : abnormal.tried()) {
    if (!tried.is_finding()) continue;
    const auto name =
        fmt::format("{:04}-{}.json", ++number, policytest::dimension_name(tried.variant.dimension));
    TRY(files::write_file(std::filesystem::path(folder) / name, request_file(tried).pretty() + "\n"));
  }
  return {};
}

// What the requests that the tests expect to be permitted lead to, when something about them is wrong.
int abnormal(const TestOptions& options, policytest::Shared& shared,
             const std::vector<policytest::Suite>& suites) {
  const bool whole = options.files.empty() && options.audit.empty();
  std::unique_ptr<policytest::Live> live;
  if (!options.live.empty()) {
    auto connected = policytest::Live::connect(shared, {options.live, options.opener});
    if (!connected) return fail(connected.error());
    live = *std::move(connected);
  }
  auto abnormal = policytest::Abnormal::make(shared, whole && !live, live.get());
  if (!abnormal) return fail(abnormal.error());
  for (const auto& suite : suites) {
    if (const auto run = abnormal->run(suite); !run) return fail(run.error());
  }
  // Nothing tried is no proof of anything.
  if (abnormal->originals() == 0 && !abnormal->left_out().empty())
    print_error(to_text(*abnormal, options.verbose));
  if (abnormal->originals() == 0)
    return fail(fmt::format("{}, so there is nothing to derive from",
                            live                    ? "the running gateway permits none of the requests"
                            : options.audit.empty() ? "no test expects a permit"
                                                    : "no permit of the audit log can be reproduced"));
  if (!options.out.empty()) {
    if (const auto written = write_findings(*abnormal, options.out); !written) return fail(written.error());
  }
  if (!options.junit.empty()) {
    if (const auto written = files::write_file(options.junit, to_junit(*abnormal)); !written)
      return fail(written.error());
  }
  if (options.json) {
    print_json(to_json(*abnormal));
  } else {
    print_text(to_text(*abnormal, options.verbose));
  }
  return abnormal->findings() == 0 && abnormal->unused_acceptances().empty() ? kYes : kNo;
}

// Which changes of the policies do the tests not notice?
int mutate(const TestOptions& options, policytest::Shared& shared,
           const std::vector<policytest::Suite>& suites) {
  auto result = policytest::mutate(shared, suites);
  if (!result) return fail(result.error());
  if (options.write_missing) {
    if (const auto written = policytest::write_missing(shared, suites, *result); !written)
      return fail(written.error());
  }
  if (!options.junit.empty()) {
    if (const auto written = files::write_file(options.junit, to_junit(*result)); !written)
      return fail(written.error());
  }
  if (options.json) {
    print_json(to_json(*result));
  } else {
    print_text(to_text(*result));
  }
  return result->findings() == 0 ? kYes : kNo;
}

// A new audit log for what the tests decide. Its first record says what it is.
Result<std::unique_ptr<audit::Log>> log_for(const std::string& file, Instant now) {
  std::error_code error;
  if (std::filesystem::exists(file, error))
    return failure(ErrorCode::kConflict,
                   fmt::format("`{}` is there already: name a new file, which gets the records", file));
  auto log = TRY(audit::Log::open(file, {.durable = false}, now));
  const auto begun = audit::make_record(
      now, audit::Event{.type = "tests.recorded",
                        .object = "writ test",
                        .detail = "made by tests: nobody sent these requests to a running Writ"});
  TRY(log->append(begun));
  return log;
}

// Do the policies decide as the tests say, and how much of them did the tests see?
int run_suites(const TestOptions& options, policytest::Shared& shared,
               const std::vector<policytest::Suite>& suites) {
  std::optional<policytest::Coverage> coverage;
  policytest::Observer observer;
  if (options.coverage || options.coverage_at_least) {
    auto made = policytest::Coverage::make(shared.loaded, suites);
    if (!made) return fail(made.error());
    coverage = *std::move(made);
    observer = [&coverage](const policytest::Asked& asked) { coverage->see(asked); };
  }
  std::unique_ptr<audit::Log> log;
  if (!options.record.empty() && !suites.empty()) {
    auto opened = log_for(options.record, suites.front().now);
    if (!opened) return fail(opened.error());
    log = *std::move(opened);
    shared.record = [&log](audit::Record record) { return log->append(std::move(record)); };
  }
  std::vector<policytest::SuiteResult> results;
  for (const auto& suite : suites) {
    auto result = policytest::run_suite(shared, suite, shared.loaded.policies.snapshot, observer);
    if (!result) return fail(result.error());
    results.push_back(*std::move(result));
  }
  if (!options.junit.empty()) {
    if (const auto written = files::write_file(options.junit, to_junit(results)); !written)
      return fail(written.error());
  }
  if (options.json) {
    auto json = to_json(results);
    if (coverage) json.set("coverage", to_json(*coverage));
    print_json(json);
  } else {
    print_text(to_text(results, options.verbose) +
               (coverage ? to_text(*coverage, options.verbose) : std::string()));
  }
  if (options.coverage_at_least && !coverage->at_least(*options.coverage_at_least)) {
    print_error(
        fmt::format("writ: the tests saw less than {} % of the policies", *options.coverage_at_least));
    return kNo;
  }
  return policytest::totals(results).failures == 0 ? kYes : kNo;
}

// Whatever is run: what accepts nothing that there is would never be looked at again.
Result<void> check_acceptances(const policy::LoadedPolicies& policies) {
  TRY(policytest::check_annotations(
      policies, {policytest::kAcceptAbnormal, policytest::kAcceptMutant, policy::kHidingAnnotation}));
  TRY(policytest::accepted_abnormal(policies));
  TRY(policytest::accepted_mutants(policies));
  return {};
}

std::optional<config::Config> read_config(const TestOptions& options, files::Issues& issues) {
  auto config = config::draft_config(options.config, issues);
  if (config && !options.policies.empty())
    config->policies.policies.assign(options.policies.begin(), options.policies.end());
  return config;
}

int test(const TestOptions& options) {
  if (const auto problem = no_configuration(options.config)) return fail(*problem);
  files::Issues issues;
  auto config = read_config(options, issues);
  if (!config) return not_tested(issues, options);
  const auto loaded = policy::load(*std::move(config), issues);
  if (!loaded) return not_tested(issues, options);
  if (const auto checked = check_acceptances(loaded->policies); !checked) return fail(checked.error());
  issues = {};
  std::optional<std::vector<policytest::Suite>> suites;
  if (options.audit.empty()) {
    suites = read_suites(options, *loaded, issues);
    if (!suites) return not_tested(issues, options);
  } else {
    auto recorded = policytest::recorded_suite(options.audit, *loaded);
    if (!recorded) return fail(recorded.error());
    suites.emplace().push_back(*std::move(recorded));
  }

  std::optional<jose::PrivateJwk> key;
  if (!options.live.empty()) {
    auto signing = policytest::signing_key(
        loaded->config, options.data.empty() ? loaded->config.data : std::filesystem::path(options.data));
    if (!signing) return fail(signing.error());
    key = *std::move(signing);
  }
  auto shared = policytest::Shared::make(*loaded, std::move(key));
  if (!shared) return fail(shared.error());
  if (options.mutate) return mutate(options, *shared, *suites);
  if (options.abnormal) return abnormal(options, *shared, *suites);
  return run_suites(options, *shared, *suites);
}

// Everything that a run reads.
std::vector<files::StampedFile> look(const TestOptions& options, const policy::Look& at_configured) {
  auto seen = at_configured();
  files::Issues issues;  // the run tells them
  const auto config = config::draft_config(options.config, issues);
  if (!config) return seen;
  for (auto& file : policytest::test_files(options.files, *config, issues)) {
    const auto stamp = files::stamp_of(file);
    seen.push_back({std::move(file), stamp});
  }
  return seen;
}

// Runs at once, and again after each change, until somebody ends it.
int watch(const TestOptions& options) {
  // Made before anything is read, so that no change is missed.
  policy::Watcher watcher([&options, at_configured = policy::look_at_configured(options.config)] {
    return look(options, at_configured);
  });
  do {
    const int status = test(options);
    (void)std::fflush(stdout);
    print_error(fmt::format("writ: {}; waiting for changes, Ctrl-C ends it",
                            status == kYes  ? "everything is as expected"
                            : status == kNo ? "not everything is as expected"
                                            : "nothing could be tested"));
  } while (watcher.wait());
  return kYes;
}

}  // namespace

void add_test(Command& program) {
  auto options = std::make_shared<TestOptions>();
  auto& command = program.add("test", "run the tests of policies (*.test.yaml)");
  command.option("files", options->files, "files or folders (default: those beside the policies)");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--policies", options->policies,
                 "policy files or folders, instead of the configuration's; repeat it for more");
  command.flag("--json", options->json, "print JSON");
  command.flag("-v,--verbose", options->verbose,
               "name the tests that passed, too, and each abnormal request that is accepted");
  command.option("--junit", options->junit, "write a JUnit report to this file");
  command.flag("--abnormal", options->abnormal,
               "derive requests that are authenticated but wrong from the permitted ones");
  command
      .option("--live", options->live,
              "send them to this running gateway, with tokens signed by its server's key")
      .needs("--abnormal");
  command.option("--opener", options->opener, "with --live: the id of the identity that opens tasks there")
      .needs("--live");
  command
      .option("--data", options->data,
              "with --live: the running server's data folder, instead of the configuration's")
      .needs("--live");
  command
      .option("--audit", options->audit,
              "derive from what this audit log says was permitted, in place of tests")
      .needs("--abnormal")
      .excludes("files");
  command.option("--out", options->out, "write each abnormal request that was permitted into this folder")
      .needs("--abnormal");
  command
      .flag("--mutate", options->mutate,
            "change the policies one thing at a time, and list what no test notices")
      .excludes("--abnormal");
  command
      .flag("--write-missing", options->write_missing,
            "with --mutate: write tests that notice it, into new files beside the tests")
      .needs("--mutate");
  command.flag("--coverage", options->coverage, "say which policies and conditions the tests did not see")
      .excludes("--abnormal")
      .excludes("--mutate");
  command
      .option("--coverage-at-least", options->coverage_at_least,
              "as --coverage, and fail when it is less than so many per cent")
      .between(0, 100)
      .excludes("--abnormal")
      .excludes("--mutate");
  command
      .option("--record", options->record,
              "write the audit records that the tests' requests make into this new file")
      .excludes("--abnormal")
      .excludes("--mutate");
  command.flag("--watch", options->watch, "run again whenever a file changes, until Ctrl-C")
      .excludes("--live")
      .excludes("--out")
      .excludes("--record")
      .excludes("--write-missing");
  command.runs([options] { return options->watch ? watch(*options) : test(*options); });
}

}  // namespace writ::cli
