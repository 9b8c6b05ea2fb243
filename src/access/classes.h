// Classes: which callers an API's guards and policies decide equally, for every fixed resource, time, token
// strength and purpose, with a task in which the parties' names are exchanged accordingly.
//
// Up to own name: `resource.owner == principal` tells every user from every other, and says the same of each;
// so the names of a chain's own parties are exchanged too, in the task and in what is told of the resource.
// The strict relation does not exchange them.
//
// Merged is only what is proved equal: what is left of guards and policies is the same. Separated is only
// what a request separates: the real decision permits it for one and refuses it for the other. The rest is
// not known. One thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/survey.h"
#include "codec/json.h"

namespace writ::access {

struct CallerClass {
  std::vector<const ChainGroup*> groups;  // never empty
  Reached reached;                        // of the first
};

struct Separation {
  std::size_t permitted, refused;  // classes, by place
  Trial permitted_trial, refused_trial;
};

// Callers that are in one class, and whom somebody may want to tell apart.
struct ClassFinding {
  std::string kind;  // "same user through two applications", ...
  Chain one, other;
  std::string change;  // the smallest that separates them, in words
  // That change, where it was applied and does: a policy in Cedar, or a text attribute of the resource.
  std::string policy = {};
  std::optional<std::pair<std::string, std::string>> fact = {};
  // Both are permitted as it is. With the policy, or on a resource with that attribute, as these have it, the
  // first is and the second is not.
  std::optional<std::pair<Trial, Trial>> shown = {};
};

struct TargetClasses {
  Target target;
  std::vector<CallerClass> classes;
  std::vector<Separation> separations;
  std::vector<std::pair<std::size_t, std::size_t>> not_known;  // pairs of classes
  std::vector<ClassFinding> findings;
  bool cut = false;  // there are more classes than pairs were looked at of
  // Of the strict relation: chains that their own names tell apart, each by itself.
  std::shared_ptr<std::deque<ChainGroup>> split = std::make_shared<std::deque<ChainGroup>>();
};

// Of so many classes each pair is looked at.
inline constexpr std::size_t kClassesCompared = 100;

enum class Names : std::uint8_t { kExchanged, kStrict };

// The request of one chain as the other would send it.
Trial exchanged(const Trial& trial, const Chain& from, const Chain& to, const Certainties& certain_of_to,
                Names names);

// Whether it matters if a request separates the classes of these chains. To ask costs decisions, for each
// pair.
using PairMatters = std::function<bool(const Chain& one, const Chain& other)>;

// Of pairs that do not matter neither `separations` nor `not_known` says anything; null: every pair does.
TargetClasses classes_of(Survey& survey, Reach& reach, const Census& census, const Target& target,
                         Names names, const PairMatters& matters = {});

codec::Json to_json(const TargetClasses& classes);
std::string to_text(const TargetClasses& classes);

}  // namespace writ::access
