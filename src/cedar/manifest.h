// Static facts of a policy set: the access manifest, which says what data each policy can read, and the scope
// index, which says what requests each policy is looked into for.
//
// They serve callers that load only the data that decisions need, keep other data out of tokens and logs, or
// ask what an attribute is used for. Pure and thread-safe; linear in the policies, times the combinations of
// types of the schema.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cedar/ast.h"
#include "cedar/compile.h"
#include "cedar/schema.h"

namespace writ::cedar {

// `resource.owner.tags["team"]`, and what is done there.
struct AccessPath {
  struct Step {
    std::string name;  // of an attribute, or of a tag; empty for a tag whose name is computed
    bool tag = false;
    friend auto operator<=>(const Step&, const Step&) = default;
  };
  std::string root;  // `principal`, `action`, `resource`, `context`, or an entity as policies write it
  std::vector<Step> steps;
  // The value itself is used, with whatever it holds; entities that it names are not followed. Otherwise only
  // its presence is asked.
  bool value = false;
  // Its ancestors are asked for, by `in`.
  bool ancestors = false;

  // For people: `principal.manager.level`, `resource.tags["team"]`, `resource.tags[..]`.
  std::string to_string() const;
};

struct RequestType {
  std::string principal;
  EntityUid action;
  std::string resource;
};

struct PolicyAccess {
  std::string policy_id;
  // Those for which the policy may hold, as far as its scope and the types tell. None for a policy that never
  // holds.
  std::vector<RequestType> requests;
  // Sorted, without those that are part of another one and say nothing more. The scope is included: it asks
  // for ancestors, never for attributes.
  std::vector<AccessPath> paths;
};

// For every static policy and template, in the order of the set. For policies that the validator refuses, the
// paths are right all the same; the requests may be too many.
std::vector<PolicyAccess> access_manifest(const PolicySet& policies, const Schema& schema);

// A part of a scope, and the policies that are looked into for requests that match it, and for no others.
struct ScopeFacts {
  enum class Relation : std::uint8_t { kAny, kEqual, kIn, kIs };
  Relation relation = Relation::kAny;  // kAny: the policies that every request meets
  Variable variable = Variable::kPrincipal;
  std::string name;  // the entity or, for kIs, the type
  std::vector<PolicyIndex> policies;
};

// The whole index, the policies that every request meets first, the others by variable, relation and name.
std::vector<ScopeFacts> scope_facts(const CompiledPolicySet& policies);

}  // namespace writ::cedar
