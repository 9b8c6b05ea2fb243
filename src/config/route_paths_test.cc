#include "config/route_paths.h"

#include <gtest/gtest.h>

namespace writ::config::route_paths_test {
namespace {

std::string warnings_about(std::string_view path) {
  files::Issues issues;
  files::Source source{"/w/writ.yaml", "/w", issues};
  files::YamlNode node;
  node.kind = files::YamlNode::Kind::kText;
  node.text = path;
  warn_of_path(node, source);
  std::string out;
  for (const files::Issue& issue : issues.all()) out += render(issue);
  return out;
}

TEST(RoutePaths, PatternsOfOthersAreNamedWithTheWayToWriteThem) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"/orders/*", "/orders/{name}"},
      {"/orders/:id", "/orders/{id}"},
      {"/orders/<id>", "/orders/{id}"},
      {"/orders/<int:id>/lines/:line", "/orders/{id}/lines/{line}"},
      {"/orders/*/lines/*", "/orders/{name}/lines/{name2}"},
      {"/orders/[0-9]+", "/orders/{name}"},
      {"/orders/.*", "/orders/{name}"},
      {"/orders/inv-*", "/orders/{name}"},
      {"/orders ", "/orders"},
      {"/ orders", "/orders"},
  };
  for (const auto& [path, better] : cases) {
    const auto said = warnings_about(path);
    EXPECT_NE(said.find("warning: `"), said.npos) << path;
    EXPECT_EQ(better_path(path), better) << path;
    EXPECT_NE(said.find("write `" + std::string(better) + "`"), said.npos) << said;
  }
}

TEST(RoutePaths, TheRestOfAPathStandsAtItsEnd) {
  for (const auto* path : {"/**", "/files/**", "/files/**/"}) {
    EXPECT_EQ(warnings_about(path), "") << path;
    EXPECT_EQ(better_path(path), "") << path;
  }
  const auto said = warnings_about("/files/**/{name}");
  EXPECT_NE(said.find("it takes the rest of the path, so nothing but a slash may stand behind it"), said.npos)
      << said;
  for (const auto* path : {"/files/{*rest}", "/files/{rest*}", "/files/{rest...}", "/files/{proxy+}",
                           "/files/{rest:path}", "/files/<path:rest>"})
    EXPECT_EQ(better_path(path), "/files/**") << path;
  EXPECT_EQ(better_path("/files/{*rest}/last"), "/files/{rest}/last");
}

TEST(RoutePaths, WhatApisReallyHaveInTheirPathsDrawsNoWarning) {
  for (const auto* path :
       {"/", "/orders/{order}", "/files/report:copy", "/documents/all:search", "/$metadata",
        "/odata/Orders(1)", "/a-b_c.d~e", "/orders/", "/@scope/name", "/a+b", "/größe"})
    EXPECT_EQ(warnings_about(path), "") << path;
}

TEST(RoutePaths, WhatCanBeNoPathIsMendedToo) {
  EXPECT_EQ(better_path("orders/{order}"), "/orders/{order}");
  EXPECT_EQ(better_path("/orders//{order}"), "/orders/{order}");
  EXPECT_EQ(better_path("/orders?state=open"), "/orders");
  EXPECT_EQ(better_path("https://api.acme.example/orders"), "/orders");
  EXPECT_EQ(better_path("/orders/{id:int}"), "/orders/{id}");
  EXPECT_EQ(better_path("/orders/{id:[0-9]+}"), "/orders/{id}");
  EXPECT_EQ(better_path("/orders/{id?}"), "/orders/{id}");
  EXPECT_EQ(better_path("/orders/{order}"), "");
}

}  // namespace
}  // namespace writ::config::route_paths_test
