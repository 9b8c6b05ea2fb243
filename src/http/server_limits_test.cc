// What strangers can exhaust of a server, and what each of them gets of it.
#include <gtest/gtest.h>
#include <mutex>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

#include "http/server.h"
#include "http/testing/loopback.h"

namespace writ::http::server_limits_test {
namespace {

using testing::exchange_raw;
using testing::RawClient;
using testing::TestServer;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

// Answers with the path, and the body where there is one.
void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    std::string body = whole.request().path + "|" + whole.request().body;
    whole.respond(text_response(200, std::move(body)));
  });
}

TEST(ServerLimits, OneSourceHasItsShareOfConnectionsAndNoMore) {
  ServerOptions options;
  options.max_connections = 10;
  options.max_connections_per_source = 2;
  TestServer server(echo, options);
  RawClient one(server.port(), "127.0.1.1"), two(server.port(), "127.0.1.1");
  for (auto* client : {&one, &two}) {
    client->send(kGet);
    EXPECT_EQ(client->read_response().status, 200);
  }
  RawClient three(server.port(), "127.0.1.1");
  three.send(kGet);
  const auto response = three.read_response();
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.find("retry-after"), "1");
  EXPECT_TRUE(three.closed());
  RawClient other(server.port(), "127.0.1.2");
  other.send(kGet);
  EXPECT_EQ(other.read_response().status, 200);
  EXPECT_EQ(server.stats().connections_over_source_limit, 1u);
}

TEST(ServerLimits, AProxyOfTheOperatorsHasNoShare) {
  ServerOptions options;
  options.max_connections_per_source = 1;
  ASSERT_TRUE(options.proxies.add("127.0.1.0/24"));
  TestServer server(echo, options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(server.port(), "127.0.1.9");
    clients.back().send(kGet);
    EXPECT_EQ(clients.back().read_response().status, 200);
  }
}

TEST(ServerLimits, WhenItIsFullTheIdleConnectionsOfWhoeverHasMostMakeRoom) {
  for (const std::size_t threads : {1u, 3u}) {
    ServerOptions options;
    options.max_connections = 6;
    options.max_connections_per_source = 5;
    TestServer server(echo, options, threads);
    std::vector<RawClient> greedy;
    for (int i = 0; i < 5; ++i) {
      greedy.emplace_back(server.port(), "127.0.1.1");
      greedy.back().send(kGet);
      EXPECT_EQ(greedy.back().read_response().status, 200);
    }
    RawClient quiet(server.port(), "127.0.1.2");
    quiet.send(kGet);
    EXPECT_EQ(quiet.read_response().status, 200);
    for (int i = 3; i < 6; ++i) {
      RawClient newcomer(server.port(), "127.0.1." + std::to_string(i));
      newcomer.send(kGet);
      EXPECT_EQ(newcomer.read_response().status, 200);
    }
    EXPECT_GE(server.stats().connections_made_room, 1u);
    // Who had one has it still.
    quiet.send(kGet);
    EXPECT_EQ(quiet.read_response().status, 200);
  }
}

TEST(ServerLimits, AsManySourcesAsThereArePlacesKeepNobodyOut) {
  for (const std::size_t threads : {1u, 3u}) {
    for (const auto* sent : {"", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n",
                             "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n"}) {
      ServerOptions options;
      options.max_connections = 6;
      options.max_connections_per_source = 3;
      TestServer server([](Exchange exchange) { exchange.respond(text_response(401, "")); }, options,
                        threads);
      std::vector<RawClient> idle;
      for (int i = 0; i < 6; ++i) {
        idle.emplace_back(server.port(), "127.0.1." + std::to_string(i + 1));
        idle.back().send(sent);
      }
      while (server.stats().connections_open < 6) std::this_thread::yield();
      for (int i = 10; i < 14; ++i) {
        RawClient newcomer(server.port(), "127.0.1." + std::to_string(i));
        newcomer.send(kGet);
        EXPECT_EQ(newcomer.read_response().status, 401) << sent;
      }
      EXPECT_GE(server.stats().connections_made_room, 1u);
    }
  }
}

