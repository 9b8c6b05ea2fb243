#include "http/net/proxy_header.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace writ::http::proxy_header_test {
namespace {

using namespace std::string_literals;

const std::string kBegin = "\r\n\r\n\0\r\nQUIT\n"s;

std::string header(char command, char family, const std::string& rest) {
  std::string made = kBegin + command + family;
  made += static_cast<char>(rest.size() >> 8);
  made += static_cast<char>(rest.size() & 0xff);
  return made + rest;
}

const std::string kV4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x30\x39\x01\xbb"s;  // 192.0.2.7 to 10.0.0.1
const std::string kV6 =
    "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x05"s + std::string(16, '\1') + "\1\1\1\1"s;

// The source as text; "" when it is the proxy itself, "malformed" otherwise.
std::string source_of(const std::string& bytes) {
  // A buffer of exactly its size.
  const std::unique_ptr<char[]> exact(new char[bytes.size()]);
  std::ranges::copy(bytes, exact.get());
  const auto parsed = parse_proxy_header({exact.get(), bytes.size()});
  if (!parsed) return "malformed";
  return parsed->source ? parsed->source->text() : "";
}

TEST(ProxyHeaderTest, SaysWhereAConnectionComesFrom) {
  EXPECT_EQ(source_of(header('\x21', '\x11', kV4)), "192.0.2.7");
  EXPECT_EQ(source_of(header('\x21', '\x21', kV6)), "2001:db8::5");
  // With extensions: a type, a length, and so many bytes.
  EXPECT_EQ(source_of(header('\x21', '\x11', kV4 + "\x04\x00\x02hi\x05\x00\x00"s)), "192.0.2.7");
}

TEST(ProxyHeaderTest, AHealthCheckIsTheProxysOwn) {
  EXPECT_EQ(source_of(header('\x20', '\x00', "")), "");
  EXPECT_EQ(source_of(header('\x20', '\x11', kV4)), "");
  EXPECT_EQ(source_of(header('\x21', '\x00', "")), "");
  EXPECT_EQ(source_of(header('\x21', '\x31', std::string(216, 'x'))), "");
}

TEST(ProxyHeaderTest, WhatIsNotAHeaderOfVersion2IsRefused) {
  const auto good = header('\x21', '\x11', kV4);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(source_of(good.substr(0, size)), "malformed") << size;
  EXPECT_EQ(source_of(good + "x"), "malformed");
  EXPECT_EQ(source_of("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n"), "malformed");
  EXPECT_EQ(source_of(header('\x11', '\x11', kV4)), "malformed");                      // version
  EXPECT_EQ(source_of(header('\x22', '\x11', kV4)), "malformed");                      // command
  EXPECT_EQ(source_of(header('\x21', '\x12', kV4)), "malformed");                      // UDP
  EXPECT_EQ(source_of(header('\x21', '\x41', kV4)), "malformed");                      // family
  EXPECT_EQ(source_of(header('\x21', '\x21', kV4)), "malformed");                      // too short for IPv6
  EXPECT_EQ(source_of(header('\x21', '\x11', kV4 + "\x04\x00"s)), "malformed");        // half an extension
  EXPECT_EQ(source_of(header('\x21', '\x11', kV4 + "\x04\x00\x09hi"s)), "malformed");  // longer than the rest
}

TEST(ProxyHeaderTest, AHeaderLongerThanTheLimitIsRefused) {
  const auto prefix = [](std::size_t rest) {
    return kBegin + "\x21\x11"s + static_cast<char>(rest >> 8) + static_cast<char>(rest & 0xff);
  };
  EXPECT_EQ(proxy_header_size(prefix(kMaxProxyBytes - 16)), kMaxProxyBytes);
  EXPECT_FALSE(proxy_header_size(prefix(kMaxProxyBytes - 15)));
  EXPECT_FALSE(proxy_header_size(prefix(0xffff)));
}

}  // namespace
}  // namespace writ::http::proxy_header_test
