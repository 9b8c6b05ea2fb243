// Which APIs take API keys: those that say so, and no others.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/world.h"

namespace writ::config::api_keys_test {
namespace {

using ::testing::HasSubstr;

World world_of(std::string_view more, std::string& said) {
  files::Issues issues;
  const auto config =
      parse_config(fmt::format("version: 1\nissuer: https://writ.example\nlisten: {{api: \"127.0.0.1:1\"}}\n"
                               "policies: {{files: [p]}}\ninventory:\n"
                               "  apis: [{{id: ledger, audience: \"https://l\", actions: [read]{}}}]\n",
                               more),
                   std::filesystem::path(::testing::TempDir()) / "writ.yaml", issues);
  auto world = config ? read_world(*config, issues) : World();
  for (const auto& issue : issues.all()) said += render(issue) + "\n";
  return world;
}

bool takes_keys(std::string_view more) {
  std::string said;
  const auto world = world_of(more, said);
  const auto found = std::ranges::find(world.declared.apis, "ledger", &inventory::Api::id);
  EXPECT_NE(found, world.declared.apis.end()) << said;
  return found != world.declared.apis.end() && found->api_keys;
}

TEST(ApiKeysConfig, AnApiTakesKeysOnlyWhereItSaysSo) {
  EXPECT_FALSE(takes_keys(""));
  EXPECT_FALSE(takes_keys(", api_keys: false"));
  EXPECT_TRUE(takes_keys(", api_keys: true"));
}

TEST(ApiKeysConfig, WritsOwnApiNeverDoes) {
  std::string said;
  const auto world = world_of(", api_keys: true", said);
  const auto own = std::ranges::find(world.declared.apis, kOwnApi, &inventory::Api::id);
  ASSERT_NE(own, world.declared.apis.end());
  EXPECT_FALSE(own->api_keys);
}

TEST(ApiKeysConfig, AnythingElseIsAMistake) {
  std::string said;
  (void)world_of(", api_keys: some", said);
  EXPECT_THAT(said, HasSubstr("`api_keys`"));
}

TEST(ApiKeysConfig, WhatAnApiTakesIsKeptWithIt) {
  const inventory::Api api{.id = "ledger", .audience = "https://l", .actions = {"read"}, .api_keys = true};
  EXPECT_TRUE(inventory::api_from_record(inventory::api_record(api)).value().api_keys);
}

}  // namespace
}  // namespace writ::config::api_keys_test
