#include "gateway/obliged.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>

#include "gateway/testing/answers.h"

namespace writ::gateway::obliged_test {
namespace {

using testing::answer_of;
using ::testing::HasSubstr;
using testing::head;
using ::testing::Not;
using testing::ScriptedUpstream;
using testing::word;
using Records = std::vector<std::string>;

// Of three permits that hold, two oblige.
constexpr std::string_view kPolicies = R"(
@id("users") @redact("/card/number") permit (principal is Writ::User, action, resource is Billing::Invoice);
@id("portal") permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice);
@id("portal-notes") @redact("/notes")
permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice);
)";

constexpr std::string_view kInvoice =
    R"({"id":"inv-1","tenant":"north", "card": {"number":"4111111111111111","last4": "1111"},"notes":"secret"})";
constexpr std::string_view kLeft = R"({"id":"inv-1","tenant":"north","card":{"last4":"1111"}})";

class ObligedTest : public testing::AnswersTest {
 protected:
  ObligedTest() { world.policies = testing::compiled(kPolicies); }

  // On routes that are decided before the API is asked.
  void start_plain(std::string answer) {
    gateway_.reset();
    api_.reset();
    api_ = std::make_unique<ScriptedUpstream>([this, answer = std::move(answer)](int socket, int) {
      auto request = ScriptedUpstream::read_head(socket);
      if (request.empty()) return;
      const std::lock_guard lock(mutex_);
      asked_.push_back(std::move(request));
      ScriptedUpstream::write(socket, answer);
    });
    gateway_ = std::make_unique<testing::Gateway>(world, api_->port(), options);
  }
  testing::RawResponse send(std::string_view line = "GET /invoices/inv-1", std::string_view fields = {},
                            std::string_view body = {}) const {
    return gateway_->send(head(line, world.token(), fields) + std::string(body));
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::string why() const {
    const auto detail = codec::parse_json(*world.audit.lines().back().find_string("detail")).value();
    const auto* why = detail.find_string("why");
    return why != nullptr ? *why : "";
  }

  std::unique_ptr<ScriptedUpstream> api_;
  std::unique_ptr<testing::Gateway> gateway_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
};

TEST_F(ObligedTest, OfSeveralPermitsAndPartiesEveryRedactionCounts) {
  start_plain(answer_of(kInvoice));
  const auto answer = send();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kLeft);
  EXPECT_EQ(records(), (Records{"permit", "obligations.fulfilled"}));
  const auto lines = world.audit.lines();
  EXPECT_EQ(lines[0].find("obligations")->dump(), R"({"redact":["/card/number","/notes"]})");
  EXPECT_EQ(*lines[1].find_string("request_id"), answer.headers.find(kRequestIdHeader));
  EXPECT_EQ(*lines[1].find_string("object"), R"(Billing::Invoice::"inv-1")");
  EXPECT_EQ(*lines[1].find_string("actor"), "support-portal");
}

TEST_F(ObligedTest, OnlyWhatEveryPermitKeepsGoesOut) {
  world.policies = testing::compiled(R"(
    @id("users") @keep("/id, /card") permit (principal is Writ::User, action, resource);
    @id("portal") @keep("/tenant, /card/last4") permit (principal is Writ::Application, action, resource);)");
  start_plain(answer_of(kInvoice));
  EXPECT_EQ(send().body, R"({"card":{"last4":"1111"}})");
}

