#include "config/route_methods.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "codec/ascii.h"
#include "codec/nearest.h"

namespace writ::config {
namespace {

// RFC 9110 §9.3, RFC 5789, and the safe method that has a body. Others (WebDAV's, a cache's PURGE) are as
// good.
constexpr std::array<std::string_view, 8> kUsual{"GET",    "HEAD",    "POST",  "PUT",
                                                 "DELETE", "OPTIONS", "PATCH", "QUERY"};

std::string in_capitals(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

}  // namespace

void warn_of_method(const files::YamlNode& method, files::Source& source) {
  const auto upper = in_capitals(method.text);
  const bool is_usual = std::ranges::find(kUsual, upper) != kUsual.end();
  if (upper == method.text && is_usual) return;
  const auto meant = is_usual ? std::string_view(upper) : codec::nearest(upper, kUsual);
  if (upper == method.text && meant.empty()) return;
  source.issues.warning(
      source.place(method),
      fmt::format("`{}` is not a method that callers send: {}", method.text,
                  upper == method.text ? "HTTP does not have it" : "methods are told apart by case"),
      fmt::format("write {}", meant.empty() ? std::string_view(upper) : meant));
}

}  // namespace writ::config
