// Streams whose resource's facts were told on the way to their decision: by a source, or by the API itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "gateway/testing/answers.h"
#include "sources/testing/origin.h"

namespace writ::gateway::told_streams_test {
namespace {

using testing::chunk;
using testing::compiled;
using ::testing::EndsWith;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::head;
using testing::RawClient;
using testing::ScriptedUpstream;
using testing::World;
using namespace std::chrono_literals;

constexpr auto kLong = 30s;  // more than anything takes that is tested here
constexpr std::string_view kEvents =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kSchema =
    "namespace Billing { entity Invoice = { customer: String, tenant?: String }; }";
constexpr std::string_view kMine = R"(
@id("mine") permit (principal is Writ::User, action, resource is Billing::Invoice)
when { resource.customer == "nora" };
@id("portal") permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice);
)";

class ToldStreams : public ::testing::Test {
 protected:
  // Says what the invoice is; of its events one thing, and then nothing until the other side ends.
  void start(RouteSpec route, std::function<void(int)> events = quiet) {
    upstream = std::make_unique<ScriptedUpstream>([events = std::move(events)](int socket, int) {
      const auto asked = ScriptedUpstream::read_head(socket);
      if (asked.empty()) return;
      if (asked.starts_with("GET /invoices/inv-1/events ")) return events(socket);
      ScriptedUpstream::write(
          socket, testing::answer_of(R"({"id":"inv-1","tenant":"north","customer":"nora","notes":"long"})",
                                     "Connection: close\r\n"));
    });
    gateway = std::make_unique<Gateway>(world, upstream->port());
    route.upstream = "http://127.0.0.1:" + std::to_string(upstream->port());
    world.current.replace(std::make_shared<const Routes>(Routes::make({std::move(route)}).value()));
  }
  static void quiet(int socket) {
    ScriptedUpstream::write(socket, std::string(kEvents) + chunk("data: 1\n\n"));
    char byte = 0;
    ::recv(socket, &byte, 1, 0);
  }
  // Longer than it takes until a stream is decided again.
  static void for_a_while(int socket) {
    ScriptedUpstream::write(socket, std::string(kEvents));
    for (int i = 0; i < 15; ++i) {
      ScriptedUpstream::write(socket, chunk("data: 1\n\n"));
      std::this_thread::sleep_for(100ms);
    }
    ScriptedUpstream::write(socket, "0\r\n\r\n");
  }
  static RouteSpec route() {
    return {.method = "GET",
            .path = "/invoices/{invoice}/events",
            .api = "invoices",
            .action = {"Billing::Action", "read"},
            .resource_type = "Billing::Invoice",
            .resource_id = "{invoice}",
            .attributes = {},
            .upstream = {}};
  }
  RawClient open() const {
    RawClient client(gateway->port());
    client.send(head("GET /invoices/inv-1/events", world.token(), "Connection: close\r\n"));
    std::string got;
    while (got.find("data: ") == std::string::npos) {
      const auto more = client.read_some(1);
      if (more.empty()) break;
      got += more;
    }
    EXPECT_THAT(got, HasSubstr("data: "));
    return client;
  }
  std::string reason() const {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < deadline) {
      for (const auto& line : world.audit.lines())
        if (*line.find_string("type") == "stream.ended")
          return *codec::parse_json(*line.find_string("detail")).value().find_string("reason");
      std::this_thread::sleep_for(5ms);
    }
    return "it goes on";
  }

  World world;
  std::unique_ptr<ScriptedUpstream> upstream;
  std::unique_ptr<Gateway> gateway;
};

class StreamsOfASource : public ToldStreams {
 protected:
  StreamsOfASource() {
    auto policies = std::make_shared<decision::PolicySnapshot>(*compiled(kMine));
    policies->schema = cedar::schema_from_text(kSchema).value();
    world.policies = policies;
    sources::SourceSettings settings;
    settings.name = "ledger";
    settings.reading = {
        .type = "Billing::Invoice", .attributes = {"customer", "tenant"}, .needed = {"tenant"}};
    settings.max_age = Duration(0);
    source = std::make_shared<sources::AskedSource>(
        settings, std::make_unique<sources::testing::BookOrigin>(book), world.clock);
    auto sources = std::make_shared<sources::Sources>();
    sources->add(source);
    world.current.replace(std::shared_ptr<const sources::Sources>(std::move(sources)));
    book.put("inv-1", R"({"customer":"nora","tenant":"north"})");
  }
  ~StreamsOfASource() override {
    source->stop();
    world.current.replace(std::shared_ptr<const sources::Sources>());
    static_cast<void>(world.current.read());
    gateway.reset();
  }

  sources::testing::Book book;
  sources::SourcePtr source;
};

TEST_F(StreamsOfASource, AStreamGoesOnWhileItsSourceSaysTheSame) {
  start(route(), for_a_while);
  EXPECT_THAT(open().read_all(), EndsWith("0\r\n\r\n"));
  EXPECT_EQ(reason(), "finished");
  EXPECT_GT(book.asked().size(), 1u);
}

TEST_F(StreamsOfASource, AStreamEndsWhenItsSourceSaysSomethingElse) {
  start(route());
  auto client = open();
  book.put("inv-1", R"({"customer":"sofia","tenant":"north"})");
  EXPECT_EQ(reason(), "policy_no_permit");
}

TEST_F(StreamsOfASource, AStreamEndsWhenItsSourceIsDown) {
  start(route());
  auto client = open();
  book.fail(ErrorCode::kUnavailable);
  EXPECT_EQ(reason(), "facts_unavailable");
}

TEST_F(StreamsOfASource, WhileItsSourceIsSilentAStreamEndsForAllThatNeedsNoAnswer) {
  start(route());
  auto client = open();
  const auto before = book.asked().size();
  book.hold();
  book.wait_for(before + 1);
  ASSERT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended));
  EXPECT_EQ(reason(), "caller_suspended");
  book.release();
}

TEST_F(ToldStreams, AStreamGoesOnByWhatTheApiSaidBeforeIt) {
  world.policies = compiled(testing::kPoliciesOnAnswers);
  auto of = route();
  of.answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}}, .id = "/id", .read = "/invoices/{invoice}"};
  of.stream = true;
  start(of, for_a_while);
  EXPECT_THAT(open().read_all(), EndsWith("0\r\n\r\n"));
  EXPECT_EQ(reason(), "finished");
}

TEST_F(ToldStreams, AStreamEndsWhenAPolicyRefusesWhatTheApiSaidBeforeIt) {
  world.policies = compiled(testing::kPoliciesOnAnswers);
  auto of = route();
  of.answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}, {"customer", "/customer"}},
                         .id = "/id",
                         .read = "/invoices/{invoice}"};
  start(of);
  auto client = open();
  world.policies =
      compiled(std::string(testing::kPoliciesOnAnswers) +
               R"(@id("hers") forbid (principal, action, resource) when { resource.customer == "nora" };)");
  EXPECT_EQ(reason(), "policy_forbid");
}

}  // namespace
}  // namespace writ::gateway::told_streams_test
