// Census: all that may call, and the chains that they form along `acts_for`.
//
// Identities that nothing tells apart are of one profile: of one kind, status, tenant, environment and
// purposes, with equal values of every attribute that some policy reads, equal groups and tags, and named by
// nothing that a policy can get at. Two chains of the same profiles have the same answer to every question,
// up to their names. Users whom the inventory does not list are those that policies name, and one that
// stands for all others.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/reach.h"

namespace writ::access {

class Census {
 public:
  using Profile = std::uint32_t;

  explicit Census(const Reach& reach);

  // In the order of ids, the user that stands for all others last.
  const std::vector<ChainLink>& callers() const noexcept { return callers_; }
  const ChainLink* find(std::string_view id) const noexcept;
  Profile profile(const ChainLink& caller) const { return profiles_.at(caller.id); }
  std::size_t profiles() const noexcept { return profile_count_; }
  // The id of the user that stands for all that nothing names.
  const std::string& any_other_user() const noexcept { return any_other_user_; }

  struct Limits {
    std::size_t links;  // from one to the next; at most as many as max_chain allows
    std::size_t chains = 200'000;
    // Of users that nothing tells apart, and whom nobody acts for by name, one stands for all (alike()).
    bool one_of_each = false;
  };
  // Every chain, shorter ones first; `cut` tells whether there are more than the limit.
  std::vector<Chain> chains(const Limits& limits, bool& cut) const;
  // The users that this one stands for, itself among them; of others itself alone.
  const std::vector<std::string>& alike(const std::string& id) const { return alike_.at(id); }
  // Those in which the identity takes part; of users, it stands for itself.
  std::vector<Chain> chains_of(std::string_view id, const Limits& limits, bool& cut) const;
  std::vector<Profile> profiles_of(const Chain& chain) const;

 private:
  void add_callers(const Reach& reach);
  void add_profiles(const Reach& reach);
  void add_alike();
  bool is_stood_for(const ChainLink& user) const;
  template <class Visit>
  void extend(Chain& chain, const Limits& limits, Visit& visit) const;

  std::vector<ChainLink> callers_;
  std::unordered_map<std::string_view, std::size_t> places_;
  std::unordered_map<std::string, Profile> profiles_;
  std::size_t profile_count_ = 0;
  std::string any_other_user_;
  // Who may act for it, by place; and for any user.
  std::unordered_map<std::string_view, std::vector<std::size_t>> acting_;
  std::vector<std::size_t> acting_for_users_;
  std::unordered_map<std::string, std::vector<std::string>> alike_;  // of a user that is stood for: none
};

}  // namespace writ::access
