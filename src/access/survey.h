// Survey: many questions about access at once. Chains of the same profiles are asked about once, and chains
// of equal answer are shown together.
//
// One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/census.h"
#include "access/reach.h"

namespace writ::access {

// Chains that nothing tells apart. Views of the census.
struct ChainGroup {
  std::vector<Chain> chains;  // never empty
  // Its first of each chain stands for all that are alike; null: for itself alone.
  const Census* standing_in = nullptr;
  const Chain& first() const noexcept { return chains.front(); }
};

// One answer, for all chains that have it.
struct Row {
  Target target;
  std::vector<const ChainGroup*> groups;
  Reached reached;  // of the first

  std::size_t chains() const;
  // Every chain, whoever stands in for it.
  template <class Visit>
  void each_chain(Visit visit) const {
    for (const ChainGroup* group : groups) {
      for (const Chain& chain : group->chains) {
        if (group->standing_in == nullptr) {
          visit(chain);
          continue;
        }
        for (const std::string& id : group->standing_in->alike(chain.front().id)) {
          Chain other = chain;
          other.front() = *group->standing_in->find(id);
          visit(other);
        }
      }
    }
  }
};

struct VerdictCounts {
  std::size_t never = 0, always = 0, witnessed = 0, open = 0;  // chains
};

struct TargetFilter {
  std::string api = {};                      // "": every
  std::string action = {};                   // "": every; "issue": whether a token is issued
  std::optional<std::string> resource = {};  // as Cedar writes it: its type decides
};

class Survey {
 public:
  // `one_of_each` as the chains were made.
  Survey(Reach& reach, std::vector<Chain> chains, const Census& census, bool one_of_each = false);

  const std::vector<ChainGroup>& groups() const noexcept { return groups_; }
  // What can be asked about: each action on each type that it is about, and the issue of a token. Fails where
  // the filter names what is not there.
  Result<std::vector<Target>> targets(const TargetFilter& filter) const;
  // In the order of targets; of one target those that may first.
  std::vector<Row> ask(const std::vector<Target>& targets, Detail detail);
  // The answer of one group.
  Reached ask(const ChainGroup& group, const Target& target, Detail detail);
  // Good until another group is asked about.
  Certainties& certainties(const ChainGroup& group, const Target& target);

 private:
  Reach& reach_;
  std::vector<ChainGroup> groups_;
  // Of one group at a time, by API and point.
  const ChainGroup* certain_of_ = nullptr;
  std::map<std::pair<const inventory::Api*, Point>, std::unique_ptr<Certainties>> certainties_;
};

VerdictCounts verdict_counts(const std::vector<Row>& rows);
// What is equal in two answers that are shown together: verdict, reason, policies, what is left of them.
std::string signature_of(const Reached& reached);

}  // namespace writ::access
