// The facts of an identity as JSON, in both directions: for records, requests and what people are shown.
//
// A part of identity.h's reading and writing, apart for its length. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "codec/members.h"
#include "inventory/identity.h"

namespace writ::inventory {

// The members that read_facts() reads.
std::span<const std::string_view> fact_names() noexcept;
Result<void> read_facts(const codec::Members& members, Identity& identity);
void write_facts(const Identity& identity, codec::Json& json);

// "2027-01-31" or "2027-01-31T12:00:00Z"; that it is not there is no error.
Result<std::optional<Instant>> optional_date(const codec::Members& members, std::string_view name);

// `credentials`, as the configuration, a request and a record have them: {"type": "key", "kid": "k1",
// "expires_at": "2027-01-31"}.
Result<std::vector<Credential>> credentials_from_json(const codec::Json& json);
codec::Json credentials_to_json(const std::vector<Credential>& credentials);
// For people: those that Writ knows itself first, each with what is known of it.
codec::Json credentials_shown(const Identity& identity);

// What nobody has said of an identity of this kind and should be known: `owner`, `sponsor`, ...
codec::Json unknown_facts(const Identity& identity);

// Whether the facts agree with each other; the rest of validate(const Identity&).
Result<void> validate_facts(const Identity& identity);

}  // namespace writ::inventory
