// writ inventory rotate: what to put into the configuration so that a client gets another secret or key while
// the one that it has stays good for a while. Changes nothing itself.
#include <algorithm>
#include <fmt/format.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/output.h"
#include "codec/base64url.h"
#include "config/world.h"
#include "crypto/random.h"
#include "crypto/secret_hash.h"

namespace writ::cli {
namespace {

struct InventoryRotateOptions {
  std::string id;
  std::string config = "writ.yaml";
  std::int64_t days = 7;
  bool json = false;
};

constexpr std::int64_t kMostDays = 90;  // for longer than this two secrets are one too many

Result<inventory::Identity> client_of(const InventoryRotateOptions& options) {
  files::Issues issues;
  const auto config = config::read_config(options.config, issues);
  const auto world = config ? config::read_world(*config, issues) : config::World();
  if (!config || issues.errors() > 0) {
    for (const auto& issue : issues.all()) print_error(render(issue));
    return failure(ErrorCode::kInvalid, "the configuration has errors, and nothing was made");
  }
  const auto& all = world.declared.identities;
  const auto found = std::ranges::find(all, options.id, &inventory::Identity::id);
  if (found == all.end())
    return failure(ErrorCode::kNotFound, fmt::format("`{}` is not in the configuration", options.id));
  return *found;
}

// A key is the client's to make; Writ has its public part alone.
std::string advice_for_keys() {
  return "its keys are in a file: `writ keys generate NEW.jwk` prints a public key; add it to the "
         "`jwks_file`, "
         "reload, let the client sign with it, and then remove the old one";
}

int rotate(const InventoryRotateOptions& options) {
  if (options.days < 1 || options.days > kMostDays)
    return fail(Error{ErrorCode::kInvalid, fmt::format("`--days` is from 1 to {}", kMostDays)});
  const auto client = client_of(options);
  if (!client) return fail(client.error());
  if (!client->secret_hash) {
    const auto why = client->keys.empty() ? std::string("it has no secret and no key that could be replaced")
                                          : advice_for_keys();
    return fail(Error{ErrorCode::kConflict, fmt::format("`{}` has no `secret_hash`: {}", options.id, why)});
  }
  const auto now = SystemClock().now();
  if (client->previous_secret && client->previous_secret->until > now)
    return fail(Error{ErrorCode::kConflict,
                      fmt::format("the secret of `{}` is being replaced: the previous one is good until {}; "
                                  "remove `previous_secret` to end it now",
                                  options.id, inventory::date_text(client->previous_secret->until))});
  const Secret secret(codec::base64url_encode(crypto::random_bytes(32)));
  const auto hash = crypto::hash_secret(secret);
  if (!hash) return fail(hash.error());
  const auto until =
      inventory::date_text(instant_from_unix_seconds(unix_seconds(now) + options.days * 86'400));
  if (options.json) {
    print_json(codec::Json::object(
        {{"id", options.id},
         {"secret", secret.expose()},
         {"secret_hash", *hash},
         {"previous_secret", codec::Json::object({{"hash", *client->secret_hash}, {"until", until}})}}));
    return kYes;
  }
  print_text(
      fmt::format("# the secret, shown once: {}\n# put these in place of `secret_hash` of `{}`, and reload\n"
                  "secret_hash: \"{}\"\nprevious_secret: {{hash: \"{}\", until: \"{}\"}}",
                  secret.expose(), options.id, *hash, *client->secret_hash, until));
  return kYes;
}

}  // namespace

void add_inventory_rotate(Command& inventory) {
  auto options = std::make_shared<InventoryRotateOptions>();
  auto& command = inventory.add(
      "rotate", "make another secret for a client, and print what to put so that both are good for a while");
  command.option("id", options->id, "the client's id").required();
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--days", options->days, "for how long the secret that it has stays good").shows_default();
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return rotate(*options); });
}

}  // namespace writ::cli
