#include "access/certainties.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "enforce/issuing.h"

namespace writ::access {
namespace {

using cedar::Kind;
using cedar::OpenFact;
using cedar::OpenField;
using cedar::Value;
using inventory::Status;

std::string named(const ChainLink& caller) {
  return fmt::format("{} `{}`", kind_name(caller.kind()), caller.id);
}

const std::optional<std::string>& tenant_of(const ChainLink& caller) {
  static const std::optional<std::string> kNone;
  return caller.member != nullptr ? (*caller.member)->tenant : kNone;
}

const std::optional<std::string>& environment_of(const ChainLink& caller) {
  static const std::optional<std::string> kNone;
  return caller.member != nullptr ? (*caller.member)->environment : kNone;
}

// As decision/guards.cc has it.
Reason reason_of(Status status, bool is_subject) {
  switch (status) {
    case Status::kRequested:
      return is_subject ? Reason::kSubjectRequested : Reason::kCallerRequested;
    case Status::kLapsed:
      return is_subject ? Reason::kSubjectLapsed : Reason::kCallerLapsed;
    case Status::kExpired:
      return is_subject ? Reason::kSubjectExpired : Reason::kCallerExpired;
    case Status::kRetired:
      return is_subject ? Reason::kSubjectSuspended : Reason::kCallerRetired;
    case Status::kActive:
    case Status::kSuspended:
      break;
  }
  return is_subject ? Reason::kSubjectSuspended : Reason::kCallerSuspended;
}

}  // namespace

Certainties::Certainties(const Frame& frame, Chain chain, const inventory::Api& api, Point point)
    : frame_(frame), chain_(std::move(chain)), api_(api), point_(point), parties_(parties_of(chain_)) {
  for (const ChainLink& each : chain_)
    uids_.push_back(each.member != nullptr
                        ? each.member->uid()
                        : arena_.entity(inventory::cedar_type(inventory::Kind::kUser), each.id));
  needs_task_ = point_ == Point::kUse &&
                std::ranges::any_of(chain_, [](const ChainLink& each) { return each.is_agent(); });
  check_callers();
  check_delegation();
  know_tenant();
  know_environment();
  know_purpose();
}

std::size_t Certainties::index_of(const ChainLink& caller) const {
  return static_cast<std::size_t>(&caller - chain_.data());
}

void Certainties::refuse(Reason reason, std::string message) {
  if (!refusal_) refusal_ = {reason, std::move(message)};
}

bool Certainties::may_have_claim(std::string_view name) const noexcept {
  // A token that is asked for is decided on before the API's contract takes anything away.
  return point_ == Point::kIssue || !api_.claims ||
         std::ranges::find(*api_.claims, name) != api_.claims->end();
}

void Certainties::check_callers() {
  for (const ChainLink& each : chain_) {
    const bool is_subject = &each == &chain_.front() && chain_.size() > 1;
    const auto status =
        each.member != nullptr ? each.member->status_at(frame_.at) : frame_.inventory.ordered(each.id);
    if (!is_subject && each.kind() == inventory::Kind::kUser && &each == &chain_.back())
      refuse(Reason::kCallerMismatch,
             named(each) + " cannot hold a token, only applications, services and agents can");
    if (status != Status::kActive)
      refuse(reason_of(status, is_subject), fmt::format("{} is {}", named(each), status_name(status)));
    check_owner(each);
  }
}

void Certainties::check_owner(const ChainLink& each) {
  if (each.member == nullptr || !(*each.member)->needs_owner) return;
  const auto& owner = (*each.member)->owner;
  if (!owner) return refuse(Reason::kCallerOwnerGone, named(each) + " has no owner");
  const auto* member = frame_.inventory.find(*owner);
  const auto status = member != nullptr ? member->status_at(frame_.at) : frame_.inventory.ordered(*owner);
  if (status == Status::kActive) return;
  refuse(Reason::kCallerOwnerGone,
         fmt::format("the owner of {}, `{}`, is {}", named(each), *owner, status_name(status)));
}

// Whether a date alone can stop one of the chain.
bool Certainties::may_end() const {
  const auto dated = [](const inventory::Member* member) {
    return member != nullptr && ((*member)->expires_at || member->review_by());
  };
  return std::ranges::any_of(chain_, [&](const ChainLink& each) {
    if (each.member == nullptr) return false;
    const auto& owner = (*each.member)->owner;
    return dated(each.member) ||
           ((*each.member)->needs_owner && owner && dated(frame_.inventory.find(*owner)));
  });
}

void Certainties::check_delegation() {
  const auto length = actors_of(chain_).size();
  if (length > frame_.policies.max_chain)
    refuse(Reason::kChainTooDeep, fmt::format("the delegation chain has {} actors, at most {} are allowed",
                                              length, frame_.policies.max_chain));
  for (std::size_t i = 1; i < chain_.size(); ++i) {
    const auto* member = chain_[i].member;
    if (member != nullptr && member->acts_for(chain_[i - 1].id, chain_[i - 1].kind())) continue;
    refuse(Reason::kDelegationNotAuthorised,
           fmt::format("{} may not act for {}", named(chain_[i]), named(chain_[i - 1])));
  }
}

void Certainties::know_tenant() {
  const ChainLink& owner = chain_.front();
  std::optional<std::string> common = tenant_of(owner);
  for (const ChainLink* each : parties_) {
    const auto& own = tenant_of(*each);
    if (!own) continue;
    if (!common) common = own;
    if (*own != *common)
      refuse(Reason::kTenantMismatch,
             fmt::format("{} belongs to tenant `{}`, the request to `{}`", named(*each), *own, *common));
  }
  if (common) tenant_.among = {*common};
  tenant_.certain = tenant_of(owner).has_value();
  if (tenant_.certain) return;
  tenant_by_token_ = owner.kind() == inventory::Kind::kUser;
  if (tenant_by_token_ && !may_have_claim("tenant")) tenant_.impossible = true;
  // Of a user without a tenant, whom only a token can give the one that the others have.
  if (tenant_by_token_ && common) {
    if (tenant_.impossible)
      refuse(Reason::kTenantMismatch,
             fmt::format("the tenant of {} is unknown, and the request is about tenant `{}`", named(owner),
                         *common));
    tenant_.certain = true;
  }
}

void Certainties::know_environment() {
  const ChainLink* first = nullptr;
  for (const ChainLink& each : chain_) {
    if (first == nullptr && each.kind() != inventory::Kind::kUser) first = &each;
  }
  std::optional<std::string> common;
  if (first != nullptr) common = environment_of(*first);
  environment_.certain = common.has_value();
  for (const ChainLink* each : parties_) {
    const auto& own = environment_of(*each);
    if (!own) continue;
    if (!common) common = own;
    if (*own != *common)
      refuse(Reason::kEnvironmentMismatch,
             fmt::format("{} belongs to environment `{}`, the request to `{}`", named(*each), *own, *common));
  }
  if (common) environment_.among = {*common};
  if (!environment_.certain && !may_have_claim("environment")) environment_.impossible = true;
}

void Certainties::know_purpose() {
  bool restricted = false;
  for (const ChainLink& each : chain_) {
    if (each.kind() == inventory::Kind::kUser || each.member == nullptr) continue;
    const auto& own = (*each.member)->purposes;
    if (own.empty()) continue;
    if (!restricted) {
      purpose_.among = own;
    } else {
      std::erase_if(purpose_.among,
                    [&](const std::string& purpose) { return std::ranges::find(own, purpose) == own.end(); });
    }
    restricted = true;
  }
  // Inside a task there is the task's purpose.
  purpose_.certain = needs_task_;
  if (!restricted || !purpose_.among.empty()) return;
  purpose_.impossible = true;
  if (needs_task_)
    refuse(Reason::kPurposeMismatch, "a task has a purpose, and there is none for which all parties may act");
}

OpenFact Certainties::text_fact(const TextKnown& known) {
  OpenFact fact = OpenFact::of_kind(Kind::kString);
  if (known.certain && known.among.size() == 1) return OpenFact::of(make_string(arena_, known.among.front()));
  for (const std::string& each : known.among) fact.among.push_back(make_string(arena_, each));
  return fact;
}

// What the platform of a client may tell of it, by the rules that it has.
void Certainties::add_workload(const ChainLink& caller, std::vector<OpenField>& fields) {
  if (caller.member == nullptr) return;
  std::vector<OpenField> facts;
  for (const auto& rule : (*caller.member)->workloads) {
    for (const auto& [name, path] : rule.facts) {
      if (std::ranges::find(facts, name, &OpenField::name) == facts.end())
        facts.push_back({name, false, OpenFact::of_kind(Kind::kString)});
    }
  }
  if (!facts.empty()) fields.push_back({"workload", false, OpenFact::record(std::move(facts), true)});
}

OpenFact Certainties::party_fact(std::size_t index) {
  const ChainLink& caller = chain_[index];
  std::vector<OpenField> fields;
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(fields, [&](const OpenField& field) { return field.name == name; });
  };
  if (caller.member != nullptr) {
    for (const auto& field : caller.member->attributes().as_record())
      fields.push_back({std::string(field.name->view()), true, OpenFact::of(field.value)});
  }
  // RFC 8693: only of the one it is for does the token tell.
  const bool is_subject = index == 0 && chain_.size() > 1;
  const bool is_user = caller.kind() == inventory::Kind::kUser;
  if (is_subject && !has("tenant")) {
    OpenField tenant{"tenant", is_user && tenant_.certain, text_fact(tenant_)};
    // A user's is the request's; of another subject the request's may be the task's.
    if (is_user) tenant.same_as = "tenant";
    if (!may_have_claim("tenant")) tenant.fact = OpenFact::of_kind(Kind::kString);
    if (may_have_claim("tenant")) fields.push_back(std::move(tenant));
  }
  const bool tells_issuer = is_subject && is_user && !has("issuer");
  if (tells_issuer) fields.push_back({"issuer", false, OpenFact::of_kind(Kind::kString)});
  // A provider's own token may tell more of a user (token/foreign.h); what is listed of it comes first.
  const auto* listed = frame_.policies.entities->find(uids_[index]);
  for (const auto* fact : {"roles", "groups", "scopes", "amr"}) {
    const bool is_listed = has(fact) || (listed != nullptr && listed->attributes->find(fact) != nullptr);
    if (is_subject && is_user && !is_listed) fields.push_back({fact, false, OpenFact::of_kind(Kind::kSet)});
  }
  if (caller.member != nullptr && !is_user)
    fields.push_back({"lastUsed", false, OpenFact::of_kind(Kind::kDatetime)});
  if (!is_user && !has("workload")) add_workload(caller, fields);
  if (const auto* catalogued = frame_.policies.entities->find(uids_[index])) {
    for (const auto& field : *catalogued->attributes) {
      const auto name = field.name->view();
      const bool told = name == "tenant" || name == "environment" || (name == "issuer" && is_user) ||
                        (name == "workload" && !is_user) || name == "lastUsed" || name == "reviewedAt";
      if (!told && !has(name)) fields.push_back({std::string(name), true, OpenFact::of(field.value)});
    }
  }
  return OpenFact::record(std::move(fields), true);
}

