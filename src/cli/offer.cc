#include "cli/offer.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/parse.h"
#include "cli/output.h"
#include "init/names.h"
#include "init/text.h"

namespace writ::cli {
namespace {

// Nothing of it does anything to a terminal.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

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

// What was said of the resource, for a test that asks nobody.
std::string fixture_of(const codec::Json& record) {
  const auto* attributes = record.find("attributes");
  if (attributes == nullptr || !attributes->is_object() || attributes->if_object()->empty()) return {};
  const auto text = attributes->dump();
  if (!is_visible(text)) return {};
  return fmt::format(
      "  where the resource, as it was told, is a fixture of the file:\n    fixtures:\n      entities:\n"
      "        - {{uid: {}, attrs: {}, parents: []}}\n",
      init::yaml(show(record, "resource")), text);
}

}  // namespace

std::string explaining(const codec::Json& record, std::string_view config) {
  if (show(record, "effect") != "deny" || show(record, "point") != "gateway") return {};
  // Nobody else knows what the API or a source would have told.
  if (show(record, "reason") == "facts_unavailable") return {};
  for (const auto* known : {"task", "attributes", "sources", "input"})
    if (record.find(known) != nullptr) return {};
  const auto method = show(record, "method"), path = show(record, "path"), client = show(record, "client");
  if (method.empty() || path.empty() || client.empty()) return {};
  auto command = fmt::format("writ explain --config {} --request {}", init::shell(config),
                             init::shell(method + " " + path));
  for (const auto& [flag, member] : {std::pair("--sub", "subject"),
                                     {"--client", "client"},
                                     {"--purpose", "purpose"},
                                     {"--tenant", "tenant"},
                                     {"--environment", "environment"},
                                     {"--acr", "acr"}})
    if (const auto value = show(record, member); !value.empty())
      command += fmt::format(" {} {}", flag, init::shell(value));
  if (const auto* actors = record.find("actors"); actors != nullptr && actors->if_array() != nullptr)
    for (const auto& actor : *actors->if_array())
      if (const auto* id = actor.if_string()) command += fmt::format(" --act {}", init::shell(*id));
  return is_visible(command) ? fmt::format("  why: {}\n", command) : std::string();
}

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
  return text +
         fmt::format(
             "  and the test that says so:\n    - name: {}\n      token: {}\n      request: {}\n"
             "      expect: permit\n",
             name, token_of(record), init::yaml(method + " " + path)) +
         fixture_of(record);
}

}  // namespace writ::cli
