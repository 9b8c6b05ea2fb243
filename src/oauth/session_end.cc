#include "oauth/session_end.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/name.h"
#include "oauth/provider_claims.h"
#include "token/assertion.h"
#include "token/came_from.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";
constexpr std::string_view kLogoutType = "logout+jwt";
constexpr Duration kMaxLifetime = std::chrono::hours(1);

std::unexpected<Denial> not_done(std::string message) {
  return denied(Reason::kIndeterminate, std::move(message));
}

std::expected<std::optional<std::string>, Denial> name_in(const codec::Json& claims, std::string_view name) {
  const auto* value = claims.find(name);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->if_string();
  if (text == nullptr || codec::name_problem(*text))
    return denied(Reason::kTokenMalformed, fmt::format("logout token: `{}` cannot be used", name));
  return *text;
}

// Back-Channel Logout §2.4: the member's value is an object, which may hold what nobody here understands.
std::expected<void, Denial> check_event(const codec::Json& claims) {
  const auto* events = claims.find("events");
  const auto* event = events != nullptr && events->is_object() ? events->find(kLogoutEvent) : nullptr;
  if (event == nullptr || !event->is_object())
    return denied(Reason::kTokenType, "logout token: `events` does not say that it is one");
  // §2.4: it is what tells an ID token.
  if (claims.find("nonce") != nullptr) return denied(Reason::kTokenType, "logout token: it has a `nonce`");
  return {};
}

}  // namespace

std::expected<SessionEnd, Denial> read_logout_token(std::string_view text, const TrustedIssuers& issuers,
                                                    Times now) {
  const auto named = TRY(token::unverified_issuer(text));
  const auto* by = issuers.find(named);
  // Without an audience nobody could tell whom it is for.
  if (by == nullptr || !by->logout || by->logout->audiences.empty())
    return denied(Reason::kTokenIssuer, "logout tokens of this issuer are not taken here");
  const auto keys = issuers.keys_in_force(*by, now);
  if (keys == nullptr) return std::unexpected(keys_unknown(*by));
  token::AssertionRules rules{.issuer = by->issuer,
                              .keys = *keys,
                              .audiences = {},
                              .types = {kLogoutType},
                              .max_lifetime = kMaxLifetime,
                              .needs_issued_at = true,
                              .tolerance = by->tolerance,
                              .algorithms = by->algorithms.value_or(crypto::kAllAlgorithms),
                              .needs_subject = false,
                              .among_others = true};
  for (const auto& audience : by->logout->audiences) rules.audiences.push_back(audience);
  const auto assertion = TRY(token::verify_assertion(text, rules, now));
  TRY(check_event(assertion.claims));
  if (!assertion.jti)
    return denied(Reason::kTokenMalformed,
                  "logout token: `jti` is missing, so nobody knows whether it was used");
  SessionEnd end{.by = by, .at = {}, .said_by = *assertion.jti};
  end.session = TRY(name_in(assertion.claims, "sid"));
  end.subject = TRY(name_in(assertion.claims, "sub"));
  if (!end.session && !end.subject)
    return denied(Reason::kTokenMalformed, "logout token: it names neither a session nor a subject");
  // The provider's clock and ours may differ, and both count what was issued.
  const auto issued = token::numeric_date(*assertion.claims.find("iat"), "iat");
  end.at = std::max(now.latest, issued ? *issued : now.latest);
  return end;
}

std::expected<void, Denial> SessionEnds::take(std::string_view logout_token,
                                              std::string_view request_id) const {
  const auto now = times_of(parts_.clock);
  const auto end = TRY(read_logout_token(logout_token, parts_.issuers, now));
  // §2.6: one that was used before is refused. Used is what took effect: where something failed, the provider
  // sends the same token again. Two at the same time end the same.
  auto used = token::came_from(token::Origin::kToken, end.by->issuer, "logout " + end.said_by);
  if (parts_.revocations.revoked(used))
    return denied(Reason::kTokenReplayed, "the logout token was used before");
  TRY(this->end(end, request_id));
  // For as long as it could be good.
  if (!parts_.revocations.revoke({std::move(used), now.latest + kMaxLifetime + end.by->tolerance}))
    return not_done("it cannot be noted that the logout token was used");
  return {};
}

std::expected<void, Denial> SessionEnds::end(const SessionEnd& end, std::string_view request_id) const {
  const auto& issuer = end.by->issuer;
  const auto now = times_of(parts_.clock);
  if (parts_.revocations.size() >= parts_.max_kept)
    return not_done("as many ends of sessions are kept as can be");
  // Nothing that came of it lives longer: what can be exchanged or is accepted, and an hour for what is
  // issued at its end.
  auto longest = end.by->max_token_lifetime;
  const auto accepts = parts_.issuers.accepts_of(*end.by);
  for (const auto& accept : *accepts) longest = std::max(longest, accept.max_lifetime);
  const auto until = now.latest + longest + end.by->tolerance + token::kMaxAccessLifetime;
  const bool of_user = end.subject && !end.session && !end.token;
  std::string detail = "of";
  if (end.session) detail += fmt::format(" session `{}`", *end.session);
  if (end.token) detail += fmt::format(" token `{}`", *end.token);
  if (of_user) detail += fmt::format(" user `{}`", *end.subject);
  const audit::Event event{.type = "session.ended",
                           .actor = end.said_by,
                           .object = issuer,
                           .detail = detail,
                           .request_id = request_id,
                           .standing = audit::Standing::kStop};
  if (!parts_.record(make_record(now.earliest, event)))
    return not_done("the audit record could not be written");
  const auto put = [&](token::Origin origin, const std::string& name,
                       Instant kept) -> std::expected<void, Denial> {
    if (!parts_.revocations.revoke({token::came_from(origin, issuer, name), kept}))
      return not_done("the end could not be stored");
    return {};
  };
  if (end.session) TRY(put(token::Origin::kSession, *end.session, until));
  if (end.token) TRY(put(token::Origin::kToken, *end.token, until));
  // What was issued while it was recorded is of before, too.
  if (of_user)
    TRY(put(token::Origin::kSubject, *end.subject,
            std::max(end.at, parts_.clock.now()) + token::kSubjectEndKept));
  // What fails here is tried again by whoever looks after tasks; nobody gets a token for them any more.
  if (!end_tasks(request_id)) return not_done("tasks that came of it could not be ended");
  return {};
}

Result<std::size_t> SessionEnds::end_tasks(std::string_view request_id) const {
  std::size_t ended = 0;
  for (const auto& live : parts_.tasks.all()) {
    const auto& task = live->task();
    if (task.came_from.empty() || task::is_final(live->standing()) ||
        !parts_.revocations.any_revoked(task.came_from, task.opened_at))
      continue;
    const audit::Event event{.type = "task.revoked",
                             .object = task.id,
                             .detail = "the session that it was opened in ended at its provider",
                             .request_id = request_id,
                             .standing = audit::Standing::kStop};
    TRY(parts_.record(make_record(parts_.clock.earliest(), event)));
    // Somebody else may have been quicker.
    if (auto revoked = parts_.tasks.revoke(task.id); !revoked &&
                                                     revoked.error().code != ErrorCode::kConflict &&
                                                     revoked.error().code != ErrorCode::kNotFound)
      return std::unexpected(std::move(revoked).error());
    ++ended;
  }
  return ended;
}

}  // namespace writ::oauth
