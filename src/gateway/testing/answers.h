// For tests of routes that are decided on the API's answer: only invoices of the caller's tenant, which only
// the API knows.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/testing/gateway.h"

namespace writ::gateway::testing {

inline constexpr std::string_view kPoliciesOnAnswers = R"(
@id("users") permit (principal is Writ::User, action, resource is Billing::Invoice)
when { resource.tenant == context.tenant };
@id("portal") permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice);
@id("agents") permit (principal is Writ::Agent, action, resource is Billing::Invoice);
@id("sealed") forbid (principal, action, resource == Billing::Invoice::"sealed");
)";

// An answer as an API gives it, on a socket: what it sends is exactly `bytes`.
inline std::string answer_of(std::string_view body, std::string_view fields = {}) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}",
                     fields, body.size(), body);
}

// GET and HEAD of an invoice and of the list, by an API that sends `answer` to each connection once.
class AnswersTest : public ::testing::Test {
 protected:
  AnswersTest() { world.policies = compiled(kPoliciesOnAnswers); }

  // `one` and `list` may be changed before.
  AnswerSpec one{.attributes = {{"tenant", "/tenant"}}, .id = "/id"};
  AnswerSpec list{.attributes = {{"tenant", "/tenant"}}, .id = "/id", .elements = "/items"};
  GatewayOptions options = {};

  void start(std::string answer) {
    start([answer = std::move(answer)](int socket) { ScriptedUpstream::write(socket, answer); });
  }
  // Answers one request of a connection.
  void start(std::function<void(int)> answer) {
    gateway.reset();
    upstream.reset();
    upstream = std::make_unique<ScriptedUpstream>([this, answer = std::move(answer)](int socket, int) {
      auto head = ScriptedUpstream::read_head(socket);
      if (head.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(std::move(head));
      }
      answer(socket);
    });
    gateway = std::make_unique<Gateway>(world, upstream->port(), options);
    world.current.replace(routes(upstream->port()));
  }
  std::shared_ptr<const Routes> routes(std::uint16_t port) const {
    const auto route = [&](std::string method, std::string path, std::string id, const AnswerSpec& answer) {
      return RouteSpec{.method = std::move(method),
                       .path = std::move(path),
                       .api = "invoices",
                       .action = {"Billing::Action", "read"},
                       .resource_type = "Billing::Invoice",
                       .resource_id = std::move(id),
                       .attributes = {},
                       .upstream = "http://127.0.0.1:" + std::to_string(port),
                       .answer = answer};
    };
    return std::make_shared<const Routes>(
        Routes::make({route("GET", "/invoices/{invoice}", "{invoice}", one),
                      route("HEAD", "/invoices/{invoice}", "{invoice}", one),
                      route("GET", "/invoices", "all", list)})
            .value());
  }
  RawResponse get(std::string_view path = "/invoices/inv-1", std::string_view fields = {}) const {
    return gateway->send(head("GET " + std::string(path), world.token(), fields));
  }
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // "api.asked", "permit", "deny/tenant_mismatch" of each record.
  std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const Json& line : world.audit.lines()) {
      const auto* effect = line.find_string("effect");
      const auto* reason = line.find_string("reason");
      all.push_back(effect == nullptr ? *line.find_string("type")
                                      : *effect + (reason != nullptr ? "/" + *reason : ""));
    }
    return all;
  }

  World world;

 private:
  // The upstream's thread writes them until it is gone.
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;

 protected:
  std::unique_ptr<ScriptedUpstream> upstream;
  std::unique_ptr<Gateway> gateway;
};

}  // namespace writ::gateway::testing
