#include "oauth/workload_profiles.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace writ::oauth {
namespace {

using inventory::ClaimCondition;
using inventory::ClaimNames;
using inventory::WorkloadRule;
using Fact = WorkloadProfile::Fact;
using Problems = std::vector<RuleProblem>;

constexpr std::string_view kPullRequests = "pull_request";
constexpr std::string_view kPullRefs = "refs/pull/";
constexpr std::string_view kAccounts = "system:serviceaccount:";
constexpr std::string_view kSpiffe = "spiffe://";

const std::vector<Fact>& github_facts() {
  static const std::vector<Fact> facts{{"repository", {"repository"}},
                                       {"owner", {"repository_owner"}},
                                       {"ref", {"ref"}},
                                       {"environment", {"environment"}},
                                       {"workflow", {"workflow_ref"}},
                                       {"event", {"event_name"}},
                                       {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& gitlab_facts() {
  static const std::vector<Fact> facts{{"project", {"project_path"}},
                                       {"owner", {"namespace_path"}},
                                       {"ref", {"ref"}},
                                       {"environment", {"environment"}},
                                       {"workflow", {"ci_config_ref_uri"}},
                                       {"event", {"pipeline_source"}},
                                       {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& kubernetes_facts() {
  static const std::vector<Fact> facts{{"namespace", {"kubernetes.io", "namespace"}},
                                       {"serviceAccount", {"kubernetes.io", "serviceaccount", "name"}},
                                       {"pod", {"kubernetes.io", "pod", "name"}},
                                       {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& google_facts() {
  static const std::vector<Fact> facts{
      {"email", {"email"}}, {"project", {"google", "compute_engine", "project_id"}}, {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& aws_facts() {
  static const std::vector<Fact> facts{{"account", {"https://sts.amazonaws.com/", "aws_account"}},
                                       {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& azure_facts() {
  static const std::vector<Fact> facts{{"account", {"tid"}}, {"subject", {"sub"}}};
  return facts;
}
const std::vector<Fact>& subject_alone() {
  static const std::vector<Fact> facts{{"subject", {"sub"}}};
  return facts;
}

const ClaimCondition* find(const WorkloadRule& rule, std::initializer_list<std::string_view> path) {
  return condition_of(rule, ClaimNames(path.begin(), path.end()));
}

void lacks(Problems& problems, std::string_view claim, std::string why, std::string help) {
  problems.push_back({fmt::format("{} is missing: {}", claim, why), std::move(help)});
}

bool is_true(const ClaimCondition* condition) {
  return condition != nullptr && condition->values == std::vector<std::string>{"true"};
}

bool any_value(const ClaimCondition* condition, const auto& of) {
  return condition != nullptr && std::ranges::any_of(condition->values, of);
}

void check_github(const WorkloadRule& rule, Problems& problems) {
  // A name alone is free again when its owner gives it up; ids are for good.
  const bool named = find(rule, {"repository"}) != nullptr && find(rule, {"repository_owner_id"}) != nullptr;
  if (find(rule, {"repository_id"}) == nullptr && !named)
    lacks(problems, "`repository_id`", "a fork, or a repository that gets the same name later, would do",
          "add `repository_id`, or `repository` and `repository_owner_id`");
  const auto* ref = find(rule, {"ref"});
  if (ref == nullptr && find(rule, {"environment"}) == nullptr)
    lacks(problems, "`ref` or `environment`", "every branch of the repository would do",
          "add `ref: refs/heads/main`, or an `environment` with `ref_protected: true`");
  else if (ref == nullptr && !is_true(find(rule, {"ref_protected"})))
    lacks(problems, "`ref_protected: true`", "a job of every branch can name an environment",
          "add `ref: refs/heads/main`, or protect the branches that deploy and add `ref_protected: true`");
  const auto of_pull = [](const std::string& value) {
    return value.starts_with(kPullRefs) || value.starts_with(kPullRequests);
  };
  const auto says_pull = [](const std::string& value) { return value.find(":pull_request") != value.npos; };
  if (any_value(ref, of_pull) || any_value(find(rule, {"event_name"}), of_pull) ||
      any_value(find(rule, {"sub"}), says_pull))
    problems.push_back({"the rule is about pull requests, in which whoever opens one could run code",
                        "let a workflow on `push` or `release` be the client"});
  const auto no_ref = [](const std::string& value) { return !value.starts_with("refs/"); };
  if (any_value(ref, no_ref))
    problems.push_back({"a `ref` of GitHub's begins with `refs/`, so this one is never matched",
                        "for example refs/heads/main or refs/tags/v1.2.0"});
}

void check_gitlab(const WorkloadRule& rule, Problems& problems) {
  if (find(rule, {"project_id"}) == nullptr)
    lacks(problems, "`project_id`", "a fork, or a project that gets the same path later, would do",
          "add `project_id`");
  const auto *path = find(rule, {"ref_path"}), *environment = find(rule, {"environment"});
  const auto* ref = path != nullptr ? path : find(rule, {"ref"});
  const bool by_ref = ref != nullptr && is_true(find(rule, {"ref_protected"}));
  const bool by_environment = environment != nullptr && is_true(find(rule, {"environment_protected"}));
  if (by_ref || by_environment) return;
  if (ref == nullptr && environment == nullptr)
    lacks(problems, "`ref` or `environment`", "every branch of the project would do",
          "add `ref` and `ref_protected: true`");
  else if (ref != nullptr)
    lacks(problems, "`ref_protected: true`", "a tag of that name, or whoever may push the branch, would do",
          "protect the branch, and add `ref_protected: true`");
  else
    lacks(problems, "`environment_protected: true`", "a job of every branch can name an environment",
          "protect the environment, and add `environment_protected: true`");
}

bool is_account(const std::string& subject) {
  if (!subject.starts_with(kAccounts)) return false;
  const auto colon = subject.find(':', kAccounts.size());
  return colon != subject.npos && colon > kAccounts.size() && colon + 1 < subject.size() &&
         subject.find(':', colon + 1) == subject.npos;
}

void check_kubernetes(const WorkloadRule& rule, Problems& problems) {
  if (const auto* subject = find(rule, {"sub"})) {
    if (any_value(subject, [](const std::string& value) { return !is_account(value); }))
      problems.push_back({"`sub` is not that of a service account",
                          "it is system:serviceaccount:NAMESPACE:NAME, without a part left out"});
    return;
  }
  if (find(rule, {"kubernetes.io", "namespace"}) == nullptr)
    lacks(problems, "`kubernetes.io.namespace`", "a service account of that name in every namespace would do",
          "add `kubernetes.io: {namespace: …, serviceaccount: {name: …}}`");
  if (find(rule, {"kubernetes.io", "serviceaccount", "name"}) == nullptr)
    lacks(problems, "`kubernetes.io.serviceaccount.name`", "every service account of the namespace would do",
          "add `kubernetes.io: {namespace: …, serviceaccount: {name: …}}`");
}

void check_spiffe(const WorkloadRule& rule, Problems& problems) {
  const auto* subject = find(rule, {"sub"});
  if (subject == nullptr)
    return lacks(problems, "`sub`", "every workload of the trust domain would do",
                 "add the SPIFFE id, for example `sub: spiffe://acme.example/billing/export`");
  for (const auto& id : subject->values) {
    const auto slash = id.starts_with(kSpiffe) ? id.find('/', kSpiffe.size()) : id.npos;
    if (slash == id.npos || slash == kSpiffe.size() || slash + 1 == id.size())
      problems.push_back({fmt::format("`{}` is not the SPIFFE id of a workload", id),
                          "for example spiffe://acme.example/billing/export"});
    else if (rule.issuer.starts_with(kSpiffe) && id.substr(0, slash) != rule.issuer)
      problems.push_back({fmt::format("`{}` is not of the trust domain `{}`", id, rule.issuer),
                          "name that trust domain as a trusted issuer of its own"});
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void check_google(const WorkloadRule& rule, Problems& problems) {
  const auto* subject = find(rule, {"sub"});
  if (subject == nullptr)
    return lacks(problems, "`sub`",
                 find(rule, {"email"}) != nullptr
                     ? "a service account that is made again with that address would do"
                     : "every service account of every project would do",
                 "add the unique id of the service account as `sub`; `email` may stand beside it");
  if (any_value(subject, [](const std::string& value) { return !is_number(value); }))
    problems.push_back({"`sub` is not the unique id of a service account, so this rule is never matched",
                        "it is a number, for example \"112010400000000710080\""});
}

// "arn:aws:iam::123456789012:role/Export"
bool has_account(const std::string& arn) {
  if (!arn.starts_with("arn:")) return false;
  std::size_t at = 0;
  for (int colons = 0; colons < 4; ++colons) {
    at = arn.find(':', at);
    if (at == arn.npos) return false;
    ++at;
  }
  const auto account = std::string_view(arn).substr(at, 12);
  return account.size() == 12 && is_number(account) && arn.size() > at + 13 && arn[at + 12] == ':';
}

void check_aws(const WorkloadRule& rule, Problems& problems) {
  const auto* subject = find(rule, {"sub"});
  if (subject == nullptr)
    return lacks(problems, "`sub`", "every role of the account would do",
                 "add the ARN of the role, for example `sub: arn:aws:iam::123456789012:role/Export`");
  const bool pinned = find(rule, {"https://sts.amazonaws.com/", "aws_account"}) != nullptr;
  if (!pinned && any_value(subject, [](const std::string& value) { return !has_account(value); }))
    lacks(problems, "`https://sts.amazonaws.com/.aws_account`",
          "a role of that name in another account would do",
          "write the ARN with its account, or add `https://sts.amazonaws.com/: {aws_account: …}`");
}

// The tenant is part of the issuer.
void check_azure(const WorkloadRule& rule, Problems& problems) {
  if (find(rule, {"oid"}) == nullptr && find(rule, {"sub"}) == nullptr && find(rule, {"azp"}) == nullptr &&
      find(rule, {"appid"}) == nullptr)
    lacks(problems, "`oid`", "every application and managed identity of the tenant would do",
          "add the object id of the managed identity, or of the service principal, as `oid`");
}

void check_other(const WorkloadRule& rule, Problems& problems) {
  if (find(rule, {"sub"}) == nullptr)
    lacks(problems, "`sub`", "every workload of the issuer would do",
          "add what the issuer calls the workload");
}

// Whose tokens an issuer's are known to be. Their claims mean what that platform says, and no rule for
// another one is about them: what is written for anybody there would look like a pinned subject.
struct KnownIssuer {
  std::string_view begins, ends, profile;

  // "https://gitlab.com" is not the beginning of "https://gitlab.company.example".
  bool is(std::string_view issuer) const {
    if (!issuer.starts_with(begins) || !issuer.ends_with(ends)) return false;
    const bool whole = begins.ends_with('/') || begins.ends_with('.');
    return whole || issuer.size() == begins.size() || issuer[begins.size()] == '/';
  }
};
constexpr KnownIssuer kKnownIssuers[] = {{"https://token.actions.githubusercontent.com", "", "github"},
                                         {"https://token.actions.", ".ghe.com", "github"},
                                         {"https://", "/_services/token", "github"},
                                         {"https://gitlab.com", "", "gitlab"},
                                         {"https://accounts.google.com", "", "google"},
                                         {"https://", ".tokens.sts.global.api.aws", "aws"},
                                         {"https://login.microsoftonline.com/", "", "azure"},
                                         {"https://sts.windows.net/", "", "azure"},
                                         {"https://oidc.eks.", "", "kubernetes"},
                                         {"https://oidc-eks.", "", "kubernetes"},
                                         {"https://container.googleapis.com/v1/projects/", "", "kubernetes"},
                                         {"spiffe://", "", "spiffe"}};

void check_platform(const WorkloadProfile& profile, const WorkloadRule& rule, Problems& problems) {
  for (const auto& known : kKnownIssuers) {
    if (!known.is(rule.issuer)) continue;
    if (known.profile != profile.name)
      problems.push_back(
          {fmt::format("the tokens of `{}` are those of `{}`, and its `workloads` says `{}`, so "
                       "nobody looks whether this rule says enough",
                       rule.issuer, known.profile, profile.name),
           fmt::format("write `workloads: {}` where the issuer is trusted", known.profile)});
    return;
  }
}

// Audiences that a platform's tokens have for somebody else. Whoever gets one of those could bring it here.
void check_audience(const WorkloadRule& rule, Problems& problems) {
  constexpr std::string_view kOthers[] = {"sts.amazonaws.com", "https://kubernetes.default.svc",
                                          "https://kubernetes.default.svc.cluster.local",
                                          "api://AzureADTokenExchange"};
  constexpr std::string_view kBegin[] = {"https://github.com/", "//iam.googleapis.com/",
                                         "https://iam.googleapis.com/"};
  if (!rule.audience) return;
  const std::string_view audience = *rule.audience;
  if (audience == rule.issuer || std::ranges::find(kOthers, audience) != std::end(kOthers) ||
      std::ranges::any_of(kBegin, [&](auto each) { return audience.starts_with(each); }))
    problems.push_back(
        {fmt::format("`{}` is what the platform's tokens for other services are for, and each of these "
                     "services could bring them here",
                     audience),
         "let the workload ask for a token whose audience is Writ's issuer"});
}

bool begins(const codec::Json& claims, std::string_view name, std::string_view with) {
  const auto* text = claims.find_string(name);
  return text != nullptr && text->starts_with(with);
}

}  // namespace

std::span<const WorkloadProfile> workload_profiles() {
  static const std::array<WorkloadProfile, 8> profiles{
      {{.name = "kubernetes", .used_again = true, .facts = kubernetes_facts()},
       {.name = "github", .facts = github_facts()},
       {.name = "gitlab", .facts = gitlab_facts()},
       {.name = "spiffe", .used_again = true, .type = "JOSE", .facts = subject_alone()},
       {.name = "google", .used_again = true, .facts = google_facts()},
       {.name = "aws", .facts = aws_facts()},
       {.name = "azure", .used_again = true, .facts = azure_facts()},
       {.name = "other", .facts = subject_alone()}}};
  return profiles;
}

const WorkloadProfile* find_workload_profile(std::string_view name) {
  const auto all = workload_profiles();
  const auto found = std::ranges::find(all, name, &WorkloadProfile::name);
  return found != all.end() ? &*found : nullptr;
}

std::vector<RuleProblem> problems_of(const WorkloadProfile& profile, const WorkloadRule& rule) {
  constexpr std::pair<std::string_view, void (*)(const WorkloadRule&, Problems&)> kChecks[] = {
      {"kubernetes", check_kubernetes}, {"github", check_github}, {"gitlab", check_gitlab},
      {"spiffe", check_spiffe},         {"google", check_google}, {"aws", check_aws},
      {"azure", check_azure},           {"other", check_other}};
  Problems problems;
  for (const auto& [name, check] : kChecks) {
    if (name == profile.name) check(rule, problems);
  }
  check_platform(profile, rule, problems);
  check_audience(rule, problems);
  return problems;
}

std::optional<Denial> never_a_client(const WorkloadProfile& profile, const codec::Json& claims) {
  // OpenID Connect Core §2 and §3.3.2.11, RFC 8417, RFC 8693 §4: it says who signed in, what happened, or who
  // acts for whom.
  for (const auto* name :
       {"nonce", "at_hash", "c_hash", "s_hash", "events", "act", "may_act", "scope", "scp"}) {
    if (claims.find(name) != nullptr)
      return Denial{Reason::kTokenType, fmt::format("a token with `{}` is not that of a workload", name)};
  }
  // RFC 7800 §3.1: a binding that cannot be checked must not be ignored.
  if (claims.find("cnf") != nullptr)
    return Denial{Reason::kSenderBindingMissing,
                  "the token is bound to a key, of which there is no proof here"};
  const bool pull = profile.name == "github" &&
                    (begins(claims, "event_name", kPullRequests) || begins(claims, "ref", kPullRefs));
  const bool merge = profile.name == "gitlab" && (begins(claims, "pipeline_source", "merge_request_event") ||
                                                  begins(claims, "pipeline_source", "external_pull_request"));
  if (pull || merge)
    return Denial{Reason::kTokenType,
                  "the token is of a pull or merge request, in which whoever opens one could run code"};
  return std::nullopt;
}

}  // namespace writ::oauth
