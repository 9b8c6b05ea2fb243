#include "config/route_methods.h"

#include <gtest/gtest.h>

namespace writ::config::route_methods_test {
namespace {

std::string warnings_about(std::string_view method) {
  files::Issues issues;
  files::Source source{"/w/writ.yaml", "/w", issues};
  files::YamlNode node;
  node.kind = files::YamlNode::Kind::kText;
  node.text = method;
  warn_of_method(node, source);
  std::string out;
  for (const files::Issue& issue : issues.all()) out += render(issue);
  return out;
}

TEST(RouteMethods, AMethodInSmallLettersIsNamedWithTheWayToWriteIt) {
  for (const auto& [method, meant] : {std::pair("get", "GET"), {"Post", "POST"}, {"propfind", "PROPFIND"}}) {
    const auto said = warnings_about(method);
    EXPECT_NE(said.find("methods are told apart by case"), said.npos) << said;
    EXPECT_NE(said.find(std::string("write ") + meant), said.npos) << said;
  }
}

TEST(RouteMethods, ASlipIsNamedWithTheNearestMethod) {
  for (const auto& [method, meant] : {std::pair("GTE", "GET"), {"DELTE", "DELETE"}, {"PTACH", "PATCH"}}) {
    const auto said = warnings_about(method);
    EXPECT_NE(said.find(std::string("write ") + meant), said.npos) << said;
  }
}

TEST(RouteMethods, MethodsThatOthersReallyHaveDrawNoWarning) {
  for (const auto* method :
       {"GET",      "HEAD",   "POST",  "PUT",    "DELETE", "OPTIONS", "PATCH",     "QUERY",
        "PROPFIND", "PURGE",  "MKCOL", "REPORT", "SEARCH", "LINK",    "COPY",      "MOVE",
        "LOCK",     "UNLOCK", "BIND",  "ACL",    "MERGE",  "NOTIFY",  "SUBSCRIBE", "VERSION-CONTROL"})
    EXPECT_EQ(warnings_about(method), "") << method;
}

}  // namespace
}  // namespace writ::config::route_methods_test
