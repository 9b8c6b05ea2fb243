#include "decision/guards.h"

#include <algorithm>
#include <fmt/format.h>

#include "token/foreign.h"

namespace writ::decision {
namespace {

using context::Context;
using context::Party;
using context::Point;
using IdentityKind = inventory::Kind;
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

// How a guard names an attribute of the resource. One that is not listed does not compile.
struct OfResource {
  std::string_view name;
  consteval OfResource(const char* text) : name(text) {
    if (!is_read_by_guards(name)) throw "an attribute that a guard reads stands in kReadByGuards";
  }
};
const cedar::Value* attribute_of_resource(const Context& context, OfResource attribute) {
  return context.resource_attribute(attribute.name);
}
std::optional<std::string_view> text_of_resource(const Context& context, OfResource attribute) {
  return context.resource_text(attribute.name);
}

Refused audience(const Context& context, const PolicySnapshot&) {
  // The audiences of another issuer's token were looked at when it was accepted.
  if (const auto& foreign = context.claims().foreign; foreign != nullptr) {
    if (foreign->api == context.api().id) return std::nullopt;
    return refuse(Reason::kAudienceMismatch, fmt::format("the token is accepted at API `{}`, this is `{}`",
                                                         foreign->api, context.api().id));
  }
  if (context.claims().audience == context.api().audience) return std::nullopt;
  return refuse(Reason::kAudienceMismatch, fmt::format("the token is for `{}`, this API is `{}`",
                                                       context.claims().audience, context.api().audience));
}

// Why an identity that acts may not; users who are only asked for have a code of their own.
Refused standing(const Party& party) {
  if (party.member == nullptr)
    return refuse(Reason::kCallerUnknown, named(party) + " is not in the inventory", &party);
  switch (party.status) {
    case Status::kActive:
      return std::nullopt;
    case Status::kRequested:
      return refuse(Reason::kCallerRequested, named(party) + " is requested, and nobody has activated it",
                    &party);
    case Status::kLapsed:
      return refuse(Reason::kCallerLapsed,
                    fmt::format("{} was to be reviewed by {}", named(party),
                                inventory::date_text(party.member->review_by().value_or(Instant()))),
                    &party);
    case Status::kSuspended:
      return refuse(Reason::kCallerSuspended, named(party) + " is suspended", &party);
    case Status::kExpired:
      return refuse(Reason::kCallerExpired,
                    fmt::format("{} expired on {}", named(party),
                                inventory::date_text((*party.member)->expires_at.value_or(Instant()))),
                    &party);
    case Status::kRetired:
      return refuse(Reason::kCallerRetired, named(party) + " is retired", &party);
  }
  return refuse(Reason::kIndeterminate, named(party) + " has an unknown status", &party);
}

Refused caller(const Context& context, const PolicySnapshot&) {
  const Party& client = context.client();
  if (auto refused = standing(client)) return refused;
  if (client.kind != IdentityKind::kUser) return std::nullopt;
  return refuse(Reason::kCallerMismatch,
                named(client) + " cannot hold a token, only applications, services and agents can", &client);
}

// A token is its client's; whoever else presents it has found or stolen it.
Refused presenter(const Context& context, const PolicySnapshot&) {
  const auto presenter = context.request().presenter;
  if (presenter.empty() || presenter == context.client().id) return std::nullopt;
  return refuse(Reason::kCallerMismatch,
                fmt::format("the token is {}'s, and `{}` presents it", named(context.client()), presenter),
                &context.client());
}

Refused subject(const Context& context, const PolicySnapshot&) {
  const Party* party = context.subject();
  if (party == nullptr || party->status == Status::kActive) return std::nullopt;
  const auto reason = party->status == Status::kRequested ? Reason::kSubjectRequested
                      : party->status == Status::kLapsed  ? Reason::kSubjectLapsed
                      : party->status == Status::kExpired ? Reason::kSubjectExpired
                                                          : Reason::kSubjectSuspended;
  return refuse(reason, fmt::format("{} is {}", named(*party), status_name(party->status)), party);
}

// Another issuer speaks for users, and of clients that are mapped. With the id of an application or an agent
// as its subject it would speak for that; and it speaks for its own tenants, also where the inventory says
// which one a user is of.
Refused issuer(const Context& context, const PolicySnapshot&) {
  const auto& foreign = context.claims().foreign;
  if (foreign == nullptr) return std::nullopt;
  const Party* party = context.subject();
  if (party != nullptr && party->kind != IdentityKind::kUser)
    return refuse(Reason::kTokenIssuer,
                  named(*party) + " is not a user, and the token's issuer may name users only", party);
  if (!foreign->tenants) return std::nullopt;
  const auto tenant = context.tenant();
  if (!tenant && !foreign->needs_tenant) return std::nullopt;
  if (tenant && std::ranges::find(*foreign->tenants, *tenant) != foreign->tenants->end()) return std::nullopt;
  return refuse(Reason::kTenantMismatch,
                tenant ? fmt::format("the token's issuer does not speak for tenant `{}` here", *tenant)
                       : fmt::format("the tenant of {} is unknown, and the token's issuer speaks for certain "
                                     "tenants here",
                                     named(context.owner())),
                &context.owner());
}

Refused actors(const Context& context, const PolicySnapshot&) {
  for (const auto& actor : context.claims().actors) {
    // Identities of other issuers are not in this inventory, whatever their names.
    if (actor.issuer && *actor.issuer != context.claims().issuer)
      return refuse(Reason::kCallerUnknown,
                    fmt::format("actor `{}` has a different issuer, `{}`", actor.subject, *actor.issuer));
  }
  for (const Party& party : context.parties()) {
    if (party.role != context::Role::kActor) continue;
    if (auto refused = standing(party)) return refused;
  }
  return std::nullopt;
}

// Whoever may act only while somebody answers for it does not when that user is stopped or has left.
Refused owners(const Context& context, const PolicySnapshot&) {
  for (const Party& party : context.parties()) {
    if (party.member == nullptr || !(*party.member)->needs_owner) continue;
    const auto& owner = (*party.member)->owner;
    if (!owner) return refuse(Reason::kCallerOwnerGone, named(party) + " has no owner", &party);
    const auto* member = context.inventory().find(*owner);
    const auto status = member != nullptr ? member->status_at(context.request().time.latest)
                                          : context.inventory().ordered(*owner);
    if (status == Status::kActive) continue;
    return refuse(Reason::kCallerOwnerGone,
                  fmt::format("the owner of {}, `{}`, is {}", named(party), *owner, status_name(status)),
                  &party);
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
    const auto before = chain.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(chain.begin(), before, chain[i]) != before)
      return refuse(Reason::kDelegationNotAuthorised,
                    named(context.parties()[chain[i]]) + " is in the chain twice",
                    &context.parties()[chain[i]]);
    const Party& from = context.parties()[chain[i - 1]];
    const Party& to = context.parties()[chain[i]];
    if (to.member != nullptr && to.member->acts_for(from.id, from.kind)) continue;
    return refuse(Reason::kDelegationNotAuthorised,
                  fmt::format("{} may not act for {}", named(to), named(from)), &to);
  }
  return std::nullopt;
}

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

using Fact = std::optional<std::string> inventory::Identity::*;

// Do all parties that have such a fact agree with the request's, and with each other? Where they do, `common`
// is what is known of it.
Refused parties_disagree(const Context& context, Reason reason, std::string_view what, Fact fact,
                         std::optional<std::string_view>& common) {
  for (const Party& party : context.parties()) {
    if (party.member == nullptr) continue;
    const auto own = view(party.member->identity().*fact);
    if (!own) continue;
    if (!common) common = own;
    if (*own != *common)
      return refuse(
          reason,
          fmt::format("{} belongs to {} `{}`, the request to `{}`", named(party), what, *own, *common),
          &party);
  }
  return std::nullopt;
}

Refused not_of(const Context& context, Reason reason, std::string_view what, std::string_view of_resource,
               std::optional<std::string_view> of_request) {
  if (of_request == of_resource) return std::nullopt;
  return refuse(reason,
                fmt::format("{} belongs to {} `{}`, {}", context.resource().to_string(), what, of_resource,
                            of_request ? fmt::format("the request to `{}`", *of_request)
                                       : fmt::format("and the request's {} is unknown", what)));
}

// Every party, the token and the resource are of one tenant. A user whose tenant nobody knows has none to
// reach; a service without one serves all.
Refused tenant(const Context& context, const PolicySnapshot&) {
  auto common = context.tenant();
  const bool unknown_user = !common && context.owner().kind == IdentityKind::kUser;
  if (auto refused =
          parties_disagree(context, Reason::kTenantMismatch, "tenant", &inventory::Identity::tenant, common))
    return refused;
  const auto of_resource = text_of_resource(context, "tenant");
  if (unknown_user && (common || of_resource))
    return refuse(Reason::kTenantMismatch,
                  fmt::format("the tenant of {} is unknown, and the request is about tenant `{}`",
                              named(context.owner()), of_resource ? *of_resource : *common),
                  &context.owner());
  if (!of_resource || !common) return std::nullopt;
  return not_of(context, Reason::kTenantMismatch, "tenant", *of_resource, common);
}

// The same for the environment, which is where the request began: what is in production cannot be reached
// from an unknown place.
Refused environment(const Context& context, const PolicySnapshot&) {
  auto common = context.environment();
  if (auto refused = parties_disagree(context, Reason::kEnvironmentMismatch, "environment",
                                      &inventory::Identity::environment, common))
    return refused;
  const auto of_resource = text_of_resource(context, "environment");
  if (!of_resource) return std::nullopt;
  return not_of(context, Reason::kEnvironmentMismatch, "environment", *of_resource, context.environment());
}

// Who has purposes acts for no other, also with a token from the time before the inventory said so.
Refused purpose(const Context& context, const PolicySnapshot&) {
  const auto purpose = context.purpose();
  if (!purpose) return std::nullopt;
  for (const Party& party : context.parties()) {
    if (party.kind == IdentityKind::kUser || party.member == nullptr) continue;
    const auto& own = (*party.member)->purposes;
    if (own.empty() || std::ranges::find(own, *purpose) != own.end()) continue;
    return refuse(Reason::kPurposeMismatch, fmt::format("{} may not act for `{}`", named(party), *purpose),
                  &party);
  }
  return std::nullopt;
}

// A resource that says what it is there for is used for nothing else, and not for what nobody knows.
Refused resource_purpose(const Context& context, const PolicySnapshot&) {
  const cedar::Value* purposes = attribute_of_resource(context, "forPurposes");
  if (purposes == nullptr) return std::nullopt;
  const auto purpose = context.purpose();
  const bool among = purpose && purposes->is(cedar::Kind::kSet) &&
                     std::ranges::any_of(purposes->as_set(), [&](const cedar::Value& each) {
                       return each.is(cedar::Kind::kString) && each.as_string() == *purpose;
                     });
  if (among) return std::nullopt;
  return refuse(Reason::kPurposeMismatch,
                purpose ? fmt::format("{} is not for purpose `{}`", context.resource().to_string(), *purpose)
                        : fmt::format("{} is for certain purposes, and the request's purpose is unknown",
                                      context.resource().to_string()));
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
        !party.is_agent() && party.kind != IdentityKind::kUser && task.client && party.id != *task.client;
    if (other_client || (party.is_agent() && !live->names_agent(party.id)))
      return refuse(Reason::kDelegationNotAuthorised,
                    fmt::format("task `{}` does not name {}", task.id, named(party)), &party);
  }
  return std::nullopt;
}

