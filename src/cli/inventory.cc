// writ inventory: list and show identities and APIs, suspend, reactivate and retire identities, over /v1; and
// recover, in the data folder of a Writ that is stopped.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/operator.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "server/recover.h"

namespace writ::cli {
namespace {

struct InventoryOptions : ApiOptions {
  bool apis = false;
  std::string id;
  std::string config = "writ.yaml";
  std::string data;
};

std::string inventory_text(const codec::Json& answer) {
  std::string out;
  for (const auto* name : {"identities", "stops", "apis"}) {
    const auto* list = answer.find(name);
    if (list == nullptr || list->if_array() == nullptr) continue;
    for (const auto& item : *list->if_array()) {
      out +=
          fmt::format("{:<18} {:<12} {:<10} {}\n", show(item, "id"), show(item, "kind"), show(item, "status"),
                      show(item, item.find("audience") != nullptr ? "audience" : "tenant"));
    }
  }
  if (const auto* next = answer.find_string("next"))
    out += fmt::format("there is more: go on with --after {}\n", *next);
  return out.empty() ? "nothing" : out;
}

std::string one_text(const codec::Json& item) {
  return members_text(item, 14);
}

int recover(const InventoryOptions& options) {
  files::Issues issues;
  auto config = config::read_config(options.config, issues);
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (!config) return kBroken;
  if (!options.data.empty()) config->data = options.data;
  const auto done = server::recover(*config, options.id, operator_text());
  if (done) {
    print_text(fmt::format("the suspension of {} is lifted; the audit says so", options.id));
    return kYes;
  }
  (void)fail(done.error());
  const bool refused = done.error().code == ErrorCode::kConflict || done.error().code == ErrorCode::kNotFound;
  return refused ? kNo : kBroken;
}

void add_recover(Command& inventory, const std::shared_ptr<InventoryOptions>& options) {
  auto& command = inventory.add(
      "recover", "lift the suspension of an operator while Writ is stopped, in its data folder");
  command.option("id", options->id, "the identity's id").required();
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--data", options->data, "the data folder, instead of the configuration's");
  command.runs([options] { return recover(*options); });
}

}  // namespace

void add_inventory(Command& program) {
  auto options = std::make_shared<InventoryOptions>();
  auto& inventory = program.add("inventory", "list, show, suspend and reactivate identities");

  auto& list = add_list_command(inventory, "list", "list the identities, or the APIs", *options);
  list.flag("--apis", options->apis, "list the APIs");
  list.runs([options] {
    return call_api(*options, "GET", options->apis ? "/v1/apis" : "/v1/identities", inventory_text);
  });
  // By the id in a query or a body: no path carries every name.
  auto& shown = add_api_command(inventory, "show", "show an identity", *options);
  shown.option("id", options->id, "the identity's id, as the audit writes it").required();
  shown.runs([options] {
    return call_api(*options, "GET", "/v1/identities", one_text, std::nullopt, {{"id", options->id}});
  });
  struct Order {
    const char* name;
    const char* help;
  };
  for (const Order& order :
       {Order{"suspend", "refuse an identity, listed or not, until it is activated here; it acts at once"},
        Order{"activate", "end a suspension that was made here"},
        Order{"retire", "refuse an identity, listed or not, for good"}}) {
    auto& command = add_api_command(inventory, order.name, order.help, *options);
    command.option("id", options->id, "the identity's id, as the audit writes it").required();
    command.runs([options, order] {
      return call_api(*options, "POST", std::string("/v1/identities/") + order.name, one_text,
                      codec::Json::object({{"id", options->id}}));
    });
  }
  add_inventory_adopt(inventory);
  add_inventory_grant(inventory);
  add_inventory_key(inventory);
  add_inventory_import(inventory);
  add_inventory_owners(inventory);
  add_inventory_review(inventory);
  add_inventory_rotate(inventory);
  add_inventory_seen(inventory);
  add_recover(inventory, options);
}

}  // namespace writ::cli
