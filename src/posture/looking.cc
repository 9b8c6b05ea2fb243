#include "posture/looking.h"

#include <fmt/format.h>

#include "base/number_of.h"
#include "policytest/files.h"
#include "policytest/reader.h"

namespace writ::posture {
namespace {

std::vector<policytest::Suite> read_suites(const policy::Loaded& loaded, std::string& problem) {
  files::Issues none;
  std::vector<policytest::Suite> suites;
  const auto paths = policytest::test_files({}, loaded.config, none);
  if (paths.empty()) return suites;  // there are no tests, which is no problem of reading them
  files::Issues issues;
  for (const auto& path : paths)
    if (auto suite = policytest::read_suite(path, loaded, issues)) suites.push_back(*std::move(suite));
  if (issues.has_errors())
    problem = fmt::format("the tests have {}, the first in {}:{}: run `writ test`",
                          number_of(issues.errors(), "error"), issues.all().front().place.file,
                          issues.all().front().place.line);
  return suites;
}

}  // namespace

Result<Assessment> look(Looking looking) {
  std::optional<UseSeen> seen;
  if (looking.log) seen = TRY(UseSeen::read(*looking.log, looking.since, looking.now, looking.index));
  std::string problem;
  const auto suites = read_suites(looking.loaded, problem);
  Scene scene(looking.loaded, seen ? &*seen : nullptr, suites, problem, looking.now, looking.limits);
  if (looking.api_keys) scene.show(&*looking.api_keys);
  return assess(scene, std::move(looking.exemptions), looking.only);
}

}  // namespace writ::posture
