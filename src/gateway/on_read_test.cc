// Requests that are decided by what the API says of their resource before they reach it (`decide: on read`).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/answers.h"

namespace writ::gateway::on_read_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::head;
using ::testing::IsEmpty;
using testing::word;
using Records = std::vector<std::string>;

constexpr std::string_view kOurs = R"({"id":"inv-1","tenant":"north","amount":480})";
constexpr std::string_view kTheirs = R"({"id":"inv-1","tenant":"south","amount":480})";

class OnReadTest : public ::testing::Test {
 protected:
  OnReadTest() {
    world.policies = testing::compiled(testing::kPoliciesOnAnswers);
    world.current.replace(routes(api.port()));
  }

  static RouteSpec route(std::string method, std::string path, std::string read, std::uint16_t port) {
    return {
        .method = std::move(method),
        .path = std::move(path),
        .api = "invoices",
        .action = {"Billing::Action", "read"},
        .resource_type = "Billing::Invoice",
        .resource_id = "{invoice}",
        .attributes = {},
        .upstream = "http://127.0.0.1:" + std::to_string(port),
        .answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}}, .id = "/id", .read = std::move(read)}};
  }
  static std::shared_ptr<const Routes> routes(std::uint16_t port) {
    return std::make_shared<const Routes>(
        Routes::make({route("PUT", "/invoices/{invoice}", "/invoices/{invoice}", port),
                      route("POST", "/invoices/{invoice}/payments", "/invoices/{invoice}", port),
                      route("POST", "/invoices/{invoice}:pay", "/invoices/{invoice}", port),
                      route("GET", "/invoices/{invoice}/pdf", "/invoices/{invoice}", port)})
            .value());
  }
  static std::string why(const RouteSpec& spec) {
    const auto made = Routes::make({spec});
    return made ? "" : made.error().message;
  }

  http::testing::RawResponse put(std::string_view token, std::string_view body = "{}",
                                 std::string_view fields = {}) const {
    return gateway.send(
        head("PUT /invoices/inv-1", token,
             fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n{}", body.size(), fields)) +
        std::string(body));
  }
  http::testing::RawResponse put() { return put(world.token()); }
  // "GET /invoices/inv-1" of each request that reached the API.
  std::vector<std::string> seen() const {
    std::vector<std::string> lines;
    for (const auto& request : api.seen()) lines.push_back(request.method + " " + request.encoded_path);
    return lines;
  }
  std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const auto& line : world.audit.lines()) {
      const auto* effect = line.find_string("effect");
      const auto* reason = line.find_string("reason");
      all.push_back(effect == nullptr ? *line.find_string("type")
                                      : *effect + (reason != nullptr ? "/" + *reason : ""));
    }
    return all;
  }

  testing::World world;
  // What the API says of the invoice.
  std::function<http::Response()> told = [] { return http::json_response(200, std::string(kOurs)); };
  testing::Upstream api{[this](const http::Request& request) {
    const bool asks = request.method == "GET" && !request.path.ends_with("/pdf");
    return asks ? told() : http::text_response(200, "done");
  }};
  testing::Gateway gateway{world, api.port()};
};

