#include "decision/decision.h"

#include <algorithm>
#include <exception>
#include <fmt/format.h>

#include "cedar/awaited.h"
#include "cedar/reading.h"
#include "decision/awaiting.h"
#include "decision/guards.h"
#include "decision/obligations.h"

namespace writ::decision {

std::string_view effect_name(Effect effect) noexcept {
  switch (effect) {
    case Effect::kPermit:
      return "permit";
    case Effect::kDeny:
      return "deny";
    case Effect::kIndeterminate:
      return "indeterminate";
  }
  return "indeterminate";
}

namespace {

bool is_missing(const cedar::PolicyError& error) {
  const auto kind = error.kind();
  return kind == cedar::EvalErrorKind::kMissingAttribute || kind == cedar::EvalErrorKind::kMissingTag ||
         kind == cedar::EvalErrorKind::kMissingEntity;
}

bool reads_time(const PolicySnapshot& snapshot) {
  const auto& read = snapshot.policies->members_read();
  return read.reads("time") || read.reads("calendars") || read.takes_whole("request") ||
         read.takes_context_whole() ||
         (snapshot.with_shadows != nullptr && reads_time(*snapshot.with_shadows));
}

// Who asks for what, for people: "application `marketing-app` to `read` Billing::Invoice::"17"".
std::string asked(const cedar::Request& request, std::string_view kind) {
  return fmt::format("{} `{}` to `{}` {}", kind, request.principal.id(), request.action.id(),
                     request.resource.to_string());
}

}  // namespace

// One run: the guards, then each party, until the first no (or to the end, when all reasons are asked for).
class Decider {
 public:
  // What is awaited of the resource comes later (decide_awaiting()); mostly nothing is.
  Decider(const PolicySnapshot& snapshot, Workspace& workspace, Reasons reasons,
          std::span<const std::string> awaited = {}, bool goes_on = false)
      : snapshot_(snapshot),
        evaluation_(workspace.evaluation_),
        open_(workspace.open_),
        settled_(workspace.settled_),
        time_is_read_(workspace.time_is_read_),
        decision_(workspace.decision_),
        reasons_(reasons),
        awaited_(awaited) {
    open_.clear();
    if (!goes_on) settled_.clear();
    decision_.needs_facts_ = false;
    decision_.effect_ = Effect::kIndeterminate;
    decision_.refusals_.clear();
    decision_.policies_.clear();
    decision_.carried_.clear();
    decision_.consumes_budget_ = false;
  }

  const Decision& run(const context::Context& context) {
    if (!awaited_.empty()) time_is_read_ = reads_time(snapshot_);
    for (const Guard& guard : guards()) {
      auto refused = guard.check(context, snapshot_);
      if (!refused) continue;
      refuse(*std::move(refused));
      if (reasons_ == Reasons::kFirst) return refused_for_good();
    }
    const bool guarded = decision_.refusals_.empty();
    const cedar::EntityView entities = context.entities();
    // Else more than the resource may be another later.
    const bool settles =
        !awaited_.empty() && !time_is_read_ && context.task() == nullptr && !snapshot_.reads_last_used;
    std::uint32_t permitted = 0, at = 0;
    for (const context::Party& party : context.parties()) {
      const auto number = at++;
      if (is_settled(number)) {
        add_settled(number);
        ++permitted;
        continue;
      }
      const cedar::Request request{party.uid, context.action(), context.resource(), context.record()};
      if (ask(request, entities, kind_name(party.kind))) {
        add_carried(number);
        if (settles && open_.empty()) settle(number);
        ++permitted;
      } else if (reasons_ == Reasons::kFirst) {
        break;
      }
    }
    if (!decision_.refusals_.empty()) {
      if (guarded && would_pass_approved(context)) {
        require_approval();
      } else if (guarded && snapshot_.logins.read) {
        require_login(context);
      }
      return refused_for_good();
    }
    // Every party, and there is at least the client.
    if (permitted == 0 || permitted != context.parties().size()) return broken("a request without parties");
    decision_.consumes_budget_ = context.task() != nullptr && context.point() == context::Point::kUse;
    if (!awaited_.empty()) return waits_for_facts();
    decision_.effect_ = Effect::kPermit;
    return decision_;
  }

