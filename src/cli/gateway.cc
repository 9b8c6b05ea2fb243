// writ gateway import --check: does the configuration still fit the API's OpenAPI document?
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "init/drift.h"

namespace writ::cli {
namespace {

using codec::Json;

struct GatewayOptions {
  std::string document, config = "writ.yaml", api;
  bool json = false;
};

Json list_of(const std::vector<init::Drift::Route>& routes) {
  auto list = Json::array();
  for (const auto& route : routes) {
    auto json = Json::object({{"method", route.method}, {"path", route.path}});
    if (!route.action.empty()) json.set("action", route.action);
    if (!route.resource.empty()) json.set("resource_type", route.resource);
    list.push(std::move(json));
  }
  return list;
}

void print(const init::Drift& drift, bool json) {
  if (json) {
    auto notes = Json::array();
    for (const auto& note : drift.notes)
      notes.push(Json::object({{"place", note.place}, {"text", note.text}}));
    return print_json(Json::object({{"api", drift.api},
                                    {"drift", drift.any()},
                                    {"new", list_of(drift.added)},
                                    {"gone", list_of(drift.gone)},
                                    {"undecided", list_of(drift.undecided)},
                                    {"not_routable", std::move(notes)}}));
  }
  const auto print_one = [](const init::Drift::Route& route, const char* word, const std::string& what) {
    print_text(fmt::format("{:<9} {} {}: {}", word, route.method, init::shown(route.path), what));
  };
  for (const auto& each : drift.added) print_one(each, "new", "the document has it, and no route takes it");
  for (const auto& each : drift.gone)
    print_one(each, "gone", "a route takes it, and the document does not have it");
  for (const auto& each : drift.undecided)
    print_one(each, "undecided", fmt::format("no policy can ever permit {}", each.action));
  for (const auto& note : drift.notes) print_text(fmt::format("unrouted  {}: {}", note.place, note.text));
  print_text(fmt::format("API {}: {} new, {} gone, {} undecided", drift.api, drift.added.size(),
                         drift.gone.size(), drift.undecided.size()));
}

int check(const GatewayOptions& options) {
  files::Issues issues;
  const auto document = init::Document::read(options.document, issues);
  if (!document) return broken(issues);
  const auto loaded = policy::load(options.config, issues);
  if (!loaded) return broken(issues);
  const auto drift = init::compare(init::read_operations(*document), *loaded, options.api);
  if (!drift) return fail(drift.error());
  print(*drift, options.json);
  return drift->any() ? kNo : kYes;
}

}  // namespace

void add_gateway(Command& program) {
  auto options = std::make_shared<GatewayOptions>();
  auto& gateway = program.add("gateway", "compare the gateway's routes with an API's own document");
  auto& command = gateway.add("import", "tell how the configuration and an OpenAPI document differ");
  command.option("--check", options->document, "the OpenAPI document; nothing is written").required();
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--api", options->api, "the API's id; without it, the only one that has routes");
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return check(*options); });
}

}  // namespace writ::cli
