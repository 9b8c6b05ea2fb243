// Task templates: what standing use in bursts would be as tasks.
//
// A service that works for three minutes each night is permitted what it does all day. As a task, its work
// has a purpose, actions, types of resources, a window and budgets, taken from the largest of its bursts with
// room to spare. A template is the body of `POST /v1/tasks`. Nothing is refused by it: whoever opens the
// tasks asks the policies to want them (`when { context has task }`) once it does.
//
// What the log cannot show is marked and not proposed, by the rules of the proposal: a short span, few uses,
// a policy that is to be kept or whose schedule the span does not cover; and work that knows no pauses.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "codec/json.h"
#include "rightsize/bursts.h"
#include "rightsize/plan.h"

namespace writ::rightsize {

struct TaskTemplate {
  StandingBursts from;
  std::string name;              // "nightly-billing-billing-run": of its file
  codec::Json body;              // null where `why` says something
  std::string evidence;          // on one line, for people
  std::vector<std::string> why;  // it is not proposed
  std::size_t tests = 0;         // that show it
};

struct TemplatesOf {
  std::vector<TaskTemplate> all;
  std::string tests;  // a file of `writ test`; empty: there is none
};

// By the plan's evidence. Each test was run before it was written, with today's policies and the proposal's.
Result<TemplatesOf> templates_of(const Source& source, const RightsizingPlan& plan,
                                 const std::filesystem::path& file);

inline constexpr std::string_view kTemplatesFolder = "tasks";
inline constexpr std::string_view kTemplateTests = "tasks.test.yaml";

}  // namespace writ::rightsize
