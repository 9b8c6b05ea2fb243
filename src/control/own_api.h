// Writ's own API in the inventory.
#pragma once

#include <string_view>

namespace writ::control {

inline constexpr std::string_view kOwnApi = "writ";        // its id
inline constexpr std::string_view kOwnNamespace = "Writ";  // the Cedar namespace of its actions

}  // namespace writ::control
