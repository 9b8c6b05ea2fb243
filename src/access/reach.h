// Reach: whether a chain of callers is permitted an action never, always, or under conditions
// (docs/access.md).
//
// Never: a guard certainly refuses, or some party has a forbid that certainly holds or fails, or no permit
// that may hold. Always: every guard certainly passes, and every party has a permit that certainly holds and
// no forbid that may hold or fail. When: the rest. A `when` is witnessed if a permitted request was
// constructed and decided by the real decision, else open: nobody knows. In doubt it is `when` and open.
//
// One thread for each Reach.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "access/certainties.h"
#include "access/court.h"
#include "cedar/open.h"
#include "cedar/reading.h"

namespace writ::access {

enum class Verdict : std::uint8_t { kNever, kAlways, kWhen };
std::string_view verdict_name(Verdict verdict) noexcept;  // "never", "always", "when"

// What must still come out as it should. Of a policy: its effect and what is left of it.
struct Remainder {
  std::string party;   // as Cedar writes it; empty: of the request as a whole
  std::string policy;  // empty: a guard's
  bool forbids = false;
  std::string cedar;  // empty: a guard's, or nothing is left of the policy
  std::string words;
  // It asks something about entities that are not known before the request: who the parties are may matter
  // beyond what is written here.
  bool follows = false;
};

struct Reached {
  Verdict verdict;
  std::string reason = {};  // kNever: the code, and for people
  std::string message = {};
  std::vector<std::string> policies = {};  // kNever: that forbid; kAlways: that permit; kWhen: that may
  std::vector<Remainder> conditions = {};  // kWhen, if asked for
  std::optional<Trial> witness = {};       // kWhen, if asked for; absent: open

  bool may() const noexcept { return verdict != Verdict::kNever; }
};

struct Detail {
  bool conditions = false;
  bool witness = false;
};

// A resource that nobody knows is tried under this id, and as one of this type.
inline constexpr std::string_view kAnyResource = "any-resource";
std::string type_to_try(const Target& target);

class Basis;
class KnownAnswers;

class Reach {
 public:
  // All is borrowed. `known`: what was answered before, in this world or another, and what is answered here;
  // null: everything is asked.
  Reach(const Frame& frame, Court& court, KnownAnswers* known = nullptr);
  ~Reach();

  // A request of the chain that is permitted; nothing: none was found.
  std::optional<Trial> witness(Certainties& certain, const Target& target);
  Reached ask(Certainties& certain, const Target& target, Detail wanted = {});

  // The resource types that an action may be about; {""} when nobody says.
  std::vector<std::string> resource_types(const cedar::EntityUid& action) const;
  // Every entity that some policy names, by its type.
  const std::vector<cedar::EntityUid>& named() const noexcept { return named_; }
  // Every text in a policy.
  const std::vector<std::string>& named_texts() const noexcept { return named_texts_; }
  // Whether some policy reads an attribute of that name.
  bool reads(std::string_view name) const { return read_names_.contains(name); }
  const Frame& frame() const noexcept { return frame_; }
  Court& court() noexcept { return court_; }

 private:
  struct Step;
  using Policies = std::vector<cedar::PolicyIndex>;

  // What a step is about.
  struct About {
    cedar::EntityUid action;
    std::string type;  // of the resource
    std::optional<std::string> resource;
  };
  static About about(const Certainties& certain, const Target& target, bool delegate);
  std::optional<Reached> unpermitted_by_scope(Certainties& certain, const Target& target);
  const Policies& concerned(Certainties& certain, const Target& target, bool delegate);
  Policies in_scope(const Certainties& certain, const Policies& concerned);
  // What policies say that is worth trying, and what they look at.
  struct Hints {
    std::vector<Instant> times;             // never empty
    std::vector<cedar::EntityUid> named;    // in order, each once
    bool by_clock = false, by_use = false;  // the time, or the last use, may matter to them
  };
  Hints hints_of(const Policies& policies) const;
  Reached known_or_asked(Certainties& certain, const Target& target, Detail wanted);
  Reached ask_afresh(Certainties& certain, const Target& target, Detail wanted);
  Step make_step(Certainties& certain, const Target& target, bool delegate);
  Reached ask_step(Certainties& certain, const Target& target, Step& step, Detail wanted);
  std::optional<Reached> refused_by_resource(const Certainties& certain, const Target& target,
                                             const Step& step) const;
  struct Place {
    std::string name, value;  // "tenant", "nordic"; the value is empty where it is not a text
  };
  static std::vector<Place> unfitting_places(const Certainties& certain);
  bool guards_pass(const Certainties& certain, const Step& step) const;
  std::optional<Trial> find_witness(Certainties& certain, const Target& target, const Step& step);
  std::vector<cedar::EntityUid> resources_to_try(const Target& target, const Hints& hints) const;
  template <class Add>
  void add_ends(const Certainties& certain, const Add& add) const;
  void add_guard_conditions(const Certainties& certain, const Target& target, Reached& answer) const;

  const Frame& frame_;
  Court& court_;
  cedar::OpenEvaluator open_;
  std::vector<cedar::PolicyReading> readings_;  // by policy
  KnownAnswers* const known_;
  std::unique_ptr<Basis> basis_;               // where answers are known
  std::map<std::string, Policies> concerned_;  // by what a step is about
  std::vector<cedar::EntityUid> named_;
  std::vector<std::string> named_texts_;
  std::set<std::string, std::less<>> read_names_;
  std::map<std::string, std::vector<std::string>, std::less<>> catalogued_;  // some ids, by type
  std::map<cedar::EntityUid, std::vector<std::string>> types_;               // by action
  std::set<std::string, std::less<>> told_later_;  // types of entities of which more may be told
  std::vector<Instant> calendar_times_;  // at which other calendars are in force, the frame's own first
};

}  // namespace writ::access
