#include "rightsize/templates.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/record.h"
#include "cedar/ext_datetime.h"
#include "policytest/abnormal.h"
#include "policytest/reader.h"
#include "policytest/recorded.h"
#include "policytest/run.h"
#include "policytest/suite_text.h"
#include "rightsize/conditions.h"

namespace writ::rightsize {
namespace {

using codec::Json;

constexpr std::uint64_t kMostTimes = 1000;  // of a step in a test
// Work that takes more than this part of all time is no burst.
constexpr int kLeastPauses = 4;

// Half as long again, in steps of five minutes.
std::int64_t window_of(Duration longest) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(longest).count();
  return (seconds + seconds / 2 + 60 + 299) / 300 * 300;
}

// A quarter more, and one more at least.
std::int64_t budget_of(std::uint64_t most) {
  return static_cast<std::int64_t>(most + std::max<std::uint64_t>(1, most / 4));
}

std::string file_word(std::string_view text) {
  std::string word(text);
  std::ranges::replace_if(
      word,
      [](char letter) {
        return !((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                 (letter >= '0' && letter <= '9') || letter == '-' || letter == '_');
      },
      '-');
  return word;
}

std::string length_text(Duration length) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(length).count();
  return seconds < 120 ? fmt::format("{} s", seconds) : fmt::format("{} min", (seconds + 59) / 60);
}

class TemplateMaker {
 public:
  TemplateMaker(const Source& source, const RightsizingPlan& plan, policytest::Shared& shared)
      : source_(source), plan_(plan), shared_(shared) {}

  Result<TemplatesOf> run(const std::filesystem::path& file) {
    TemplatesOf made;
    std::set<std::string> names;
    for (const auto& bursts : plan_.evidence.bursts) {
      TaskTemplate each{.from = bursts};
      const auto first =
          file_word(bursts.purpose.empty() ? bursts.client : bursts.client + "-" + bursts.purpose);
      each.name = first;
      for (int number = 2; !names.insert(each.name).second; ++number)
        each.name = fmt::format("{}-{}", first, number);
      each.evidence = fmt::format(
          "{} uses in {} bursts ({} to {}); the longest took {}, the largest had {} calls", bursts.uses,
          bursts.bursts, audit::format_time(bursts.first).substr(0, 10),
          audit::format_time(bursts.last).substr(0, 10), length_text(bursts.longest), bursts.most);
      each.why = TRY(why_not(bursts));
      if (each.why.empty()) each.body = body_of(bursts);
      if (each.why.empty()) TRY(add_tests(each, file));
      if (!each.why.empty()) each.body = Json();
      made.all.push_back(std::move(each));
    }
    if (!tests_.empty()) made.tests = head() + fixtures() + "tests:\n" + tests_;
    return made;
  }

 private:
  Result<std::vector<std::string>> why_not(const StandingBursts& bursts) const {
    std::vector<std::string> why;
    const auto span = plan_.evidence.span_days();
    const auto& settings = source_.settings;
    if (span < settings.least_days)
      why.push_back(fmt::format("the log spans {} days, not {}", span, settings.least_days));
    if (bursts.uses < settings.least_uses)
      why.push_back(fmt::format("{} uses are thin evidence", bursts.uses));
    for (const auto& policy : source_.loaded.policies.policies.policies) {
      if (!bursts.policies.contains(policy.id)) continue;
      if (auto kept = TRY(kept_by(policy, span)); !kept.empty())
        why.push_back(fmt::format("of policy `{}`, {}", policy.id, kept));
    }
    if (bursts.bursts < 2) why.push_back("there was one burst, which is not a habit");
    if (bursts.together * kLeastPauses > plan_.evidence.last - plan_.evidence.first)
      why.push_back("it works most of the time, and a task is a piece of work that ends");
    if (bursts.purpose.empty()) why.push_back("it says no purpose, and a task has one");
    const auto* member = inventory_of(bursts.client);
    if (member == nullptr) why.push_back("the configuration does not have this identity");
    for (const auto& [action, seen] : bursts.actions)
      if (seen.resource_types.contains(""))
        why.push_back(fmt::format("the log does not say on what type of resource {} was", text_of(action)));
    return why;
  }

  const inventory::Identity* inventory_of(const std::string& id) const {
    const auto& all = source_.loaded.world.declared.identities;
    const auto found = std::ranges::find(all, id, &inventory::Identity::id);
    return found == all.end() ? nullptr : &*found;
  }