// As context::task_attributes() makes it, of a task that the guards let pass.
OpenFact Certainties::task_fact() {
  const auto text = [] { return OpenFact::of_kind(Kind::kString); };
  std::vector<OpenField> fields;
  OpenField purpose{"purpose", true, text_fact(purpose_)};
  purpose.fact.value.reset();
  if (needs_task_) purpose.same_as = "purpose";
  if (purpose_.among.size() == 1) purpose.fact = text_fact({true, purpose_.among});
  fields.push_back(std::move(purpose));
  fields.push_back({"labels", true, OpenFact::of_kind(Kind::kSet)});
  fields.push_back({"parent", false, OpenFact::of_type("Writ::Task")});
  OpenFact needed = OpenFact::of_kind(Kind::kLong);
  needed.at_least = 0;
  fields.push_back({"approvalsNeeded", true, needed});
  // The task is for the subject, and names who takes part.
  if (chain_.size() > 1) {
    // A subject that is no user is named as if it were one.
    const auto uid = arena_.entity(inventory::cedar_type(inventory::Kind::kUser), chain_.front().id);
    fields.push_back({"subject", true, OpenFact::of(Value::entity(uid))});
  }
  std::vector<std::string> clients;
  OpenFact agents = OpenFact::of_kind(Kind::kSet);
  for (const ChainLink& each : chain_) {
    if (each.is_agent()) {
      agents.has_all.push_back(make_string(arena_, each.id));
    } else if (each.kind() != inventory::Kind::kUser) {
      clients.push_back(each.id);
    }
  }
  fields.push_back({"agents", true, std::move(agents)});
  if (clients.size() < 2) {
    OpenFact client = text();
    if (clients.size() == 1) client.among = {make_string(arena_, clients.front())};
    fields.push_back({"client", false, std::move(client)});
  }
  fields.push_back({"openedBy", false, text()});
  if (!tenant_.impossible) fields.push_back({"tenant", false, text_fact({false, tenant_.among})});
  if (!environment_.impossible)
    fields.push_back({"environment", false, text_fact({false, environment_.among})});
  OpenFact task = OpenFact::of_type("Writ::Task");
  task.fields = std::move(fields);
  task.closed = true;
  return task;
}

