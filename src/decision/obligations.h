// Obligations: what a permit asks of whoever enforces it. By annotation, of JSON that the API answers:
//
//   @redact("/card/number, /notes")     without these
//   @keep("/id, /lines/*/sku")          these, and nothing else
//
// Whatever carried a permit obliges: of several permits, of all parties, every redaction counts, and of what
// is kept only that which all of them name that keep anything (codec/json_cut.h has the patterns). A permit
// with an obligation that could not be evaluated denies, as a forbid does: it might have obliged. Who cannot
// fulfil an obligation refuses (enforce/question.h).
//
// Pure. Immutable and thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/denial.h"
#include "base/result.h"
#include "cedar/ast.h"
#include "codec/json_cut.h"

namespace writ::decision {

inline constexpr std::string_view kRedactAnnotation = "redact";
inline constexpr std::string_view kKeepAnnotation = "keep";
inline constexpr std::size_t kMaxObligationPatterns = 64;  // of one annotation

// One permit's.
struct Obligation {
  std::vector<codec::JsonPattern> redact, keep;  // empty: it says nothing of it

  bool operator==(const Obligation&) const = default;
};

// Patterns, separated by commas. Fails with kInvalid.
Result<std::vector<codec::JsonPattern>> parse_obligation(std::string_view text);
// What the policy's annotations say; nothing when it has none. Fails with kInvalid, and names the annotation.
Result<std::optional<Obligation>> obligation_of(const cedar::Policy& policy);

// Of a set of policies, by id.
class Obligations {
 public:
  using ByPolicy = std::unordered_map<std::string, Obligation>;
  explicit Obligations(ByPolicy by_policy) : by_policy_(std::move(by_policy)) {}

  // Null: it obliges to nothing.
  const Obligation* find(std::string_view policy) const;

 private:
  ByPolicy by_policy_;
};

// What these, which carried a permit, oblige to together; null: nothing. `obligations` may be null.
std::shared_ptr<const codec::JsonCut> obliged_by(const Obligations* obligations,
                                                 std::span<const std::string_view> policies);

// Of what would be permitted, if parts of it could be left out.
Denial obligation_unmet();

}  // namespace writ::decision
