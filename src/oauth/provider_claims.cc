#include "oauth/provider_claims.h"

#include <algorithm>

#include "codec/name.h"
#include "token/came_from.h"
#include "token/claims.h"

namespace writ::oauth {
namespace {

// OpenID Connect, RFC 9068, Okta and Entra ID.
constexpr std::string_view kClientClaims[] = {"azp", "client_id", "cid", "appid"};

void add_words(std::string_view text, std::vector<std::string>& words) {
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    if (space > 0) words.emplace_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
}

}  // namespace

std::unexpected<Denial> malformed(std::string_view claim) {
  return std::unexpected(
      Denial{Reason::kTokenMalformed, "the token's `" + std::string(claim) + "` cannot be used"});
}

Denial keys_unknown(const TrustedIssuer& issuer) {
  return {Reason::kIndeterminate,
          "the keys of issuer `" + issuer.issuer + "` are not known at the moment; try again later"};
}

Denial issuer_silent(const TrustedIssuer& issuer) {
  return {Reason::kIndeterminate,
          "issuer `" + issuer.issuer + "` could not be asked whether the token is good; try again later"};
}

std::expected<std::vector<std::string>, Denial> came_from_of(const codec::Json& claims, const ClaimPath& user,
                                                             const TrustedIssuer& by) {
  std::vector<std::string> all;
  if (!by.logout) return all;
  const std::pair<token::Origin, std::string_view> kClaims[] = {
      {token::Origin::kSession, "sid"}, {token::Origin::kSubject, "sub"}, {token::Origin::kToken, "jti"}};
  for (const auto& [origin, claim] : kClaims) {
    if (const auto name = TRY(mapped_text(claims, std::string(claim))))
      all.push_back(token::came_from(origin, by.issuer, *name));
  }
  const auto* named = user.find(claims);
  if (named != nullptr && named->if_string() != nullptr) {
    auto of_user = token::came_from(token::Origin::kSubject, by.issuer, *named->if_string());
    if (std::ranges::find(all, of_user) == all.end()) all.push_back(std::move(of_user));
  }
  return all;
}

// Absent is fine where the caller says so; present in another shape is not.
std::expected<std::optional<std::string>, Denial> mapped_text(const codec::Json& claims,
                                                              const ClaimPath& place) {
  const auto* value = place.find(claims);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->if_string();
  if (text == nullptr || codec::name_problem(*text)) return malformed(place.text());
  return *text;
}

std::expected<std::optional<Instant>, Denial> mapped_date(const codec::Json& claims, const ClaimPath& place) {
  const auto* value = place.find(claims);
  if (value == nullptr) return std::nullopt;
  const auto instant = token::numeric_date(*value, place.text());
  if (!instant) return malformed(place.text());
  return *instant;
}

std::expected<std::optional<Instant>, Denial> login_time(const codec::Json& claims, const ClaimPath& place,
                                                         const TrustedIssuer& by) {
  const auto login = TRY(mapped_date(claims, place));
  const auto issued = TRY(mapped_date(claims, std::string("iat")));
  if (login && issued && *login > *issued + by.tolerance) return malformed(place.text());
  return login;
}

std::expected<std::optional<std::string>, Denial> named_client(const codec::Json& claims) {
  std::optional<std::string> client;
  for (const auto name : kClientClaims) {
    auto said = TRY(mapped_text(claims, std::string(name)));
    if (!said) continue;
    if (client && *client != *said)
      return std::unexpected(Denial{Reason::kCallerMismatch,
                                    "the token names two clients, `" + *client + "` and `" + *said + "`"});
    client = std::move(said);
  }
  return client;
}

// RFC 8693 §4.4. What else it could say of the actor nobody here could check.
std::expected<std::optional<std::string>, Denial> named_actor(const codec::Json& claims,
                                                              std::string_view issuer) {
  const auto* may_act = claims.find("may_act");
  if (may_act == nullptr) return std::nullopt;
  const auto* members = may_act->if_object();
  if (members == nullptr) return malformed("may_act");
  for (const auto& [name, value] : *members) {
    if (name != "sub" && name != "iss") return malformed("may_act");
  }
  const auto named = TRY(mapped_text(*may_act, "iss"));
  auto actor = TRY(mapped_text(*may_act, "sub"));
  if (!actor || (named && *named != issuer)) return malformed("may_act");
  return actor;
}

std::expected<std::optional<std::vector<std::string>>, Denial> mapped_texts(const codec::Json& claims,
                                                                            const ClaimPath& place,
                                                                            OneText one) {
  const auto* value = place.find(claims);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  if (const auto* alone = value->if_string()) {
    if (one == OneText::kIsWords)
      add_words(*alone, texts);
    else
      texts.push_back(*alone);
  } else if (const auto* items = value->if_array()) {
    for (const auto& item : *items) {
      const auto* text = item.if_string();
      if (text == nullptr) return malformed(place.text());
      texts.push_back(*text);
    }
  } else {
    return malformed(place.text());
  }
  for (const auto& text : texts) {
    bytes += text.size();
    if (codec::name_problem(text)) return malformed(place.text());
  }
  if (texts.size() > kMaxFactTexts || bytes > kMaxFactBytes)
    return std::unexpected(
        Denial{Reason::kTokenMalformed,
               "the token's `" + place.text() + "` has more than 256 texts, or more than 8 KiB of them"});
  return texts;
}

}  // namespace writ::oauth
