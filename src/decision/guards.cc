#include "decision/guards.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::decision {
namespace {

using context::Context;
using context::Party;
using context::Point;
using inventory::Kind;
using inventory::Status;
using Refused = std::optional<Refusal>;

Refused refuse(Reason reason, std::string message, const Party* party = nullptr) {
  return Refusal{
      reason, std::move(message), party != nullptr ? party->uid.to_string() : std::string(), {}, {}};
}

Refused refuse(const std::expected<void, Denial>& checked) {
  if (checked) return std::nullopt;
  return refuse(checked.error().reason, checked.error().message);
}

std::string named(const Party& party) {
  return fmt::format("{} `{}`", kind_name(party.kind), party.id);
}

Refused audience(const Context& context, const PolicySnapshot&) {
  if (context.claims().audience == context.api().audience) return std::nullopt;
  return refuse(Reason::kAudienceMismatch, fmt::format("the token is for `{}`, this API is `{}`",
                                                       context.claims().audience, context.api().audience));
}

// Why an identity that acts may not; users who are only asked for have a code of their own.
Refused standing(const Party& party) {
  if (party.member == nullptr)
    return refuse(Reason::kCallerUnknown, named(party) + " is not in the inventory", &party);
  switch ((*party.member)->status) {
    case Status::kActive:
      return std::nullopt;
    case Status::kSuspended:
      return refuse(Reason::kCallerSuspended, named(party) + " is suspended", &party);
    case Status::kRetired:
      return refuse(Reason::kCallerRetired, named(party) + " is retired", &party);
  }
  return refuse(Reason::kIndeterminate, named(party) + " has an unknown status", &party);
}

Refused caller(const Context& context, const PolicySnapshot&) {
  const Party& client = context.client();
  if (auto refused = standing(client)) return refused;
  if (client.kind != Kind::kUser) return std::nullopt;
  return refuse(Reason::kCallerMismatch,
                named(client) + " cannot hold a token, only applications, services and agents can", &client);
}

Refused subject(const Context& context, const PolicySnapshot&) {
  const Party* party = context.subject();
  if (party == nullptr || party->member == nullptr || (*party->member)->status == Status::kActive)
    return std::nullopt;
  return refuse(Reason::kSubjectSuspended,
                fmt::format("{} is {}", named(*party), status_name((*party->member)->status)), party);
}

Refused actors(const Context& context, const PolicySnapshot&) {
  for (const auto& actor : context.claims().actors) {
    // Identities of other issuers are not in this inventory, whatever their names.
    if (actor.issuer && *actor.issuer != context.claims().issuer)
      return refuse(Reason::kCallerUnknown,
                    fmt::format("actor `{}` is of another issuer, `{}`", actor.subject, *actor.issuer));
  }
  for (const Party& party : context.parties()) {
    if (party.role != context::Role::kActor) continue;
    if (auto refused = standing(party)) return refused;
  }
  return std::nullopt;
}

Refused chain_length(const Context& context, const PolicySnapshot& snapshot) {
  const auto length = context.claims().actors.size();
  if (length <= snapshot.max_chain) return std::nullopt;
  return refuse(
      Reason::kChainTooDeep,
      fmt::format("the delegation chain has {} actors, at most {} are allowed", length, snapshot.max_chain));
}

Refused delegation(const Context& context, const PolicySnapshot&) {
  const auto& chain = context.chain();
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const Party& from = context.parties()[chain[i - 1]];
    const Party& to = context.parties()[chain[i]];
    if (to.member != nullptr && to.member->acts_for(from.id, from.kind)) continue;
    return refuse(Reason::kDelegationNotAuthorised,
                  fmt::format("{} may not act for {}", named(to), named(from)), &to);
  }
  return std::nullopt;
}

// Two things that must agree where both are known.
Refused disagree(Reason reason, std::string_view what, std::optional<std::string_view> a,
                 std::string_view a_name, std::optional<std::string_view> b, const std::string& b_name,
                 const Party* party = nullptr) {
  if (!a || !b || *a == *b) return std::nullopt;
  return refuse(reason, fmt::format("{} is of {} `{}`, {} of `{}`", a_name, what, *a, b_name, *b), party);
}

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

Refused tenant(const Context& context, const PolicySnapshot&) {
  const auto claimed = view(context.claims().tenant);
  auto effective = claimed;
  for (const Party& party : context.parties()) {
    if (party.member == nullptr) continue;
    const auto own = view((*party.member)->tenant);
    if (auto refused =
            disagree(Reason::kTenantMismatch, "tenant", claimed, "the token", own, named(party), &party))
      return refused;
    if (!effective && own) effective = own;
  }
  const auto of_resource = context.resource_text("tenant");
  if (!of_resource) return std::nullopt;
  const Party* user = context.subject();
  if (!effective && user != nullptr)
    return refuse(Reason::kTenantMismatch,
                  fmt::format("{} is of tenant `{}`, and the tenant of {} is unknown",
                              context.resource().to_string(), *of_resource, named(*user)),
                  user);
  return disagree(Reason::kTenantMismatch, "tenant", effective, "the request", of_resource,
                  context.resource().to_string());
}

