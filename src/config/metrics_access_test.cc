#include "config/metrics_access.h"

#include <gtest/gtest.h>

namespace writ::config::metrics_access_test {
namespace {

using Listener = MetricsAccess::Listener;

http::Request from(std::string peer, std::string header = {}, std::string value = {}) {
  http::Request request{.method = "GET",
                        .target = "/metrics",
                        .path = "/metrics",
                        .query = {},
                        .host = {},
                        .headers = {},
                        .body = {},
                        .peer_ip = std::move(peer)};
  if (!header.empty()) request.headers.add(header, value);
  return request;
}

int status(const MetricsAccess& access, const http::Request& request, Listener listener = Listener::kApi) {
  const auto refused = access.refuse(request, listener);
  return refused ? refused->status : 200;
}

TEST(MetricsAccess, WithoutATokenOrAListenerOfTheirOwnTheyAreForThisMachineAlone) {
  const MetricsAccess access(nullptr, {});
  EXPECT_EQ(status(access, from("127.0.0.1")), 200);
  EXPECT_EQ(status(access, from("::1")), 200);
  EXPECT_EQ(status(access, from("192.0.2.1")), 403);
  EXPECT_EQ(status(access, from("2001:db8::1")), 403);
  EXPECT_EQ(status(access, from("")), 403);
}

TEST(MetricsAccess, WhatAProxyOnThisMachinePassesOnIsNotLocal) {
  http::Networks proxies;
  ASSERT_TRUE(proxies.add("127.0.0.2"));
  const MetricsAccess access(nullptr, proxies);
  EXPECT_EQ(status(access, from("127.0.0.2")), 403);
  for (const auto* name : {"Forwarded", "Via", "X-Forwarded-For", "x-real-ip"})
    EXPECT_EQ(status(access, from("127.0.0.1", name, "192.0.2.1")), 403) << name;
}

TEST(MetricsAccess, TheOperatorsListenerGivesThemToWhoReachesIt) {
  const MetricsAccess access(nullptr, {});
  EXPECT_EQ(status(access, from("192.0.2.1"), Listener::kOperator), 200);
}

TEST(MetricsAccess, WithATokenNobodyReadsThemWithoutIt) {
  const MetricsAccess access(std::make_shared<const Secret>("0123456789abcdef"), {});
  for (const auto listener : {Listener::kApi, Listener::kOperator}) {
    EXPECT_EQ(status(access, from("127.0.0.1"), listener), 401);
    EXPECT_EQ(status(access, from("192.0.2.1", "Authorization", "Bearer 0123456789abcdef"), listener), 200);
    EXPECT_EQ(status(access, from("127.0.0.1", "Authorization", "Bearer 0123456789abcdeF"), listener), 401);
    EXPECT_EQ(status(access, from("127.0.0.1", "Authorization", "Basic 0123456789abcdef"), listener), 401);
    auto twice = from("127.0.0.1", "Authorization", "Bearer 0123456789abcdef");
    twice.headers.add("Authorization", "Bearer 0123456789abcdef");
    EXPECT_EQ(status(access, twice, listener), 401);
  }
}

}  // namespace
}  // namespace writ::config::metrics_access_test
