// Inquiry: a request that is asked about, as JSON (docs/api.md), read strictly.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "gateway/routes.h"
#include "inventory/snapshot.h"
#include "simulate/what_if.h"

namespace writ::simulate {

// A request's keys as in the files of `writ decide` (docs/testing.md, "A request"), without those that are of
// a test.
struct Inquiry {
  Hypothesis hypothesis;
  // Of the header fields that it names, those that the API would not get; absent: it names none.
  std::optional<std::vector<std::string>> left_out;
  bool explain = false;
  std::shared_ptr<const gateway::FoundFacts> found = {};  // that the hypothesis views; null: none
};

// What the inquiry is read against. Borrowed.
struct InquiryContext {
  const inventory::Snapshot& inventory;
  const gateway::Routes& routes;
  const task::Registry& tasks;
  std::string_view issuer;
  Duration token_lifetime;
  Instant now;
};

// Fails with kInvalid, and with kNotFound where no route leads; the message names the member.
Result<Inquiry> read_inquiry(const codec::Json& json, const InquiryContext& context);

}  // namespace writ::simulate
