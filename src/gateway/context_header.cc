#include "gateway/context_header.h"

#include <algorithm>
#include <functional>

#include "base/append.h"
#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "jose/jws.h"

namespace writ::gateway {
namespace {

// NUL stands in none of the parts: two different requests have different keys.
void append_part(std::string& key, std::string_view part) {
  append(key, part, std::string_view("\0", 1));
}

void set_if(codec::Json& json, std::string_view name, const std::optional<std::string>& text) {
  if (text) json.set(name, *text);
}

std::string text_of(const enforce::EntityName& name) {
  std::string text;
  cedar::append_entity(text, name.type, name.id);
  return text;
}

}  // namespace

ContextHeaders::ContextHeaders(const token::KeyRing& ring, std::string issuer, std::size_t entries)
    : ring_(ring), keys_(ring.snapshot()), issuer_(std::move(issuer)), entries_(entries) {}

Result<std::string_view> ContextHeaders::sign(const enforce::Parties& parties, const About& about) {
  key_.clear();
  append_part(key_, parties.token()->jti);
  append_part(key_, parties.token()->task ? *parties.token()->task : std::string_view());
  append_part(key_, about.action.type);
  append_part(key_, about.action.id);
  append_part(key_, about.resource.type);
  append_part(key_, about.resource.id);
  append_part(key_, about.method);
  append_part(key_, about.path);
  append_part(key_, about.asked ? "asked" : "");
  // What a claim leaves out comes from inventory and task, which may change under the same token.
  append_part(key_, parties.tenant().value_or(""));
  append_part(key_, parties.environment().value_or(""));
  append_part(key_, parties.purpose().value_or(""));

  if (const auto& now = ring_.read(); now != keys_) {
    if (now->signing.kid() != keys_->signing.kid()) std::ranges::fill(entries_, Entry{});
    keys_ = now;
  }
  auto& entry = entries_[std::hash<std::string_view>{}(key_) % entries_.size()];
  if (entry.key != key_ || parties.time().latest - entry.signed_at >= kContextReuse) {
    entry.header = TRY(signed_header(parties, about));
    entry.key = key_;
    entry.signed_at = parties.time().earliest;
  }
  return entry.header;
}

Result<std::string> ContextHeaders::signed_header(const enforce::Parties& parties, const About& about) const {
  const auto& claims = parties.token().claims();
  const auto issued = unix_seconds(parties.time().earliest);
  auto json = codec::Json::object(
      {{"iss", issuer_},
       {"aud", parties.api().audience},
       {"iat", issued},
       {"exp", issued + std::chrono::duration_cast<std::chrono::seconds>(kContextLifetime).count()},
       {"sub", claims.subject},
       {"client_id", claims.client_id}});
  if (!claims.actors.empty()) json.set("act", token::actors_to_json(claims.actors));
  set_if(json, "task", claims.task);
  set_if(json, "purpose", parties.purpose());
  set_if(json, "tenant", parties.tenant());
  set_if(json, "environment", parties.environment());
  json.set("action", text_of(about.action));
  json.set("resource", text_of(about.resource));
  if (about.asked) json.set("asked", true);
  auto request = std::string(about.method) + ' ';
  request += about.path;
  json.set("req", codec::base64url_encode(crypto::as_bytes(crypto::sha256(request))));
  return jose::sign_jws(keys_->signing, json.dump(), kContextType);
}

}  // namespace writ::gateway
