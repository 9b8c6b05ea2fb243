#include "oauth/issuer.h"

#include "decision/minted_claims.h"
#include "facts/pushed.h"

namespace writ::oauth {
namespace {

using enforce::IssuingStep;

std::unexpected<NotIssued> not_issued(std::string message) {
  return std::unexpected(
      NotIssued{NotIssued::Kind::kBroken, {Reason::kIndeterminate, std::move(message), {}, {}, {}}});
}

}  // namespace

void Issuer::aim_at(const inventory::Api& api) {
  api_ = api.id;
  in_force_ = nullptr;
  for (auto& ruling : rulings_) ruling.reset();
  ask_about(IssuingStep::kIssue, {"Writ::Api", api.id});
}

void Issuer::ask_about(IssuingStep step, const cedar::EntityUid& resource) {
  step_ = step;
  resource_.clear();
  cedar::append_entity(resource_, resource.type, resource.id);
}

std::expected<std::string, NotIssued> Issuer::issue(const Wanted& wanted) {
  aim_at(wanted.api);
  claims_ = wanted.claims;
  in_force_ = wanted.in_force;
  TRY(decide(wanted));
  if (wanted.handed_on) {
    // Inventory and policy have to agree that work may go to this agent; the inventory's word is a guard.
    ask_about(IssuingStep::kDelegate, enforce::resource_of(IssuingStep::kDelegate, wanted.api, *claims_));
    TRY(decide(wanted));
    TRY(record_permit(wanted));
    ask_about(IssuingStep::kIssue, enforce::resource_of(IssuingStep::kIssue, wanted.api, *claims_));
  }
  const auto contract = decision::minted_claims(wanted.api, *in_force_->policies, *claims_, wanted.task);
  if (!contract) return not_issued(contract.error().message);
  auto token = minter_.mint(*claims_, *contract);
  if (!token && token.error().code == ErrorCode::kLimit)
    return std::unexpected(
        NotIssued{NotIssued::Kind::kTooLong, {Reason::kTokenMalformed, token.error().message, {}, {}, {}}});
  if (!token) return not_issued(token.error().message);
  TRY(record_permit(wanted));
  return *std::move(token);
}

// What is asked about, of every party.
std::expected<void, NotIssued> Issuer::decide(const Wanted& wanted) {
  auto ruling =
      enforce::rule_on(step_, {*claims_, wanted.api, sent_, wanted.now},
                       {*in_force_->inventory, *in_force_->policies, wanted.task, in_force_->pushed.get()},
                       memory_[index()], enforce::Shadows::kAsked);
  if (!ruling) return not_issued(std::move(ruling.error().message));
  auto refusal = rulings_[index()].emplace(*std::move(ruling)).refusal();
  if (refusal) return std::unexpected(NotIssued{NotIssued::Kind::kRefused, *std::move(refusal)});
  return {};
}

std::expected<void, NotIssued> Issuer::record_permit(const Wanted& wanted) const {
  auto permit = told();
  permit.standing = wanted.standing;
  if (record_(enforce::record_of(wanted.now.earliest, permit))) return {};
  return not_issued("the audit record could not be written");
}

enforce::Told Issuer::told() const {
  enforce::Told told{.point = "oauth",
                     .request_id = request_id_,
                     .sent = sent_,
                     .api = api_,
                     .action = enforce::action_text(step_),
                     .resource = resource_,
                     .kind = context::Point::kIssue};
  if (claims_) {
    told.claims = &*claims_;
    told.subject = claims_->subject;
    told.client = claims_->client_id;
  }
  if (in_force_) told.policies = in_force_->policies.get();
  if (const auto& ruling = rulings_[index()]) told.set(*ruling);
  return told;
}

}  // namespace writ::oauth
