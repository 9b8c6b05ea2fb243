#include "cli/signing_keys.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/operator.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "codec/base64url.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "files/files.h"
#include "server/own_keys.h"
#include "token/key_wrapping.h"

namespace writ::cli {
namespace {

using codec::Json;

struct SigningKeysOptions : ApiOptions {
  bool offline = false, at_once = false, stolen = false;
  std::string config = "writ.yaml";
  std::string data;
  std::string file;
};

std::string signing_key_line(const Json& key) {
  const auto state = show(key, "state");
  const auto until = key.find("until") == nullptr ? std::string()
                     : state == "published"       ? ", signs from " + show(key, "until")
                     : state == "signing"         ? ", to be replaced at " + show(key, "until")
                                                  : ", removed at " + show(key, "until");
  return fmt::format("{}  {:<6} {:<9} since {}{}", show(key, "kid"), show(key, "algorithm"), state,
                     show(key, "since"), until);
}

std::string keys_text(const Json& answer) {
  return list_text(answer, "keys", signing_key_line, "there are no keys") +
         (show(answer, "encrypted") == "true" ? "they are encrypted in the database"
                                              : "they are not encrypted in the database");
}

// In the data folder, of a Writ that is stopped.
int offline(const SigningKeysOptions& options,
            const std::function<Result<Json>(const config::Config&)>& act) {
  files::Issues issues;
  auto config = config::read_config(options.config, issues);
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (!config) return kBroken;
  if (!options.data.empty()) config->data = options.data;
  const auto answer = act(*config);
  if (answer) {
    if (options.json) {
      print_json(*answer);
    } else {
      print_text(keys_text(*answer));
    }
    return kYes;
  }
  (void)fail(answer.error());
  const bool refused =
      answer.error().code == ErrorCode::kConflict || answer.error().code == ErrorCode::kNotFound;
  return refused ? kNo : kBroken;
}

int list(const SigningKeysOptions& options) {
  if (options.offline) return offline(options, server::list_keys);
  return call_api(options, "GET", "/v1/keys", keys_text);
}

int rotate(const SigningKeysOptions& options) {
  const std::string urgency = options.stolen ? "stolen" : options.at_once ? "at_once" : "orderly";
  if (options.offline)
    return offline(options, [&](const config::Config& config) {
      return server::rotate_keys(config, *token::urgency_from_name(urgency), operator_text());
    });
  return call_api(options, "POST", "/v1/keys/rotate", keys_text, Json::object({{"urgency", urgency}}));
}

int make_wrapping(const SigningKeysOptions& options) {
  const auto text = codec::base64_encode(crypto::random_bytes(crypto::kAeadKeyBytes));
  const auto key = token::WrappingKey::parse(Secret(text));
  if (!key) return fail(key.error());
  const auto made = files::create_private_file(options.file, text + "\n");
  if (!made) return fail(made.error());
  if (options.json) {
    print_json(Json::object({{"wrapping_key", key->id()}}));
  } else {
    print_text("wrapping key " + key->id());
  }
  return kYes;
}

Command& add_command(Command& keys, const char* name, const char* help, SigningKeysOptions& options) {
  auto& command = add_api_command(keys, name, help, options);
  command.flag("--offline", options.offline, "in the data folder, while Writ is stopped");
  command.option("--config", options.config, "with --offline: the configuration file").shows_default();
  command.option("--data", options.data, "with --offline: the data folder, instead of the configuration's");
  return command;
}

}  // namespace

void add_signing_keys(Command& keys) {
  auto options = std::make_shared<SigningKeysOptions>();
  auto& listed = add_command(keys, "list", "list the keys that Writ signs with", *options);
  listed.runs([options] { return list(*options); });

  auto& rotated =
      add_command(keys, "rotate", "let another key sign, when it was published for long enough", *options);
  rotated.flag("--at-once", options->at_once, "it signs now, published or not");
  rotated
      .option("--stolen", options->stolen,
              "it signs now, all other keys are gone, and every token that they signed is refused")
      .excludes("--at-once");
  rotated.runs([options] { return rotate(*options); });

  auto& wrapping =
      keys.add("wrapping", "make a key that the signing keys are encrypted with in the database");
  wrapping.option("file", options->file, "where to write it; must not exist").required();
  wrapping.flag("--json", options->json, "print JSON");
  wrapping.runs([options] { return make_wrapping(*options); });
}

}  // namespace writ::cli
