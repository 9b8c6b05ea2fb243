// PoliciesInForce: the one set of policies that decides, how it is replaced, and how one that was in force
// before comes back (docs/policies.md).
//
// A new set is read, validated, indexed, kept on disk and recorded, in this order; then it takes force whole,
// with the next decision. When any of this fails, nothing changes. get() is called by every decision and
// takes no turn with the rest. Thread-safe after start().
//
// A reload takes over more of the configuration than policies: its inventory and routes, each whole. What it
// cannot take over waits for the next start, and is a warning.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "control/grants.h"
#include "control/policies.h"
#include "enforce/in_force.h"
#include "inventory/directory.h"
#include "policy/load.h"
#include "policy/revisions.h"

namespace writ::policy {

using control::ReplacedBy;
using control::Replacement;

class PoliciesInForce final : public control::PolicySets, public control::GrantLinks {
 public:
  struct Parts {
    const Clock& clock;
    control::Recorder record;
    enforce::Current& current;
    inventory::Directory& directory;
    // Told of a configuration that is in force now, for what else of it takes over while running.
    std::function<void(const Loaded&)> taken_over;
    // Puts policies in force by the function it is given, when all pushed entities fit them and the routes of
    // the world; fails else. Empty: there are no such entities.
    std::function<Result<void>(const decision::PolicySnapshot&, const config::World&,
                               const std::function<Result<void>()>&)>
        beside_entities = {};
    // Who is asked for facts in a world; it is in force with the rest of it, or not at all. Empty: nobody is.
    std::function<Result<std::shared_ptr<const sources::Sources>>(const config::World&)> sources_of = {};
  };

  // `loaded` is what the files say, its configuration what is running.
  PoliciesInForce(Parts parts, const Loaded& loaded);

  // Before the first decision: what the files say takes force, or what was chosen instead of it. Fails when
  // that choice cannot be used: to take the files in its place would be somebody else's choice.
  Result<void> start(const PolicyTexts& of_files);

  // The same with what was said of grants over the API, once the directory has read it.
  Result<void> link_grants();

  std::shared_ptr<const decision::PolicySnapshot> get() const { return parts_.current.get()->policies; }
  // Whether the files were refused when they were read last, so that what was in force before still is.
  bool refused() const { return refused_.load(std::memory_order_relaxed); }

  // As policy/reload.h takes over what changed.
  Result<Replacement> reload(const ReplacedBy& by) override;
  Result<Replacement> roll_back(std::string_view revision, const ReplacedBy& by) override;
  Result<State> state() const override;
  Result<control::RevisionTexts> read(std::string_view revision) const override;

  Result<void> check(const inventory::GrantRecord& record) override;
  Result<void> change(const inventory::GrantRecord& record) override;

 private:
  using Snapshot = std::shared_ptr<const decision::PolicySnapshot>;

  // With turn_ held. A world with the grants that are in force: the configuration's and those of the API,
  // with what was said of them; `said`: besides. True: it is not what the configuration alone says.
  bool add_grants(config::World& world, const inventory::GrantRecord* said = nullptr) const;
  // The policies in force, linked anew.
  Result<Snapshot> linked(const inventory::GrantRecord& said) const;
  Result<Snapshot> chosen(const RevisionChoice& choice, const config::World& world);
  Result<void> put_in_force(const PolicyTexts& texts, Snapshot snapshot,
                            const std::optional<RevisionChoice>& choice, const ReplacedBy& by,
                            Replacement& result, const Loaded* rest = nullptr);
  // All of a configuration that a reload takes over, with these policies, in force together.
  Result<void> take_over(const Loaded& loaded, Snapshot snapshot, const ReplacedBy& by, Replacement& result);
  Result<void> beside_entities(const decision::PolicySnapshot& policies, const config::World& world,
                               const std::function<Result<void>()>& change) const;
  std::string revision_of_files() const;

  // Of claims that tokens carry from now on, and older tokens lack.
  void warn_of_growth(const decision::PolicySnapshot& now, const config::World& world,
                      files::Issues& issues) const;

  const Parts parts_;
  const std::filesystem::path config_file_;
  const Duration token_lifetime_;
  mutable std::mutex turn_;  // one replaces at a time
  config::World world_;      // of the configuration in force
  PolicyTexts texts_;        // of the policies in force
  const std::shared_ptr<const files::YamlNode> at_start_;
  std::shared_ptr<const files::YamlNode> in_force_;
  Revisions revisions_;
  std::string files_;  // the revision that the files had when they were loaded last
  std::atomic<bool> refused_ = false;
};

}  // namespace writ::policy
