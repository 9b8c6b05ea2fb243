// Basis: all that one answer about access is read from, as a digest. Two questions of equal basis have equal
// answers, in whatever worlds they are asked; so an answer holds until something of its basis changes.
//
// In it are:
// - the chain, each of its members whole with its standing, and the owners that have to be there;
// - the API, action and resource;
// - the text of every policy whose scope lets it have to do with them and with one of the parties;
// - of entities all that can be read from any of these on (access/entity_digests.h), and the types of which
//   more may be told later;
// - where such a policy looks at a clock, a calendar or the last use, these.
//
// One thread. It borrows the frame and the readings.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/entity_digests.h"
#include "access/reach.h"
#include "crypto/hash.h"

namespace writ::access {

class Basis {
 public:
  // `told_later`: types of which more may be told than the entities say.
  Basis(const Frame& frame, std::span<const cedar::PolicyReading> policies,
        const std::set<std::string, std::less<>>& told_later);

  struct Asked {
    const Certainties& certain;
    const Target& target;
    Detail wanted;
    // That may concern the parties, of each step: the use, or the issue and the delegation.
    std::vector<std::span<const cedar::PolicyIndex>> policies;
    // That are tried of the resource's type, where it is not known which one it is about; always the same
    // ones.
    std::span<const std::string> resources;
    // Where one of them reads a clock or a calendar: the times that are tried.
    std::span<const Instant> times;
    bool reads_use = false;  // when a party was last used
  };
  crypto::Digest of(const Asked& asked);

 private:
  const crypto::Digest& of_member(const ChainLink& link);
  const crypto::Digest& of_api(const inventory::Api& api);
  const crypto::Digest& of_policy(cedar::PolicyIndex policy);
  const crypto::Digest& of_resources(const Asked& asked);
  const crypto::Digest& from(const cedar::EntityUid& uid);
  std::string text_of_standing(const ChainLink& link) const;

  const Frame& frame_;
  const std::span<const cedar::PolicyReading> readings_;
  std::vector<std::optional<crypto::Digest>> policies_;
  crypto::Digest told_later_;
  EntityDigests entities_;
  std::unordered_map<std::string, crypto::Digest> members_, apis_;    // by id
  std::unordered_map<std::string, crypto::Digest> resources_, from_;  // by type; by type and id
};

}  // namespace writ::access
