#include "posture/checks.h"

#include <algorithm>

#include "posture/assess.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

constexpr std::string_view kWeights[] = {"low", "medium", "high", "critical"};

using Ids = std::string_view[];
constexpr Ids kOffboarding = {"NHI1:2025", "PR.AA-05"};
constexpr Ids kRogue = {"NHI1:2025", "ASI10", "PR.AA-05"};
constexpr Ids kReview = {"NHI1:2025", "PR.AA-05", "AC-6"};
constexpr Ids kThirdParty = {"NHI3:2025", "ASI04"};
constexpr Ids kHuman = {"NHI10:2025", "PR.AA-05"};
constexpr Ids kReuse = {"NHI9:2025", "ASI03", "PR.AA-05"};
constexpr Ids kEnvironment = {"NHI8:2025", "AC-4"};
constexpr Ids kSecret = {"NHI4:2025", "API2:2023", "MCP01:2025"};
constexpr Ids kBinding = {"NHI4:2025", "API2:2023", "MCP07:2025", "SP 800-207 tenet 6"};
constexpr Ids kPassword = {"NHI4:2025", "API2:2023"};
constexpr Ids kAge = {"NHI7:2025", "MCP01:2025"};
constexpr Ids kLeak = {"NHI2:2025", "MCP01:2025"};
constexpr Ids kFederation = {"NHI6:2025", "NHI4:2025", "API2:2023", "SP 800-207 tenet 6"};
constexpr Ids kChain = {"ASI03", "ASI08", "AC-6"};
constexpr Ids kAnyone = {"NHI5:2025", "ASI03", "MCP02:2025", "AC-6"};
constexpr Ids kTokens = {"NHI7:2025", "SP 800-207 tenet 3"};
constexpr Ids kTransport = {"NHI6:2025", "API8:2023"};
constexpr Ids kAudit = {"MCP08:2025"};
constexpr Ids kWildcard = {"NHI5:2025", "AC-6", "AC-3(7)", "PR.AA-05", "API5:2023", "ASI03", "MCP02:2025"};
constexpr Ids kStanding = {"NHI5:2025", "SP 800-207 tenet 3", "ASI03", "MCP02:2025", "AC-6"};
constexpr Ids kDead = {"NHI5:2025", "PR.AA-05", "AC-6"};
constexpr Ids kHiding = {"SP 800-207 tenet 4", "SP 800-207 tenet 6", "API5:2023"};
constexpr Ids kUntested = {"API5:2023", "PR.AA-05"};
constexpr Ids kBlind = {"ASI03", "SP 800-207 tenet 4", "API1:2023"};
constexpr Ids kObserved = {"SP 800-207 tenet 6", "API8:2023"};

struct Row {
  Check check;
  Look look;
};