  const Decision& run_public(const cedar::Request& request, const cedar::EntityView& entities) {
    authorize(*snapshot_.policies, request, entities, evaluation_);
    if (is_forbidden()) return refuse_forbidden(request, request.principal.type()), refused_for_good();
    if (const auto* error = first_error(true))
      return refuse_failed(request, request.principal.type(), *error), refused_for_good();
    if (const auto* error = first_obliging_error())
      return refuse_failed(request, request.principal.type(), *error), refused_for_good();
    decision_.effect_ = Effect::kPermit;
    add_permits();
    return decision_;
  }

  const Decision& run_plain(const cedar::Request& request, const cedar::EntityView& entities) {
    if (!ask(request, entities, request.principal.type())) return refused_for_good();
    if (!awaited_.empty()) return waits_for_facts();
    add_carried(0);
    decision_.effect_ = Effect::kPermit;
    return decision_;
  }

  const Decision& broken(std::string_view why) {
    decision_.refusals_.clear();
    refuse({Reason::kIndeterminate, fmt::format("the decision failed: {}", why), {}, {}, {}});
    return refused_for_good();
  }

 private:
  const Decision& waits_for_facts() {
    decision_.needs_facts_ = true;
    decision_.policies_.clear();
    decision_.carried_.clear();
    return decision_;
  }

  void refuse(Refusal refusal) { decision_.refusals_.push_back(std::move(refusal)); }

  const Decision& refused_for_good() {
    const bool unsure =
        decision_.refusals_.empty() || decision_.refusals_.front().reason == Reason::kIndeterminate;
    decision_.effect_ = unsure ? Effect::kIndeterminate : Effect::kDeny;
    decision_.policies_.clear();
    decision_.carried_.clear();
    return decision_;
  }

  // What only the policies refuse, and would not if people had approved this very call. A token is asked for
  // without an approval.
  bool would_pass_approved(const context::Context& context) {
    if (context.approved() || context.point() != context::Point::kUse) return false;
    return would_pass(context, context.approved_record());
  }

  bool would_pass(const context::Context& context, const cedar::Value& record) {
    const cedar::EntityView entities = context.entities();
    return std::ranges::all_of(context.parties(), [&](const context::Party& party) {
      evaluate({party.uid, context.action(), context.resource(), record}, entities);
      return !is_forbidden() && first_error(true) == nullptr && may_be_permitted() &&
             first_obliging_error() == nullptr;
    });
  }

  // The first reason, in place of the one that an approval does away with.
  void require_approval() {
    Refusal first = decision_.refusals_.front();
    first.reason = Reason::kApprovalRequired;
    first.message = fmt::format("people have to approve this call: {}", first.message);
    first.path.clear();
    first.of_call = true;
    decision_.refusals_.front() = std::move(first);
  }

  // The same where another login of the user is what is missing. One that asks least of the user comes first.
  void require_login(const context::Context& context) {
    if (context.owner().kind != inventory::Kind::kUser) return;
    const auto try_login = [&](std::string_view acr, bool anew) {
      if (!would_pass(context, context.record_after_login(acr, anew))) return false;
      Refusal first = decision_.refusals_.front();
      first.reason = Reason::kStepUpRequired;
      first.message =
          fmt::format("the user has to log in {}{}: {}", anew ? "again" : "more strongly",
                      acr.empty() ? std::string() : fmt::format(", with `acr` `{}`", acr), first.message);
      first.path.clear();
      first.acr = acr;
      first.new_login = anew;
      decision_.refusals_.front() = std::move(first);
      return true;
    };
    for (const auto& acr : snapshot_.logins.acrs)
      if (try_login(acr, false)) return;
    if (try_login({}, true)) return;
    for (const auto& acr : snapshot_.logins.acrs)
      if (try_login(acr, true)) return;
  }

