#include "init/render.h"

#include <fmt/format.h>

#include "config/config_schema.h"
#include "init/text.h"

namespace writ::init {
namespace {

std::string public_set(const jose::PrivateJwk& key) {
  return jose::JwkSet::of({key.public_jwk()}).value().to_json().pretty() + "\n";
}

std::string private_key(const jose::PrivateJwk& key) {
  return std::string(key.serialise().expose()) + "\n";
}

constexpr std::string_view kReadme = R"md(# {title}, guarded by Writ

`writ init` made this folder of an OpenAPI document: {routes} routes, {types} types of resources.

| file | what it says |
|---|---|
| `writ.yaml` | where Writ listens, who calls, and which request is which action |
| `schema.cedarschema` | types and actions, so that mistakes in policies are found |
| `writ.schema.json` | what may stand in `writ.yaml`, for editors (`writ config schema`) |
| `policies/` | who may do what, and tests of it |
| `entities.json` | facts about resources, an example |
| `dev/` | keys for trying. Keep them off servers and out of version control. |

Check it, test it, run it:

```sh
writ check
writ test
writ {serve}
```

In another terminal, send a first request as {user}. The API itself must listen at {upstream}.

```sh
writ token for {user_word} --through {app} > /tmp/user.token
curl -i -X {method} -H "Authorization: Bearer $(cat /tmp/user.token)" {url}
```

Why would a request be refused? Ask, for example, about the same one without a purpose:

```sh
writ explain --request {request} --sub {user_word} --client {app}
```

Next: say in `policies/{api}.cedar` who may do what, put your identity provider and your applications into `writ.yaml`, and let
the API be reached through Writ only: `writ serve` runs it there. When the API changes, `writ gateway import --check` with its new
document tells what the configuration lacks.
)md";

}  // namespace

std::string render_readme(const Draft& draft) {
  const auto example = first_example(draft);
  return fmt::format(
      kReadme, fmt::arg("title", draft.title.empty() ? draft.api : shown(draft.title, 60)),
      // Whose tokens are another provider's, nobody here signs for trying.
      fmt::arg("serve", draft.settings.issuer.empty()
                            ? "dev     # shows each decision, and what would permit a refused request"
                            : "serve"),
      fmt::arg("routes", draft.routes.size()), fmt::arg("types", draft.types.size()),
      fmt::arg("user", draft.settings.user), fmt::arg("app", draft.settings.app),
      fmt::arg("upstream", draft.settings.upstream), fmt::arg("method", example.route->method),
      fmt::arg("url", shell(fmt::format("http://{}{}", draft.settings.gateway_listen, example.path))),
      fmt::arg("request", shell(fmt::format("{} {}", example.route->method, example.path))),
      fmt::arg("user_word", shell(draft.settings.user)), fmt::arg("api", draft.api));
}

std::vector<NewFile> render(const Draft& draft, const Credentials& credentials) {
  const auto dev = std::string(kDevFolder) + "/";
  const auto& app = draft.settings.app;
  const auto& agent = draft.settings.agent;
  std::vector<NewFile> files{
      {dev + app + ".secret", std::string(credentials.app_secret.expose()) + "\n", true},
      {dev + agent + ".jwk", private_key(credentials.agent_key), true},
      {dev + agent + ".jwks.json", public_set(credentials.agent_key)},
  };
  if (credentials.issuer_key) {
    files.push_back({dev + "issuer.jwk", private_key(*credentials.issuer_key), true});
    files.push_back({dev + "issuer.jwks.json", public_set(*credentials.issuer_key)});
  }
  files.push_back({".gitignore", "data/\ndev/*.jwk\ndev/*.secret\n"});
  files.push_back({"writ.schema.json", config::config_schema().pretty() + "\n"});
  files.push_back({"README.md", render_readme(draft)});
  files.push_back({"entities.json", render_entities(draft)});
  files.push_back({"schema.cedarschema", render_schema(draft)});
  files.push_back({"policies/" + draft.api + ".cedar", render_policies(draft)});
  files.push_back({"policies/writ.cedar", render_own_policies(draft)});
  files.push_back({"policies/" + draft.api + ".test.yaml", render_tests(draft)});
  files.push_back({"writ.yaml", render_config(draft, credentials)});
  return files;
}

}  // namespace writ::init
