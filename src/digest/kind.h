// Digest: of each record of the audit, what reports on use are made of.
//
// A log of ten million records has some hundreds of kinds of them: what they are about is the same but for
// when, for whom, and on which resource. So a record is a kind, a name (of its subject) and a time, and the
// kinds and names are known by number. An index keeps just that (index.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace writ::digest {

struct RecordKind {
  enum class What : std::uint8_t {
    kUnreadable,  // the line is not a record
    kEvent,       // no decision; `type` says what, where it is of an identity or a task
    kRefused,     // a decision that is not a permit
    kPermitted,
  };
  What what = What::kUnreadable;
  std::string type = {};
  bool not_enforced = false;  // refused, and passed, as the API only observes
  // Of a permit; empty is what the record does not say.
  bool in_task = false, sender_bound = false;
  bool is_public = false;  // nobody had to be permitted
  std::string point, api, action;
  std::string resource_type;  // empty: several, or nobody can say
  std::string revision;       // of the policies; empty: the list of them was cut
  std::string purpose, environment, client;
  std::vector<std::string> actors, policies;  // actors: nearest first
  std::string permits;                        // as it is recorded: "[[0],[1,2]]"

  // All of it as bytes, and back. Nothing: they are none.
  std::string encoded() const;
  static std::optional<RecordKind> decoded(std::string_view bytes);
  friend bool operator==(const RecordKind&, const RecordKind&) = default;
};

// A record's own.
struct Digested {
  RecordKind kind;
  std::string name;  // of a decision, its subject; of an event, its object
  Instant time{};
  std::uint64_t number = 0;
};
// What a line of the log says. It is not held against its hash.
Digested digest_of(std::string_view line);

}  // namespace writ::digest
