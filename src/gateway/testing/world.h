// For tests of the gateway: the world of enforce/testing/world.h, asked by HTTP requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "enforce/testing/world.h"
#include "gateway/http_question.h"
#include "gateway/refusal.h"

namespace writ::gateway::testing {

using codec::Json;
using enforce::testing::compiled;
using enforce::testing::kInvoices;
using enforce::testing::kIssuer;
using enforce::testing::kNow;
using enforce::testing::kOrigin;
using enforce::testing::kPolicies;
using enforce::testing::MemoryAudit;
using namespace std::chrono_literals;

inline http::Request request(std::string_view token, std::string_view path = "/invoices/inv-1",
                             std::string_view method = "GET") {
  http::Request made;
  made.method = method;
  made.path = made.encoded_path = made.target = path;
  made.peer_ip = "192.0.2.7";
  if (!token.empty()) made.headers.add("Authorization", "Bearer " + std::string(token));
  return made;
}

// What a request of the support portal asks: read or refund of an invoice. With all of its body, or without.
inline enforce::Question asked(const http::Request& request, std::string_view action = "read",
                               std::string_view invoice = "inv-1",
                               std::optional<std::string_view> body = std::nullopt) {
  return {.point = "gateway",
          .sent = sent_in(request),
          .credentials = credentials_in(request),
          .api = "invoices",
          .action = {"Billing::Action", action},
          .resource = {"Billing::Invoice", invoice},
          .approval = approval_in(request, *ForwardedHeaders::standard(), body)};
}

// "permit", or the status and the reason: "403 task_ended".
inline std::string word(const enforce::Outcome& outcome) {
  if (outcome) return "permit";
  return std::to_string(response_of(outcome.error()).status) + " " +
         std::string(reason_code(outcome.error().reason()));
}

struct World : enforce::testing::World {
  enforce::Outcome enforce(const http::Request& request, std::string_view action = "read",
                           std::string_view invoice = "inv-1") {
    return enforcer.enforce(asked(request, action, invoice));
  }
  std::string outcome(std::string_view token, std::string_view action = "read",
                      std::string_view invoice = "inv-1") {
    return word(enforce(request(token), action, invoice));
  }
};

}  // namespace writ::gateway::testing
