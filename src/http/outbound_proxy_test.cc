#include "http/outbound_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::http::outbound_proxy_test {
namespace {

using ::testing::HasSubstr;

OutboundProxy proxy() {
  return OutboundProxy::parse("http://proxy.acme.example:3128").value();
}
std::string mistake_in(std::string_view url) {
  const auto parsed = OutboundProxy::parse(url);
  return parsed ? "" : parsed.error().message;
}

TEST(OutboundProxy, IsAHostAndAPort) {
  EXPECT_EQ(proxy().host(), "proxy.acme.example");
  EXPECT_EQ(proxy().port(), 3128);
  EXPECT_EQ(proxy().authority(), "proxy.acme.example:3128");
  EXPECT_EQ(OutboundProxy::parse("http://[2001:db8::1]:8080").value().host(), "2001:db8::1");
  EXPECT_EQ(OutboundProxy::parse("http://10.0.0.1").value().port(), 80);
}

TEST(OutboundProxy, WhatIsNotOneIsRefused) {
  for (const char* url : {"", "proxy.acme.example:3128", "https://proxy.acme.example", "socks5://a:1",
                          "http://proxy.acme.example/way", "http://a b", "http://a:0", "http://a?b"})
    EXPECT_THAT(mistake_in(url), HasSubstr("is not a proxy")) << url;
  EXPECT_THAT(mistake_in("http://nora:secret@proxy.acme.example"), HasSubstr("`credentials_file`"));
}

TEST(OutboundProxy, HostsNamesBelowThemAndNetworksAreLeftOut) {
  auto some = proxy();
  for (const char* what : {"Login.intra.example", "*.intra.example", "10.0.0.0/8", "192.0.2.1"})
    EXPECT_TRUE(some.leave_out(what)) << what;
  for (const char* host : {"login.intra.example", "LOGIN.INTRA.EXAMPLE.", "a.b.intra.example", "10.9.9.9",
                           "192.0.2.1", "::ffff:10.9.9.9"})
    EXPECT_TRUE(some.leaves_out(host)) << host;
  for (const char* host :
       {"intra.example", "login.intra.example.org", "loginXintra.example", "11.0.0.1", "192.0.2.2", ""})
    EXPECT_FALSE(some.leaves_out(host)) << host;
}

TEST(OutboundProxy, WhatCannotBeLeftOutIsAMistake) {
  for (const char* what : {"", "*", "*.", ".intra.example", "a.*.example", "https://a.example",
                           "a.example:443", "10.0.0.1/8", "a b"}) {
    auto some = proxy();
    EXPECT_FALSE(some.leave_out(what)) << what;
  }
}

TEST(OutboundProxy, CredentialsAreOneLineWithAColon) {
  auto some = proxy();
  EXPECT_EQ(some.authorization(), nullptr);
  ASSERT_TRUE(some.authenticate(Secret("u:p\n")));
  EXPECT_EQ(some.authorization()->expose(), "Basic dTpw");
  const auto long_one = std::string(1100, 'u').insert(1, ":");
  for (const char* bad : {"", "\n", "up", ":p", "u:p\nq", "u:\tp", long_one.c_str()})
    EXPECT_FALSE(some.authenticate(Secret(bad))) << bad;
}

TEST(OutboundProxy, ANameThatSomeResolverTakesForAnAddressInsideIsRefused) {
  for (const char* host : {"localhost", "LOCALHOST.", "a.localhost", "2130706433", "0x7f.1", "127.1",
                           "0x7f000001", "a.0X7f", "0x", ".", ""})
    EXPECT_TRUE(OutboundProxy::refusal_of_name(host)) << host;
  for (const char* host : {"login.acme.example", "localhost.acme.example", "1e100.net", "0xyz", "a.0x7g"})
    EXPECT_FALSE(OutboundProxy::refusal_of_name(host)) << host;
}

}  // namespace
}  // namespace writ::http::outbound_proxy_test
