// Policies in Cedar's JSON format, both directions (docs: "JSON policy format").
//
// Reading is strict. An unknown member, a slot in a condition, a function that does not exist, and a
// malformed name are refused, with the JSON pointer (RFC 6901) of the place. A policy that the text form
// could not express is refused too, so every policy that was read can be printed.
//
// Writing keeps everything but places. The JSON form does not say how `&&` and `||` were grouped: reading
// makes one chain of nested ones, which means the same. A path after `has` is written as a list, a chain of
// more than a hundred operands as a balanced tree, so that its depth stays within bounds.
//
// Pure and thread-safe. An expression of more than kMaxNesting levels (cedar/parse.h), or JSON of more than
// kMaxPolicyJsonDepth, ends with kLimit.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cedar/ast.h"
#include "codec/json.h"

namespace writ::cedar {

inline constexpr std::size_t kMaxPolicyJsonDepth = 1024;

// One static policy or template: `{"effect": .., "principal": .., "action": .., "resource": ..,
// "conditions": [..], "annotations": {..}}`.
Result<codec::Json> policy_to_json(const Policy& policy);
Result<Policy> policy_from_json(const codec::Json& json, std::string id = "policy0");

// A set: `{"staticPolicies": {id: policy}, "templates": {id: policy}, "templateLinks": [{"templateId": ..,
// "newId": .., "values": {"?principal": {"type": .., "id": ..}}}]}`.
Result<codec::Json> policies_to_json(const PolicySet& policies);
Result<PolicySet> policies_from_json(const codec::Json& json);
// From text of at most kMaxPolicyTextBytes.
Result<PolicySet> parse_policies_json(std::string_view text);

}  // namespace writ::cedar