// A task that is of one tenant or environment stays there.
Refused task_place(const Context& context, const PolicySnapshot&) {
  if (context.task() == nullptr) return std::nullopt;
  const task::Task& task = context.task()->task();
  const auto differs = [&](Reason reason, std::string_view what, const std::optional<std::string>& of_task,
                           std::optional<std::string_view> of_request) -> Refused {
    if (!of_task || of_request == *of_task) return std::nullopt;
    return refuse(reason, fmt::format("task `{}` belongs to {} `{}`, {}", task.id, what, *of_task,
                                      of_request ? fmt::format("the request to `{}`", *of_request)
                                                 : fmt::format("and the request's {} is unknown", what)));
  };
  if (auto refused = differs(Reason::kTenantMismatch, "tenant", task.tenant, context.tenant()))
    return refused;
  return differs(Reason::kEnvironmentMismatch, "environment", task.environment, context.environment());
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
  if (context.task() == nullptr || context.point() == Point::kIssue || context.budget_taken())
    return std::nullopt;
  return refuse(context.task()->check_budget(context.use()));
}

constexpr Guard kGuards[] = {
    {"audience", audience},
    {"caller", caller},
    {"presenter", presenter},
    {"subject", subject},
    {"issuer", issuer},
    {"actors", actors},
    {"owners", owners},
    {"chain-length", chain_length},
    {"delegation", delegation},
    {"tenant", tenant},
    {"environment", environment},
    {"purpose", purpose},
    {"resource-purpose", resource_purpose},
    {"task-present", task_present},
    {"task-live", task_live},
    {"task-parties", task_parties},
    {"task-place", task_place},
    {"task-purpose", task_purpose},
    {"task-scope", task_scope},
    {"task-budget", task_budget},
};

}  // namespace

std::span<const Guard> guards() noexcept {
  return kGuards;
}

}  // namespace writ::decision