TEST_F(OnReadTest, WhatTheApiSaysOfTheResourceDecidesAndThenTheRequestReachesIt) {
  const std::string body(300'000, 'x');
  const auto answer = put(world.token(), body, "If-Match: \"a\"\r\nIdempotency-Key: k\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(records(), (Records{"api.asked", "permit"}));
  EXPECT_EQ(world.audit.lines()[1].find("attributes")->dump(), R"({"tenant":"north"})");
  ASSERT_THAT(seen(), ElementsAre("GET /invoices/inv-1", "PUT /invoices/inv-1"));
  const auto asked = api.seen()[0], changed = api.seen()[1];
  EXPECT_EQ(asked.body, "");
  for (const auto* gone : {"Content-Type", "If-Match", "Idempotency-Key", "Authorization"})
    EXPECT_FALSE(asked.headers.contains(gone)) << gone;
  EXPECT_EQ(asked.headers.find("Accept"), "application/json");
  EXPECT_EQ(asked.headers.find("Accept-Encoding"), "identity");
  EXPECT_EQ(changed.body, body);
  EXPECT_EQ(changed.headers.find("If-Match"), "\"a\"");
  EXPECT_NE(asked.headers.find("Writ-Context"), changed.headers.find("Writ-Context"));
}

TEST_F(OnReadTest, AChangeOfAnotherTenantsInvoiceDoesNotReachTheApi) {
  told = [] { return http::json_response(200, std::string(kTheirs)); };
  EXPECT_EQ(word(put()), "403 access_denied");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/tenant_mismatch"}));
  EXPECT_THAT(seen(), ElementsAre("GET /invoices/inv-1"));
}

TEST_F(OnReadTest, EveryRefusalLooksTheSameWhateverTheApiSaidAndNothingIsChanged) {
  const auto refused = [this] {
    const auto answer = put();
    const auto id = answer.headers.find(kRequestIdHeader).value_or("");
    auto body = answer.body;
    EXPECT_NE(body.find(id), body.npos) << body;
    return body.replace(body.find(id), id.size(), "ID");
  };
  told = [] { return http::json_response(200, std::string(kTheirs)); };
  const auto same = refused();
  EXPECT_THAT(same, HasSubstr("policy_no_permit"));
  const std::pair<std::string_view, std::function<http::Response()>> answers[] = {
      {"not there", [] { return http::json_response(404, "{}"); }},
      {"its own refusal", [] { return http::json_response(403, "{}"); }},
      {"broken", [] { return http::json_response(500, std::string(kOurs)); }},
      {"not JSON", [] { return http::text_response(200, "<html>"); }},
      {"another id", [] { return http::json_response(200, R"({"id":"inv-2","tenant":"north"})"); }},
      {"no tenant", [] { return http::json_response(200, R"({"id":"inv-1"})"); }},
      {"two of them",
       [] { return http::json_response(200, R"({"id":"inv-1","tenant":"north","Tenant":"south"})"); }},
      {"too large", [] { return http::json_response(200, std::string(kOurs) + std::string(2 << 20, ' ')); }},
  };
  for (const auto& [what, answer] : answers) {
    told = answer;
    EXPECT_EQ(refused(), same) << what;
    EXPECT_EQ(records().back(), "deny/facts_unavailable") << what;
  }
  for (const auto& line : seen()) EXPECT_EQ(line, "GET /invoices/inv-1");
}

TEST_F(OnReadTest, WhatIsRefusedWithoutTheAnswerDoesNotReachTheApi) {
  EXPECT_EQ(put("").status, 401);
  auto other = world.claims();
  other.client_id = "marketing-app";
  EXPECT_EQ(put(world.token(other)).status, 403);
  EXPECT_EQ(records(), (Records{"deny/token_missing", "deny/policy_no_permit"}));
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(OnReadTest, ThePathThatTellsIsAPartOfTheOneThatWasSentInItsEncoding) {
  told = [] { return http::json_response(200, R"({"id":"a+b","tenant":"north"})"); };
  const auto send = [&](std::string_view line) {
    return gateway.send(head(line, world.token(), "Content-Length: 0\r\n")).status;
  };
  EXPECT_EQ(send("POST /invoices/a%2Bb/payments?x=1"), 200);
  EXPECT_EQ(send("GET /invoices/a%2Bb/pdf"), 200);
  EXPECT_EQ(send("POST /invoices/a%2Bb:pay"), 200);
  EXPECT_THAT(seen(),
              ElementsAre("GET /invoices/a%2Bb", "POST /invoices/a%2Bb/payments", "GET /invoices/a%2Bb",
                          "GET /invoices/a%2Bb/pdf", "GET /invoices/a%2Bb", "POST /invoices/a%2Bb:pay"));
  EXPECT_EQ(api.seen()[0].query, "");
  EXPECT_EQ(api.seen()[1].query, "x=1");
}

TEST_F(OnReadTest, NothingIsAskedAndNothingChangedWithoutItsRecord) {
  world.audit.broken = true;
  EXPECT_EQ(word(put()), "503 audit_unavailable");
  EXPECT_THAT(seen(), IsEmpty());
  world.audit.broken = false;
  told = [this] {
    world.audit.broken = true;
    return http::json_response(200, std::string(kOurs));
  };
  EXPECT_EQ(word(put()), "503 audit_unavailable");
  world.audit.broken = false;
  EXPECT_THAT(seen(), ElementsAre("GET /invoices/inv-1"));
}

TEST_F(OnReadTest, WhoIsStoppedMeanwhileChangesNothing) {
  told = [this] {
    EXPECT_TRUE(world.directory.order("nora", inventory::Status::kSuspended).has_value());
    return http::json_response(200, std::string(kOurs));
  };
  EXPECT_EQ(word(put()), "403 access_denied");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/subject_suspended"}));
  EXPECT_THAT(seen(), ElementsAre("GET /invoices/inv-1"));
}

TEST_F(OnReadTest, AnApiThatCannotBeReachedSaysNothingOfAResource) {
  world.current.replace(routes(http::testing::free_port()));
  EXPECT_EQ(word(put()), "502 upstream_unreachable");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/facts_unavailable"}));
}

TEST_F(OnReadTest, ItTakesOneCallOfABudget) {
  const auto task = world.open_task(1);
  const auto token = world.token(world.claims_in(*task));
  EXPECT_EQ(put(token).status, 200);
  EXPECT_EQ(put(token).status, 403);
  EXPECT_EQ(records(), (Records{"api.asked", "permit", "deny/budget_exceeded"}));
  EXPECT_THAT(seen(), ElementsAre("GET /invoices/inv-1", "PUT /invoices/inv-1"));
}

TEST_F(OnReadTest, WhatCouldNotWorkIsAnError) {
  EXPECT_EQ(why(route("DELETE", "/invoices/{invoice}", "/invoices/{invoice}", 1)), "");
  for (const auto* read : {"/invoice", "/invoices/{invoice}/lines", "/invoices/", "invoices", "/"})
    EXPECT_THAT(why(route("PUT", "/invoices/{invoice}", read, 1)), HasSubstr("does not begin with it"))
        << read;
  EXPECT_THAT(why(route("PUT", "/invoices/{invoice}", "", 1)), HasSubstr("is for GET and HEAD"));
  EXPECT_THAT(why(route("GET", "/invoices/{invoice}", "/invoices/{invoice}", 1)),
              HasSubstr("say `decide: on response`"));
  auto streams = route("GET", "/invoices/{invoice}/events", "/invoices/{invoice}", 1);
  streams.stream = true;
  EXPECT_EQ(why(streams), "");
  auto list = route("PUT", "/invoices/{invoice}", "/invoices/{invoice}", 1);
  list.answer->elements = "/items";
  EXPECT_THAT(why(list), HasSubstr("`elements`"));
  auto observed = route("PUT", "/invoices/{invoice}", "/invoices/{invoice}", 1);
  observed.observed = true;
  EXPECT_THAT(why(observed), HasSubstr("enforced"));
}

}  // namespace
}  // namespace writ::gateway::on_read_test