Refused environment(const Context& context, const PolicySnapshot&) {
  const auto claimed = view(context.claims().environment);
  auto effective = claimed;
  for (const Party& party : context.parties()) {
    if (party.member == nullptr) continue;
    const auto own = view((*party.member)->environment);
    if (auto refused = disagree(Reason::kEnvironmentMismatch, "environment", effective, "the request", own,
                                named(party), &party))
      return refused;
    if (!effective && own) effective = own;
  }
  return disagree(Reason::kEnvironmentMismatch, "environment", effective, "the request",
                  context.resource_text("environment"), context.resource().to_string());
}

// An agent has no standing authority for others: what it does for somebody, it does inside a task.
Refused task_present(const Context& context, const PolicySnapshot&) {
  if (context.claims().task) {
    if (context.task() != nullptr) return std::nullopt;
    return refuse(Reason::kTaskMissing, fmt::format("there is no task `{}`", *context.claims().task));
  }
  // Issuing a token without a task is for the policies to decide; using it is not.
  if (context.point() == Point::kIssue) return std::nullopt;
  const auto& parties = context.parties();
  const auto agent =
      std::find_if(parties.begin(), parties.end(), [](const Party& p) { return p.is_agent(); });
  if (agent == parties.end()) return std::nullopt;
  return refuse(Reason::kTaskMissing, named(*agent) + " acts only inside a task, and the token has none",
                &*agent);
}

Refused task_live(const Context& context, const PolicySnapshot&) {
  if (context.task() == nullptr) return std::nullopt;
  return refuse(context.task()->check_live(context.request().time));
}

Refused task_parties(const Context& context, const PolicySnapshot&) {
  const task::LiveTask* live = context.task();
  if (live == nullptr) return std::nullopt;
  const task::Task& task = live->task();
  const Party* subject = context.subject();
  const auto subject_id = subject != nullptr ? std::optional<std::string_view>(subject->id) : std::nullopt;
  if (view(task.subject) != subject_id)
    return refuse(Reason::kDelegationNotAuthorised,
                  fmt::format("task `{}` is {}, the token is {}", task.id,
                              task.subject ? fmt::format("for `{}`", *task.subject) : "for no user",
                              subject_id ? fmt::format("for `{}`", *subject_id) : "for no user"),
                  subject);
  for (const Party& party : context.parties()) {
    const bool other_client =
        !party.is_agent() && party.kind != Kind::kUser && task.client && party.id != *task.client;
    if (other_client || (party.is_agent() && !live->names_agent(party.id)))
      return refuse(Reason::kDelegationNotAuthorised,
                    fmt::format("task `{}` does not name {}", task.id, named(party)), &party);
  }
  const auto tenant = view(context.claims().tenant);
  if (auto refused = disagree(Reason::kTenantMismatch, "tenant", tenant, "the token", view(task.tenant),
                              fmt::format("task `{}`", task.id)))
    return refused;
  return disagree(Reason::kEnvironmentMismatch, "environment", view(context.claims().environment),
                  "the token", view(task.environment), fmt::format("task `{}`", task.id));
}

Refused task_purpose(const Context& context, const PolicySnapshot&) {
  if (context.task() == nullptr) return std::nullopt;
  return refuse(context.task()->check_purpose(view(context.claims().purpose)));
}

Refused task_scope(const Context& context, const PolicySnapshot&) {
  if (context.task() == nullptr || context.point() == Point::kIssue) return std::nullopt;
  return refuse(context.task()->check_scope(context.action(), context.resource()));
}

Refused task_budget(const Context& context, const PolicySnapshot&) {
  if (context.task() == nullptr || context.point() == Point::kIssue) return std::nullopt;
  return refuse(context.task()->check_budget(context.action()));
}

constexpr Guard kGuards[] = {
    {"audience", audience},
    {"caller", caller},
    {"subject", subject},
    {"actors", actors},
    {"chain-length", chain_length},
    {"delegation", delegation},
    {"tenant", tenant},
    {"environment", environment},
    {"task-present", task_present},
    {"task-live", task_live},
    {"task-parties", task_parties},
    {"task-purpose", task_purpose},
    {"task-scope", task_scope},
    {"task-budget", task_budget},
};

}  // namespace

std::span<const Guard> guards() noexcept {
  return kGuards;
}

}  // namespace writ::decision
