#include "sources/url_template.h"

#include <algorithm>
#include <fmt/format.h>

#include "http/url.h"

namespace writ::sources {
namespace {

bool is_unreserved(unsigned char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(byte)) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

// A part between slashes of either kind that some server would climb by.
bool has_dot_part(std::string_view text) {
  while (true) {
    const auto end = text.find_first_of("/\\;");
    const auto part = text.substr(0, end);
    if (part == "." || part == "..") return true;
    if (end == text.npos) return false;
    text.remove_prefix(end + 1);
  }
}

Result<void> check_value(std::string_view what, std::string_view text) {
  if (text.empty() || text.size() > kMaxAskedIdBytes)
    return invalid(fmt::format("the {} must have 1 to {} bytes to be asked about", what, kMaxAskedIdBytes));
  // An encoded percent sign that is decoded twice would be another text.
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '%'; }) ||
      has_dot_part(text))
    return invalid(
        fmt::format("the {} holds a control, a `%`, or a part `.` or `..`, and is not asked about", what));
  return {};
}

}  // namespace

Result<UrlTemplate> UrlTemplate::parse(std::string_view text) {
  UrlTemplate made;
  const auto scheme = text.find("://");
  const auto path = scheme != text.npos ? text.find('/', scheme + 3) : text.npos;
  const auto first = text.find_first_of("{}");
  if (path == text.npos || (first != text.npos && first < path))
    return invalid(
        fmt::format("`{}`: scheme and host stand as they are, and a path behind them, such as "
                    "`https://orders.internal/orders/{{id}}`",
                    text));
  for (std::string_view rest = text; !rest.empty();) {
    const auto open = rest.find_first_of("{}");
    Piece piece{std::string(rest.substr(0, open))};
    if (open == rest.npos) {
      made.pieces_.push_back(std::move(piece));
      break;
    }
    rest.remove_prefix(open);
    const auto name = rest.substr(0, rest.find('}') + 1);
    if (name == "{id}") {
      piece.place = Place::kId;
    } else if (name == "{tenant}") {
      piece.place = Place::kTenant;
    } else {
      return invalid(fmt::format("`{}`: its places are `{{id}}` and `{{tenant}}`", text));
    }
    // Two values side by side could be cut at another place.
    if (piece.literal.empty())
      return invalid(fmt::format("`{}`: something must stand between two places", text));
    rest.remove_prefix(name.size());
    made.pieces_.push_back(std::move(piece));
  }
  const bool has_id = std::ranges::any_of(made.pieces_, [](const auto& p) { return p.place == Place::kId; });
  if (!has_id) return invalid(fmt::format("`{}` has no place for the resource: `{{id}}`", text));
  TRY(http::parse_url(made.example()));
  return made;
}

Result<std::string> UrlTemplate::fill(const SourceQuery& asked) const {
  TRY(check_value("id", asked.id));
  if (has_tenant()) {
    if (!asked.tenant) return invalid("the URL has a place for a tenant, and the request is of none");
    TRY(check_value("tenant", *asked.tenant));
  }
  std::string url;
  for (const Piece& piece : pieces_) {
    url += piece.literal;
    if (piece.place == Place::kId) append_encoded(url, asked.id);
    if (piece.place == Place::kTenant) append_encoded(url, *asked.tenant);
  }
  if (url.size() > http::kMaxUrlBytes) return invalid("the URL would be too long");
  return url;
}

bool UrlTemplate::has_tenant() const noexcept {
  return std::ranges::any_of(pieces_, [](const auto& piece) { return piece.place == Place::kTenant; });
}

std::string UrlTemplate::example() const {
  return fill({.tenant = "north", .id = "17"}).value_or("");
}

}  // namespace writ::sources
