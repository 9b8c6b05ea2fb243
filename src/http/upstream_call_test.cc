#include "http/upstream_call.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "http/testing/loopback.h"
#include "http/upstream_keeper.h"

namespace writ::http::upstream_call_test {
namespace {

using testing::free_port;
using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using testing::TestServer;
using namespace std::chrono_literals;

std::string url(std::uint16_t port) {
  return fmt::format("http://127.0.0.1:{}", port);
}

void reset(int socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

// Keeps what it was sent, and answers with its name.
class Peer {
 public:
  explicit Peer(std::string name)
      : server_([this, name](Exchange exchange) {
          Exchange::read_whole_body(std::move(exchange), 0, [this, name](Exchange whole) {
            const auto& request = whole.request();
            {
              const std::lock_guard lock(mutex_);
              seen_.push_back(fmt::format("{} {} {} {}", request.method, request.target,
                                          request.headers.find("X-Sent").value_or("-"), request.body));
            }
            whole.respond(text_response(status, name));
          });
        }) {}
  std::uint16_t port() const { return server_.port(); }
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::atomic<int> status = 200;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
  TestServer server_;
};

class UpstreamCallTest : public ::testing::Test {
 protected:
  ~UpstreamCallTest() override {
    client_.reset();
    loops_.stop();
  }
  Client& client(ClientOptions options = {}) {
    if (!client_) client_ = std::make_unique<Client>(loops_, options);
    return *client_;
  }
  std::shared_ptr<Upstream> of(const std::vector<std::string>& urls, UpstreamOptions options = {}) {
    options.tell = [](const std::string&) {};
    return Upstream::make("invoices", urls, std::move(options)).value();
  }

  // One request, whole: "200 body", or what failed.
  std::string send(const std::shared_ptr<Upstream>& upstream, std::string method = "GET",
                   std::string body = {}, bool chunked = false) {
    auto sending = std::make_shared<Sending>();
    sending->body = std::move(body);
    auto result = sending->result.get_future();
    auto& by = client();
    loops_.post(0, [=, &by, this] {
      if (before_) before_();
      const bool has_body = !sending->body.empty();
      Outbound request{
          .method = method, .target = "/a?b", .headers = {{"X-Sent", "this"}}, .has_body = has_body};
      if (has_body && !chunked) request.content_length = sending->body.size();
      sending->call = UpstreamCall::open(by, *upstream, std::move(request));
      sending->begin(has_body);
    });
    return result.get();
  }

  struct Sending : std::enable_shared_from_this<Sending> {
    std::string body, got;
    UpstreamCall call;
    std::promise<std::string> result;
    int answers = 0;

    void finish(std::string word) {
      call = {};
      result.set_value(std::move(word));
    }
    void begin(bool has_body) {
      if (has_body)
        call.write_body(body, [self = shared_from_this()](CallResult<void> sent) {
          if (sent && self->call) self->call.finish_body([self](const CallResult<void>&) {});
        });
      call.read_head([self = shared_from_this()](CallResult<InboundHead> head) {
        if (!head) return self->finish(word(head.error()));
        self->got = fmt::format("{} ", head->status);
        self->read_on();
      });
    }
    void read_on() {
      call.read_body([self = shared_from_this()](CallResult<std::string_view> piece) {
        if (!piece) return self->finish(self->got + word(piece.error()));
        if (piece->empty()) return self->finish(self->got);
        self->got.append(*piece);
        self->read_on();
      });
    }
    static std::string word(const CallError& error) {
      static constexpr const char* kWords[] = {"unreachable", "timeout", "broken", "malformed", "overloaded"};
      return kWords[static_cast<int>(error.kind)];
    }
  };

  // Sends until the first address of the two was asked; the answers.
  std::vector<std::string> send_to_both(const std::shared_ptr<Upstream>& upstream, const std::string& method,
                                        const std::string& body = {}) {
    return {send(upstream, method, body), send(upstream, method, body)};
  }

  Loops loops_{1};
  std::function<void()> before_;  // on the loop, before it sends
  std::unique_ptr<Client> client_;
};

TEST_F(UpstreamCallTest, WhatNobodyWasSentGoesToAnotherAddressWhateverItsMethod) {
  const Peer good("good");
  auto upstream = of({url(free_port()), url(good.port())});
  EXPECT_THAT(send_to_both(upstream, "GET"), ::testing::Each("200 good"));
  EXPECT_THAT(send_to_both(upstream, "POST", "pay 100"), ::testing::Each("200 good"));
  EXPECT_EQ(good.seen(), (std::vector<std::string>{"GET /a?b this ", "GET /a?b this ",
                                                   "POST /a?b this pay 100", "POST /a?b this pay 100"}));
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).retries, 2u);
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).in_flight, 0u);
}

