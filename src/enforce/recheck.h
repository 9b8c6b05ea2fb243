// Recheck: whether what was permitted a while ago would be permitted still. For what goes on after its
// decision: WebSockets, event streams, long answers.
//
// It asks as the Enforcer does, by what is in force now, and takes nothing: no budget, no approval, no proof.
// What the permit took stays taken, and an approval that it used holds. Nothing is recorded either, but the
// end of what went on, once. What breaks on the way is a refusal.
//
// Thread-safe; a question takes some microseconds and waits for nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "enforce/answer.h"
#include "enforce/enforcer.h"
#include "sources/sources.h"

namespace writ::enforce {

// How something ended that went on after its decision. Views.
struct Ended {
  std::string_view kind;                       // "websocket", "stream"
  std::string_view reason;                     // a reason code, or one of gateway/open_streams.h
  std::string_view message;                    // for people; may be empty
  std::string_view client = {}, subject = {};  // empty: nobody was asked for
  EntityName resource;
  std::string_view request_id;  // of its decision
  Duration duration;
  std::uint64_t received = 0, sent = 0;  // bytes, from the caller and to it
};

class Recheck {
 public:
  // Of the parts it uses the clock, the verifier, what is in force, the tasks and the record.
  explicit Recheck(EnforcerParts parts) : parts_(std::move(parts)) {}

  // Why it would be refused now. `token` is the permit's. The question's credentials and its `in_force` are
  // not looked at; an approval that it names was used. `told` makes the attributes in the place of the
  // question's; without it, what the question awaits is not known yet, and only what needs none of it
  // refuses.
  std::optional<decision::Refusal> refusal(const Question& question, const token::Verified& token,
                                           const AnswerFacts& told = {}) const noexcept;
  // The same of a route that is public.
  std::optional<decision::Refusal> refusal_public(const Question& question) const noexcept;

  // How the source of a resource's facts is asked for the token's subject: of its tenant.
  sources::SourceQuery query(std::string_view resource_id, const token::Verified& token) const;

  // Recorded when there is room for it: nothing waits for it, and nothing can be taken back.
  void ended(const Ended& ended) const noexcept;

 private:
  EnforcerParts parts_;
};

}  // namespace writ::enforce
