#include "control/identities.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "control/on_identity.h"
#include "crypto/secret_hash.h"

namespace writ::control {
namespace {

using codec::Json;
using inventory::Identity;
using inventory::Status;

constexpr std::string_view kManageInventory = "manage-inventory";
constexpr std::size_t kIdsLookedUp = 1024;  // ids at a time, for a page
constexpr std::size_t kMinSecretBytes = 16;
constexpr std::size_t kMaxSecretBytes = 1024;

bool is_party(const enforce::Permit& permit, std::string_view id) {
  const auto& claims = permit.token().claims();
  return claims.subject == id || claims.client_id == id ||
         std::ranges::find(claims.actors, id, &token::Actor::subject) != claims.actors.end();
}

// The identity that a body describes. Its member `secret` is taken out, and only its hash is kept.
Result<Identity> identity_from_body(const Json& body) {
  Json rest = Json::object();
  const Json* secret = body.find("secret");
  if (secret == nullptr) return inventory::identity_from_json(body);
  for (const auto& [name, value] : *body.if_object()) {
    if (name != "secret") rest.set(name, value);
  }
  auto identity = TRY(inventory::identity_from_json(rest));
  const auto* text = secret->if_string();
  if (text == nullptr || text->size() < kMinSecretBytes || text->size() > kMaxSecretBytes)
    return failure(ErrorCode::kInvalid, fmt::format("`secret` must be a text of {} to {} bytes",
                                                    kMinSecretBytes, kMaxSecretBytes));
  identity.secret_hash = TRY(crypto::hash_secret(Secret(*text)));
  return identity;
}

// What somebody of a tenant says of an identity is said of one of that tenant: without a tenant it would
// serve all of them.
void stay_in_tenant(Identity& identity, const enforce::Permit& permit) {
  if (!identity.tenant) identity.tenant = permit.tenant();
}

std::string_view event_of(Status status) {
  switch (status) {
    case Status::kActive:
      return "identity.activated";
    case Status::kSuspended:
      return "identity.suspended";
    case Status::kRetired:
      return "identity.retired";
    case Status::kRequested:
    case Status::kLapsed:
    case Status::kExpired:
      break;
  }
  return "identity.changed";
}

}  // namespace

Answer<enforce::Permit> Identities::allow_on(const Caller& caller, std::string_view action,
                                             const inventory::Member* member, const std::string& id,
                                             Authority::Presence presence, Stops stops) const {
  return allow_on_identity(authority_, caller, action, member,
                           member != nullptr ? Authority::Presence::kThere : presence,
                           {ErrorCode::kNotFound, fmt::format("there is no identity `{}`", id)}, stops);
}

Answer<enforce::Permit> Identities::allow_as(const Caller& caller, const Identity& identity) const {
  const inventory::Member as_it_will_be(identity);
  return authority_.allow(caller, kManageInventory, entity_name(as_it_will_be),
                          entity_attributes(as_it_will_be));
}

Identities::Seen Identities::seen(const std::string& id) const {
  auto now = directory_.snapshot();
  const auto* member = now->find(id);
  const auto ordered = now->ordered(id);
  return {std::move(now), member, {id, ordered}};
}

Answer<Identities::Listed> Identities::list(const Caller& caller, const IdPage& page) const {
  const auto permit = TRY(authority_.allow(caller, kReadInventory));
  Listed listed{directory_.snapshot(), {}, {}};
  std::size_t examined = 0;
  std::string last = page.after;
  for (;;) {
    const auto some = listed.inventory->known_after(last, kIdsLookedUp);
    for (const auto& known : some) {
      if (listed.members.size() + listed.stops.size() == page.limit || examined == kMaxExamined) {
        listed.next = std::move(last);
        return listed;
      }
      ++examined;
      last = known.id;
      if (!may_see_identity(authority_, caller, permit, known.member)) continue;
      if (known.member != nullptr) {
        listed.members.push_back(known.member);
      } else {
        listed.stops.push_back({std::string(known.id), known.ordered});
      }
    }
    if (some.size() < kIdsLookedUp) return listed;
  }
}

Answer<Identities::Seen> Identities::show(const Caller& caller, const std::string& id) const {
  auto now = seen(id);
  const bool there = now.member != nullptr || now.stop.status != Status::kActive;
  TRY(allow_on(caller, kReadInventory, now.member, id,
               there ? Authority::Presence::kOpen : Authority::Presence::kAbsent));
  return now;
}

Answer<Identities::Seen> Identities::create(const Caller& caller, const Json& body) const {
  // Of an id that is not listed nobody knows whose it is.
  TRY(authority_.allow_for_all_tenants(caller, kManageInventory, "ids that are not listed yet are"));
  auto identity = TRY(identity_from_body(body));
  const auto permit = TRY(allow_as(caller, identity));
  // As `writ check` has it for those that the configuration declares.
  if (const auto problem = inventory::id_problem(identity, user_names_))
    return fail(ErrorCode::kInvalid, *problem);
  const auto ordered = std::exchange(identity.configured_status, Status::kActive);
  const auto id = identity.id;
  TRY(authority_.record(permit, "identity.created", id,
                        inventory::identity_to_json(identity, ordered).dump()));
  TRY(directory_.create(std::move(identity), ordered));
  return seen(id);
}

Answer<Identities::Seen> Identities::update(const Caller& caller, const Json& body) const {
  const auto* named = body.find_string("id");
  if (named == nullptr) return fail(ErrorCode::kInvalid, "`id` must be a text");
  const std::string id = *named;
  const auto now = directory_.snapshot();
  const auto* member = now->find(id);
  const auto permit = TRY(allow_on(caller, kManageInventory, member, id, Authority::Presence::kAbsent));
  auto identity = TRY(identity_from_body(body));
  stay_in_tenant(identity, permit);
  TRY(allow_as(caller, identity));
  // Credentials and orders that the body does not mention stay.
  if (!identity.secret_hash) identity.secret_hash = (*member)->secret_hash;
  if (body.find("keys") == nullptr) identity.keys = (*member)->keys;
  if (body.find("credentials") == nullptr) identity.credentials = (*member)->credentials;
  const auto said = std::exchange(identity.configured_status, Status::kActive);
  const auto ordered = body.find("status") != nullptr ? std::optional(said) : std::nullopt;
  const auto told = inventory::identity_to_json(identity, ordered.value_or(member->ordered()));
  const auto stops = ordered && *ordered != Status::kActive ? Stops::kYes : Stops::kNo;
  TRY(authority_.record(permit, "identity.changed", id, told.dump(), stops));
  TRY(directory_.update(std::move(identity), ordered));
  return seen(id);
}

Answer<Identities::Seen> Identities::order(const Caller& caller, const std::string& id, Status status) const {
  if (const auto wrong = codec::name_problem(id))
    return fail(ErrorCode::kInvalid, fmt::format("`id` {}", *wrong));
  const auto now = directory_.snapshot();
  const auto stops = status == Status::kActive ? Stops::kNo : Stops::kYes;
  const bool lifts = status == Status::kActive && now->ordered(id) == Status::kActive;
  const auto permit = TRY(allow_on(caller, kManageInventory, now->find(id), id,
                                   lifts ? Authority::Presence::kAbsent : Authority::Presence::kOpen, stops));
  // Nobody comes by that name, so the stop would reach nobody.
  if (const auto link = links_.find(id); link != links_.end() && stops == Stops::kYes && link->second != id)
    return fail(
        ErrorCode::kConflict,
        fmt::format("`{}` is linked to `{}`, and comes by that name: stop that one", id, link->second));
  // What would be refused is not recorded as done.
  TRY(directory_.check_order(id, status));
  TRY(authority_.record(permit, event_of(status), id, {}, stops));
  TRY(directory_.order(id, status));
  auto after = seen(id);
  after.asker_stopped = stops == Stops::kYes && is_party(permit, id);
  return after;
}

Answer<Identities::Seen> Identities::review(const Caller& caller, const std::string& id, Instant next) const {
  const auto now = directory_.snapshot();
  const auto permit =
      TRY(allow_on(caller, kManageInventory, now->find(id), id, Authority::Presence::kAbsent));
  inventory::Review review{id, authority_.now().earliest, permit.token().claims().subject, next};
  // What would be refused is not recorded as done.
  TRY(directory_.check_review(review));
  TRY(authority_.record(permit, "identity.reviewed", id,
                        Json::object({{"reviewed_at", inventory::date_text(review.at)},
                                      {"review_by", inventory::date_text(review.next)}})
                            .dump()));
  TRY(directory_.review(std::move(review)));
  return seen(id);
}

Answer<Identities::Strangers> Identities::unlisted(const Caller& caller) const {
  const auto permit = TRY(authority_.allow(caller, kReadInventory));
  if (unlisted_ == nullptr || permit.tenant()) return Strangers{};
  return Strangers{unlisted_->seen(), unlisted_->left_out()};
}

Answer<std::shared_ptr<const inventory::Snapshot>> Identities::list_apis(const Caller& caller) const {
  TRY(authority_.allow(caller, kReadInventory));
  return directory_.snapshot();
}

Answer<inventory::Api> Identities::show_api(const Caller& caller, const std::string& id) const {
  const auto now = directory_.snapshot();
  const auto* api = now->find_api(id);
  const auto there = api != nullptr ? Authority::Presence::kThere : Authority::Presence::kAbsent;
  TRY(authority_.allow_on(caller, kReadInventory,
                          {{"Writ::Api", id},
                           {},
                           kReadInventory,
                           there,
                           {ErrorCode::kNotFound, fmt::format("there is no API `{}`", id)}}));
  return *api;
}

Answer<inventory::Api> Identities::create_api(const Caller& caller, const Json& body) const {
  const auto permit = TRY(authority_.allow_for_all_tenants(caller, kManageInventory, "APIs are"));
  auto api = TRY(inventory::api_from_json(body));
  TRY(authority_.record(permit, "api.created", api.id, inventory::api_to_json(api).dump()));
  TRY(directory_.create(api));
  return api;
}

}  // namespace writ::control
