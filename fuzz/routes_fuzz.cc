// Texts with parameters, which name the resource a request is about: different paths must never become one
// resource.
//
// Input: the text, then the values of `a`, `b` and `c` for one path and for another, a line each.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "gateway/routes.h"

namespace {

using writ::gateway::Routes;
using writ::gateway::RouteSpec;

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

// What a path could hold there: one segment, not empty, or several.
std::string take_segments(std::string_view& rest, bool several) {
  std::string segments;
  for (const char c : take_line(rest)) {
    if (c != '/' || (several && !segments.empty() && segments.back() != '/')) segments += c;
  }
  if (segments.ends_with('/')) segments.pop_back();
  return segments.empty() ? "-" : segments;
}

std::string resource_of(const Routes& routes, const std::vector<std::string>& segments) {
  const auto path = "/" + segments[0] + "/" + segments[1] + "/" + segments[2];
  std::vector<std::string_view> values;
  const auto match = routes.match("GET", path, values);
  WRIT_CHECK(match.route != nullptr && values.size() == segments.size());
  std::string text;
  match.route->resource_id().append(text, values);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string text(take_line(rest));
  const bool with_rest = text.find("{**}") != text.npos;
  std::vector<RouteSpec> specs;
  specs.push_back({.method = "GET",
                   .path = with_rest ? "/{a}/{b}/**" : "/{a}/{b}/{c}",
                   .api = "api",
                   .action = {"Action", "read"},
                   .resource_type = "Thing",
                   .resource_id = text,
                   .attributes = {},
                   .upstream = "http://127.0.0.1:1"});
  const auto routes = Routes::make(std::move(specs));
  if (!routes) return 0;

  std::vector<std::string> one, other;
  for (int i = 0; i < 3; ++i) one.push_back(take_segments(rest, with_rest && i == 2));
  for (int i = 0; i < 3; ++i) other.push_back(take_segments(rest, with_rest && i == 2));
  bool differ = false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto parameter = with_rest && i == 2 ? "{**}" : std::string("{") + static_cast<char>('a' + i) + "}";
    if (text.find(parameter) != std::string::npos) differ |= one[i] != other[i];
  }
  WRIT_CHECK((resource_of(*routes, one) != resource_of(*routes, other)) == differ);
  return 0;
}
