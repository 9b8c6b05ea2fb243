// writ inventory: list and show identities and APIs, suspend and reactivate identities, over /v1.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

struct Options : ApiOptions {
  bool apis = false;
  std::string id;
};

std::string inventory_text(const codec::Json& answer) {
  std::string out;
  for (const auto* name : {"identities", "apis"}) {
    const auto* list = answer.find(name);
    if (list == nullptr || list->if_array() == nullptr) continue;
    for (const auto& item : *list->if_array()) {
      out +=
          fmt::format("{:<18} {:<12} {:<10} {}\n", show(item, "id"), show(item, "kind"), show(item, "status"),
                      show(item, item.find("audience") != nullptr ? "audience" : "tenant"));
    }
  }
  return out.empty() ? "nothing" : out;
}

std::string one_text(const codec::Json& item) {
  return members_text(item, 14);
}

}  // namespace

void add_inventory(CLI::App& program, Action& action) {
  auto options = std::make_shared<Options>();
  auto* inventory = program.add_subcommand("inventory", "list, show, suspend and reactivate identities");
  inventory->require_subcommand(1);

  auto* list = add_api_command(*inventory, "list", "list the identities, or the APIs", *options);
  list->add_flag("--apis", options->apis, "list the APIs");
  list->callback([options, &action] {
    action = [options] {
      return call_api(*options, "GET", options->apis ? "/v1/apis" : "/v1/identities", inventory_text);
    };
  });
  struct OnOne {
    const char* name;
    const char* help;
    const char* method;
    const char* suffix;
  };
  for (const OnOne& verb :
       {OnOne{"show", "show an identity", "GET", ""},
        OnOne{"suspend", "suspend an identity; it is refused at once", "POST", "/suspend"},
        OnOne{"activate", "end a suspension", "POST", "/activate"},
        OnOne{"retire", "retire an identity for good", "POST", "/retire"}}) {
    auto* command = add_api_command(*inventory, verb.name, verb.help, *options);
    command->add_option("id", options->id, "the identity's id")->required();
    command->callback([options, &action, verb] {
      action = [options, verb] {
        return call_api(*options, verb.method, "/v1/identities/" + options->id + verb.suffix, one_text);
      };
    });
  }
}

}  // namespace writ::cli
