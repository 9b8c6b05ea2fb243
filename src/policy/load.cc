#include "policy/load.h"

#include "policy/answers.h"
#include "policy/route_types.h"

namespace writ::policy {

std::optional<Loaded> load(const std::filesystem::path& file, files::Issues& issues) {
  // One with errors does not come out of load(), and what else is wrong is found.
  auto config = config::draft_config(file, issues);
  return config ? load(*std::move(config), issues) : std::nullopt;
}

std::optional<Loaded> load(config::Config config, files::Issues& issues) {
  auto world = config::read_world(config, issues);
  auto texts = read_policy_texts(config, issues);
  auto policies = load_policies(texts, world, issues);
  auto routes = config::make_routes(world, issues);
  if (policies) {
    check_answers(world, policies->schema.get(), issues);
    warn_of_route_types(world, policies->schema.get(), issues);
  }
  if (!policies || !routes || issues.has_errors()) return std::nullopt;
  return Loaded{std::move(config), std::move(world), std::move(texts), std::move(*policies),
                std::move(routes)};
}

}  // namespace writ::policy
