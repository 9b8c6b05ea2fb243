// Seen: what the audit log says of use, read once from its first record to its last.
//
// From the index beside the log where there is one (digest/reading.h). Constant work for each record, and
// memory for each identity, policy and client. What it does not say stays unknown: a policy that held beside
// others may not be among those that a record names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/files.h"
#include "base/clock.h"
#include "base/result.h"
#include "digest/reading.h"
#include "inventory/identity.h"

namespace writ::posture {

// A record that shows something.
struct Shown {
  std::uint64_t record = 0;
  Instant at;
};

struct UseOf {
  std::uint64_t permits = 0, without_task = 0, unbound = 0;
  Shown last, last_without_task, last_unbound;
};

class UseSeen {
 public:
  // Fails where a record is none. `since`: older records are left out, `until`: later ones.
  static Result<UseSeen> read(const std::vector<audit::Part>& parts, Instant since, Instant until,
                              digest::IndexUse index = {});

  std::uint64_t records() const noexcept { return records_; }
  // The span that the records cover.
  std::optional<Instant> first() const noexcept { return first_; }
  std::optional<Instant> last() const noexcept { return last_; }
  // Null: it took part in no permitted request.
  const UseOf* identity(std::string_view id) const { return find(identities_, id); }
  // Null: no permitted request needed it.
  const UseOf* policy(std::string_view id) const { return find(policies_, id); }
  // Machines that operated Writ itself for nobody: their last such request.
  const std::map<std::string, std::pair<UseOf, std::string>, std::less<>>& operating() const noexcept {
    return operating_;
  }
  // The longest chain that was permitted, in agents, and the record; nothing: there was none.
  const std::optional<std::pair<std::size_t, Shown>>& deepest() const noexcept { return deepest_; }
  // What operators made over the API, as it is now.
  const std::map<std::string, inventory::Identity, std::less<>>& made() const noexcept { return made_; }
  // The records that say that they were made.
  const std::map<std::string, Shown, std::less<>>& made_at() const noexcept { return made_at_; }
  // What operators ordered: stopped, or active again.
  const std::map<std::string, std::pair<inventory::Status, Shown>, std::less<>>& ordered() const noexcept {
    return ordered_;
  }
  const std::map<std::string, Shown, std::less<>>& reviewed() const noexcept { return reviewed_; }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Uses = std::unordered_map<std::string, UseOf, Hash, std::equal_to<>>;
  static const UseOf* find(const Uses& uses, std::string_view id) {
    const auto found = uses.find(id);
    return found == uses.end() ? nullptr : &found->second;
  }
  class Reader;
  void add_event(std::string_view type, const codec::Json& record, Shown shown);

  std::uint64_t records_ = 0;
  std::optional<Instant> first_, last_;
  Uses identities_, policies_;
  std::map<std::string, std::pair<UseOf, std::string>, std::less<>> operating_;
  std::optional<std::pair<std::size_t, Shown>> deepest_;
  std::map<std::string, inventory::Identity, std::less<>> made_;
  std::map<std::string, std::pair<inventory::Status, Shown>, std::less<>> ordered_;
  std::map<std::string, Shown, std::less<>> reviewed_, made_at_;
};

}  // namespace writ::posture
