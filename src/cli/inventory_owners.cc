// writ inventory owners, review, seen: who answers for what, until when somebody said so, and what was used
// when. Over /v1.
#include <fmt/format.h>
#include <functional>

#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

using codec::Json;

struct InventoryOwnersOptions : ApiOptions {
  std::string gone, to, id, until;
  bool suspend = false;
};

// The JSON of an answer that is no refusal; else what `report` returned.
std::expected<Json, int> answer_of(const Result<http::Response>& answer) {
  if (!answer || answer->status / 100 != 2) return std::unexpected(report(answer, false, nullptr));
  auto json = codec::parse_json(answer->body, {.max_bytes = 64 << 20});
  if (!json) return std::unexpected(fail(json.error()));
  return *std::move(json);
}

// All identities, over as many answers as it takes.
std::expected<std::vector<Json>, int> all_identities(Remote& remote) {
  std::vector<Json> all;
  FormFields query{{"limit", "1000"}};
  for (;;) {
    const auto answer = answer_of(remote.call("GET", "/v1/identities", std::nullopt, query));
    if (!answer) return std::unexpected(answer.error());
    if (const auto* list = answer->find("identities"); list != nullptr && list->if_array() != nullptr)
      all.insert(all.end(), list->if_array()->begin(), list->if_array()->end());
    const auto* next = answer->find_string("next");
    if (next == nullptr) return all;
    query = {{"limit", "1000"}, {"after", *next}};
  }
}

bool is_declared(const Json& identity) {
  const auto* declared = identity.find("declared");
  return declared != nullptr && declared->if_bool() != nullptr && *declared->if_bool();
}

// What of a shown identity can be sent back. Credentials and orders that it does not mention stay.
Json sendable(const Json& shown) {
  constexpr std::string_view kNotSaid[] = {"credentials", "declared", "stopped_by", "unknown",
                                           "evidence",    "use",      "review",     "status"};
  Json said = Json::object();
  for (const auto& [name, value] : *shown.if_object()) {
    if (std::find(std::begin(kNotSaid), std::end(kNotSaid), name) == std::end(kNotSaid))
      said.set(name, value);
  }
  return said;
}

// Done with one of those that somebody leaves behind: what became of it.
std::expected<std::string, int> hand_over(Remote& remote, const InventoryOwnersOptions& options,
                                          Json& identity, std::string_view role) {
  if (options.suspend) {
    const auto done = answer_of(
        remote.call("POST", "/v1/identities/suspend", Json::object({{"id", show(identity, "id")}})));
    if (!done) return std::unexpected(done.error());
    return std::string("suspended");
  }
  if (options.to.empty()) return std::string();
  if (is_declared(identity)) return std::string("change it in the configuration");
  // Of two roles the second is handed over with the first.
  identity.set(role, options.to);
  const auto done = answer_of(remote.call("PUT", "/v1/identities", sendable(identity)));
  if (!done) return std::unexpected(done.error());
  return "handed over to " + options.to;
}

int owners(const InventoryOwnersOptions& options) {
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  auto all = all_identities(*remote);
  if (!all) return all.error();
  Json list = Json::array();
  std::string text;
  bool left = false;
  for (Json& identity : *all) {
    for (const std::string_view role : {"owner", "sponsor"}) {
      if (show(identity, role) != options.gone) continue;
      const auto done = hand_over(*remote, options, identity, role);
      if (!done) return done.error();
      left = left || done->starts_with("change");
      text += fmt::format("{:<28} {:<12} {:<10} {}{}\n", show(identity, "id"), show(identity, "kind"),
                          show(identity, "status"), role, done->empty() ? "" : ": " + *done);
      Json entry = Json::object({{"id", show(identity, "id")},
                                 {"kind", show(identity, "kind")},
                                 {"status", show(identity, "status")},
                                 {"role", role},
                                 {"declared", is_declared(identity)}});
      if (!done->empty()) entry.set("done", *done);
      list.push(std::move(entry));
    }
  }
  if (options.json) {
    print_json(Json::object({{"left_behind", std::move(list)}}));
  } else {
    print_text(text.empty() ? fmt::format("`{}` answers for nothing", options.gone) : text);
  }
  return left ? kNo : kYes;
}

std::string shown_review(const Json& item) {
  return members_text(item, 14);
}

std::string use_of(const Json& identity, std::string_view what) {
  const auto* use = identity.find("use");
  const auto text = use != nullptr ? show(*use, what) : std::string();
  return text.empty() ? "never" : text;
}

int seen(const InventoryOwnersOptions& options) {
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  auto all = all_identities(*remote);
  if (!all) return all.error();
  const auto strangers = answer_of(remote->call("GET", "/v1/unlisted"));
  if (!strangers) return strangers.error();
  Json list = Json::array();
  std::string text = fmt::format("{:<36} {:<12} {:<12} {}\n", "identity", "kind", "first use", "last use");
  for (const Json& identity : *all) {
    text += fmt::format("{:<36} {:<12} {:<12} {}\n", show(identity, "id"), show(identity, "kind"),
                        use_of(identity, "first"), use_of(identity, "last"));
    Json entry = Json::object({{"id", show(identity, "id")}, {"kind", show(identity, "kind")}});
    if (const auto* use = identity.find("use")) entry.set("use", *use);
    list.push(std::move(entry));
  }
  const auto* unlisted = strangers->find("unlisted");
  if (unlisted != nullptr && unlisted->if_array() != nullptr) {
    for (const Json& each : *unlisted->if_array())
      text += fmt::format("{:<36} {:<12} {:<12} {}\n", show(each, "id"), "not listed", show(each, "first"),
                          show(each, "last"));
  }
  if (!options.json) return print_text(text), kYes;
  Json answer = Json::object({{"identities", std::move(list)}});
  if (unlisted != nullptr) answer.set("unlisted", *unlisted);
  if (const auto* left_out = strangers->find("left_out")) answer.set("left_out", *left_out);
  print_json(answer);
  return kYes;
}

}  // namespace

void add_inventory_owners(Command& inventory) {
  auto options = std::make_shared<InventoryOwnersOptions>();
  auto& command = add_api_command(inventory, "owners",
                                  "list what somebody leaves behind, hand it over, or suspend it", *options);
  command.option("--gone", options->gone, "the id of the user that leaves").required();
  command.option("--to", options->to, "the id of the user that takes over").excludes("--suspend");
  command.flag("--suspend", options->suspend, "suspend all of it");
  command.runs([options] { return owners(*options); });
}

void add_inventory_review(Command& inventory) {
  auto options = std::make_shared<InventoryOwnersOptions>();
  auto& command = add_api_command(inventory, "review",
                                  "confirm that an identity is needed as it is, until a date", *options);
  command.option("id", options->id, "the identity's id").required();
  command.option("--until", options->until, "the date of the next review: 2027-01-31").required();
  command.runs([options] {
    return call_api(*options, "POST", "/v1/identities/review", shown_review,
                    Json::object({{"id", options->id}, {"review_by", options->until}}));
  });
}

void add_inventory_seen(Command& inventory) {
  auto options = std::make_shared<InventoryOwnersOptions>();
  auto& command = add_api_command(
      inventory, "seen", "list when identities were first and last used, and callers that are not listed",
      *options);
  command.runs([options] { return seen(*options); });
}

}  // namespace writ::cli
