// UrlTemplate: a URL with places for what is asked about: `https://orders.internal/v2/orders/{id}`.
//
// Scheme, host and port stand fixed in the text; `{id}` and `{tenant}` may stand in the path and in the query
// alone. What is filled in is percent-encoded but for letters, digits and `-._~` (RFC 3986 §2.3), so that it
// is one segment, or one value, whatever it holds. Servers that decode before they split paths would still
// climb by `..`: ids with such a part, and with controls, are refused. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sources/origin.h"

namespace writ::sources {

inline constexpr std::size_t kMaxAskedIdBytes = 512;

class UrlTemplate {
 public:
  // Fails with kInvalid. `{id}` is there.
  static Result<UrlTemplate> parse(std::string_view text);

  // Fails with kInvalid where no URL can be made of it: then nobody can be asked.
  Result<std::string> fill(const SourceQuery& asked) const;
  bool has_tenant() const noexcept;
  // With an example filled in.
  std::string example() const;

 private:
  enum class Place : std::uint8_t { kNone, kId, kTenant };
  struct Piece {
    std::string literal;  // and then the place
    Place place = Place::kNone;
  };
  std::vector<Piece> pieces_;
};

}  // namespace writ::sources
