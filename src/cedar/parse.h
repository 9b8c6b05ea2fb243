// From text to syntax tree: Cedar's policy syntax (language version 4.5), whole.
//
// What is wrong comes back as a list of issues with places, in the order of the text; after a mistake the
// parser goes on with the next policy, so one run shows many. What the language refuses later than its
// grammar (unknown functions, reserved words as names, slots in conditions) is refused here too. Extension
// functions may have any number of arguments here, as in the reference: a wrong number is an evaluation
// error, and the validator's to find.
//
// Pure and thread-safe. Limits end in an issue, never in a crash: the size of the text and of a name, the
// nesting of one expression, the number of issues. Time and memory are linear in the text; a tree may take a
// hundred times the bytes of its text (`[1,1,1,...]`).
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "cedar/ast.h"
#include "cedar/issue.h"

namespace writ::cedar {

inline constexpr std::size_t kMaxPolicyTextBytes = std::size_t{1} << 30;
inline constexpr std::size_t kMaxNesting = 500;      // of brackets, operators and accesses in one expression
inline constexpr std::size_t kMaxNameBytes = 65535;  // of an entity type with its namespaces
inline constexpr std::size_t kMaxIssues = 100;

template <class T>
using Parsed = std::expected<T, std::vector<Issue>>;  // never an empty list

// Static policies and templates; ids are policy0, policy1, ... in the order of the text.
Parsed<PolicySet> parse_policies(std::string_view text);
// Exactly one static policy or template, with this id.
Parsed<Policy> parse_policy(std::string_view text, std::string id = "policy0");
Parsed<Expr> parse_expression(std::string_view text);

// A name such as `Billing::Invoice`, without spaces or reserved words.
bool is_entity_type_name(std::string_view text) noexcept;
bool is_reserved_word(std::string_view word) noexcept;
// An identifier that may be written after a dot; other attributes are written as `["..."]`.
bool is_plain_attribute(std::string_view text) noexcept;
// `Billing::Invoice::"17"`, as a policy writes it.
Parsed<EntityUid> parse_entity(std::string_view text);

}  // namespace writ::cedar
