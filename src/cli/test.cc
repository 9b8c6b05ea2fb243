// writ test: do the policies decide as their tests say?
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "policytest/files.h"
#include "policytest/reader.h"
#include "policytest/report.h"
#include "server/files.h"

namespace writ::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string config = "writ.yaml";
  bool json = false;
  bool verbose = false;
  std::string junit;
};

// Nothing when something is wrong with them.
std::optional<std::vector<policytest::Suite>> read_suites(const Options& options,
                                                          const server::Loaded& loaded,
                                                          server::Issues& issues) {
  std::vector<policytest::Suite> suites;
  for (const auto& file : policytest::test_files(options.files, loaded.config, issues)) {
    if (auto suite = policytest::read_suite(file, loaded, issues)) suites.push_back(*std::move(suite));
  }
  if (issues.has_errors()) return std::nullopt;
  return suites;
}

int broken(const server::Issues& issues, const Options& options) {
  if (options.json) {
    auto list = codec::Json::array();
    for (const auto& issue : issues.all()) list.push(to_json(issue));
    print_json(codec::Json::object({{"issues", std::move(list)}}));
  } else {
    for (const auto& issue : issues.all()) print_error(render(issue));
  }
  return fail(fmt::format("nothing was tested: {} errors", issues.errors()));
}

int test(const Options& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.config, error))
    return fail(fmt::format("there is no configuration file `{}`; name one with --config", options.config));
  server::Issues issues;
  const auto loaded = server::load(options.config, issues);
  if (!loaded) return broken(issues, options);
  issues = {};
  const auto suites = read_suites(options, *loaded, issues);
  if (!suites) return broken(issues, options);

  auto shared = policytest::Shared::make(*loaded);
  if (!shared) return fail(shared.error());
  std::vector<policytest::SuiteResult> results;
  for (const auto& suite : *suites) {
    auto result = policytest::run_suite(*shared, suite, loaded->policies.snapshot);
    if (!result) return fail(result.error());
    results.push_back(*std::move(result));
  }
  if (!options.junit.empty()) {
    if (const auto written = server::write_file(options.junit, to_junit(results)); !written)
      return fail(written.error());
  }
  if (options.json) {
    print_json(to_json(results));
  } else {
    print_text(to_text(results, options.verbose));
  }
  return policytest::totals(results).failures == 0 ? kYes : kNo;
}

}  // namespace

void add_test(CLI::App& program, Action& action) {
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("test", "run the tests of policies (*.test.yaml)");
  command->add_option("files", options->files, "files or folders (default: those beside the policies)");
  command->add_option("--config", options->config, "the configuration file")->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  command->add_flag("-v,--verbose", options->verbose, "name the tests that passed, too");
  command->add_option("--junit", options->junit, "write a JUnit report to this file");
  command->callback([options, &action] { action = [options] { return test(*options); }; });
}

}  // namespace writ::cli
