// Findings of classes (access/classes.h): callers that are decided alike and that somebody may want to tell
// apart, each with the smallest change that does. A change is named only after it was applied, and the real
// decision tells the two apart by it; what was tried and does not is left out.
//
// One thread.
#pragma once

#include <string_view>
#include <vector>

#include "access/classes.h"

namespace writ::access {

// Of so many findings of one target the change is applied; of others it is in words alone.
inline constexpr std::size_t kChangesApplied = 24;

// In one class. Of each kind one example is enough.
void find_alike(const CallerClass& of, const Target& target, Reach& reach, Names names,
                std::vector<ClassFinding>& findings);

// Two classes that differ in nothing but the tenant, or the environment, are told apart by a guard alone, and
// by that only on resources that say theirs.
class ByPlace {
 public:
  ByPlace(Reach& reach, const Target& target, Names names, TargetClasses& result)
      : reach_(reach), target_(target), names_(names), result_(result) {}

  // A request on a resource that says the one's; it separates. `name`: "tenant", "environment".
  bool separates(std::size_t one, std::size_t other, std::string_view name);
  // The very same request, on the same resource that says no place, is permitted for both.
  void find(std::size_t one, std::size_t other, std::string_view name);

 private:
  const Chain& first(std::size_t at) const { return result_.classes[at].groups.front()->first(); }
  std::optional<std::string> place_of(std::size_t at, std::string_view name) const;
  bool is_permitted(const Trial& trial);
  Trial for_other(const Trial& trial, std::size_t one, std::size_t other);
  bool says(const Trial& trial, std::string_view name) const;
  std::optional<Separation> separation(std::size_t one, std::size_t other, std::string_view name);

  Reach& reach_;
  const Target& target_;
  const Names names_;
  TargetClasses& result_;
};

}  // namespace writ::access
