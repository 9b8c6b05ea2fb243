// What Writ asks for of its own accord, in the configuration: the section `outbound`, and where the keys of a
// trusted issuer are. Used while reading it; nothing is fetched.
#pragma once

#include <optional>

#include "base/private_file.h"
#include "files/fields.h"
#include "http/fetcher.h"
#include "oauth/key_location.h"

namespace writ::config {

// `writers`: who may write the file with a proxy's credentials.
http::FetcherOptions read_outbound(const files::Fields& root, Writers writers);
// Reports a URL that could never be asked by these rules, as is plain from its text alone.
void check_url(const files::YamlNode& node, std::string_view url, const http::AddressRules& rules,
               files::Source& source);

// `jwks_uri` and `key_refresh` of an issuer; nothing where its keys are in a file. Reports a URL that could
// never be fetched by these rules.
std::optional<oauth::KeyLocation> read_key_location(const files::Fields& issuer,
                                                    const http::AddressRules& rules);

}  // namespace writ::config