// The first that came was used last.
TEST(ServerLimits, TheConnectionThatWasIdleForLongestMakesRoom) {
  ServerOptions options;
  options.max_connections = 3;
  TestServer server(echo, options, 1);
  std::vector<RawClient> clients;
  const auto ask = [](RawClient& client) {
    client.send(kGet);
    return client.read_response().status;
  };
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port(), "127.0.1." + std::to_string(i + 1));
    EXPECT_EQ(ask(clients.back()), 200);
  }
  EXPECT_EQ(ask(clients[0]), 200);
  RawClient newcomer(server.port(), "127.0.1.9");
  EXPECT_EQ(ask(newcomer), 200);
  EXPECT_EQ(ask(clients[0]), 200);
  EXPECT_EQ(ask(clients[2]), 200);
  EXPECT_TRUE(clients[1].closed());
}

TEST(ServerLimits, WhoIsBeingServedMakesNoRoom) {
  std::vector<Exchange> held;
  std::mutex mutex;
  ServerOptions options;
  options.max_connections = 2;
  TestServer server(
      [&](Exchange exchange) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(exchange));
      },
      options);
  RawClient one(server.port(), "127.0.1.1"), two(server.port(), "127.0.1.1");
  one.send(kGet);
  two.send(kGet);
  while (server.server().stats().requests < 2) std::this_thread::yield();
  RawClient three(server.port(), "127.0.1.2");
  const auto response = three.read_response();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.find("retry-after"), "1");
  {
    const std::scoped_lock lock(mutex);
    for (auto& exchange : held) exchange.respond(text_response(200, "done"));
    held.clear();
  }
  EXPECT_EQ(one.read_response().body, "done");
  EXPECT_EQ(two.read_response().body, "done");
}

