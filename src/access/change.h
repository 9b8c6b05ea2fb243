// What a change of policies or inventory gives and takes: two worlds side by side, chain by chain.
//
// One thread.
#pragma once

#include <string>
#include <vector>

#include "access/survey.h"
#include "codec/json.h"

namespace writ::access {

// Of one chain and one target. An API, an action or an identity that one of the worlds lacks counts as never.
struct ReachChange {
  enum class Kind : std::uint8_t { kGiven, kTaken, kOther };  // kOther: when before and after, on other terms
  Kind kind;
  Chain chain;
  std::string target;  // as text
  std::string api;
  std::string before, after;          // "never", "when", "always"
  std::vector<std::string> policies;  // of the side where it may
};

struct ReachWorld {
  Reach& reach;
  const Census& census;
};

// Chains with a taste of the same change stand together by identity in what is made of it. `cut` tells that
// there are more chains than were looked at.
std::vector<ReachChange> changes_between(const ReachWorld& before, const ReachWorld& after, std::size_t links,
                                         bool& cut);

codec::Json to_json(const std::vector<ReachChange>& changes);
std::string changes_csv(const std::vector<ReachChange>& changes);
// By identity: what each is given and loses, as subject, client or actor.
std::string changes_text(const std::vector<ReachChange>& changes);

}  // namespace writ::access
