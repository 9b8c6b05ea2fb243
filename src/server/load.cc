#include "server/load.h"

namespace writ::server {

std::optional<Loaded> load(const std::filesystem::path& file, Issues& issues) {
  auto config = read_config(file, issues);
  if (!config) return std::nullopt;
  auto world = read_world(*config, issues);
  auto policies = load_policies(*config, world, issues);
  if (!policies) return std::nullopt;
  return Loaded{std::move(*config), std::move(world), std::move(*policies)};
}

}  // namespace writ::server
