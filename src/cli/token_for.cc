// writ token for: a user's token through an application, by the keys for trying that `writ init` makes.
//
// It stands for a user's login, an application's exchange and, with --agent, an agent's. It needs the private
// keys in dev/ beside the configuration, and a Writ on this machine.
#include "cli/token_for.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/jwt.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "config/config.h"
#include "config/world.h"
#include "init/render.h"

namespace writ::cli {
namespace {

namespace fs = std::filesystem;
using codec::Json;

struct TokenForOptions {
  std::string user, app, agent, task, purpose, tenant, api;
  std::string config = "writ.yaml";
  bool json = false;
};

struct Ground {
  config::Config config;
  config::World world;
  fs::path dev;
};

// Whoever could be talked into trying this elsewhere would send a user's token there.
bool is_on_this_machine(std::string_view url) {
  for (const auto* host : {"http://127.0.0.1:", "http://[::1]:"})
    if (url.starts_with(host)) return true;
  return false;
}

Result<const inventory::Identity*> find(const Ground& ground, const std::string& id) {
  for (const auto& identity : ground.world.declared.identities)
    if (identity.id == id && identity.kind != inventory::Kind::kUser) return &identity;
  return invalid(fmt::format("the configuration has no application, service or agent `{}`", id));
}

Result<std::string> audience_of(const Ground& ground, const std::string& api) {
  std::vector<const inventory::Api*> others;
  for (const auto& each : ground.world.declared.apis) {
    if (each.id == api) return each.audience;
    if (each.id != config::kOwnApi) others.push_back(&each);
  }
  if (!api.empty()) return invalid(fmt::format("the configuration has no API `{}`", api));
  if (others.size() == 1) return others.front()->audience;
  return invalid("the configuration has several APIs; name one with --api");
}

// What the provider would say of the user.
Result<std::string> login(const Ground& ground, const TokenForOptions& options) {
  const auto file = ground.dev / "issuer.jwk";
  std::error_code error;
  if (ground.config.trusted_issuers.empty() || !fs::exists(file, error))
    return failure(
        ErrorCode::kNotFound,
        fmt::format("there is no key for trying in `{}`: `writ init` without --issuer makes one. With "
                    "your own identity provider, use `writ token exchange`",
                    file.string()));
  const auto& issuer = ground.config.trusted_issuers.front();
  auto claims = Json::object({{"iss", issuer.issuer}, {"aud", issuer.audience}});
  // A provider for trying names its claims at the top.
  claims.set(issuer.mapping.subject.text(), options.user);
  if (!options.tenant.empty()) {
    const auto name = issuer.mapping.others.find("tenant");
    claims.set(name != issuer.mapping.others.end() ? name->second.text() : "tenant", options.tenant);
  }
  const auto key = TRY(read_private_key(file.string()));
  return sign_claims(key, std::move(claims), 300, "JWT");
}

Result<http::Response> exchange(const Ground& ground, const TokenForOptions& options,
                                const std::string& client, std::string subject_token, const char* type,
                                bool with_task) {
  const auto* identity = TRY(find(ground, client));
  RemoteOptions remote{.server = ground.config.issuer, .client = client};
  std::error_code error;
  const auto secret = ground.dev / (client + ".secret"), key = ground.dev / (client + ".jwk");
  (fs::exists(secret, error) ? remote.secret_file : remote.key_file) =
      fs::exists(secret, error) ? secret.string() : key.string();
  const auto audience = TRY(audience_of(ground, options.api));
  FormFields fields{{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                    {"subject_token", std::move(subject_token)},
                    {"subject_token_type", fmt::format("urn:ietf:params:oauth:token-type:{}", type)},
                    {"resource", audience}};
  const auto purpose = options.purpose.empty() && identity->purposes.size() == 1 ? identity->purposes.front()
                                                                                 : options.purpose;
  if (!purpose.empty()) fields.emplace_back("purpose", purpose);
  if (with_task && !options.task.empty()) fields.emplace_back("task", options.task);
  auto opened = TRY(Remote::open(remote));
  return opened.post_token(std::move(fields));
}

Result<http::Response> get(const Ground& ground, const TokenForOptions& options) {
  if (!is_on_this_machine(ground.config.issuer))
    return invalid(
        fmt::format("`writ token for` is for trying, with a Writ on this machine; `issuer` is `{}`",
                    ground.config.issuer));
  const bool alone = options.agent.empty();
  auto login_token = TRY(login(ground, options));
  auto answer = TRY(exchange(ground, options, options.app, std::move(login_token), "jwt", alone));
  if (alone || answer.status != 200) return answer;
  const auto json = TRY(codec::parse_json(answer.body));
  return exchange(ground, options, options.agent, show(json, "access_token"), "access_token", true);
}

int print_token_for(const TokenForOptions& options) {
  files::Issues issues;
  auto config = config::read_config(options.config, issues);
  if (!config) {
    for (const auto& issue : issues.all()) print_error(render(issue));
    return kBroken;
  }
  Ground ground{*std::move(config), {}, fs::path(options.config).parent_path() / init::kDevFolder};
  ground.world = config::read_world(ground.config, issues);
  return report(get(ground, options), options.json, token_text);
}

}  // namespace

void add_token_for(Command& token) {
  auto options = std::make_shared<TokenForOptions>();
  auto& command = token.add("for", "get a user's token through an application, for trying on this machine");
  command.option("user", options->user, "the user").required();
  command.option("--through", options->app, "the application").required();
  command.option("--agent", options->agent, "an agent that the application hands the work to");
  command.option("--task", options->task, "the task that the token belongs to");
  command.option("--purpose", options->purpose,
                 "what the token is for; without it, the caller's only purpose");
  command.option("--tenant", options->tenant, "the user's tenant");
  command.option("--api", options->api, "the API's id, or `writ`; without it, the only one");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.flag("--json", options->json, "print the whole answer as JSON");
  command.runs([options] { return print_token_for(*options); });
}

}  // namespace writ::cli
