// Looks: the checks' functions, one for each, by what they look at. Private to the module; checks.cc has the
// table of them.
#pragma once

#include "posture/scene.h"

namespace writ::posture {

using Look = void (*)(const Scene& scene, Checked& checked);

// identities.cc
void look_no_owner(const Scene& scene, Checked& checked);
void look_owner_gone(const Scene& scene, Checked& checked);
void look_owner_not_listed(const Scene& scene, Checked& checked);
void look_stopped_with_credentials(const Scene& scene, Checked& checked);
void look_dormant(const Scene& scene, Checked& checked);
void look_review_overdue(const Scene& scene, Checked& checked);
void look_never_reviewed(const Scene& scene, Checked& checked);
void look_third_party(const Scene& scene, Checked& checked);
void look_person_behind_machine(const Scene& scene, Checked& checked);
// credentials.cc
void look_shared_credential(const Scene& scene, Checked& checked);
void look_two_environments(const Scene& scene, Checked& checked);
void look_bearer_secret(const Scene& scene, Checked& checked);
void look_unbound_tokens(const Scene& scene, Checked& checked);
void look_password(const Scene& scene, Checked& checked);
void look_ageing(const Scene& scene, Checked& checked);
void look_endless(const Scene& scene, Checked& checked);
void look_secret_files(const Scene& scene, Checked& checked);
// api_keys.cc
void look_api_keys(const Scene& scene, Checked& checked);
// federation.cc
void look_issuer_not_pinned(const Scene& scene, Checked& checked);
void look_workload_not_pinned(const Scene& scene, Checked& checked);
void look_chain_depth(const Scene& scene, Checked& checked);
void look_acts_for_anyone(const Scene& scene, Checked& checked);
void look_long_tokens(const Scene& scene, Checked& checked);
void look_plain_transport(const Scene& scene, Checked& checked);
void look_audit_not_durable(const Scene& scene, Checked& checked);
// permits.cc
void look_wildcard(const Scene& scene, Checked& checked);
void look_standing(const Scene& scene, Checked& checked);
void look_dead_permit(const Scene& scene, Checked& checked);
void look_unused_permit(const Scene& scene, Checked& checked);
void look_hiding(const Scene& scene, Checked& checked);
// apis.cc
void look_route_not_tested(const Scene& scene, Checked& checked);
void look_cannot_tell(const Scene& scene, Checked& checked);
void look_only_observed(const Scene& scene, Checked& checked);

}  // namespace writ::posture