TEST_F(UpstreamCallTest, ABodyOfUnknownLengthIsForwardedWholeToAnotherAddress) {
  const Peer good("good");
  auto upstream = of({url(free_port()), url(good.port())});
  const std::string body(100'000, 'x');
  EXPECT_EQ(send(upstream, "POST", body, true), "200 good");
  EXPECT_EQ(send(upstream, "POST", body, true), "200 good");
  EXPECT_EQ(good.seen(), (std::vector<std::string>(2, "POST /a?b this " + body)));
}

TEST_F(UpstreamCallTest, WhatWasNotAnsweredIsSentAgainIfItsMethodIsIdempotentAndItHasNoBody) {
  for (const auto* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"}) {
    for (const std::string body : {"", "body"}) {
      if (!body.empty() && std::string_view(method) == "HEAD") continue;
      std::atomic<int> heads = 0;
      ScriptedUpstream bad([&](int socket, int) {
        if (!ScriptedUpstream::read_head(socket).empty()) ++heads;
        reset(socket);
      });
      const Peer good("good");
      auto upstream = of({url(bad.port()), url(good.port())}, {.ejection = {.failures = 0}});
      const bool again =
          body.empty() && std::string_view(method) != "POST" && std::string_view(method) != "PATCH";
      const auto answers = send_to_both(upstream, method, body);
      const auto broken = std::ranges::count(answers, "broken");
      EXPECT_EQ(broken, again ? 0 : 1) << method << " " << body << " " << answers[0] << ", " << answers[1];
      EXPECT_EQ(heads, 1) << method << " " << body;
      EXPECT_EQ(good.seen().size(), again ? 2u : 1u) << method << " " << body;
    }
  }
}

TEST_F(UpstreamCallTest, AnAnswerThatHasBegunIsNeverReplaced) {
  for (const auto* begun : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nConte",
                            "HTTP/1.1 100 Continue\r\n\r\n"}) {
    ScriptedUpstream bad([&](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, begun);
    });
    const Peer good("good");
    auto upstream = of({url(bad.port()), url(good.port())});
    EXPECT_THAT(send_to_both(upstream, "GET"),
                ::testing::UnorderedElementsAre("200 good", HasSubstr("broken")))
        << begun;
    EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).retries, 0u);
  }
}

TEST_F(UpstreamCallTest, WhatIsNotHttpOrTakesTooLongIsNotSentAgain) {
  client({.read_timeout = 100ms});
  const Peer good("good");
  {
    ScriptedUpstream bad([&](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, "SSH-2.0-OpenSSH\r\n\r\n");
    });
    EXPECT_THAT(send_to_both(of({url(bad.port()), url(good.port())}), "GET"),
                ::testing::UnorderedElementsAre("200 good", "malformed"));
  }
  std::promise<void> end;
  ScriptedUpstream hung([ended = end.get_future().share()](int, int) { ended.wait(); });
  EXPECT_THAT(send_to_both(of({url(hung.port()), url(good.port())}), "GET"),
              ::testing::UnorderedElementsAre("200 good", "timeout"));
  end.set_value();
}

TEST_F(UpstreamCallTest, OverTheBudgetAFailureIsTheAnswer) {
  const Peer good("good");
  auto upstream = of({url(free_port()), url(good.port())},
                     {.ejection = {.failures = 0}, .retries = {.percent = 0, .per_second = 0}});
  EXPECT_THAT(send_to_both(upstream, "GET"), ::testing::UnorderedElementsAre("200 good", "unreachable"));
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).retries_over_budget, 1u);
  // The one who writes is told, and the one who reads: it is one refusal.
  EXPECT_THAT(send_to_both(upstream, "POST", "body"),
              ::testing::UnorderedElementsAre("200 good", "unreachable"));
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).retries_over_budget, 2u);
}

