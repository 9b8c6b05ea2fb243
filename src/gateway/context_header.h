// Writ-Context: what the gateway tells an upstream about a request it permitted, signed (docs/gateway.md).
//
// A compact JWS, typ `writ-context+jwt`, by the issuer's current key: iss, aud (the API's audience), iat,
// exp, sub, client_id, act, task, purpose, tenant, environment, action, resource, and `req`: the base64url
// SHA-256 of "METHOD path" as the upstream receives them, without the query. It says that Writ permitted this
// token this request at `iat`; with `asked`, that Writ asks, and permits or refuses when it has the answer
// (enforce/answer.h). Valid for kContextLifetime.
//
// Signing costs more than all the rest of a request, so a header is used again for requests that would get
// the same one (same token, action, resource, method and path) until it is kContextReuse old. The request's
// id is therefore not in it; X-Request-Id stands beside it. When another key signs, all are signed anew.
//
// One for each loop: not thread-safe. Entries are bounded in number.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "enforce/outcome.h"
#include "enforce/question.h"
#include "token/key_ring.h"

namespace writ::gateway {

inline constexpr std::string_view kContextHeader = "Writ-Context";
inline constexpr std::string_view kContextType = "writ-context+jwt";
inline constexpr Duration kContextLifetime = std::chrono::seconds(30);
inline constexpr Duration kContextReuse = std::chrono::seconds(10);

class ContextHeaders {
 public:
  // The ring must outlive it.
  ContextHeaders(const token::KeyRing& ring, std::string issuer, std::size_t entries = 1024);

  struct About {
    enforce::EntityName action;
    enforce::EntityName resource;
    std::string_view method;
    std::string_view path;  // encoded, as the upstream gets it
    bool asked = false;
  };
  // Valid until the next call.
  Result<std::string_view> sign(const enforce::Parties& parties, const About& about);

 private:
  struct Entry {
    std::string key;  // what the header is for; empty: a free place
    std::string header;
    Instant signed_at;
  };
  Result<std::string> signed_header(const enforce::Parties& parties, const About& about) const;

  const token::KeyRing& ring_;
  std::shared_ptr<const token::SigningKeys> keys_;  // that the entries were signed with
  const std::string issuer_;
  std::vector<Entry> entries_;  // by hash of the key; a newer one takes the place
  std::string key_;
};

}  // namespace writ::gateway
