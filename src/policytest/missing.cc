#include "policytest/missing.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "cedar/ext_datetime.h"
#include "files/files.h"
#include "policytest/files.h"
#include "policytest/reader.h"
#include "policytest/run.h"
#include "policytest/suite_text.h"

namespace writ::policytest {

namespace fs = std::filesystem;
using codec::Json;

namespace {

constexpr std::size_t kMaxNameBytes = 200;
constexpr int kMaxFiles = 1'000;  // beside one test file

std::string in_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

std::string shortened(std::string text) {
  if (text.size() <= kMaxNameBytes) return text;
  std::size_t end = kMaxNameBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Json expect_json(const Expectation& expect) {
  Json json = Json::object({{"outcome", expect.code}});
  if (expect.party) json.set("party", *expect.party);
  if (expect.policies) json.set("policies", codec::json_texts(*expect.policies));
  if (!expect.reasons.empty()) json.set("reasons", codec::json_texts(expect.reasons));
  if (expect.refused) json.set("refused", codec::json_texts(*expect.refused));
  return json.if_object()->size() == 1 ? Json(expect.code) : json;
}

// Puts the fixtures of tests together: another task has another id.
class Fixtures {
 public:
  explicit Fixtures(const Suite& suite) : suite_(suite), json_(suite.fixtures) {
    if (!json_.is_object()) json_ = Json::object();
  }

  // What the test's token calls its task here.
  std::optional<std::string> task_of(const Variant& asked) {
    const auto& id = asked.request.token.task;
    if (!id || asked.world == nullptr) return id;
    const Json* changed = task_in(asked.world->fixtures, *id);
    const Json* known = task_in(suite_.fixtures, *id);
    if (changed == nullptr || (known != nullptr && *known == *changed)) return id;
    auto& name = names_[*id + changed->dump()];
    if (!name.empty()) return name;
    Json tasks = json_.find("tasks") != nullptr ? *json_.find("tasks") : Json::object();
    int number = 2;
    while (tasks.find(name = fmt::format("{}-{}", *id, number)) != nullptr) ++number;
    tasks.set(name, *changed);
    json_.set("tasks", std::move(tasks));
    return name;
  }
  const Json& json() const { return json_; }

 private:
  static const Json* task_in(const Json& fixtures, const std::string& id) {
    const Json* tasks = fixtures.find("tasks");
    return tasks != nullptr ? tasks->find(id) : nullptr;
  }

  const Suite& suite_;
  Json json_;
  std::map<std::string, std::string> names_;
};

std::string test_text(const MissingTest& test, const RequestSpec& request, std::string name) {
  std::string out = fmt::format("  - name: {}\n", yaml_line(Json(std::move(name))));
  const Json json = request_to_json(request);
  for (const auto& [key, value] : *json.if_object()) {
    // Now, unless said.
    if (key == "at" && request.time == test.suite->now) continue;
    out += fmt::format("    {}: {}\n", key, yaml_line(value));
  }
  return out + fmt::format("    expect: {}\n", yaml_line(expect_json(test.expect)));
}

// "a.test.yaml" → "a.missing.test.yaml", or the next that is not there.
Result<fs::path> free_file(const std::string& suite) {
  fs::path file(suite);
  auto stem = file.filename().string();
  stem.resize(std::min(stem.size(), stem.rfind(".test.")));
  std::error_code error;
  for (int number = 1; number <= kMaxFiles; ++number) {
    const auto count = number == 1 ? std::string() : fmt::format("-{}", number);
    fs::path path = file.parent_path() / fmt::format("{}.missing{}{}", stem, count, kTestSuffix);
    if (!fs::exists(path, error) && !error) return path;
  }
  return failure(ErrorCode::kConflict, fmt::format("there are {} files of missing tests beside `{}`; put "
                                                   "them together first",
                                                   kMaxFiles, suite));
}

// Which of the tests do, read back, what they are there for? In place of what a test notices, what it does.
Result<std::vector<MissingTest>> proved(Shared& shared, std::vector<MissingTest> tests,
                                        const MutationResult& result, std::span<const Unnoticed> unnoticed) {
  const auto text = text_of_missing(tests, result, unnoticed);
  files::Issues issues;
  const auto read = parse_suite(text, tests.front().suite->file, shared.loaded, issues);
  if (!read || read->tests.size() != tests.size())
    return failure(ErrorCode::kInternal,
                   fmt::format("the missing tests of `{}` cannot be read back: {}", tests.front().suite->file,
                               issues.all().empty() ? "some are not there" : render(issues.all().front())));
  std::vector<MissingTest> proved;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    if (!TRY(passes(shared, *read, read->tests[i], shared.loaded.policies.snapshot))) continue;
    std::vector<std::size_t> notices;
    for (const std::size_t each : tests[i].notices) {
      const auto changed = TRY(mutated(shared, unnoticed[each].policy, unnoticed[each].mutant));
      if (!TRY(passes(shared, *read, read->tests[i], changed))) notices.push_back(each);
    }
    tests[i].notices = std::move(notices);
    if (!tests[i].notices.empty()) proved.push_back(std::move(tests[i]));
  }
  return proved;
}

}  // namespace

std::string text_of_missing(std::span<const MissingTest> tests, const MutationResult& result,
                            std::span<const Unnoticed> unnoticed) {
  const Suite& suite = *tests.front().suite;
  Fixtures fixtures(suite);
  std::string body;
  std::set<std::string> names;
  for (const MissingTest& test : tests) {
    for (const std::size_t each : test.notices) {
      const TriedMutant& one = result.mutants[unnoticed[each].tried];
      body += in_one_line(fmt::format("  # {}:{}: {}: {}", fs::path(one.place.file).filename().string(),
                                      one.place.line, one.policy, one.change)) +
              "\n";
    }
    RequestSpec request = test.asked.request;
    request.token.task = fixtures.task_of(test.asked);
    const auto first = shortened(describe(request));
    auto name = first;
    for (int number = 2; !names.insert(name).second; ++number) name = fmt::format("{} ({})", first, number);
    body += test_text(test, request, std::move(name));
  }
  auto out = std::string(
      "# Written by `writ test --mutate --write-missing`. Each test says what the policies decide today, and "
      "notices\n"
      "# the changes that stand above it, which no test noticed before. Read whether that is what they "
      "should decide.\n");
  out += fmt::format("version: 1\nnow: {}\n", cedar::Datetime::from(suite.now).to_string());
  if (!fixtures.json().if_object()->empty()) out += fixtures_text(fixtures.json());
  return out + "tests:\n" + body;
}

Result<void> write_missing(Shared& shared, std::span<const Suite> suites, MutationResult& result) {
  std::vector<Unnoticed> unnoticed;
  const auto& all = shared.loaded.policies.policies.policies;
  std::size_t tried = 0;
  for (std::size_t policy = 0; policy < all.size(); ++policy) {
    for (Mutant& mutant : mutants_of(all[policy])) {
      if (result.mutants[tried].is_finding()) unnoticed.push_back({tried, policy, std::move(mutant)});
      ++tried;
    }
  }
  if (unnoticed.empty()) return {};
  auto found = TRY(find_missing(shared, suites, unnoticed));
  for (const Suite& suite : suites) {
    std::vector<MissingTest> of_suite;
    for (MissingTest& test : found)
      if (test.suite == &suite) of_suite.push_back(std::move(test));
    if (of_suite.empty()) continue;
    of_suite = TRY(proved(shared, std::move(of_suite), result, unnoticed));
    if (of_suite.empty()) continue;
    const auto file = TRY(free_file(suite.file));
    TRY(files::write_file(file, text_of_missing(of_suite, result, unnoticed)));
    result.written.push_back({file.string(), of_suite.size()});
    for (const MissingTest& test : of_suite)
      for (const std::size_t each : test.notices)
        result.mutants[unnoticed[each].tried].noticed_in = file.string();
  }
  return {};
}

}  // namespace writ::policytest
