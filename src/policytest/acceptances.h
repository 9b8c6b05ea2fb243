// Acceptances: what the author of a policy takes on, written as an annotation of it, with the reason:
//
//   @accept_abnormal("other-user: support staff share a queue; next-resource: all are public")
//
// Entries are separated by `;`, so a reason has none. What is malformed is an error that names the place; who
// reads them finds out which of them nothing needs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policies.h"

namespace writ::policytest {

struct Acceptance {
  files::Place place;  // of the annotation
  std::string policy;
  std::string subject;  // what is accepted
  std::string reason;
  bool used = false;
};

// What may be accepted.
struct Acceptable {
  std::string_view annotation;  // "accept_abnormal"
  std::string_view what;        // "dimension", for messages
  // How many bytes at the beginning of a text name something that can be accepted, for the policy of that
  // index; nothing when they do not.
  std::function<std::optional<std::size_t>(std::size_t policy, std::string_view text)> length;
};

// Of all policies, in their order. Fails with the first that is malformed: of no such thing, without a
// reason, or twice.
Result<std::vector<Acceptance>> read_acceptances(const policy::LoadedPolicies& policies,
                                                 const Acceptable& acceptable);

// Annotations that look like acceptances (@accept_...) and are none of `known`: the first, as an error with
// its place.
Result<void> check_annotations(const policy::LoadedPolicies& policies,
                               std::initializer_list<std::string_view> known);

// "billing.cedar:7: @accept_abnormal of policy `a`: nothing needs to accept `other-user`".
std::string unused_text(const Acceptance& acceptance, std::string_view annotation);
// The same as a test case of JUnit that failed.
std::string junit_case(const Acceptance& acceptance, std::string_view annotation);
// {"file", "line", "policy", "accepts", "reason"}
codec::Json to_json(const Acceptance& acceptance);

}  // namespace writ::policytest