TEST(ServerLimits, GoesOnAcceptingAfterDescriptorsRanOut) {
  TestServer server(echo);
  RawClient before(server.port());
  before.send(kGet);
  EXPECT_EQ(before.read_response().status, 200);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  {
    // The client's descriptor is there already; the server's would be the next.
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    const rlimit low{.rlim_cur = static_cast<rlim_t>(client) + 1, .rlim_max = limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    RawClient refused(client, server.port());
    EXPECT_EQ(refused.read_response().status, 0);  // closed at once, not left to wait
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  // It is counted after the one that waited was closed.
  for (int i = 0; i < 500 && server.server().stats().accept_failures == 0; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_GE(server.stats().accept_failures, 1u);
  EXPECT_EQ(exchange_raw(server.port(), kGet).status, 200);
  before.send(kGet);
  EXPECT_EQ(before.read_response().status, 200);
}

TEST(ServerLimits, AWholeBodyHasOneDeadlineHoweverSlowlyItComes) {
  ServerOptions options;
  options.body_timeout = 300ms;
  TestServer server(echo, options);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  // A byte every 50 ms: each read is in time, the whole is not.
  std::thread slow([&] {
    for (int i = 0; i < 40 && client.send("x"); ++i) std::this_thread::sleep_for(50ms);
  });
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  slow.join();
}

TEST(ServerLimits, AStreamedBodyHasToKeepItsLeastRate) {
  ServerOptions options;
  options.body_timeout = 300ms;
  options.min_body_rate = 1000;
  const auto read_on = [](auto self, std::shared_ptr<Exchange> held) -> void {
    auto& exchange = *held;
    exchange.read_body([self, held](Result<std::string_view> piece) {
      if (!piece) return;
      if (piece->empty()) return held->respond(text_response(200, "whole"));
      self(self, held);
    });
  };
  TestServer server(
      [&](Exchange exchange) { read_on(read_on, std::make_shared<Exchange>(std::move(exchange))); }, options);
  const auto send = [&](std::size_t bytes) {
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(20 * bytes) + "\r\n\r\n");
    std::thread sender([&] {
      for (int i = 0; i < 20 && client.send(std::string(bytes, 'x')); ++i) std::this_thread::sleep_for(50ms);
    });
    const int status = client.read_response().status;
    sender.join();
    return status;
  };
  EXPECT_EQ(send(1), 408);    // 20 bytes a second
  EXPECT_EQ(send(500), 200);  // 10,000: it takes three times body_timeout, and may
}

TEST(ServerLimits, BodiesOfStrangersHaveOneBudgetAndThoseOfKnownCallersAnother) {
  ServerOptions options;
  options.max_stranger_bytes = 10'000;
  options.max_known_bytes = 10'000;
  TestServer server(
      [](Exchange exchange) {
        const bool known = exchange.request().path == "/known";
        Exchange::read_whole_body(
            std::move(exchange), 0, [](Exchange whole) { whole.respond(text_response(200, "read")); },
            known ? BodyOf::kKnown : BodyOf::kStranger);
      },
      options);
  const auto head = [](std::string_view path) {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 8000\r\n\r\n";
  };
  RawClient first(server.port()), second(server.port());
  first.send(head("/stranger"));
  first.send(std::string(7000, 'x'));
  while (server.server().stats().stranger_bytes < 7000) std::this_thread::yield();
  second.send(head("/stranger"));
  second.send(std::string(7000, 'x'));
  const auto refused = second.read_response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.find("retry-after"), "1");
  RawClient known(server.port());
  known.send(head("/known"));
  known.send(std::string(8000, 'x'));
  EXPECT_EQ(known.read_response().status, 200);
  first.send(std::string(1000, 'x'));
  EXPECT_EQ(first.read_response().status, 200);
  // What was answered is given back; so is what was refused, and what its client leaves.
  RawClient third(server.port());
  third.send(head("/stranger"));
  third.send(std::string(8000, 'x'));
  EXPECT_EQ(third.read_response().status, 200);
  second.reset();
  for (int i = 0; i < 500 && server.server().stats().stranger_bytes > 0; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.stats().stranger_bytes, 0u);
  EXPECT_EQ(server.stats().known_bytes, 0u);
  EXPECT_EQ(server.stats().bodies_refused, 1u);
}

TEST(ServerLimits, ABodyThatIsKeptHasOneDeadlineAndABudgetThoughItIsReadInPieces) {
  ServerOptions options;
  options.body_timeout = 300ms;
  options.min_body_rate = 100;
  options.max_known_bytes = 5000;
  const auto read_on = [](auto self, std::shared_ptr<Exchange> held) -> void {
    held->read_body([self, held](Result<std::string_view> piece) {
      if (!piece) return;
      if (piece->empty()) return held->respond(text_response(200, "whole"));
      self(self, held);
    });
  };
  TestServer server(
      [&](Exchange exchange) {
        auto held = std::make_shared<Exchange>(std::move(exchange));
        held->keep_body();
        read_on(read_on, held);
      },
      options);
  RawClient slow(server.port());
  slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
  std::thread sender([&] {
    for (int i = 0; i < 40 && slow.send(std::string(100, 'x')); ++i) std::this_thread::sleep_for(50ms);
  });
  EXPECT_EQ(slow.read_response().status, 408);
  sender.join();
  RawClient large(server.port());
  large.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
  large.send(std::string(20'000, 'x'));
  EXPECT_EQ(large.read_response().status, 503);
  RawClient good(server.port());
  good.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
  good.send(std::string(4000, 'x'));
  EXPECT_EQ(good.read_response().status, 200);
  for (int i = 0; i < 500 && server.server().stats().known_bytes > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.stats().known_bytes, 0u);
}

TEST(ServerLimits, ABodyMayBeAskedForOnAnotherThread) {
  TestServer server([](Exchange exchange) {
    std::thread([held = std::move(exchange)]() mutable { echo(std::move(held)); }).detach();
  });
  EXPECT_EQ(exchange_raw(server.port(), "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").body,
            "/a|hi");
}

TEST(ServerLimits, WhileItDrainsItGoesOnAndSaysThatItWillClose) {
  TestServer server(echo);
  RawClient before(server.port());
  before.send(kGet);
  EXPECT_FALSE(before.read_response().headers.contains("connection"));
  server.server().begin_drain();
  before.send(kGet);
  EXPECT_EQ(before.read_response().headers.find("connection"), "close");
  EXPECT_TRUE(before.closed());
  const auto after = exchange_raw(server.port(), kGet);
  EXPECT_EQ(after.status, 200);
  EXPECT_EQ(after.headers.find("connection"), "close");
}

TEST(ServerLimits, ThePeerOfAnIpv4CallerIsItsIpv4AddressAlsoOnADualStackListener) {
  ServerOptions options;
  options.address = "::";
  TestServer server(
      [](Exchange exchange) {
        auto ip = exchange.request().peer_ip;
        exchange.respond(text_response(200, std::move(ip)));
      },
      options);
  RawClient client(server.port(), "127.0.1.7");
  client.send(kGet);
  EXPECT_EQ(client.read_response().body, "127.0.1.7");
}

}  // namespace
}  // namespace writ::http::server_limits_test
