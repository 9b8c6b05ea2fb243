#include "gateway/refusal_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json.h"
#include "gateway/refusal.h"

namespace writ::gateway::refusal_form_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RefusalForm asked(std::string_view accept) {
  return form_asked_for({{"Accept", accept}});
}

http::Response refused(std::string message = "the task has ended") {
  return refusal_response({Reason::kTaskEnded, std::move(message), "Writ::Agent::\"a\"", {}, {}}, "r-1");
}

TEST(RefusalForm, ProgramsGetJson) {
  EXPECT_EQ(form_asked_for({}), RefusalForm::kJson);
  EXPECT_EQ(asked("*/*"), RefusalForm::kJson);
  EXPECT_EQ(asked("application/json, text/plain, */*"), RefusalForm::kJson);
  EXPECT_EQ(asked("text/*"), RefusalForm::kJson);
  EXPECT_EQ(asked("text/html;q=0.5, application/json"), RefusalForm::kJson);
}

TEST(RefusalForm, ABrowserGetsAPage) {
  EXPECT_EQ(asked("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
            RefusalForm::kPage);
  EXPECT_EQ(asked("TEXT/HTML"), RefusalForm::kPage);
  EXPECT_EQ(form_asked_for({{"Accept", "image/png"}, {"accept", "text/html"}}), RefusalForm::kPage);
}

TEST(RefusalForm, AProblemIsGivenToWhoNamesIt) {
  EXPECT_EQ(asked("application/problem+json"), RefusalForm::kProblem);
  EXPECT_EQ(asked("application/problem+json, application/json;q=0.9"), RefusalForm::kProblem);
  EXPECT_EQ(asked("application/problem+json, application/json"), RefusalForm::kJson);
  EXPECT_EQ(asked("application/*"), RefusalForm::kJson);
}

TEST(RefusalForm, AListThatIsTooLongIsNotRead) {
  std::string list = "text/html";
  while (list.size() < 1000) list += ", a/b";
  EXPECT_EQ(asked(list), RefusalForm::kPage);
  EXPECT_EQ(asked(list + std::string(30, ' ')), RefusalForm::kJson);
  EXPECT_EQ(form_asked_for({{"Accept", list}, {"Accept", list}}), RefusalForm::kJson);
}

TEST(RefusalForm, WhatIsNotAWeightAsksForNothing) {
  for (const auto* weight : {"q=0", "q=0.000", "q=2", "q=1.5", "q=-1", "q=abc", "q=", "q=0.0001", "q=1e3"})
    EXPECT_EQ(asked(std::string("text/html;") + weight), RefusalForm::kJson) << weight;
}

TEST(RefusalForm, APageSaysWhatTheJsonSays) {
  const auto page = in_form(RefusalForm::kPage, refused());
  EXPECT_EQ(page.status, 403);
  EXPECT_EQ(page.headers.find("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(std::string(*page.headers.find("Content-Security-Policy")), HasSubstr("default-src 'none'"));
  EXPECT_EQ(page.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(page.headers.find("Vary"), "Accept");
  EXPECT_THAT(page.body, HasSubstr("the task has ended"));
  EXPECT_THAT(page.body, HasSubstr("<code>task_ended</code>"));
  EXPECT_THAT(page.body, HasSubstr("<code>r-1</code>"));
}

TEST(RefusalForm, WhatAStrangerWroteIsNotMarkupOnAPage) {
  const auto page = in_form(RefusalForm::kPage, refused("no `<img src=x onerror=alert(1)>` here"));
  EXPECT_THAT(page.body, Not(HasSubstr("<img")));
  EXPECT_THAT(page.body, HasSubstr("&lt;img src=x"));
}

TEST(RefusalForm, AProblemKeepsTheMembersThatProgramsKnow) {
  const auto problem = in_form(RefusalForm::kProblem, refused());
  EXPECT_EQ(problem.headers.find("Content-Type"), "application/problem+json");
  const auto body = codec::parse_json(problem.body).value();
  EXPECT_EQ(*body.find_string("type"), "urn:writ:problem:task_ended");
  EXPECT_EQ(*body.find_string("title"), "Forbidden");
  EXPECT_EQ(*body.find("status"), codec::Json(403));
  EXPECT_EQ(*body.find_string("detail"), "the task has ended");
  EXPECT_EQ(*body.find_string("error"), "access_denied");
  EXPECT_EQ(*body.find_string("request_id"), "r-1");
}

TEST(RefusalForm, AChallengeStaysInEachForm) {
  const auto answer =
      in_form(RefusalForm::kPage, refusal_response({Reason::kTokenExpired, "old", {}, {}, {}}, "r"));
  EXPECT_EQ(answer.status, 401);
  EXPECT_TRUE(answer.headers.contains("WWW-Authenticate"));
}

TEST(RefusalForm, WhatIsNotWritsOwnJsonIsLeftAsItIs) {
  const auto text = in_form(RefusalForm::kPage, http::text_response(200, "{\"error\":\"x\"}"));
  EXPECT_EQ(text.body, "{\"error\":\"x\"}");
  const auto good = in_form(RefusalForm::kPage, http::json_response(200, "{\"error\":\"x\"}"));
  EXPECT_EQ(good.body, "{\"error\":\"x\"}");
  const auto list = in_form(RefusalForm::kPage, http::json_response(400, "[1]"));
  EXPECT_EQ(list.body, "[1]");
}

TEST(RefusalForm, GrpcIsToldByItsType) {
  for (const auto* type : {"application/grpc", "application/grpc+proto", "Application/GRPC;x=1"})
    EXPECT_TRUE(is_grpc({{"Content-Type", type}})) << type;
  for (const auto* type : {"application/grpc-web", "application/grpc-web+proto", "application/json", ""})
    EXPECT_FALSE(is_grpc({{"Content-Type", type}})) << type;
  EXPECT_FALSE(is_grpc({}));
}

TEST(RefusalForm, GrpcHasAStatusOfItsOwnAndTheReasonInItsMessage) {
  const auto answer = in_form(RefusalForm::kGrpc, refused("the task has ended: 100 %\r\n\xc3\xa9"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.headers.find("content-type"), "application/grpc");
  EXPECT_EQ(answer.headers.find("grpc-status"), "7");
  EXPECT_EQ(answer.headers.find("grpc-message"), "task_ended: the task has ended: 100 %25%0D%0A%C3%A9");
  EXPECT_EQ(answer.headers.find("writ-reason"), "task_ended");
  EXPECT_EQ(answer.headers.find(kRequestIdHeader), "r-1");
}

TEST(RefusalForm, EveryRefusalHasAGrpcStatusThatIsNotOk) {
  const std::vector<std::pair<int, const char*>> all{{400, "13"}, {401, "16"}, {403, "7"},  {404, "12"},
                                                     {405, "12"}, {413, "2"},  {429, "14"}, {500, "2"},
                                                     {502, "14"}, {503, "14"}, {504, "14"}};
  for (const auto& [status, expected] : all) {
    const auto answer = in_form(RefusalForm::kGrpc, error_answer(status, "code", "why", "r-1"));
    EXPECT_EQ(answer.headers.find("grpc-status"), expected) << status;
    // For want of memory a refusal may be a status alone.
    EXPECT_EQ(in_form(RefusalForm::kGrpc, {.status = status, .headers = {}, .body = {}})
                  .headers.find("grpc-status"),
              expected);
  }
}

}  // namespace
}  // namespace writ::gateway::refusal_form_test
