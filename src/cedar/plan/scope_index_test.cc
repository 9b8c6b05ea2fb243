// The index against the plain rule: a policy is found exactly when all three of its constraints match.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/plan/plan.h"

namespace writ::cedar::scope_index_test {
namespace {

constexpr std::string_view kEntities = R"([
  {"uid": {"type": "User", "id": "0"}, "attrs": {}, "parents": [{"type": "Team", "id": "0"}]},
  {"uid": {"type": "User", "id": "1"}, "attrs": {}, "parents": [{"type": "Team", "id": "1"}]},
  {"uid": {"type": "Team", "id": "0"}, "attrs": {}, "parents": [{"type": "Team", "id": "1"}]},
  {"uid": {"type": "Action", "id": "0"}, "attrs": {}, "parents": [{"type": "Action", "id": "1"}]},
  {"uid": {"type": "Action", "id": "2"}, "attrs": {}, "parents": [{"type": "Action", "id": "1"}]}
])";

class ScopeIndexTest : public ::testing::Test {
 protected:
  std::size_t below(std::size_t end) { return dice_() % end; }

  std::string party(std::string_view variable) {
    const auto uid = [&] { return fmt::format("{}::\"{}\"", below(2) == 0 ? "User" : "Team", below(3)); };
    switch (below(5)) {
      case 0:
        return std::string(variable);
      case 1:
        return fmt::format("{} == {}", variable, uid());
      case 2:
        return fmt::format("{} in {}", variable, uid());
      case 3:
        return fmt::format("{} is {}", variable, below(2) == 0 ? "User" : "Team");
      default:
        return fmt::format("{} is {} in {}", variable, below(2) == 0 ? "User" : "Team", uid());
    }
  }
  std::string action() {
    const auto uid = [&] { return fmt::format("Action::\"{}\"", below(3)); };
    switch (below(4)) {
      case 0:
        return "action";
      case 1:
        return "action == " + uid();
      case 2:
        return "action in " + uid();
      default: {
        std::string list;
        for (std::size_t left = below(4); left > 0; --left) list += uid() + ",";
        return fmt::format("action in [{}]", list);
      }
    }
  }

  std::mt19937 dice_{17};
};

TEST_F(ScopeIndexTest, FindsWhatMatchesAndNothingElse) {
  const auto entities = *entities_from_json(kEntities);
  Arena arena;
  const EntityView view(*entities);
  std::size_t found = 0;
  for (int set = 0; set < 200; ++set) {
    std::string text;
    for (std::size_t left = 1 + below(30); left > 0; --left)
      text += fmt::format("permit({}, {}, {});", party("principal"), action(), party("resource"));
    const auto policies = *CompiledPolicySet::compile(*parse_policies(text));
    Evaluation evaluation;
    for (int question = 0; question < 20; ++question) {
      const auto uid = [&](std::string_view type) { return arena.entity(type, std::to_string(below(3))); };
      const Request request{uid(below(2) == 0 ? "User" : "Team"), uid("Action"),
                            uid(below(2) == 0 ? "User" : "Team"), Value::record(empty_record())};
      const RequestScope scope{{{request.principal, view.find(request.principal)},
                                {request.action, view.find(request.action)},
                                {request.resource, view.find(request.resource)}}};
      std::vector<PolicyIndex> expected;
      for (PolicyIndex policy = 0; policy < policies->size(); ++policy) {
        bool matches = true;
        for (unsigned slot = 0; slot < 3; ++slot)
          matches = matches && policies->plan().scopes[policy].constraints[slot].matches(scope[slot]);
        if (matches) expected.push_back(policy);
      }
      authorize(*policies, request, view, evaluation);
      EXPECT_EQ(std::vector<PolicyIndex>(evaluation.reason().begin(), evaluation.reason().end()), expected)
          << text;
      found += expected.size();
    }
  }
  EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace writ::cedar::scope_index_test
