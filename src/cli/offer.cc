#include "cli/offer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/parse.h"
#include "cli/output.h"
#include "init/names.h"
#include "init/text.h"

namespace writ::cli {
namespace {

// How a test says the token, as far as a record tells.
std::string token_of(const codec::Json& record) {
  std::vector<std::string> claims;
  for (const auto& [claim, member] : {std::pair("sub", "subject"),
                                      {"client_id", "client"},
                                      {"purpose", "purpose"},
                                      {"tenant", "tenant"},
                                      {"environment", "environment"},
                                      {"acr", "acr"}})
    if (const auto value = show(record, member); !value.empty())
      claims.push_back(fmt::format("{}: {}", claim, init::yaml(value)));
  const auto* actors = record.find("actors");
  if (actors != nullptr && actors->if_array() != nullptr && !actors->if_array()->empty()) {
    std::vector<std::string> ids;
    for (const auto& actor : *actors->if_array())
      if (const auto* id = actor.if_string()) ids.push_back(init::yaml(*id));
    claims.push_back(fmt::format("act: [{}]", fmt::join(ids, ", ")));
  }
  return fmt::format("{{{}}}", fmt::join(claims, ", "));
}

}  // namespace

std::string offer_of(const codec::Json& record) {
  if (show(record, "reason") != "policy_no_permit") return {};
  const auto party = cedar::parse_entity(show(record, "party"));
  const auto action = cedar::parse_entity(show(record, "action"));
  const auto resource = cedar::parse_entity(show(record, "resource"));
  if (!party || !action || !resource) return {};
  const bool is_user = party->type == "Writ::User";
  const auto who = is_user ? std::string("principal is Writ::User")
                           : "principal == " + init::cedar_entity(party->type, party->id);
  const auto name = init::slug(fmt::format("{} may {}", is_user ? "users" : party->id, action->id));
  auto text = fmt::format(
      "  a policy that would permit it; narrow it with `when`:\n"
      "    @id(\"{}\")\n    permit ({}, action == {}, resource is {});\n",
      name, who, init::cedar_entity(action->type, action->id), resource->type);
  const auto method = show(record, "method"), path = show(record, "path");
  if (show(record, "point") != "gateway" || method.empty() || path.empty()) return text;
  // A task is a fixture of the test's file, and the record has its name alone.
  if (const auto task = show(record, "task"); !task.empty())
    return text + fmt::format("  and a test of it needs the task {} as a fixture\n", init::yaml(task));
  return text + fmt::format(
                    "  and the test that says so:\n    - name: {}\n      token: {}\n      request: {}\n"
                    "      expect: permit\n",
                    name, token_of(record), init::yaml(method + " " + path));
}

}  // namespace writ::cli
