// How answers about access are shown: as JSON, as CSV with a line for each chain, and as text for people.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "access/survey.h"
#include "codec/json.h"

namespace writ::access {

// A way past every policy: nobody's token is asked for there.
struct PublicRoute {
  std::string api, method, path;
};

// What stands above every answer: under what it holds.
struct Heading {
  std::string revision;
  Instant at;
  std::size_t links = 0;  // as far as chains were followed
  bool cut = false;       // there are more chains than were looked at
  bool searched = true;   // witnesses were looked for
  std::string of = {};    // the identity whose roles are told; "": nobody's
  // Of the APIs that are asked about: routes that are public, and APIs that are only observed.
  std::vector<PublicRoute> public_routes = {};
  std::vector<std::string> observed = {};
};

struct ReportLimits {
  std::size_t chains = 50;  // that are named in one row; JSON says how many there are
};

// "billing read Billing::Invoice", "token for billing"
std::string text_of(const Target& target);
// ["nora", "support-portal"]
codec::Json ids_of(const Chain& chain);
// As what the identity takes part: "subject", "client", "actor"; "" if it does not.
std::string_view role_in(const Chain& chain, std::string_view id);

codec::Json to_json(const std::vector<Row>& rows, const Heading& heading, const ReportLimits& limits = {});
std::string to_csv(const std::vector<Row>& rows, const Heading& heading);
// What reaches an API whoever asks, as lines for people.
std::vector<std::string> open_to_all(const Heading& heading);
std::string to_text(const std::vector<Row>& rows, const Heading& heading, const ReportLimits& limits = {});

// A field of CSV (RFC 4180), which no spreadsheet takes for a formula.
std::string csv_field(std::string_view text);

}  // namespace writ::access
