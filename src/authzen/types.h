// AuthZEN's names for types, as Cedar's. Others' systems call a type `service-account`, `urn:acme:invoice` or
// `https://acme.example/types/invoice`; Cedar's names have letters, digits, `_` and `::` alone.
//
// Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace writ::authzen {

// Where names are kept that cannot be Cedar's: nobody else's types are in it.
inline constexpr std::string_view kForeign = "AuthZEN";

// The type that stands for a name which is not one of Cedar's: `AuthZEN::service_2d_account`. Each character
// but ASCII letters and digits is `_`, its bytes in hex, and `_` (of a word of Cedar's, the first letter
// too), so no two names share a type.
std::string foreign_type(std::string_view name);
// Whether a caller writes such a type itself. Then it would be taken for another name.
bool is_foreign(std::string_view type) noexcept;

}  // namespace writ::authzen
