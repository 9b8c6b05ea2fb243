// The files of a first configuration, made of a draft.
//
//   writ.yaml  schema.cedarschema  entities.json  policies/orders.cedar, writ.cedar, orders.test.yaml
//   README.md  .gitignore          dev/ with the keys for trying
//
// Pure but for the keys that it is given. What the files say is read back and checked by whoever writes them.
#pragma once

#include <string>
#include <vector>

#include "init/credentials.h"
#include "init/draft.h"

namespace writ::init {

struct NewFile {
  std::string name;  // from the folder on
  std::string content;
  bool is_private = false;  // for its owner alone
};

inline constexpr std::string_view kDevFolder = "dev";
inline constexpr std::string_view kDevIssuer =
    "https://login.dev.example";  // of tokens signed by a key in dev/

std::vector<NewFile> render(const Draft& draft, const Credentials& credentials);

// Each a file of its own, for render().
std::string render_config(const Draft& draft, const Credentials& credentials);
std::string render_schema(const Draft& draft);
std::string render_policies(const Draft& draft);
std::string render_own_policies(const Draft& draft);  // of Writ itself
std::string render_tests(const Draft& draft);
std::string render_entities(const Draft& draft);
std::string render_readme(const Draft& draft);

// A request that the starter policies permit, to begin with: reads come first.
struct Example {
  const PlannedRoute* route;
  std::string path;      // encoded: "/orders/1"
  std::string resource;  // Shop::Order::"1"
};
Example first_example(const Draft& draft);
// The same route with another resource; or another one; null where all is about one resource.
std::optional<Example> other_example(const Draft& draft, const Example& first);
Example example_of(const Draft& draft, const PlannedRoute& route, std::string_view value);
// Of tests' tokens, where paths name tenants; empty: none do.
std::string_view example_tenant(const Draft& draft);

}  // namespace writ::init
