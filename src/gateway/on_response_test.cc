#include "gateway/on_response.h"

#include <future>
#include <gtest/gtest.h>

#include "gateway/testing/answers.h"

namespace writ::gateway::on_response_test {
namespace {

using testing::answer_of;
using testing::head;
using testing::word;
using Records = std::vector<std::string>;

constexpr std::string_view kOurs = R"({"id":"inv-1", "tenant":"north","amount":  480.10})";

class OnResponseTest : public testing::AnswersTest {
 protected:
  // All of an answer but what is different in each: the request's id.
  static std::string without_id(const http::testing::RawResponse& response) {
    auto text = response.head + response.body;
    const auto id = response.headers.find(kRequestIdHeader).value_or("");
    EXPECT_EQ(id.size(), 22u) << text;
    for (auto at = text.find(id); at != text.npos; at = text.find(id)) text.replace(at, id.size(), "ID");
    if (const auto date = text.find("Date: "); date != text.npos)
      text.erase(date, text.find('\r', date) - date);
    return text;
  }
};

TEST_F(OnResponseTest, WhatTheApiSaysOfItsResourceDecidesAndTheSameBytesGoOut) {
  start(answer_of(kOurs, "X-Api: yes\r\nCache-Control: max-age=60\r\nExpires: Sat\r\n"));
  const auto answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kOurs);
  EXPECT_EQ(answer.headers.find("X-Api"), "yes");
  EXPECT_EQ(answer.headers.find("Cache-Control"), "no-store");
  EXPECT_FALSE(answer.headers.contains("Expires"));
  EXPECT_EQ(records(), (Records{"api.asked", "permit"}));
  EXPECT_EQ(world.audit.lines()[1].find("attributes")->dump(), R"({"tenant":"north"})");
  EXPECT_EQ(*world.audit.lines()[0].find_string("request_id"), answer.headers.find(kRequestIdHeader));
}

TEST_F(OnResponseTest, AnInvoiceOfAnotherTenantIsRefused) {
  start(answer_of(R"({"id":"inv-1","tenant":"south"})"));
  EXPECT_EQ(word(get()), "403 access_denied");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/tenant_mismatch"}));
}

TEST_F(OnResponseTest, EveryRefusalLooksTheSameWhateverTheApiSaid) {
  start(answer_of(R"({"id":"inv-1","tenant":"south"})"));
  const auto refused = without_id(get());
  ASSERT_NE(refused.find("policy_no_permit"), refused.npos) << refused;
  const std::string big(2 << 20, ' ');
  const std::pair<std::string_view, std::string> answers[] = {
      {"not there", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-Secret: 1\r\n\r\nno"},
      {"the API's own refusal", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
      {"broken", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
      {"a redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n"},
      {"not modified", "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"a part", answer_of(kOurs, "Content-Range: bytes 0-9/90\r\n")},
      {"encoded, though identity was asked for", answer_of(kOurs, "Content-Encoding: gzip\r\n")},
      {"not JSON by its type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}"},
      {"no type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
      {"not JSON", answer_of("<html>")},
      {"a list", answer_of("[]")},
      {"a duplicate member", answer_of(R"({"id":"inv-1","tenant":"south","tenant":"north"})")},
      {"a member that others read as the same",
       answer_of(R"({"id":"inv-1","tenant":"north","Tenant":"south"})")},
      {"nothing of what decides", answer_of(R"({"id":"inv-1"})")},
      {"null for what decides", answer_of(R"({"id":"inv-1","tenant":null})")},
      {"another kind of value", answer_of(R"({"id":"inv-1","tenant":{"a":1}})")},
      {"a number with a fraction", answer_of(R"({"id":"inv-1","tenant":1.5})")},
      {"another id", answer_of(R"({"id":"inv-2","tenant":"north"})")},
      {"no id", answer_of(R"({"tenant":"north"})")},
      {"too large", answer_of(R"({"id":"inv-1","tenant":"north"})" + big)},
      {"too large, in chunks",
       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
           fmt::format("{:x}\r\n{}\r\n", big.size(), big) + "0\r\n\r\n"},
      {"broken off", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"},
      {"not HTTP", "hello\r\n\r\n"},
      {"nothing", ""},
  };
  for (const auto& [what, answer] : answers) {
    start(answer);
    EXPECT_EQ(without_id(get()), refused) << what;
    EXPECT_EQ(records().back(), "deny/facts_unavailable") << what;
  }
}

TEST_F(OnResponseTest, AnAnswerThatNeverEndsIsRefusedLikeAnyOther) {
  options.answer_deadline = std::chrono::milliseconds(300);
  std::promise<void> end;
  start([ended = end.get_future().share()](int socket) {
    testing::ScriptedUpstream::write(socket,
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                     "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
    ended.wait();
  });
  EXPECT_EQ(word(get()), "403 access_denied");
  EXPECT_EQ(records().back(), "deny/facts_unavailable");
  end.set_value();
}

TEST_F(OnResponseTest, AnApiThatCannotBeReachedSaysNothingOfAResourceAndIsNamed) {
  start(answer_of(kOurs));
  world.current.replace(routes(http::testing::free_port()));
  EXPECT_EQ(word(get()), "502 upstream_unreachable");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/facts_unavailable"}));
}

TEST_F(OnResponseTest, TheApiIsAskedForAllOfItAsItIs) {
  start(answer_of(kOurs));
  EXPECT_EQ(get("/invoices/inv-1",
                "Range: bytes=0-1\r\nIf-None-Match: \"a\"\r\nIf-Match: *\r\nIf-Range: "
                "\"a\"\r\nAccept-Encoding: gzip\r\n"
                "If-Modified-Since: Sat, 28 Nov 2026 00:00:00 GMT\r\nAccept-Language: de\r\n")
                .status,
            200);
  const auto asked = seen().at(0);
  EXPECT_TRUE(asked.starts_with("GET /invoices/inv-1 HTTP/1.1\r\n")) << asked;
  for (const auto* gone : {"Range:", "If-", "gzip", "Authorization"})
    EXPECT_EQ(asked.find(gone), asked.npos) << asked;
  for (const auto* there : {"Accept-Encoding: identity\r\n", "Accept-Language: de\r\n", "Writ-Context: "})
    EXPECT_NE(asked.find(there), asked.npos) << asked;
}

TEST_F(OnResponseTest, HeadIsAskedAsGetAndHasTheLengthOfWhatGetGives) {
  start(answer_of(kOurs));
  const auto permitted = gateway->send(head("HEAD /invoices/inv-1", world.token(), "Connection: close\r\n"));
  EXPECT_EQ(permitted.status, 200);
  EXPECT_EQ(permitted.headers.find("Content-Length"), std::to_string(kOurs.size()));
  EXPECT_TRUE(seen().at(0).starts_with("GET ")) << seen().at(0);
}

TEST_F(OnResponseTest, ALengthOfARefusedHeadTellsNothing) {
  std::vector<std::string> lengths;
  for (const auto& answer :
       {answer_of(R"({"id":"inv-1","tenant":"south"})"), answer_of(std::string(900, '[')),
        std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 77\r\n\r\n")}) {
    start(answer);
    const auto refused = gateway->send(head("HEAD /invoices/inv-1", world.token(), "Connection: close\r\n"));
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, "");
    lengths.emplace_back(refused.headers.find("Content-Length").value_or(""));
  }
  EXPECT_EQ(lengths[0], lengths[1]);
  EXPECT_EQ(lengths[0], lengths[2]);
}

TEST_F(OnResponseTest, AGuardRefusesBeforeTheApiIsAsked) {
  start(answer_of(kOurs));
  auto claims = world.claims();
  claims.audience = "https://other.example";
  EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", world.token(claims))).status, 401);
  EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", "")).status, 401);
  EXPECT_EQ(records(), (Records{"deny/audience_mismatch", "deny/token_missing"}));
  EXPECT_TRUE(seen().empty());
}

TEST_F(OnResponseTest, APolicyThatNeedsNoneOfTheAnswerRefusesBeforeTheApiIsAsked) {
  start(answer_of(R"({"id":"sealed","tenant":"north"})"));
  EXPECT_EQ(get("/invoices/sealed").status, 403);
  auto claims = world.claims();
  claims.client_id = "marketing-app";
  EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", world.token(claims))).status, 403);
  EXPECT_EQ(records(), (Records{"deny/policy_forbid", "deny/policy_no_permit"}));
  EXPECT_TRUE(seen().empty());
}

TEST_F(OnResponseTest, NothingIsAskedWithoutItsRecord) {
  start(answer_of(kOurs));
  world.audit.broken = true;
  EXPECT_EQ(word(get()), "503 audit_unavailable");
  EXPECT_TRUE(seen().empty());
}

TEST_F(OnResponseTest, NothingGoesOutWithoutTheRecordOfTheDecision) {
  start([this](int socket) {
    world.audit.broken = true;
    testing::ScriptedUpstream::write(socket, answer_of(kOurs));
  });
  EXPECT_EQ(word(get()), "503 audit_unavailable");
  EXPECT_EQ(records(), Records{"api.asked"});
}

TEST_F(OnResponseTest, WhoIsStoppedWhileTheApiIsAskedGetsNothing) {
  start([this](int socket) {
    EXPECT_TRUE(world.directory.order("nora", inventory::Status::kSuspended).has_value());
    testing::ScriptedUpstream::write(socket, answer_of(kOurs));
  });
  EXPECT_EQ(word(get()), "403 access_denied");
  EXPECT_EQ(records(), (Records{"api.asked", "deny/subject_suspended"}));
}

TEST_F(OnResponseTest, AnAnswerThatIsAnotherEachTimeIsReadOnceAndGoesOutAsItWasDecidedOn) {
  auto times = std::make_shared<std::atomic<int>>(0);
  start([times](int socket) {
    const bool first = (*times)++ == 0;
    testing::ScriptedUpstream::write(
        socket, answer_of(first ? kOurs : R"({"id":"inv-1","tenant":"south","secret":1})"));
  });
  EXPECT_EQ(get().body, kOurs);
  EXPECT_EQ(times->load(), 1);
}

TEST_F(OnResponseTest, TheLastCallOfABudgetIsEnoughAndTheNextIsNotAsked) {
  const auto task = world.open_task(1);
  const auto claims = world.claims_in(*task);
  start(answer_of(kOurs));
  EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", world.token(claims))).status, 200);
  EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", world.token(claims))).status, 403);
  EXPECT_EQ(records(), (Records{"api.asked", "permit", "deny/budget_exceeded"}));
  EXPECT_EQ(seen().size(), 1u);
}

TEST_F(OnResponseTest, ARefusedAnswerHasTakenItsCall) {
  const auto task = world.open_task(1);
  const auto claims = world.claims_in(*task);
  start(answer_of(R"({"id":"inv-1","tenant":"south"})"));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(gateway->send(head("GET /invoices/inv-1", world.token(claims))).status, 403);
  EXPECT_EQ(records(), (Records{"api.asked", "deny/tenant_mismatch", "deny/budget_exceeded"}));
}

TEST_F(OnResponseTest, ARequestWithABodyIsRefused) {
  start(answer_of(kOurs));
  EXPECT_EQ(word(gateway->send(head("GET /invoices/inv-1", world.token(), "Content-Length: 2\r\n") + "{}")),
            "400 invalid_request");
  EXPECT_TRUE(seen().empty());
}

TEST_F(OnResponseTest, ALongAnswerIsReadElsewhereAndGoesOutAllTheSame) {
  const auto body =
      fmt::format(R"({{"id":"inv-1","tenant":"north","lines":"{}"}})", std::string(200'000, 'x'));
  start(answer_of(body));
  EXPECT_EQ(get().body, body);
}

}  // namespace
}  // namespace writ::gateway::on_response_test
