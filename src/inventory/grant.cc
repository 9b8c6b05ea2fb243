#include "inventory/grant.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "codec/members.h"

namespace writ::inventory {
namespace {

using codec::Json;
using codec::Members;

constexpr std::size_t kMaxUidBytes = 1024;
constexpr std::size_t kMaxTemplateBytes = 256;

std::string written(const cedar::EntityUid& uid) {
  std::string text;
  cedar::append_entity(text, uid.type, uid.id);
  return text;
}

Result<std::optional<Instant>> date(const Members& members, std::string_view name) {
  const auto text = TRY(members.optional_text(name));
  if (!text) return std::nullopt;
  const auto read = date_from_text(*text);
  if (!read)
    return members.wrong(name, "must be a date, for example 2027-01-31, which is its first moment in UTC");
  return *read;
}

Result<cedar::EntityUid> entity(const Members& members, std::string_view name, const std::string& text,
                                std::string_view example) {
  auto uid = cedar::parse_entity(text);
  if (!uid) return members.wrong(name, fmt::format("must be an entity, for example {}", example));
  return *std::move(uid);
}

Result<cedar::EntityUid> principal_in(const Members& members, const KindOf& kind_of) {
  const auto text = TRY(members.text("principal", kMaxUidBytes));
  if (const auto kind = kind_of ? kind_of(text) : std::nullopt)
    return cedar::EntityUid{std::string(cedar_type(*kind)), text};
  if (auto uid = cedar::parse_entity(text)) return *std::move(uid);
  return members.wrong("principal",
                       fmt::format("is `{}`, which is not a listed identity; name one, or write an entity, "
                                   "for example Writ::User::\"nora\"",
                                   text));
}

Json review_to_json(const Review& review) {
  return Json::object({{"at", date_text(review.at)}, {"by", review.by}, {"next", date_text(review.next)}});
}

Result<Review> review_from_json(const Json& json, const std::string& id) {
  const auto members = TRY(Members::of(json, "the review", {"at", "by", "next"}));
  const auto at = TRY(date(members, "at")), next = TRY(date(members, "next"));
  if (!at || !next) return members.wrong("next", "must be a date");
  return Review{id, *at, TRY(members.text("by", kMaxUserIdBytes)), *next};
}

}  // namespace

Instant Grant::lapses_at() const noexcept {
  return std::min(expires_at.value_or(Instant::max()), review_by.value_or(Instant::max()));
}

std::optional<Grant> GrantState::in_force() const {
  if (said.revoked || (!declared && !said.given)) return std::nullopt;
  Grant grant = declared ? *declared : *said.given;
  // Of two confirmations the later one counts, with its own date for the next.
  if (said.review && (!grant.reviewed_at || said.review->at >= *grant.reviewed_at)) {
    grant.reviewed_at = said.review->at;
    grant.review_by = said.review->next;
  }
  return grant;
}

Result<void> validate(const Grant& grant) {
  const auto wrong = [&](std::string_view problem) {
    return failure(ErrorCode::kInvalid, fmt::format("grant `{}`: {}", grant.id, problem));
  };
  if (!valid_id(grant.id) || grant.id.size() > kMaxGrantIdBytes)
    return wrong(
        fmt::format("the id must have 1 to {} printable ASCII characters, without quotes, backslash "
                    "and space",
                    kMaxGrantIdBytes));
  if (!grant.expires_at && !grant.review_by)
    return wrong("it needs `expires_at` or `review_by`: what has no end is a policy");
  if (grant.reviewed_at && grant.review_by && *grant.review_by <= *grant.reviewed_at)
    return wrong("`review_by` must be after `reviewed_at`");
  return {};
}

Result<Grant> grant_from_json(const Json& json, const KindOf& kind_of) {
  const auto members = TRY(Members::of(json, "the grant",
                                       {"id", "template", "principal", "resource", "expires_at",
                                        "reviewed_at", "review_by", "owner", "description"}));
  Grant grant{.id = TRY(members.text("id", kMaxGrantIdBytes)),
              .policy_template = TRY(members.text("template", kMaxTemplateBytes)),
              .principal = TRY(principal_in(members, kind_of))};
  if (const auto resource = TRY(members.optional_text("resource", kMaxUidBytes)))
    grant.resource = TRY(entity(members, "resource", *resource, "Billing::Invoice::\"inv-1001\""));
  grant.expires_at = TRY(date(members, "expires_at"));
  grant.reviewed_at = TRY(date(members, "reviewed_at"));
  grant.review_by = TRY(date(members, "review_by"));
  grant.owner = TRY(members.optional_text("owner", kMaxUserIdBytes));
  grant.description = TRY(members.optional_text("description", kMaxDescriptionBytes));
  TRY(validate(grant));
  return grant;
}

Json grant_to_json(const Grant& grant) {
  Json json = Json::object(
      {{"id", grant.id}, {"template", grant.policy_template}, {"principal", written(grant.principal)}});
  if (grant.resource) json.set("resource", written(*grant.resource));
  for (const auto& [name, at] : {std::pair("expires_at", &grant.expires_at),
                                 {"reviewed_at", &grant.reviewed_at},
                                 {"review_by", &grant.review_by}}) {
    if (*at) json.set(name, date_text(**at));
  }
  if (grant.owner) json.set("owner", *grant.owner);
  if (grant.description) json.set("description", *grant.description);
  return json;
}

std::string grant_record(const GrantRecord& record) {
  Json json = Json::object({{"id", record.id}});
  if (record.given) json.set("given", grant_to_json(*record.given));
  if (record.review) json.set("review", review_to_json(*record.review));
  if (record.revoked) json.set("revoked", true);
  return json.dump();
}

Result<GrantRecord> grant_from_record(std::string_view text) {
  const auto json = TRY(codec::parse_json(text));
  const auto members = TRY(Members::of(json, "the record", {"id", "given", "review", "revoked"}));
  GrantRecord record{.id = TRY(members.text("id", kMaxGrantIdBytes))};
  if (const auto* given = members.find("given")) record.given = TRY(grant_from_json(*given, {}));
  if (const auto* review = members.find("review")) record.review = TRY(review_from_json(*review, record.id));
  record.revoked = TRY(members.boolean("revoked", false));
  return record;
}

}  // namespace writ::inventory
