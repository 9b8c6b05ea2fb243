#include "posture/checks.h"

#include <algorithm>

#include "posture/assess.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

constexpr std::string_view kWeights[] = {"low", "medium", "high", "critical"};

struct Row {
  Check check;
  Look look;
};

constexpr Row kRows[] = {
    {{"no-owner", Weight::kMedium, "Machines that nobody answers for",
      "nobody is asked when it does harm, and nobody stops it when it is not needed"},
     look_no_owner},
    {{"owner-gone", Weight::kHigh, "Owners who left", "whoever answered for it is not there any more"},
     look_owner_gone},
    {{"owner-not-listed", Weight::kLow, "Owners who are not listed",
      "Writ cannot notice when that person leaves"},
     look_owner_not_listed},
    {{"stopped-with-credentials", Weight::kLow, "Credentials of what has ended",
      "one wrong change of its status, and the old credential is good again"},
     look_stopped_with_credentials},
    {{"dormant-identity", Weight::kMedium, "Dormant machines",
      "an attack with it looks like its first use in a long time, and nobody looks",
      "users are not looked at: their provider knows when they signed in"},
     look_dormant},
    {{"review-overdue", Weight::kMedium, "Overdue reviews", "nobody confirmed that it is needed as it is"},
     look_review_overdue},
    {{"never-reviewed", Weight::kLow, "Machines without an end or a review",
      "what it may do is never looked at again"},
     look_never_reviewed},
    {{"third-party", Weight::kMedium, "Third parties whose access has no end",
      "what happens to them happens to you, also after the contract ended",
      "whether the third party itself was broken into, nobody can tell from here"},
     look_third_party},
    {{"person-behind-machine", Weight::kMedium, "People who use machines' credentials",
      "the audit names a machine, and nobody knows who it was",
      "only what operates Writ itself is looked at; elsewhere nothing tells a person from a machine"},
     look_person_behind_machine},
    {{"shared-credential", Weight::kHigh, "Shared credentials",
      "nobody can tell who used it, and whoever breaks one has them all",
      "secrets that are equal and were hashed apart look different, as they should"},
     look_shared_credential},
    {{"two-environments", Weight::kHigh, "One credential in two environments",
      "whoever breaks the test system has production"},
     look_two_environments},
    {{"bearer-secret", Weight::kMedium, "Secrets that are not bound",
      "a copy of it is as good as the original"},
     look_bearer_secret},
    {{"unbound-tokens", Weight::kMedium, "Tokens that are not bound",
      "whoever reads the token along the way can use it"},
     look_unbound_tokens},
    {{"machine-password", Weight::kHigh, "Machines with passwords",
      "passwords are guessed, shared and typed into the wrong place"},
     look_password},
    {{"ageing-credential", Weight::kMedium, "Ageing credentials",
      "the longer it is around, the more copies of it there are"},
     look_ageing},
    {{"endless-credential", Weight::kMedium, "Credentials without an end",
      "a copy that somebody lost sight of is good for ever"},
     look_endless},
    {{"api-key", Weight::kLow, "API keys",
      "a copy of it is as good as the original, and it lives for months"},
     look_api_keys},
    {{"secret-file", Weight::kHigh, "Secrets beside the configuration",
      "the configuration is copied, reviewed and kept in a repository, and so are they",
      "private keys in PEM and JWK, keys that say who issued them, and files called *.secret; not chats, logs"
      " and other repositories"},
     look_secret_files},
    {{"issuer-not-pinned", Weight::kMedium, "Federation rules that are not pinned",
      "a provider, or one of its clients, speaks for more than anybody meant"},
     look_issuer_not_pinned},
    {{"workload-not-pinned", Weight::kLow, "Workload rules that pin less than they could",
      "what gets the name later, or is deployed from another branch, is the client too",
      "who may deploy to an environment, only the platform knows"},
     look_workload_not_pinned},
    {{"chain-too-deep", Weight::kLow, "Chains deeper than used",
      "a longer chain than anybody needs is a way for an attack, and for nothing else"},
     look_chain_depth},
    {{"acts-for-anyone", Weight::kMedium, "Agents and services that act for every user",
      "whoever misleads it acts as anybody"},
     look_acts_for_anyone},
    {{"long-tokens", Weight::kMedium, "Long-lived tokens", "what is stolen is good for as long"},
     look_long_tokens},
    {{"plain-transport", Weight::kHigh, "Transport without TLS",
      "credentials, tokens and data can be read along"},
     look_plain_transport},
    {{"audit-not-durable", Weight::kLow, "An audit that a loss of power can shorten",
      "what happened last is what is missing"},
     look_audit_not_durable},
    {{"wildcard-permit", Weight::kMedium, "Wildcard permits", "it also permits what will be there tomorrow"},
     look_wildcard},
    {{"standing-privilege", Weight::kMedium, "Standing privilege of automation",
      "what is not used now can be misused now",
      "agents act only inside a task, by a guard; applications count where they act for no user"},
     look_standing},
    {{"dead-permit", Weight::kLow, "Permits that can never apply",
      "it comes to life with whoever gets that name next",
      "only what the text and the inventory show; `writ access` asks further"},
     look_dead_permit},
    {{"unused-permit", Weight::kMedium, "Permits that nothing needed",
      "privilege that nobody uses is there for whoever breaks in",
      "a permit that held beside another one may be missing in the log, and counts as not needed"},
     look_unused_permit},
    {{"hidden-claim", Weight::kHigh, "Policies that a hidden claim defeats",
      "a caller gets more by saying less"},
     look_hiding},
    {{"route-not-tested", Weight::kMedium, "Routes that no test asks about",
      "nobody notices when a change opens it"},
     look_route_not_tested},
    {{"api-cannot-tell", Weight::kMedium, "APIs that cannot tell callers apart",
      "a request for one is decided as a request for the other",
      "chains of identities that the configuration declares"},
     look_cannot_tell},
    {{"only-observed", Weight::kHigh, "APIs that are only observed",
      "what the policies refuse passes all the same"},
     look_only_observed},
};

const auto kChecks = [] {
  std::vector<Check> all;
  for (const Row& row : kRows) {
    all.push_back(row.check);
    all.back().standards = standards_of(row.check.id);
  }
  return all;
}();

}  // namespace

std::string_view weight_name(Weight weight) noexcept {
  return kWeights[static_cast<std::size_t>(weight)];
}

std::optional<Weight> weight_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kWeights, name);
  if (found == std::end(kWeights)) return std::nullopt;
  return static_cast<Weight>(found - std::begin(kWeights));
}

std::span<const Check> checks() noexcept {
  return kChecks;
}

const Check* find_check(std::string_view id) noexcept {
  const auto found = std::ranges::find(kChecks, id, &Check::id);
  return found == kChecks.end() ? nullptr : &*found;
}

std::vector<Checked> look_at(const Scene& scene, const Check* only) {
  std::vector<Checked> all;
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    Checked checked{.check = &kChecks[i]};
    if (only == nullptr || only == checked.check) {
      kRows[i].look(scene, checked);
    } else {
      checked.not_computable = "it was not asked for";
    }
    all.push_back(std::move(checked));
  }
  return all;
}

}  // namespace writ::posture