  // Is this party permitted?
  bool ask(const cedar::Request& request, const cedar::EntityView& entities, std::string_view kind) {
    evaluate(request, entities);
    if (is_forbidden()) return refuse_forbidden(request, kind), false;
    // Cedar skips a policy that fails. A forbid that could not be evaluated might have forbidden, so it does.
    if (const auto* error = first_error(true)) return refuse_failed(request, kind, *error), false;
    if (!may_be_permitted()) return refuse_unpermitted(request, kind), false;
    // What another permit would have left out might go out.
    if (const auto* error = first_obliging_error()) return refuse_failed(request, kind, *error), false;
    add_permits();
    return true;
  }

  void evaluate(const cedar::Request& request, const cedar::EntityView& entities) {
    authorize(*snapshot_.policies, request, entities, evaluation_);
    if (!awaited_.empty())
      find_open_policies(*snapshot_.policies, request, entities, awaited_, evaluation_, open_);
  }

  // It says something else, perhaps, once the facts are there.
  bool is_open(cedar::PolicyIndex policy) const { return std::ranges::binary_search(open_, policy); }

  bool is_forbidden() const {
    return !std::ranges::all_of(evaluation_.satisfied_forbids(),
                                [this](cedar::PolicyIndex policy) { return is_open(policy); });
  }

  // It is, or one that is open may permit it.
  bool may_be_permitted() const {
    return !evaluation_.satisfied_permits().empty() ||
           std::ranges::any_of(
               open_, [this](cedar::PolicyIndex policy) { return !snapshot_.policies->forbids(policy); });
  }

  void add_permits() {
    for (const auto policy : evaluation_.satisfied_permits()) place_of(policy);
  }

  // Of the party that was asked last, and is permitted.
  void add_carried(std::uint32_t party) {
    for (const auto policy : evaluation_.satisfied_permits())
      decision_.carried_.push_back({party, place_of(policy)});
  }

  // In the decision's policies, where it stands from now on.
  std::uint32_t place_of(cedar::PolicyIndex policy) {
    auto& policies = decision_.policies_;
    const auto id = snapshot_.policies->id(policy);
    const auto at = std::ranges::find(policies, id) - policies.begin();
    if (static_cast<std::size_t>(at) == policies.size()) policies.push_back(id);
    return static_cast<std::uint32_t>(at);
  }

  // None of its policies is open, so those that were asked say the same when the facts are there.
  void settle(std::uint32_t party) {
    for (const auto policy : evaluation_.satisfied_permits()) settled_.push_back({party, policy});
  }

  bool is_settled(std::uint32_t party) const {
    return awaited_.empty() &&
           std::ranges::any_of(settled_, [=](const auto& of) { return of.party == party; });
  }

  void add_settled(std::uint32_t party) {
    for (const auto& of : settled_)
      if (of.party == party) decision_.carried_.push_back({party, place_of(of.permit)});
  }

  void refuse_forbidden(const cedar::Request& request, std::string_view kind) {
    Refusal refusal{Reason::kPolicyForbid, {}, request.principal.to_string(), {}, {}};
    for (const auto policy : evaluation_.satisfied_forbids()) {
      if (!is_open(policy)) refusal.policies.emplace_back(snapshot_.policies->id(policy));
    }
    refusal.message = fmt::format("policy `{}` forbids {}", refusal.policies.front(), asked(request, kind));
    refuse(std::move(refusal));
  }

  void refuse_unpermitted(const cedar::Request& request, std::string_view kind) {
    const auto* error = first_error(false);
    if (error != nullptr && is_missing(*error)) return refuse_failed(request, kind, *error);
    Refusal refusal{Reason::kPolicyNoPermit,
                    fmt::format("no policy permits {}", asked(request, kind)),
                    request.principal.to_string(),
                    {},
                    {}};
    if (error != nullptr) {
      refusal.policies.emplace_back(snapshot_.policies->id(error->policy));
      refusal.message += fmt::format("; policy `{}` could not be evaluated: {}", refusal.policies.front(),
                                     error_message(*snapshot_.policies, *error));
    }
    refuse(std::move(refusal));
  }

