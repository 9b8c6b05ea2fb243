#include "api/parameters.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "http/target.h"

namespace writ::api {
namespace {

constexpr std::size_t kMaxTextBytes = 1024;

}  // namespace

Answer<std::optional<std::string>> optional_parameter(const http::Request& request, std::string_view name) {
  auto found = http::query_parameter(request.query, name);
  if (found.state == http::QueryState::kMany)
    return invalid(fmt::format("`{}` is given more than once", name));
  if (found.state == http::QueryState::kAbsent) return std::nullopt;
  return std::move(found.value);
}

Answer<void> Parameters::check() const {
  std::string unknown;
  http::for_each_parameter(query_, [&](std::string_view name) {
    if (std::ranges::find(taken_, name) == taken_.end()) unknown = name;
    return unknown.empty();
  });
  if (unknown.empty()) return {};
  return invalid(fmt::format("there is no parameter `{}`: it takes {}", unknown, fmt::join(taken_, ", ")));
}

Answer<std::string> Parameters::text(std::string_view name, bool required) const {
  auto found = http::query_parameter(query_, name);
  if (found.state == http::QueryState::kMany)
    return invalid(fmt::format("`{}` is given more than once", name));
  if (required && (found.state == http::QueryState::kAbsent || found.value.empty()))
    return invalid(fmt::format("`{}` is needed", name));
  if (found.value.size() > kMaxTextBytes)
    return invalid(fmt::format("`{}` is longer than {} bytes", name, kMaxTextBytes));
  return std::move(found.value);
}

Answer<bool> Parameters::flag(std::string_view name) const {
  const auto value = TRY(text(name));
  if (value.empty() || value == "false") return false;
  if (value == "true") return true;
  return invalid(fmt::format("`{}` must be `true` or `false`", name));
}

Answer<std::optional<std::uint64_t>> Parameters::number(std::string_view name, std::uint64_t least,
                                                        std::uint64_t most) const {
  const auto value = TRY(text(name));
  if (value.empty()) return std::nullopt;
  std::uint64_t read = 0;
  const auto* end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, read);
  if (result.ec == std::errc() && result.ptr == end && read >= least && read <= most) return read;
  return invalid(fmt::format("`{}` must be one number from {} to {}", name, least, most));
}

Answer<std::vector<std::string>> Parameters::list(std::string_view name) const {
  const auto value = TRY(text(name));
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    if (end > at) all.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

}  // namespace writ::api
