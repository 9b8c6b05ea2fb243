// For tests: what is in force, as tests put it there.
#pragma once

#include <memory>
#include <utility>

#include "enforce/in_force.h"
#include "inventory/directory.h"

namespace writ::enforce::testing {

// What changes in a directory is in force at once, as in production.
struct Followed {
  Followed(inventory::Directory& directory, Current& current) {
    directory.follow([&current](auto snapshot) { current.replace(std::move(snapshot)); });
  }
};

// The policies in force, which a test may assign.
class Policies {
 public:
  explicit Policies(Current& current) : current_(current) {}
  Policies& operator=(std::shared_ptr<const decision::PolicySnapshot> policies) {
    current_.replace(std::move(policies));
    return *this;
  }
  std::shared_ptr<const decision::PolicySnapshot> get() const { return current_.get()->policies; }
  std::shared_ptr<const decision::PolicySnapshot> operator->() const { return get(); }
  const decision::PolicySnapshot& operator*() const { return *get(); }

 private:
  Current& current_;
};

}  // namespace writ::enforce::testing
