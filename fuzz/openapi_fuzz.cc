// OpenAPI documents: whatever one says, what `writ init` makes of it has these policies and no others, is
// YAML that reads back as it was meant, and leaves no operation out without a word.
//
// Input: the document.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/parse.h"
#include "files/yaml.h"
#include "init/render.h"

namespace {

using namespace writ;

const init::Credentials& credentials() {
  static const auto made = init::make_credentials(true);
  WRIT_CHECK(made.has_value());
  return *made;
}

void check_config(const init::Draft& draft) {
  files::Issues issues;
  const auto tree = files::parse_yaml(init::render_config(draft, credentials()), "writ.yaml", issues);
  WRIT_CHECK(tree && !issues.has_errors());
  const auto& routes = tree->find("inventory")->find("apis")->items.at(0).find("routes")->items;
  WRIT_CHECK(routes.size() == draft.routes.size());
  for (std::size_t i = 0; i < routes.size(); ++i) {
    WRIT_CHECK(routes[i].find("path")->text == draft.routes[i].path);
    const auto resource = cedar::parse_entity(routes[i].find("resource")->text);
    WRIT_CHECK(resource && resource->id == draft.routes[i].id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  files::Issues issues;
  const auto document = init::Document::parse({reinterpret_cast<const char*>(data), size}, "openapi", issues);
  if (!document) return 0;
  const auto draft = init::make_draft(init::read_operations(*document), {});
  if (!draft) return 0;
  std::size_t left_out = 0;
  for (const auto& note : draft->notes) left_out += note.not_routed;
  WRIT_CHECK(draft->routes.size() + left_out >= draft->operations);
  const auto policies = cedar::parse_policies(init::render_policies(*draft));
  const bool says_whose =
      std::ranges::any_of(draft->routes, [](const auto& route) { return route.says_whose(); });
  WRIT_CHECK(policies && policies->policies.size() == (says_whose ? 4 : 3));
  files::Issues of_tests;
  WRIT_CHECK(files::parse_yaml(init::render_tests(*draft), "t", of_tests) && !of_tests.has_errors());
  check_config(*draft);
  return 0;
}
