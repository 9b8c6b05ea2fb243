// writ inventory key: API keys for callers that cannot do better, over /v1 (docs/api-keys.md).
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

using codec::Json;

struct InventoryKeyOptions : ApiOptions {
  std::string id, identity, api, until, old_until, purpose, description;
};

std::string api_key_line(const Json& key) {
  return fmt::format("{:<17} {:<9} until {:<20} used {:<20} {} at {}", show(key, "id"), show(key, "status"),
                     show(key, "expires_at"), key.find("last_used_at") ? show(key, "last_used_at") : "never",
                     show(key, "identity"), show(key, "api"));
}

std::string api_keys_text(const Json& answer) {
  return list_text(answer, "api_keys", api_key_line, "there are no API keys");
}

std::string api_key_text(const Json& key) {
  return members_text(key, 14);
}

// Absent rather than empty.
Json body_of(std::initializer_list<std::pair<std::string_view, const std::string*>> members) {
  Json body = Json::object();
  for (const auto& [name, value] : members) {
    if (!value->empty()) body.set(name, *value);
  }
  return body;
}

}  // namespace

void add_inventory_key(Command& inventory) {
  auto& key = inventory.add("key", "API keys, for callers that cannot do better");

  auto listed = std::make_shared<InventoryKeyOptions>();
  auto& list = add_api_command(key, "list", "list the keys, with when they were used last", *listed);
  list.runs([listed] { return call_api(*listed, "GET", "/v1/api-keys", api_keys_text); });

  auto wanted = std::make_shared<InventoryKeyOptions>();
  auto& make = add_api_command(key, "make", "make a key, which is shown this once", *wanted);
  make.option("identity", wanted->identity, "the application or service that it stands for").required();
  make.option("--api", wanted->api, "the API that takes it").required();
  make.option("--until", wanted->until, "the day on which it expires: 2027-01-31 (90 days without it)");
  make.option("--purpose", wanted->purpose, "the purpose of the requests that come with it");
  make.option("--description", wanted->description, "what it is there for");
  make.runs([wanted] {
    return call_api(*wanted, "POST", "/v1/api-keys", api_key_text,
                    body_of({{"identity", &wanted->identity},
                             {"api", &wanted->api},
                             {"expires_at", &wanted->until},
                             {"purpose", &wanted->purpose},
                             {"description", &wanted->description}}));
  });

  auto rotated = std::make_shared<InventoryKeyOptions>();
  auto& rotate = add_api_command(key, "rotate", "make another key; both are good for a while", *rotated);
  rotate.option("id", rotated->id, "the id of the key that there is").required();
  rotate.option("--old-until", rotated->old_until, "how long that one stays good (7 days without it)");
  rotate.option("--until", rotated->until, "the day on which the new one expires");
  rotate.runs([rotated] {
    return call_api(
        *rotated, "POST", "/v1/api-keys/rotate", api_key_text,
        body_of({{"id", &rotated->id}, {"old_until", &rotated->old_until}, {"expires_at", &rotated->until}}));
  });

  auto revoked = std::make_shared<InventoryKeyOptions>();
  auto& revoke = add_api_command(key, "revoke", "take a key away, at once", *revoked);
  revoke.option("id", revoked->id, "the key's id").required();
  revoke.runs([revoked] {
    return call_api(*revoked, "POST", "/v1/api-keys/revoke", api_key_text, body_of({{"id", &revoked->id}}));
  });
}

}  // namespace writ::cli