TEST_F(UpstreamCallTest, WithoutAnAddressThatAnswersTheLastFailureIsTheAnswer) {
  auto upstream = of({url(free_port()), url(free_port()), url(free_port())}, {.retries = {.most = 2}});
  EXPECT_EQ(send(upstream, "POST", "body"), "unreachable");
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).retries, 2u);
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).in_flight, 0u);
}

TEST_F(UpstreamCallTest, AnAddressThatBreaksOffInTheMiddleTimeAndAgainIsEjected) {
  ScriptedUpstream bad([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  });
  const Peer good("good");
  auto upstream = of({url(bad.port()), url(good.port())}, {.ejection = {.failures = 3}});
  int broken = 0;
  for (int i = 0; i < 20; ++i) broken += send(upstream).ends_with("broken") ? 1 : 0;
  EXPECT_EQ(broken, 3);
  EXPECT_TRUE(upstream->stats(std::chrono::steady_clock::now()).addresses[0].ejected);
}

TEST_F(UpstreamCallTest, OverMaxRequestsACallFailsAtOnceAndReachesNobody) {
  std::promise<void> begun, end;
  ScriptedUpstream slow([&begun, ended = end.get_future().share()](int socket, int connection) {
    ScriptedUpstream::read_head(socket);
    if (connection == 0) {
      begun.set_value();
      ended.wait();
    }
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  auto upstream = of({url(slow.port())}, {.max_requests = 1});
  auto first = std::async(std::launch::async, [&] { return send(upstream); });
  begun.get_future().wait();
  EXPECT_EQ(send(upstream, "POST", "body"), "overloaded");
  end.set_value();
  EXPECT_EQ(first.get(), "200 ok");
  EXPECT_EQ(upstream->stats(std::chrono::steady_clock::now()).refused, 1u);
}

// The loop has had no chance to notice the end: it is sent by what the loop is doing.
TEST_F(UpstreamCallTest, WhatMayBeSentOnlyOnceGoesToNoConnectionThatHasClosed) {
  std::atomic<bool> end = false, ended = false;
  ScriptedUpstream peer([&](int socket, int number) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (number > 0) return;
    while (!end) std::this_thread::yield();
    ::shutdown(socket, SHUT_RDWR);
    ended = true;
  });
  auto upstream = of({url(peer.port())});
  EXPECT_EQ(send(upstream), "200 ok");
  before_ = [&] {
    end = true;
    while (!ended) std::this_thread::yield();
  };
  EXPECT_EQ(send(upstream, "POST"), "200 ok");
  EXPECT_EQ(client().stats().connections_opened, 2u);
  EXPECT_EQ(client().stats().retries, 0u);
}

TEST_F(UpstreamCallTest, ASocketOfThisMachineIsAnUpstreamToo) {
  const auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("writ-{}.sock", getpid());
  std::filesystem::remove(path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.string().copy(name.sun_path, sizeof(name.sun_path) - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  std::string head;
  std::thread serving([&] {
    const int socket = ::accept(listener, nullptr, nullptr);
    for (int i = 0; i < 2; ++i) {
      head = ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    ::close(socket);
  });
  auto upstream = of({"unix:" + path.string()});
  EXPECT_EQ(send(upstream), "200 ok");
  EXPECT_EQ(send(upstream), "200 ok");
  serving.join();
  EXPECT_THAT(head, HasSubstr("GET /a?b HTTP/1.1\r\nHost: localhost\r\n"));
  EXPECT_EQ(client().stats().connections_opened, 1u) << "it is kept alive";
  ::close(listener);
  EXPECT_EQ(send(upstream, "POST", "x"), "unreachable");
  std::filesystem::remove(path);
}

// ---- the keeper ----

// Waits for what comes in the background.
template <class Condition>
bool comes(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST_F(UpstreamCallTest, ANameThatChangesIsFollowedAndAResolverThatHangsHoldsUpNobody) {
  // Both listen at the same port of different addresses of this machine.
  std::mutex mutex;
  Result<std::vector<std::string>> addresses = std::vector<std::string>{"127.0.0.1"};
  std::atomic<bool> hang = false, hanging = false;
  const Peer peer("here");
  auto upstream = of({fmt::format("http://orders.internal:{}", peer.port())}, {.refresh = 1ms});
  UpstreamKeeper keeper({.loops = loops_,
                         .client = client(),
                         .upstreams = [&] { return std::vector{upstream}; },
                         .resolve = [&](const std::string& host) -> Result<std::vector<std::string>> {
                           EXPECT_EQ(host, "orders.internal");
                           while (hang) {
                             hanging = true;
                             std::this_thread::sleep_for(1ms);
                           }
                           const std::lock_guard lock(mutex);
                           return addresses;
                         },
                         .every = 2ms});
  keeper.start();
  const auto first = [&] { return upstream->stats(std::chrono::steady_clock::now()).addresses.at(0).name; };
  ASSERT_TRUE(comes([&] { return first().starts_with("127.0.0.1:"); }));
  EXPECT_EQ(send(upstream), "200 here");
  {
    const std::lock_guard lock(mutex);
    addresses = std::vector<std::string>{"127.0.0.2"};  // nothing listens there
  }
  ASSERT_TRUE(comes([&] { return first().starts_with("127.0.0.2:"); }));
  EXPECT_EQ(send(upstream), "unreachable");
  {
    const std::lock_guard lock(mutex);
    addresses = std::vector<std::string>{"127.0.0.1"};
  }
  ASSERT_TRUE(comes([&] { return first().starts_with("127.0.0.1:"); }));
  hang = true;
  ASSERT_TRUE(comes([&] { return hanging.load(); }));
  EXPECT_EQ(send(upstream), "200 here");
  hang = false;
  keeper.stop();
}

TEST_F(UpstreamCallTest, AnAddressThatANameResolvesToIsStillHeldAgainstTheClientsRules) {
  const Peer peer("inside");
  AddressRules rules;
  ASSERT_TRUE(rules.allowed.add("127.0.0.1"));
  client({.rules = std::make_shared<const AddressRules>(rules)});
  auto upstream = of({fmt::format("http://orders.internal:{}", peer.port())});
  upstream->resolved(0, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(send(upstream), "200 inside");
  upstream->resolved(0, std::vector<std::string>{"169.254.169.254"});
  EXPECT_EQ(send(upstream), "unreachable");
  EXPECT_EQ(peer.seen().size(), 1u);
}

TEST_F(UpstreamCallTest, HealthChecksAreRequestsThatSeeWhatIsThere) {
  Peer one("one");
  const Peer two("two");
  auto upstream = of({url(one.port()), url(two.port())},
                     {.check = CheckOptions{
                          .path = "/health", .interval = 2ms, .timeout = 10s, .healthy = 2, .unhealthy = 2}});
  UpstreamKeeper keeper({.loops = loops_,
                         .client = client(),
                         .upstreams = [&] { return std::vector{upstream}; },
                         .every = 2ms});
  keeper.start();
  const auto up = [&] { return upstream->stats(std::chrono::steady_clock::now()).addresses.at(0).up; };
  ASSERT_TRUE(comes([&] { return !one.seen().empty(); }));
  EXPECT_THAT(one.seen().front(), HasSubstr("GET /health"));
  EXPECT_TRUE(up());
  one.status = 503;
  ASSERT_TRUE(comes([&] { return !up(); }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(send(upstream), "200 two");
  one.status = 204;
  ASSERT_TRUE(comes(up));
  keeper.stop();
}

TEST_F(UpstreamCallTest, AnAddressThatDoesNotAnswerItsCheckInTimeIsNotHealthy) {
  std::promise<void> end;
  ScriptedUpstream hung([ended = end.get_future().share()](int, int) { ended.wait(); });
  auto upstream = of({url(hung.port())},
                     {.check = CheckOptions{.path = "/", .interval = 2ms, .timeout = 20ms, .unhealthy = 2}});
  UpstreamKeeper keeper({.loops = loops_,
                         .client = client(),
                         .upstreams = [&] { return std::vector{upstream}; },
                         .every = 2ms});
  keeper.start();
  EXPECT_TRUE(comes([&] { return !upstream->stats(std::chrono::steady_clock::now()).addresses.at(0).up; }));
  keeper.stop();
  end.set_value();
}

TEST(ResolveName, LoopbackIsOneAddressAndWhatIsNoNameHasNone) {
  const auto found = resolve_name("localhost");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ::testing::Each(::testing::AnyOf("127.0.0.1", "::1")));
  EXPECT_FALSE(resolve_name("does-not-exist.invalid"));
}

}  // namespace
}  // namespace writ::http::upstream_call_test
