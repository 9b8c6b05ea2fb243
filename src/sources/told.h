// ToldFacts: what a source said of a resource, held against the schema: each value is of the type that the
// schema declares, or nothing of it is taken. Immutable; share it by shared_ptr.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cedar/schema.h"
#include "cedar/value.h"
#include "codec/json.h"

namespace writ::sources {

// All of it, as JSON; so that the audit's record of a decision can hold it.
inline constexpr std::size_t kMaxToldBytes = 4 * 1024;

struct ToldFacts {
  cedar::Arena arena;
  const cedar::RecordNode* attributes = cedar::empty_record();
  std::vector<bool> has;  // by the source's attributes
  bool known = false;     // the source knows the resource
  cedar::SchemaPtr schema;
  std::uint64_t generation = 0;  // of the credential
  // By Clock::running(). Until then it refuses from the cache, too (AskedSource::may_refuse()).
  Duration refuses_until{0};
};

// How what a source says is to be read.
struct ToldRules {
  std::string type;                     // of the resource
  std::vector<std::string> attributes;  // that the source tells
  // Of these, what guards and labels go by: an answer without them is no answer.
  std::vector<std::string> needed;
  bool numbers_are_bools = false;  // 0 and 1, where the schema says Bool: a database without that type
};

// Fails with kInvalid: which attribute, and why. A value that the schema wants is there, and so is what
// guards go by, also of a resource that the source does not know.
Result<std::shared_ptr<ToldFacts>> told_by(const ToldRules& reading, const std::optional<codec::Json>& said,
                                           const cedar::SchemaPtr& schema);

}  // namespace writ::sources
