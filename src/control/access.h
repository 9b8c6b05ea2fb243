// Who reaches what, as a use case. The answers are an attacker's map: asking is an action of its own
// (`read-access`), each question is recorded with its text, and chains with somebody whom the caller may not
// see are left out.
//
// Thread-safe. It waits for the audit, and answers may take seconds: not on a loop thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "control/access_worlds.h"
#include "control/authority.h"
#include "inventory/snapshot.h"

namespace writ::control {

struct AccessQuestion {
  enum class Kind : std::uint8_t { kOf, kTo, kPath, kClasses, kDiff };
  Kind kind;
  std::string id;                     // kOf, kPath: of an identity
  std::string api, action, resource;  // "": every
  std::vector<std::string> reads;     // kClasses
  bool strict = false;                // kClasses
  bool all = false;                   // what is never reached too
  bool quick = false;                 // no request is looked for that is permitted
  std::optional<std::uint64_t> links = {};
  std::string from = {}, to = {};  // kDiff: the worlds before and after
  std::size_t limit = 100;         // answers, actions of kClasses, or changes
  std::string after = {};          // `next` of an answer

  codec::Json json() const;  // as it was asked
};

inline constexpr std::size_t kMaxAccessAnswers = 1000;
inline constexpr std::size_t kMaxAccessChains = 20'000;    // that are looked at for one answer
inline constexpr std::size_t kMaxAccessChanges = 200'000;  // that one answer is made of

// Whether the caller may see one who takes part: by id, and null where the inventory does not list it.
using MaySeeParty = std::function<bool(std::string_view id, const inventory::Member* member)>;

// What knows (`simulate`). Thread-safe.
class AccessAnswers {
 public:
  virtual ~AccessAnswers() = default;
  // As docs/api.md has it. Fails with kNotFound, kInvalid, and with kConflict where `after` is of other
  // policies than these.
  virtual Result<codec::Json> answer(const AccessQuestion& question, const AccessWorld& world,
                                     const MaySeeParty& may_see, Instant now) const = 0;
  // What a change gives and takes.
  virtual Result<codec::Json> diff(const AccessQuestion& question, const AccessWorld& before,
                                   const AccessWorld& after, const MaySeeParty& may_see,
                                   Instant now) const = 0;
};

class Access {
 public:
  // What it refers to must outlive it.
  Access(const Authority& authority, const AccessWorlds& worlds, const AccessAnswers& answers)
      : authority_(authority), worlds_(worlds), answers_(answers) {}

  Answer<codec::Json> ask(const Caller& caller, const AccessQuestion& question) const;

 private:
  const Authority& authority_;
  const AccessWorlds& worlds_;
  const AccessAnswers& answers_;
};

}  // namespace writ::control
