#include "gateway/hosts.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::gateway {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes && !label.starts_with('-') &&
         !label.ends_with('-') && std::ranges::all_of(label, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool is_name(std::string_view name) {
  if (name.size() > kMaxNameBytes) return false;
  for (bool more = true; more;) {
    const auto dot = name.find('.');
    more = dot != name.npos;
    if (!is_label(name.substr(0, dot))) return false;
    if (more) name.remove_prefix(dot + 1);
  }
  return true;
}

// RFC 3986 §3.2.2, as far as a Host that came can have it.
bool is_bracketed(std::string_view name) {
  return name.size() > 2 && name.starts_with('[') && name.ends_with(']') &&
         name.find_first_not_of("0123456789abcdef:.", 1) == name.size() - 1;
}

}  // namespace

Result<std::string> host_pattern(std::string_view text) {
  std::string pattern(text);
  for (char& c : pattern) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  std::string_view name = pattern;
  const bool suffix = name.starts_with(kHostSuffix);
  const bool wildcard = suffix || name.starts_with("*.");
  if (wildcard) name.remove_prefix(name.find('.') + 1);
  // `*.example` would be for whoever has a name there.
  const bool narrow = !wildcard || name.find('.') != name.npos;
  if ((is_name(name) && narrow) || (!wildcard && is_bracketed(name))) return pattern;
  return failure(ErrorCode::kInvalid,
                 fmt::format("`{}` is not a host; expected a name without scheme and port such as "
                             "`api.acme.example`, `*.acme.example` for one label before it, or "
                             "`**.acme.example` for any",
                             text));
}

std::string_view host_name(std::string_view host) noexcept {
  const auto end = host.starts_with('[') ? host.find(']') : host.npos;
  auto name = end != host.npos ? host.substr(0, end + 1) : host.substr(0, host.find(':'));
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

std::string wildcard_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == name.npos || dot == 0 ? std::string() : fmt::format("*{}", name.substr(dot));
}

std::string_view without_label(std::string_view name) noexcept {
  const auto dot = name.find('.');
  return dot == name.npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace writ::gateway
