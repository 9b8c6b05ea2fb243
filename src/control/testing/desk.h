// For tests of use cases: the world of enforce, with Writ's own API in it and a caller who operates it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/authority.h"
#include "control/failure.h"
#include "enforce/testing/world.h"

namespace writ::control::testing {

using namespace std::chrono_literals;

inline constexpr std::string_view kOperators = R"(
@id("console") permit (principal == Writ::Service::"ops-console", action, resource);
@id("app-asks")
permit (principal == Writ::Application::"marketing-app", action == Writ::Action::"request-tasks", resource);
@id("people") permit (principal is Writ::User, action, resource);
@id("app-carries")
permit (principal == Writ::Application::"marketing-app",
        action in [Writ::Action::"approve-tasks", Writ::Action::"approve-calls", Writ::Action::"read-tasks"], resource);
)";

// Why not, in one word: the code of an error, the reason of a refusal, "later" or "not_recorded".
inline std::string word(const Failure& failure) {
  return failure.visit(
      [](const Error& error) {
        constexpr std::string_view kNames[] = {"invalid",     "limit", "not_found", "conflict", "unsupported",
                                               "unavailable", "io",    "corrupt",   "internal"};
        return std::string(kNames[static_cast<std::size_t>(error.code)]);
      },
      [](const enforce::Refused& refused) {
        return refused.kind == enforce::Refused::Kind::kNotRecorded
                   ? std::string("not_recorded")
                   : std::string(reason_code(refused.reason()));
      },
      [](const task::NoRoom&) { return std::string("later"); },
      [](const NotRecorded&) { return std::string("not_recorded"); });
}

template <class T>
std::string word(const Answer<T>& answer) {
  return answer ? "done" : word(answer.error());
}

struct Desk : enforce::testing::World {
  Desk() {
    inventory::Change declared;
    declared.apis.push_back({.id = std::string(kOwnApi),
                             .audience = std::string(kIssuer),
                             .name_space = std::string(kOwnNamespace),
                             .actions = {"manage-tasks"}});
    WRIT_CHECK(directory.declare(std::move(declared)).has_value());
    add({.id = "ops-console", .kind = inventory::Kind::kService});
    policies = enforce::testing::compiled(kOperators);
    operator_token = own_token("ops-console", "ops-console");
  }
  static constexpr std::string_view kIssuer = enforce::testing::kIssuer;

  std::string own_token(std::string_view subject, std::string_view client) const {
    auto made = claims();
    made.audience = kIssuer;
    made.subject = subject;
    made.client_id = client;
    made.purpose = made.tenant = std::nullopt;
    made.expires_at = clock.now() + 10min;
    return token(made);
  }
  // The token has to outlive it.
  static Caller caller(const std::string& token, std::string& held) {
    held = "Bearer " + token;
    const std::string_view values[] = {held};
    return {{.method = "POST", .path = "/v1"}, token::Presented::from_values(values)};
  }
  Caller as_operator() { return caller(operator_token, held_operator_); }
  Caller as(const std::string& token) { return caller(token, held_); }

  // The types of the events and the actions of the decisions, in turn.
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const auto& line : audit.lines()) {
      const auto* type = line.find_string("type");
      all.push_back(*type == "decision" ? "decision/" + *line.find_string("effect") : *type);
    }
    return all;
  }

  std::string operator_token;
  Authority authority{clock, enforcer,
                      [this](audit::Record line) {
                        Result<void> result;
                        audit.append(std::move(line), [&](Result<void> done) { result = std::move(done); });
                        return result;
                      },
                      std::string(kIssuer)};

 private:
  std::string held_operator_, held_;
};

}  // namespace writ::control::testing
