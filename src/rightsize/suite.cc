#include "rightsize/suite.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "cedar/ext_datetime.h"
#include "cedar/parse.h"
#include "digest/reading.h"
#include "policytest/abnormal.h"
#include "policytest/reader.h"
#include "policytest/recorded.h"
#include "policytest/run.h"
#include "policytest/suite_text.h"
#include "policytest/world.h"
#include "rightsize/conditions.h"
#include "rightsize/proposal.h"

namespace writ::rightsize {
namespace {

using codec::Json;
using policytest::Ask;
using policytest::RequestSpec;
using policytest::Suite;

constexpr std::size_t kMostTests = 300;
constexpr std::size_t kMostNameBytes = 160;

struct Made {
  RequestSpec request;
  std::string code;
  std::string about;  // a comment
};

// The records of a log that opened these tasks.
Result<std::vector<std::string>> openings(const std::vector<audit::Part>& log, digest::IndexUse index,
                                          const std::set<std::string>& tasks) {
  std::vector<std::string> lines;
  if (tasks.empty()) return lines;
  digest::LogReading reading(log, index);
  const auto read = reading.each([&](const digest::Entry& entry) -> Result<void> {
    if (reading.kind(entry.kind).type.starts_with("task.") && tasks.contains(reading.name(entry.name)))
      lines.push_back(TRY(reading.line(entry)));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return lines;
}

std::string name_of(const RequestSpec& request, std::string_view what) {
  auto name = fmt::format("{}: {}", what, policytest::describe(request));
  if (name.size() <= kMostNameBytes) return name;
  std::size_t end = kMostNameBytes;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

std::string suite_text(const Suite& suite, const std::vector<Made>& tests) {
  auto out = fmt::format(
      "# Written by `writ rightsize` from the audit log. Each request was seen there; what is refused now "
      "was "
      "permitted.\nversion: 1\nnow: {}\n",
      cedar::Datetime::from(suite.now).to_string());
  // Only tasks that a test is of.
  std::set<std::string> tasks;
  for (const Made& test : tests)
    if (test.request.token.task) tasks.insert(*test.request.token.task);
  Json used = Json::object();
  if (const Json* all = suite.fixtures.find("tasks"))
    for (const auto& [id, task] : *all->if_object())
      if (tasks.contains(id)) used.set(id, task);
  if (!used.if_object()->empty())
    out += policytest::fixtures_text(Json::object({{"tasks", std::move(used)}}));
  out += "tests:\n";
  std::set<std::string> names;
  for (const Made& test : tests) {
    if (!test.about.empty()) out += fmt::format("  # {}\n", test.about);
    const auto first = name_of(test.request, test.code == "permit" ? "used" : "dropped");
    auto name = first;
    for (int number = 2; !names.insert(name).second; ++number) name = fmt::format("{} ({})", first, number);
    out += fmt::format("  - name: {}\n", policytest::yaml_line(Json(name)));
    const Json request = policytest::request_to_json(test.request);
    for (const auto& [key, value] : *request.if_object())
      out += fmt::format("    {}: {}\n", key, policytest::yaml_line(value));
    out += fmt::format("    expect: {}\n", test.code);
  }
  return out;
}

class SuiteMaker {
 public:
  SuiteMaker(const Source& source, const RightsizingPlan& plan, policytest::Shared& shared)
      : source_(source), plan_(plan), shared_(shared) {}

  Result<SuiteText> run(const std::filesystem::path& file) {
    std::set<std::string> tasks;
    for (const Shape& shape : plan_.evidence.shapes) {
      const auto record = codec::parse_json(shape.example);
      if (const auto* task = record ? record->find_string("task") : nullptr) tasks.insert(*task);
    }
    lines_ = TRY(openings(source_.log, source_.index, tasks));
    const std::size_t opened = lines_.size();
    for (const Shape& shape : plan_.evidence.shapes) {
      if (lines_.size() - opened >= kMostTests) break;
      lines_.push_back(shape.example);
    }
    suite_ = TRY(policytest::recorded_suite(lines_, source_.loaded));
    out_.left_out = plan_.evidence.shapes.size();
    for (const auto& test : suite_->tests) TRY(add_permitted(std::get<Ask>(test.steps.front()).request));
    const std::size_t permitted = made_.size();
    for (const PolicyUse& use : plan_.proposal.policies) TRY(add_dropped(use, permitted));
    if (made_.empty()) return out_;
    out_.text = suite_text(*suite_, made_);
    TRY(read_back(file));
    return out_;
  }

 private:
  Result<policytest::Answer> answer(const RequestSpec& request, const policytest::Policies& policies) {
    const auto world = TRY(policytest::World::make(shared_, *suite_, policies));
    return world->ask(request);
  }
  const policytest::Policies& today() const { return source_.loaded.policies.snapshot; }
  const policytest::Policies& proposed() const { return plan_.proposed.policies.snapshot; }

  Result<void> add_permitted(const RequestSpec& request) {
    const auto now = TRY(answer(request, today()));
    if (!now.permitted() || !TRY(answer(request, proposed())).permitted()) return {};
    made_.push_back({request, "permit", {}});
    answers_.push_back(now);
    --out_.left_out;
    return {};
  }

  // An action that is dropped as a whole, on the resource of a request that the policy permitted.
  Result<void> add_dropped(const PolicyUse& use, std::size_t permitted) {
    if (use.verdict != Fate::kNarrowed) return {};
    std::set<cedar::EntityUid> dropped;
    for (const Right& right : use.unused)
      if (std::ranges::none_of(use.used, [&](const Right& each) { return each.action == right.action; }))
        dropped.insert(right.action);
    for (const auto& action : dropped) {
      if (!TRY(add_dropped(use, action, permitted))) ++out_.dropped_unseen;
    }
    return {};
  }

  Result<bool> add_dropped(const PolicyUse& use, const cedar::EntityUid& action, std::size_t permitted) {
    for (std::size_t i = 0; i < permitted; ++i) {
      const auto& seen = answers_[i];
      if (made_[i].request.target.issue || !std::ranges::binary_search(seen.policies, use.id)) continue;
      const auto* api = api_of(seen.api, action);
      auto resource = cedar::parse_entity(seen.resource);
      if (api == nullptr || !resource) continue;
      RequestSpec request = made_[i].request;
      Json attributes = std::move(request.target.attributes);
      request.target = {};
      request.target.api = api->id;
      request.target.action = action;
      request.target.resource = *std::move(resource);
      request.target.attributes = std::move(attributes);
      if (!TRY(answer(request, today())).permitted()) continue;
      const auto now = TRY(answer(request, proposed()));
      if (now.permitted()) continue;
      made_.push_back(
          {std::move(request), now.code, in_one_line(fmt::format("{}: {}", use.id, use.evidence))});
      ++out_.refused;
      return true;
    }
    return false;
  }

  const inventory::Api* api_of(const std::string& id, const cedar::EntityUid& action) const {
    for (const auto& api : source_.loaded.world.declared.apis)
      if (api.id == id && api.action_type() == action.type) return &api;
    return nullptr;
  }

  // The file says what was tried.
  Result<void> read_back(const std::filesystem::path& file) {
    files::Issues issues;
    const auto read = policytest::parse_suite(out_.text, file, plan_.proposed, issues);
    if (!read || read->tests.size() != made_.size())
      return failure(ErrorCode::kInternal,
                     fmt::format("the tests of the proposal cannot be read back: {}",
                                 issues.all().empty() ? "some are not there" : render(issues.all().front())));
    std::vector<Made> passing;
    for (std::size_t i = 0; i < made_.size(); ++i)
      if (TRY(policytest::passes(shared_, *read, read->tests[i], proposed()))) passing.push_back(made_[i]);
    for (const Made& test : passing) ++(test.code == "permit" ? out_.permitted : kept_refused_);
    out_.left_out += made_.size() - out_.refused - out_.permitted;
    out_.dropped_unseen += out_.refused - kept_refused_;
    out_.refused = kept_refused_;
    out_.text = passing.empty() ? std::string() : suite_text(*suite_, passing);
    return {};
  }

  const Source& source_;
  const RightsizingPlan& plan_;
  policytest::Shared& shared_;
  std::vector<std::string> lines_;
  std::optional<Suite> suite_;
  std::vector<Made> made_;
  std::vector<policytest::Answer> answers_;  // today's, of the first of them
  std::size_t kept_refused_ = 0;
  SuiteText out_;
};

}  // namespace

Result<SuiteText> suite_of(const Source& source, const RightsizingPlan& plan,
                           const std::filesystem::path& file) {
  auto shared = TRY(policytest::Shared::make(plan.proposed));
  return SuiteMaker(source, plan, shared).run(file);
}

}  // namespace writ::rightsize
