// ClaimPath: where a provider's token keeps a value: a claim by its name, or a member of a member
// (`realm_access`, then `roles`). A name stands as it is: dots, colons and slashes in it mean nothing.
//
// A plain value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json.h"

namespace writ::oauth {

class ClaimPath {
 public:
  ClaimPath() = default;  // nowhere: the provider does not say
  ClaimPath(std::string name) {
    if (!name.empty()) names_.push_back(std::move(name));
  }
  ClaimPath(const char* name) : ClaimPath(std::string(name)) {}
  explicit ClaimPath(std::vector<std::string> names) : names_(std::move(names)) {}

  bool empty() const noexcept { return names_.empty(); }
  // Null: it is not there.
  const codec::Json* find(const codec::Json& claims) const {
    const auto* at = names_.empty() ? nullptr : &claims;
    for (const auto& name : names_) {
      if (at != nullptr) at = at->find(name);
    }
    return at;
  }
  // For people: "realm_access.roles".
  std::string text() const {
    std::string text;
    for (const auto& name : names_) text += (text.empty() ? "" : ".") + name;
    return text;
  }
  friend bool operator==(const ClaimPath& path, std::string_view name) {
    return path.names_.size() == 1 && path.names_.front() == name;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace writ::oauth
