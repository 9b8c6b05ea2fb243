// Upstreams over HTTP/2 that flood, or play with windows and time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>

#include "http/testing/client_http2.h"

namespace writ::http::client_http2_attacks_test {
namespace {

using ::testing::HasSubstr;
using namespace testing;
using namespace std::chrono_literals;

class ClientHttp2Attacks : public ClientHttp2Test {};

// ---- floods ----

TEST_F(ClientHttp2Attacks, FloodsOfAnUpstreamEndItsConnection) {
  using Step = void (*)(Http2Upstream::Connection&, std::uint32_t);
  const std::vector<std::pair<const char*, Step>> floods{
      {"CONTINUATION",
       [](auto& to, auto id) {
         to.frame(testing::kHeadersFrame, 0, id, testing::block_of(kOk));
         for (int i = 0; i < 100; ++i) to.frame(testing::kContinuationFrame, 0, id, "");
       }},
      {"a block without end",
       [](auto& to, auto id) {
         to.frame(testing::kHeadersFrame, 0, id, testing::block_of(kOk));
         for (int i = 0; i < 8; ++i)
           to.frame(testing::kContinuationFrame, 0, id, testing::block_of({{"x", std::string(16'000, 'x')}}));
       }},
      {"PING",
       [](auto& to, auto) {
         for (int i = 0; i < 3000; ++i) to.frame(testing::kPingFrame, 0, 0, "12345678");
       }},
      {"SETTINGS",
       [](auto& to, auto) {
         for (int i = 0; i < 500; ++i) to.frame(testing::kSettingsFrame, 0, 0, "");
       }},
      {"empty DATA",
       [](auto& to, auto id) {
         to.headers(id, kOk);
         for (int i = 0; i < 500; ++i) to.data(id, "", false);
       }},
      {"WINDOW_UPDATE",
       [](auto& to, auto) {
         for (int i = 0; i < 3000; ++i) to.frame(testing::kWindowFrame, 0, 0, testing::bytes_of(1));
       }},
      {"a window that is too large",
       [](auto& to, auto) {
         for (int i = 0; i < 2; ++i) to.frame(testing::kWindowFrame, 0, 0, testing::bytes_of(0x7fffffff));
       }},
      {"a push",
       [](auto& to, auto id) {
         to.frame(5, testing::kEndHeadersFlag, id,
                  testing::bytes_of(2) + testing::block_of(testing::get_fields("/pushed")));
       }},
      {"more than the window takes",
       [](auto& to, auto id) {
         to.headers(id, kOk);
         for (int i = 0; i < 500; ++i) to.data(id, std::string(16'000, 'x'), false);
       }},
  };
  for (const auto& [name, flood] : floods) {
    Http2Upstream peer([&, step = flood](Http2Upstream::Connection& to) {
      step(to, to.request().id);
      to.wait_for_end();
    });
    // Nobody reads the answer's body.
    auto held = std::make_shared<UpstreamCall>();
    std::promise<std::string> ended;
    const auto upstream = at({peer.port()});
    auto& by = client();
    loops_.post(0, [&, held] {
      *held = UpstreamCall::open(by, *upstream, request_of("GET", 0));
      held->read_head([&, held](CallResult<InboundHead> head) {
        if (!head) return ended.set_value(Calling::word(head.error()));
        // What has come of its body meanwhile is an error at the latest behind its first piece.
        auto* waiting = &ended;
        loops_.post_after(0, 50ms, [held, waiting] {
          held->read_body([held, waiting](CallResult<std::string_view> piece) {
            if (!piece) return waiting->set_value(Calling::word(piece.error()));
            held->read_body([waiting](CallResult<std::string_view> next) {
              waiting->set_value(next ? "a body" : Calling::word(next.error()));
            });
          });
        });
      });
    });
    EXPECT_THAT(ended.get_future().get(), HasSubstr("malformed")) << name;
    loops_.run(0, [&] { *held = {}; });
  }
}

// ---- windows ----

TEST_F(ClientHttp2Attacks, AnAnswerThatNobodyReadsTakesNoMoreThanItsWindowAndHoldsUpNoOther) {
  std::atomic<std::size_t> sent = 0;
  std::promise<void> full;
  Http2Upstream peer([&](Http2Upstream::Connection& to) {
    const auto slow = to.request().id;
    to.headers(slow, kOk);
    for (std::size_t left = 65'535; left > 0;) {
      const auto part = std::min<std::size_t>(left, 16'000);
      to.data(slow, std::string(part, 'x'), false);
      left -= part;
      sent += part;
    }
    EXPECT_TRUE(to.ping());
    EXPECT_FALSE(to.window_was_given(slow));
    full.set_value();
    const auto other = to.request().id;
    to.headers(other, kOk);
    to.data(other, "other", true);
    // It ends with its stream, or with the whole connection.
    const auto code = to.reset_of(slow);
    EXPECT_TRUE(!code || *code == kCancelCode);
    to.wait_for_end();
  });
  const auto upstream = at({peer.port()});
  auto slow = std::make_shared<UpstreamCall>();
  auto& by = client();
  loops_.run(0, [&] { *slow = UpstreamCall::open(by, *upstream, request_of("GET", 0)); });
  full.get_future().get();
  EXPECT_EQ(sent, 65'535u);
  EXPECT_EQ(send(upstream), "200 other");
  loops_.run(0, [&] { *slow = {}; });
}

TEST_F(ClientHttp2Attacks, AWindowThatStaysShutIsATimeout) {
  client({.write_timeout = 50ms});
  Http2Upstream peer(
      [](Http2Upstream::Connection& to) {
        to.headers(to.request().id, kOk, true);
        to.wait_for_end();
      },
      // SETTINGS_INITIAL_WINDOW_SIZE
      std::string("\0\4", 2) + testing::bytes_of(0));
  const auto upstream = at({peer.port()});
  EXPECT_EQ(send(upstream), "200 ");  // and its SETTINGS are there
  EXPECT_THAT(send(upstream, "POST", {"x"}), HasSubstr("did not take the request in time"));
}

TEST_F(ClientHttp2Attacks, AnUpstreamThatDoesNotAnswerInTimeIsAskedAndThenLeft) {
  client({.connect_timeout = 200ms});
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    if (to.number() == 0) return to.say_nothing();
    to.headers(to.request().id, kOk, true);
    to.wait_for_end();
  });
  const auto upstream = at({peer.port()});
  auto request = request_of("GET", 0);
  request.timeouts.first_byte = 50ms;
  EXPECT_THAT(begin(upstream, std::move(request)).get(), ::testing::StartsWith("timeout unanswered"));
  // Without its answer to PING, nothing more goes there.
  EXPECT_EQ(send(upstream), "200 ");
}

}  // namespace
}  // namespace writ::http::client_http2_attacks_test
