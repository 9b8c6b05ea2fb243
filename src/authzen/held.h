// What of a question Cedar can hold. AuthZEN's `properties` and `context` are any JSON, and Cedar has neither
// null, nor fractions, nor integers beyond 64 bits. A member with such a value is left out where no policy in
// force can read it, and the answer names it. Where one can, or a guard does, the question is refused: to a
// policy it would be as if it were not there.
//
// Pure. One per question; not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/reading.h"
#include "codec/json.h"

namespace writ::authzen {

class Held {
 public:
  explicit Held(std::shared_ptr<const cedar::CompiledPolicySet> policies) : policies_(std::move(policies)) {}

  // Leaves out of an object, which AuthZEN calls `where`, what Cedar cannot hold and nobody can read. It is
  // the context, a member of it, or has the attributes of an entity.
  enum class As : std::uint8_t { kContext, kActionInContext, kAttributes };
  void leave_out(codec::Json& object, std::string_view where, As as);

  // `context.score`; in the order of the question.
  const std::vector<std::string>& left_out() const noexcept { return left_out_; }

 private:
  void leave_out_of(codec::Json& object, const std::string& path, const cedar::MembersRead& read);

  const std::shared_ptr<const cedar::CompiledPolicySet> policies_;
  std::vector<std::string> left_out_;
};

}  // namespace writ::authzen