TEST_F(ObligedTest, NoFieldTellsOfTheWholeBody) {
  start_plain(answer_of(
      kInvoice,
      "ETag: \"a\"\r\nLast-Modified: Sat, 28 Nov 2026 00:00:00 GMT\r\nContent-Digest: sha-256=:x:\r\n"
      "Repr-Digest: sha-256=:x:\r\nDigest: sha-256=x\r\nContent-MD5: x\r\nAccept-Ranges: bytes\r\n"
      "Signature: a=:x:\r\nSignature-Input: a=()\r\nCache-Control: max-age=60\r\nX-Api: yes\r\n"));
  const auto answer = send();
  EXPECT_EQ(answer.headers.find("Content-Length"), std::to_string(kLeft.size()));
  EXPECT_EQ(answer.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(answer.headers.find("X-Api"), "yes");
  for (const auto* name : {"ETag", "Last-Modified", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5",
                           "Accept-Ranges", "Signature", "Signature-Input"})
    EXPECT_FALSE(answer.headers.contains(name)) << name;
}

TEST_F(ObligedTest, AGuessedCopyOrARangeNeverReachesTheApi) {
  start_plain(answer_of(kInvoice));
  EXPECT_EQ(send("GET /invoices/inv-1",
                 "If-None-Match: \"guess\"\r\nIf-Modified-Since: Sat, 28 Nov 2026 00:00:00 GMT\r\nRange: "
                 "bytes=9-20\r\n"
                 "If-Range: \"guess\"\r\nAccept-Encoding: gzip\r\nWant-Content-Digest: sha-256=9\r\n")
                .body,
            kLeft);
  const auto request = asked().at(0);
  for (const auto* name : {"If-None-Match", "If-Modified-Since", "Range:", "If-Range", "gzip", "Want-"})
    EXPECT_THAT(request, Not(HasSubstr(name)));
  EXPECT_THAT(request, HasSubstr("Accept-Encoding: identity"));
}

TEST_F(ObligedTest, AChangeOnTheConditionOfAGuessIsRefusedBeforeTheApiIsAsked) {
  start_plain(answer_of(kInvoice));
  for (const auto* fields :
       {"If-Match: \"guess\"\r\n", "If-None-Match: \"guess\"\r\n", "Range: bytes=0-1\r\n",
        "If-Unmodified-Since: Sat, 28 Nov 2026 00:00:00 GMT\r\n"})
    EXPECT_EQ(word(send("PUT /invoices/inv-1", std::string("Content-Length: 0\r\n") + fields)),
              "403 access_denied")
        << fields;
  EXPECT_TRUE(asked().empty());
  EXPECT_EQ(records().back(), "obligations.unmet");
  EXPECT_EQ(send("PUT /invoices/inv-1", "Content-Length: 0\r\nIf-None-Match: *\r\n").body, kLeft);
  EXPECT_THAT(asked().at(0), HasSubstr("If-None-Match: *"));
}

TEST_F(ObligedTest, WhatCannotBeCutIsRefusedAlikeWhateverTheApiAnswered) {
  const std::string big(2 << 20, ' ');
  const std::pair<std::string_view, std::string> answers[] = {
      {"not JSON by its type",
       "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret"},
      {"no type", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"},
      {"an event stream", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: secret\n\n"},
      {"not JSON", answer_of("secret")},
      {"encoded, though identity was asked for", answer_of(kInvoice, "Content-Encoding: gzip\r\n")},
      {"a part", answer_of(kInvoice, "Content-Range: bytes 0-9/90\r\n")},
      {"a part by its status",
       "HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
      {"not modified, though nobody asked", "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {"a duplicate member", answer_of(R"({"notes":"a","notes":"secret"})")},
      {"two texts", answer_of(R"({} {"notes":"secret"})")},
      {"another charset",
       "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n\r\n{}"},
      {"a script",
       "HTTP/1.1 200 OK\r\nContent-Type: application/javascript\r\nContent-Length: 8\r\n\r\nf({a:1})"},
      {"too large", answer_of(R"({"id":"inv-1"})" + big)},
      {"too large, in chunks",
       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
           fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", big.size(), big)},
      {"an error page", "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nsecret"},
  };
  for (const auto& [what, bytes] : answers) {
    start_plain(bytes);
    const auto answer = send();
    EXPECT_EQ(answer.status, 403) << what;
    EXPECT_THAT(answer.body, HasSubstr(R"("reason":"obligation_unmet")")) << what;
    EXPECT_THAT(answer.body, HasSubstr("which cannot be done here")) << what;
    EXPECT_THAT(answer.body, Not(HasSubstr("secret"))) << what;
    EXPECT_EQ(records().back(), "obligations.unmet") << what;
    EXPECT_NE(why(), "") << what;
  }
}

TEST_F(ObligedTest, AnErrorOfTheApiInJsonIsCutToo) {
  start_plain(
      "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: 36\r\n\r\n"
      R"({"title":"no", "notes":"see inv-2"} )");
  const auto answer = send();
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, R"({"title":"no"})");
}

TEST_F(ObligedTest, AnAnswerWithoutABodyHasNothingToCut) {
  start_plain("HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n");
  auto answer = send();
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.headers.contains("ETag"));
  start_plain(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 105\r\nETag: \"a\"\r\n\r\n");
  answer = send("HEAD /invoices/inv-1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.headers.contains("ETag"));
  EXPECT_NE(answer.headers.find("Content-Length"), "105");
}

TEST_F(ObligedTest, TroubleOfTheApiIsToldAsEver) {
  start_plain("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"notes\":");
  EXPECT_EQ(word(send()), "502 upstream_broken");
  start_plain("hello\r\n\r\n");
  EXPECT_EQ(word(send()), "502 upstream_malformed");
}

TEST_F(ObligedTest, NothingGoesOutWithoutTheRecordThatItWasCut) {
  const testing::Upstream breaks([this](const http::Request&) {
    world.audit.broken = true;
    return http::json_response(200, std::string(kInvoice));
  });
  const testing::Gateway front(world, breaks.port(), options);
  EXPECT_EQ(word(front.send(head("GET /invoices/inv-1", world.token()))), "503 audit_unavailable");
  world.audit.broken = false;
}

TEST_F(ObligedTest, ARequestsBodyReachesTheApiAndItsAnswerIsCut) {
  const testing::Upstream api([](const http::Request& request) {
    return http::json_response(201, R"({"was":")" + std::to_string(request.body.size()) + R"(","notes":1})");
  });
  const testing::Gateway front(world, api.port(), options);
  const std::string body(300'000, 'x');
  const auto answer = front.send(
      head("PUT /invoices/inv-1", world.token(), fmt::format("Content-Length: {}\r\n", body.size())) + body);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, R"({"was":"300000"})");
}

// ---- where the answer decides, too ----

TEST_F(ObligedTest, WhatTheAnswerDecidesIsCutToo) {
  start(answer_of(kInvoice, "ETag: \"a\"\r\n"));
  const auto answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kLeft);
  EXPECT_FALSE(answer.headers.contains("ETag"));
  EXPECT_EQ(records(), (Records{"api.asked", "permit"}));
  EXPECT_EQ(world.audit.lines()[1].find("obligations")->dump(), R"({"redact":["/card/number","/notes"]})");
}

TEST_F(ObligedTest, OfAListEachElementIsCutByItsOwnPermits) {
  world.policies = testing::compiled(R"(
    @id("all") permit (principal, action, resource is Billing::Invoice);
    @id("b") @redact("/notes") permit (principal is Writ::User, action, resource == Billing::Invoice::"b");)");
  start(answer_of(
      R"({"items":[{"id":"a","tenant":"north","notes":1},{"id":"b","tenant":"north","notes":2}]})"));
  EXPECT_EQ(get("/invoices").body,
            R"({"items":[{"id":"a","tenant":"north","notes":1},{"id":"b","tenant":"north"}]})");
  EXPECT_EQ(world.audit.lines().back().find("obligations")->dump(), R"({"redact":["/notes"]})");
}

// ---- faces ----

TEST_F(ObligedTest, AFaceThatFulfilsNothingIsRefused) {
  const auto request = testing::request(world.token());
  auto question = testing::asked(request);
  EXPECT_EQ(testing::word(world.enforcer.enforce(question)), "403 obligation_unmet");
  question.fulfils = true;
  const auto permit = world.enforcer.enforce(question);
  ASSERT_TRUE(permit);
  EXPECT_EQ(permit->obligations()->to_json().dump(), R"({"redact":["/card/number","/notes"]})");
}

}  // namespace
}  // namespace writ::gateway::obliged_test