cedar::OpenWorld Certainties::world(cedar::EntityRef action, std::optional<Instant> when) {
  const auto datetime_from = [](Instant at) {
    OpenFact fact = OpenFact::of_kind(Kind::kDatetime);
    fact.at_least = unix_millis(at);
    return fact;
  };
  std::vector<OpenField> fields;
  std::array<bool, 4> there{};
  constexpr std::string_view kParty[] = {"user", "application", "service", "agent"};
  for (const ChainLink* each : parties_) {
    const auto kind = static_cast<std::size_t>(each->kind());
    if (!there[kind])
      fields.push_back({std::string(kParty[kind]), true, OpenFact::of(Value::entity(uid_of(*each)))});
    there[kind] = true;
  }
  std::vector<std::string> ids;
  for (const auto& actor : actors_of(chain_)) ids.push_back(actor.subject);
  fields.push_back(
      {"chain", true,
       OpenFact::of(make_record(arena_, {{"depth", Value::integer(static_cast<std::int64_t>(ids.size()))},
                                         {"ids", make_string_set(arena_, ids)}}))});
  std::vector<OpenField> token{{"issued", true, OpenFact::of_kind(Kind::kDatetime)},
                               {"senderBound", true, OpenFact::of_kind(Kind::kBool)}};
  if (may_have_claim("acr")) token.push_back({"acr", false, OpenFact::of_kind(Kind::kString)});
  if (may_have_claim("auth_time")) token.push_back({"authTime", false, OpenFact::of_kind(Kind::kDatetime)});
  fields.push_back({"token", true, OpenFact::record(std::move(token), true)});
  std::vector<OpenField> credential;
  if (may_have_claim("credential_kind"))
    credential.push_back({"kind", false, OpenFact::of_kind(Kind::kString)});
  if (may_have_claim("credential_created"))
    credential.push_back({"created", false, OpenFact::of_kind(Kind::kDatetime)});
  fields.push_back({"credential", true, OpenFact::record(std::move(credential), true)});
  fields.push_back({"request", true,
                    OpenFact::record({{"time", true,
                                       when ? OpenFact::of(Value::datetime(cedar::Datetime::from(*when)))
                                            : datetime_from(frame_.at)},
                                      {"ip", false, OpenFact::of_kind(Kind::kIp)},
                                      {"method", false, OpenFact::of_kind(Kind::kString)},
                                      {"path", false, OpenFact::of_kind(Kind::kString)}},
                                     true)});
  fields.push_back(
      {"approved", true,
       point_ == Point::kUse ? OpenFact::of_kind(Kind::kBool) : OpenFact::of(Value::boolean(false))});
  fields.push_back({"calendars", true,
                    when ? OpenFact::of(frame_.policies.calendars->in_force(*when, arena_))
                         : OpenFact::of_kind(Kind::kSet)});
  // What the route finds in a request, and what it spends.
  const bool is_use = point_ == Point::kUse;
  fields.push_back({"amounts", true, OpenFact::record({}, !is_use)});
  fields.push_back({"input", true, OpenFact::record({}, !is_use)});
  fields.push_back({"task", needs_task_, task_fact()});
  const auto add_text = [&](std::string_view name, const TextKnown& known) {
    if (!known.impossible) fields.push_back({std::string(name), known.certain, text_fact(known)});
  };
  add_text("purpose", purpose_);
  add_text("tenant", tenant_);
  add_text("environment", environment_);
  cedar::OpenWorld world{.action = action, .context = OpenFact::record(std::move(fields), true)};
  for (std::size_t i = 0; i < chain_.size(); ++i) world.entities.push_back({uids_[i], party_fact(i)});
  return world;
}

}  // namespace writ::access
