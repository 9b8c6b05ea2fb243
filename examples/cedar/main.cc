// One decision: policies, entities and a request in; the decision and its reasons out.
#include <iostream>

#include "cedar/authorize.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"

using namespace writ::cedar;

int main() {
  constexpr std::string_view text = R"(
    permit (principal, action == Action::"view", resource in Album::"summer")
    when { principal == resource.owner || context.guest };)";
  constexpr std::string_view known = R"([{
    "uid": {"type": "Photo", "id": "beach.jpg"},
    "attrs": {"owner": {"__entity": {"type": "User", "id": "nora"}}},
    "parents": [{"type": "Album", "id": "summer"}]}])";

  const auto parsed = parse_policies(text);
  if (!parsed) {
    for (const Issue& issue : parsed.error()) std::cerr << render_issue("policies", text, issue) << "\n";
    return 1;
  }
  const auto policies = CompiledPolicySet::compile(*parsed).value();
  const auto entities = entities_from_json(known).value();

  Arena arena;  // what the request is made of
  const Request request{arena.entity("User", "nora"), arena.entity("Action", "view"),
                        arena.entity("Photo", "beach.jpg"),
                        make_record(arena, {{"guest", Value::boolean(false)}})};
  Evaluation evaluation;
  authorize(*policies, request, *entities, evaluation);
  std::cout << (evaluation.allowed() ? "allow" : "deny") << "\n";
  for (const PolicyIndex policy : evaluation.reason())
    std::cout << "because of " << policies->id(policy) << "\n";
  for (const PolicyError& error : evaluation.errors())
    std::cout << policies->id(error.policy) << ": " << error_message(*policies, error) << "\n";
  return evaluation.allowed() ? 0 : 2;
}
