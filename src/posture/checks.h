// What a look at the posture finds: checks with their results, each finding with its subject, its evidence
// and a fix (docs/posture.md).
//
// A check has one of three states, and none is ever left out: found, clean, or not computable with the
// reason. What a check could tell of some subjects and not of others says both. Plain values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "files/issue.h"
#include "posture/standards.h"

namespace writ::posture {

// From the mildest.
enum class Weight : std::uint8_t { kLow, kMedium, kHigh, kCritical };
std::string_view weight_name(Weight weight) noexcept;  // "low", "medium", "high", "critical"
std::optional<Weight> weight_from_name(std::string_view name) noexcept;

// One kind of weakness that is looked for.
struct Check {
  std::string_view id;  // "shared-credential": stable, exceptions and baselines name it
  Weight weight;        // of a finding, unless the finding says otherwise
  std::string_view title;
  std::string_view meaning;                          // what can come of it, in a sentence
  std::string_view limits = {};                      // what it cannot see even when it is clean; may be empty
  std::span<const std::string_view> standards = {};  // posture/standards.h has them
};
// In the order in which reports list them.
std::span<const Check> checks() noexcept;
const Check* find_check(std::string_view id) noexcept;

// A fact, and where it is from: a place in a file, a record of the audit, a date.
struct Exhibit {
  std::string fact;
  files::Place place = {};                   // no file: it is from elsewhere
  std::string pointer = {};                  // in that file: "/limits/max_chain"
  std::optional<std::uint64_t> record = {};  // its number in the audit
  std::optional<Instant> date = {};
};

// Of a word that a patch leaves open, what belongs there: {"PERSON", "who answers for it"}.
struct Blank {
  std::string word, meaning;
};

// It has a patch, or a command that does it, or `by_hand` says why it has neither.
struct Remedy {
  std::string what;          // in words
  std::string command = {};  // of a shell, in the configuration's folder; empty: there is none
  std::string change = {};   // of configuration or policy, as text; empty: there is none
  // A unified diff below the configuration's folder, which makes the finding go; after the command, where
  // there are both. Empty: there is none.
  std::string patch = {};
  std::vector<Blank> blanks = {};  // of the patch
  std::string first = {};          // what people have to do before, since the patch says that it is done
  std::string by_hand = {};        // why no patch does it
};

struct Weakness {
  const Check* check;
  Weight weight;
  std::vector<std::string> subjects;  // never empty; the first one makes the id
  std::string what;
  std::vector<Exhibit> evidence;  // never empty
  Remedy remedy;

  std::size_t number = 1;  // among those of the check with the same first subject

  // "shared-credential:portal"; the second one about the portal ends with "#2".
  std::string id() const {
    auto id = std::string(check->id) + ":" + subjects.front();
    return number == 1 ? id : id + "#" + std::to_string(number);
  }
};

struct Checked {
  const Check* check;
  std::vector<Weakness> found = {};
  // Whole checks: why nobody can tell. Empty: somebody can.
  std::string not_computable = {};
  // Of so many subjects nobody can tell, and why; the first of them.
  std::size_t untold = 0;
  std::string untold_why = {};
  std::vector<std::string> untold_subjects = {};

  std::string_view state() const noexcept {
    if (!found.empty()) return "found";
    return not_computable.empty() && untold == 0 ? "clean" : "not computable";
  }
};

inline constexpr std::size_t kUntoldShown = 5;

}  // namespace writ::posture