  // A policy that would have mattered could not be evaluated.
  void refuse_failed(const cedar::Request& request, std::string_view kind, const cedar::PolicyError& error) {
    const bool missing = is_missing(error);
    Refusal refusal{missing ? Reason::kContextMissing : Reason::kIndeterminate,
                    {},
                    request.principal.to_string(),
                    {std::string(snapshot_.policies->id(error.policy))},
                    missing ? missing_path(*snapshot_.policies, error) : std::string()};
    refusal.message = fmt::format("policy `{}` could not be evaluated for {}: {}", refusal.policies.front(),
                                  asked(request, kind), error_message(*snapshot_.policies, error));
    refuse(std::move(refusal));
  }

  // Of the forbids, or of the permits, that could not be evaluated: one that lacked a fact, else any.
  const cedar::PolicyError* first_error(bool forbids) const {
    const cedar::PolicyError* first = nullptr;
    for (const auto& error : evaluation_.errors()) {
      if (snapshot_.policies->forbids(error.policy) != forbids || is_open(error.policy)) continue;
      if (is_missing(error)) return &error;
      if (first == nullptr) first = &error;
    }
    return first;
  }

  // Of a permit that might have obliged.
  const cedar::PolicyError* first_obliging_error() const {
    if (snapshot_.obligations == nullptr) return nullptr;
    for (const auto& error : evaluation_.errors()) {
      if (is_open(error.policy)) continue;
      if (snapshot_.obligations->find(snapshot_.policies->id(error.policy)) != nullptr) return &error;
    }
    return nullptr;
  }

  const PolicySnapshot& snapshot_;
  cedar::Evaluation& evaluation_;
  std::vector<cedar::PolicyIndex>& open_;
  std::vector<Workspace::Settled>& settled_;
  bool& time_is_read_;
  Decision& decision_;
  Reasons reasons_;
  std::span<const std::string> awaited_;
};

namespace {

// What nobody foresaw, such as memory running out, is no permit either.
template <class Work>
const Decision& fail_closed(Decider decider, Work work) {
  try {
    return work(decider);
  } catch (const std::exception& error) {
    return decider.broken(error.what());
  }
}

}  // namespace

const Decision& decide(const PolicySnapshot& snapshot, const context::Context& context, Workspace& workspace,
                       Reasons reasons) {
  return fail_closed(Decider(snapshot, workspace, reasons),
                     [&](Decider& decider) -> const Decision& { return decider.run(context); });
}

const Decision& decide_later(const PolicySnapshot& snapshot, const context::Context& context,
                             Workspace& workspace) {
  return fail_closed(Decider(snapshot, workspace, Reasons::kFirst, {}, true),
                     [&](Decider& decider) -> const Decision& { return decider.run(context); });
}

const Decision& decide_awaiting(const PolicySnapshot& snapshot, const context::Context& context,
                                std::span<const std::string> awaited, Workspace& workspace) {
  Decider decider(snapshot, workspace, Reasons::kFirst, awaited);
  // Without a name there is nothing to wait for, and nothing here permits.
  if (awaited.empty()) return decider.broken("no fact is awaited");
  return fail_closed(std::move(decider),
                     [&](Decider& asked) -> const Decision& { return asked.run(context); });
}

const Decision& decide_public(const PolicySnapshot& snapshot, const cedar::Request& request,
                              const cedar::EntityView& entities, Workspace& workspace) {
  return fail_closed(Decider(snapshot, workspace, Reasons::kFirst), [&](Decider& decider) -> const Decision& {
    return decider.run_public(request, entities);
  });
}

const Decision& decide_plain(const PolicySnapshot& snapshot, const cedar::Request& request,
                             const cedar::EntityView& entities, Workspace& workspace) {
  return fail_closed(Decider(snapshot, workspace, Reasons::kFirst), [&](Decider& decider) -> const Decision& {
    return decider.run_plain(request, entities);
  });
}

const Decision& decide_plain_awaiting(const PolicySnapshot& snapshot, const cedar::Request& request,
                                      const cedar::EntityView& entities, std::span<const std::string> awaited,
                                      Workspace& workspace) {
  Decider decider(snapshot, workspace, Reasons::kFirst, awaited);
  if (awaited.empty()) return decider.broken("no fact is awaited");
  return fail_closed(std::move(decider),
                     [&](Decider& asked) -> const Decision& { return asked.run_plain(request, entities); });
}

}  // namespace writ::decision