constexpr Row kRows[] = {
    {{"no-owner", Weight::kMedium, "Machines that nobody answers for",
      "nobody is asked when it does harm, and nobody stops it when it is not needed", kRogue},
     look_no_owner},
    {{"owner-gone", Weight::kHigh, "Owners who left", "whoever answered for it is not there any more",
      kOffboarding},
     look_owner_gone},
    {{"owner-not-listed", Weight::kLow, "Owners who are not listed",
      "Writ cannot notice when that person leaves", kOffboarding},
     look_owner_not_listed},
    {{"stopped-with-credentials", Weight::kLow, "Credentials of what has ended",
      "one wrong change of its status, and the old credential is good again", kOffboarding},
     look_stopped_with_credentials},
    {{"dormant-identity", Weight::kMedium, "Dormant machines",
      "an attack with it looks like its first use in a long time, and nobody looks", kRogue,
      "users are not looked at: their provider knows when they signed in"},
     look_dormant},
    {{"review-overdue", Weight::kMedium, "Overdue reviews", "nobody confirmed that it is needed as it is",
      kReview},
     look_review_overdue},
    {{"never-reviewed", Weight::kLow, "Machines without an end or a review",
      "what it may do is never looked at again", kReview},
     look_never_reviewed},
    {{"third-party", Weight::kMedium, "Third parties whose access has no end",
      "what happens to them happens to you, also after the contract ended", kThirdParty,
      "whether the third party itself was broken into, nobody can tell from here"},
     look_third_party},
    {{"person-behind-machine", Weight::kMedium, "People who use machines' credentials",
      "the audit names a machine, and nobody knows who it was", kHuman,
      "only what operates Writ itself is looked at; elsewhere nothing tells a person from a machine"},
     look_person_behind_machine},
    {{"shared-credential", Weight::kHigh, "Shared credentials",
      "nobody can tell who used it, and whoever breaks one has them all", kReuse,
      "secrets that are equal and were hashed apart look different, as they should"},
     look_shared_credential},
    {{"two-environments", Weight::kHigh, "One credential in two environments",
      "whoever breaks the test system has production", kEnvironment},
     look_two_environments},
    {{"bearer-secret", Weight::kMedium, "Secrets that are not bound",
      "a copy of it is as good as the original", kSecret},
     look_bearer_secret},
    {{"unbound-tokens", Weight::kMedium, "Tokens that are not bound",
      "whoever reads the token along the way can use it", kBinding},
     look_unbound_tokens},
    {{"machine-password", Weight::kHigh, "Machines with passwords",
      "passwords are guessed, shared and typed into the wrong place", kPassword},
     look_password},
    {{"ageing-credential", Weight::kMedium, "Ageing credentials",
      "the longer it is around, the more copies of it there are", kAge},
     look_ageing},
    {{"endless-credential", Weight::kMedium, "Credentials without an end",
      "a copy that somebody lost sight of is good for ever", kAge},
     look_endless},
    {{"api-key", Weight::kLow, "API keys", "a copy of it is as good as the original, and it lives for months",
      kSecret},
     look_api_keys},
    {{"secret-file", Weight::kHigh, "Secrets beside the configuration",
      "the configuration is copied, reviewed and kept in a repository, and so are they", kLeak,
      "private keys in PEM and JWK, and files called *.secret; not chats, logs and other repositories"},
     look_secret_files},
    {{"issuer-not-pinned", Weight::kMedium, "Federation rules that are not pinned",
      "a provider, or one of its clients, speaks for more than anybody meant", kFederation},
     look_issuer_not_pinned},
    {{"workload-not-pinned", Weight::kLow, "Workload rules that pin less than they could",
      "what gets the name later, or is deployed from another branch, is the client too", kFederation,
      "who may deploy to an environment, only the platform knows"},
     look_workload_not_pinned},
    {{"chain-too-deep", Weight::kLow, "Chains deeper than used",
      "a longer chain than anybody needs is a way for an attack, and for nothing else", kChain},
     look_chain_depth},
    {{"acts-for-anyone", Weight::kMedium, "Agents and services that act for every user",
      "whoever misleads it acts as anybody", kAnyone},
     look_acts_for_anyone},
    {{"long-tokens", Weight::kMedium, "Long-lived tokens", "what is stolen is good for as long", kTokens},
     look_long_tokens},
    {{"plain-transport", Weight::kHigh, "Transport without TLS",
      "credentials, tokens and data can be read along", kTransport},
     look_plain_transport},
    {{"audit-not-durable", Weight::kLow, "An audit that a loss of power can shorten",
      "what happened last is what is missing", kAudit},
     look_audit_not_durable},
    {{"wildcard-permit", Weight::kMedium, "Wildcard permits", "it also permits what will be there tomorrow",
      kWildcard},
     look_wildcard},
    {{"standing-privilege", Weight::kMedium, "Standing privilege of automation",
      "what is not used now can be misused now", kStanding,
      "agents act only inside a task, by a guard; applications count where they act for no user"},
     look_standing},
    {{"dead-permit", Weight::kLow, "Permits that can never apply",
      "it comes to life with whoever gets that name next", kDead,
      "only what the text and the inventory show; `writ access` asks further"},
     look_dead_permit},
    {{"unused-permit", Weight::kMedium, "Permits that nothing needed",
      "privilege that nobody uses is there for whoever breaks in", kDead,
      "a permit that held beside another one may be missing in the log, and counts as not needed"},
     look_unused_permit},
    {{"hidden-claim", Weight::kHigh, "Policies that a hidden claim defeats",
      "a caller gets more by saying less", kHiding},
     look_hiding},
    {{"route-not-tested", Weight::kMedium, "Routes that no test asks about",
      "nobody notices when a change opens it", kUntested},
     look_route_not_tested},
    {{"api-cannot-tell", Weight::kMedium, "APIs that cannot tell callers apart",
      "a request for one is decided as a request for the other", kBlind,
      "chains of identities that the configuration declares"},
     look_cannot_tell},
    {{"only-observed", Weight::kHigh, "APIs that are only observed",
      "what the policies refuse passes all the same", kObserved},
     look_only_observed},
};

const auto kChecks = [] {
  std::vector<Check> all;
  for (const Row& row : kRows) all.push_back(row.check);
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
