// AccessWorlds: what decides about access now, what would if the configuration were read again, and what the
// policies of before would decide: the sides of a change (control/access.h).
//
// Plain values, and who knows them (`policy`). Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decision/decision.h"
#include "enforce/in_force.h"
#include "inventory/snapshot.h"

namespace writ::control {

inline constexpr std::string_view kWorldInForce = "in_force";
inline constexpr std::string_view kWorldOfFiles = "files";

struct AccessWorld {
  std::shared_ptr<const inventory::Snapshot> inventory;      // never null
  std::shared_ptr<const decision::PolicySnapshot> policies;  // never null
  std::shared_ptr<const facts::PushedEntities> pushed;       // null: none were
  // What whoever asks may do: routes for which nobody's token is asked, and APIs that are only observed.
  struct PublicRoute {
    std::string api, method, path;
  };
  std::vector<PublicRoute> public_routes = {};
  std::vector<std::string> observed = {};
};

class AccessWorlds {
 public:
  virtual ~AccessWorlds() = default;
  // "in_force"; "files": as a reload would put it in force, with what operators ordered; or the policies of a
  // kept revision, by its first digits, beside the inventory in force. Reads files, and loads policies. Fails
  // with kNotFound, with kConflict where more revisions begin so, and with kInvalid where the files would not
  // be taken over.
  virtual Result<AccessWorld> world(std::string_view name) const = 0;
};

}  // namespace writ::control