  Json body_of(const StandingBursts& bursts) const {
    Json actions = Json::array(), resources = Json::array(), budgets = Json::object();
    std::set<std::string> types;
    for (const auto& [action, seen] : bursts.actions) {
      actions.push(text_of(action));
      budgets.set(text_of(action), budget_of(seen.most));
      types.insert(seen.resource_types.begin(), seen.resource_types.end());
    }
    for (const auto& type : types) resources.push(type + "::*");
    Json body = Json::object({{"purpose", bursts.purpose}});
    const auto* identity = inventory_of(bursts.client);
    // An agent takes part as one, and everybody else as the client.
    if (identity != nullptr && identity->kind == inventory::Kind::kAgent) {
      Json agents = Json::array();
      agents.push(bursts.client);
      body.set("agents", std::move(agents));
    } else {
      body.set("client", bursts.client);
    }
    body.set("actions", std::move(actions));
    body.set("resources", std::move(resources));
    body.set("expires_in_seconds", window_of(bursts.longest));
    body.set("budget", Json::object({{"calls", budget_of(bursts.most)}, {"actions", std::move(budgets)}}));
    return body;
  }

  // Of each action, one that is permitted; of the first, that its budget and the window end it.
  Result<void> add_tests(TaskTemplate& each, const std::filesystem::path& file) {
    std::vector<std::string> lines;
    for (const auto& [action, seen] : each.from.actions) lines.push_back(seen.example);
    const auto recorded = TRY(policytest::recorded_suite(lines, source_.loaded));
    if (!now_) now_ = recorded.now;
    std::string tests;
    std::size_t count = 0;
    for (std::size_t i = 0; i < recorded.tests.size(); ++i) {
      auto request = std::get<policytest::Ask>(recorded.tests[i].steps.front()).request;
      request.time = *now_;
      request.token.task = each.name;
      request.token.issued_at.reset();
      request.token.not_before.reset();
      request.token.expires_at.reset();
      std::string of_request;
      const Json json = policytest::request_to_json(request);
      for (const auto& [key, value] : *json.if_object())
        if (key != "at") of_request += fmt::format("{}: {}\n    ", key, policytest::yaml_line(value));
      const auto what = policytest::describe(request);
      const auto add = [&](std::string_view name, std::string_view rest) {
        tests +=
            fmt::format("  - name: {}\n    {}{}",
                        policytest::yaml_line(Json(fmt::format("{}: {}", name, what))), of_request, rest);
        ++count;
      };
      add("inside the task", "expect: permit\n");
      if (i > 0) continue;
      add("after the task",
          fmt::format("at: +{}s\n    expect: task_expired\n", window_of(each.from.longest) + 1));
      const auto* budget = each.body.find("budget")->find("actions");
      const auto calls = *budget->if_object()->front().second.if_int();
      if (static_cast<std::uint64_t>(calls) <= kMostTimes)
        add("beyond its budget",
            fmt::format(
                "steps:\n      - {{times: {}, expect: permit}}\n      - {{expect: budget_exceeded}}\n",
                calls));
    }
    if (count == 0) {
      each.why.push_back("no request of it can be made again to show that it works");
      return {};
    }
    Json one = Json::object({{each.name, fixture(each)}});
    const auto text =
        head() + policytest::fixtures_text(Json::object({{"tasks", std::move(one)}})) + "tests:\n" + tests;
    files::Issues issues;
    const auto suite = policytest::parse_suite(text, file, plan_.proposed, issues);
    if (!suite) {
      each.why.push_back(issues.all().empty() ? std::string("it cannot be read as a task")
                                              : "it is no task: " + issues.all().front().message);
      return {};
    }
    for (const auto& test : suite->tests) {
      for (const auto* policies : {&source_.loaded.policies.snapshot, &plan_.proposed.policies.snapshot}) {
        if (TRY(policytest::passes(shared_, *suite, test, *policies))) continue;
        each.why.push_back(fmt::format("it was tried, and is not decided as it should be: {}", test.name));
        return {};
      }
    }
    each.tests = count;
    tests_ += tests;
    fixtures_.set(each.name, fixture(each));
    return {};
  }

  Json fixture(const TaskTemplate& each) const {
    Json json = each.body;
    json.set("opened", cedar::Datetime::from(*now_).to_string());
    return json;
  }
  std::string head() const {
    return fmt::format(
        "# Written by `writ rightsize`: the task templates beside this file, as tasks. Each request was seen "
        "without one.\n"
        "version: 1\nnow: {}\n",
        cedar::Datetime::from(*now_).to_string());
  }
  std::string fixtures() const { return policytest::fixtures_text(Json::object({{"tasks", fixtures_}})); }

  const Source& source_;
  const RightsizingPlan& plan_;
  policytest::Shared& shared_;
  std::optional<Instant> now_;
  Json fixtures_ = Json::object();
  std::string tests_;
};

}  // namespace

Result<TemplatesOf> templates_of(const Source& source, const RightsizingPlan& plan,
                                 const std::filesystem::path& file) {
  auto shared = TRY(policytest::Shared::make(plan.proposed));
  return TemplateMaker(source, plan, shared).run(file);
}

}  // namespace writ::rightsize
