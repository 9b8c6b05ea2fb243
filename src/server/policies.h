// The policies in force, loaded from files: *.cedar texts and the static entities, compiled to the snapshot
// that decisions read.
//
// Whatever is wrong is reported with its place and excerpt; with an error there is no snapshot at all. With
// schemas, beside which Writ's base schema stands, the policies have to pass strict validation and the
// entities to conform. A
// policy is called by its @id annotation, else by where it stands ("billing.cedar:12"). Used at start-up and
// by `writ check`.
#pragma once

#include <memory>
#include <vector>

#include "cedar/ast.h"
#include "decision/decision.h"
#include "server/config.h"
#include "server/issue.h"
#include "server/world.h"

namespace writ::server {

struct LoadedPolicies {
  std::shared_ptr<const decision::PolicySnapshot> snapshot;
  std::size_t count;
};

// Nothing when there are errors; they are in `issues`. What policies name and the world does not have is
// reported as a warning.
std::optional<LoadedPolicies> load_policies(const Config& config, const World& world, Issues& issues);

}  // namespace writ::server
