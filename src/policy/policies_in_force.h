// PoliciesInForce: the one set of policies that decides, how it is replaced, and how one that was in force
// before comes back (docs/policies.md).
//
// A new set is read, validated, indexed, kept on disk and recorded, in this order; then it takes force whole,
// with the next decision. When any of this fails, nothing changes. get() is called by every decision and
// takes no turn with the rest. Thread-safe after start().
//
// A reload takes over more of the configuration than policies: its inventory and routes, each whole. What it
// cannot take over waits for the next start, and is a warning.
//
// Policies that read a claim which some tokens lack wait until the last of those has ended. Meanwhile the
// policies in force decide beside the rest of the new configuration, and tokens carry what either set reads.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "control/access_worlds.h"
#include "control/grants.h"
#include "control/policies.h"
#include "enforce/in_force.h"
#include "inventory/directory.h"
#include "policy/contracts.h"
#include "policy/load.h"
#include "policy/minted_since.h"
#include "policy/revisions.h"

namespace writ::policy {

using control::ReplacedBy;
using control::Replacement;

class PoliciesInForce final : public control::PolicySets,
                              public control::GrantLinks,
                              public control::AccessWorlds {
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
  PoliciesInForce(Parts parts, Loaded loaded);

  // Before the first decision: what the files say takes force, or what was chosen instead of it. Fails when
  // that choice cannot be used: to take the files in its place would be somebody else's choice.
  // Policies of the files that wait do so with warnings in `issues`.
  Result<void> start(const PolicyTexts& of_files, files::Issues& issues);

  // The same with what was said of grants over the API, once the directory has read it.
  Result<void> link_grants();

  // What the configuration declares beside policies; to be asked before anybody can reload.
  const config::World& world_at_start() const noexcept { return world_; }

  std::shared_ptr<const decision::PolicySnapshot> get() const { return parts_.current.get()->policies; }
  // Whether the files were refused when they were read last, so that what was in force before still is.
  bool refused() const { return refused_.load(std::memory_order_relaxed); }

  // As policy/reload.h takes over what changed.
  // All that decides now, as if a configuration said it: what reports look at. Its policies are loaded for
  // it.
  Result<Loaded> in_force() const;

  Result<Replacement> reload(const ReplacedBy& by) override;
  // Puts in force what has waited long enough; true: it is. When that fails, it goes on waiting.
  Result<bool> put_due_in_force();
  Result<Replacement> roll_back(std::string_view revision, const ReplacedBy& by) override;
  Result<State> state() const override;
  Result<control::RevisionTexts> read(std::string_view revision) const override;

  Result<control::AccessWorld> world(std::string_view name) const override;

  Result<void> check(const inventory::GrantRecord& record) override;
  Result<void> change(const inventory::GrantRecord& record) override;

 private:
  using Snapshot = std::shared_ptr<const decision::PolicySnapshot>;

  struct Grants {
    std::vector<config::DeclaredGrant> in_force;
    bool as_declared;  // they are what the configuration alone says
  };
  // With turn_ held. The grants that are in force beside a world: the configuration's and those of the API,
  // with what was said of them; `said`: besides.
  Grants grants_beside(const config::World& world, const inventory::GrantRecord* said = nullptr) const;
  // The policies in force, linked anew.
  Result<Snapshot> linked(const inventory::GrantRecord& said) const;
  // With its warnings of growth, where they are asked for.
  Result<Snapshot> chosen(const RevisionChoice& choice, const config::World& world,
                          files::Issues* warnings = nullptr);
  // Beside the world in force.
  Result<void> replace(Snapshot snapshot);
  Result<void> put_in_force(const PolicyTexts& texts, Snapshot snapshot,
                            const std::optional<RevisionChoice>& choice, const ReplacedBy& by,
                            Replacement& result, Loaded* rest = nullptr);
  // All of a configuration that a reload takes over, with these policies, in force together. What was loaded
  // has no world afterwards: there may be very much of it, and it is not there twice.
  Result<void> take_over(Loaded& loaded, Snapshot snapshot, const ReplacedBy& by, Replacement& result);
  Result<void> beside_entities(const decision::PolicySnapshot& policies, const config::World& world,
                               const std::function<Result<void>()>& change) const;
  std::string revision_of_files() const;

  // What the files say, while it waits.
  struct Waiting {
    PolicyTexts texts;
    control::WaitingRevision set;
    std::string cause, actor, request_id;  // of whoever put it there
  };

  // The policies in force, with the grants, beside a world that may be another.
  Result<LoadedPolicies> load_again(const config::World& world) const;
  // What world() tells of the files.
  Result<control::AccessWorld> world_of_files() const;
  // Of claims that `next` reads, and that some tokens lack now; none of policies that are in force.
  std::vector<Lack> lacks_of_new(const LoadedPolicies& next, const config::World& world) const;
  // The same of what comes after `before`; null: nobody knows what was before.
  std::vector<Lack> lacks_left(const LoadedPolicies& next, const LoadedPolicies* before,
                               const config::World& world) const;
  // Of those, and of other claims that tokens carry from now on.
  void warn_of_growth(const LoadedPolicies& policies, const config::World& world,
                      files::Issues& issues) const;
  // The policies in force, and what tokens carry until `next` is.
  static Snapshot until_then(const LoadedPolicies& next, const LoadedPolicies& in_force,
                             const config::World& world);
  // What tokens carried when Writ ran last.
  Result<void> resume_minting();
  // True: the files' policies wait, and those that were in force last are.
  Result<bool> wait_from_start(const PolicyTexts& of_files, files::Issues& issues);
  Result<void> wait(Loaded& loaded, const LoadedPolicies& next, std::span<const Lack> lacks,
                    const ReplacedBy& by, Replacement& result);
  // Policies that take force, with what tokens carry while something waits.
  Result<Snapshot> minting_ahead(const LoadedPolicies& in_force, const config::World& world,
                                 const Grants& grants) const;
  // Publishes, and keeps book of what tokens carry from then on.
  Result<void> minting(const decision::PolicySnapshot& next, const config::World& world,
                       const std::function<Result<void>()>& publish);

  const Parts parts_;
  const std::filesystem::path config_file_;
  const Duration token_lifetime_;
  mutable std::mutex turn_;  // one replaces at a time
  // Of the configuration in force.
  std::shared_ptr<const config::Config> config_;
  config::World world_;
  PolicyTexts texts_;  // of the policies in force
  const std::shared_ptr<const files::YamlNode> at_start_;
  std::shared_ptr<const files::YamlNode> in_force_;
  Revisions revisions_;
  std::string files_;  // the revision that the files had when they were loaded last
  MintedSince minted_;
  std::optional<Waiting> waiting_;
  std::atomic<bool> refused_ = false;
};

}  // namespace writ::policy
