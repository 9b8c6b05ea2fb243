// The validator: whether the policies of a set can go wrong against a schema, for any request and any
// entities that conform to it.
//
// Each policy is typechecked once for every combination of principal type, action and resource type that the
// schema allows. An error means that the policy names what the schema does not declare, applies an operator
// to a value of the wrong type, reads an attribute or a tag that may be absent, or can never apply. A warning
// means that the policy is right but surely not what its author wants.
//
// Strict mode, the default, refuses more than permissive mode: empty set literals, comparing values of
// different types, constructors of extension types with anything but a literal. With a level, also policies
// that follow more than that many entity references in turn from the request (RFC 76).
//
// Pure and thread-safe. Work is bounded: a policy that is too complex to be checked is refused with an issue.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"
#include "cedar/issue.h"
#include "cedar/schema.h"

namespace writ::cedar {

enum class FindingKind : std::uint8_t {
  kUnknownEntityType,
  kUnknownAction,
  kUnknownEntity,  // of an enumerated type
  kNoApplicableAction,
  kType,  // a value of an unexpected type, or values of incompatible types
  kUnknownAttribute,
  kOptionalAttribute,  // read without `has`
  kTag,                // read without `hasTag`, or where there are none
  kArguments,          // of an extension function
  kEmptySet,
  kLevel,
  kTooComplex,
  kImpossiblePolicy,  // a warning
};

struct Finding {
  FindingKind kind;
  std::string policy_id;
  Issue issue;  // without a place (line 0) when no text was given
};

struct ValidationOptions {
  ValidationMode mode = ValidationMode::kStrict;
  std::optional<std::uint32_t> max_level = {};
};

struct Validation {
  std::vector<Finding> errors;
  std::vector<Finding> warnings;
  bool passed() const noexcept { return errors.empty(); }
};

// `text` is what the policies were parsed from, for the places of issues.
Validation validate(const Schema& schema, const PolicySet& policies, const ValidationOptions& options = {},
                    std::string_view text = {});

}  // namespace writ::cedar
