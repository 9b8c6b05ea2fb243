#include "http/source.h"

#include <gtest/gtest.h>

namespace writ::http::source_test {
namespace {

Source source(std::string_view text) {
  return Source::of(*Address::parse(text));
}

TEST(Source, AnIpv4AddressInIpv6IsTheIpv4Address) {
  EXPECT_EQ(*Address::parse("::ffff:192.0.2.1"), *Address::parse("192.0.2.1"));
  EXPECT_EQ(Address::parse("::ffff:192.0.2.1")->text(), "192.0.2.1");
  EXPECT_EQ(source("::ffff:192.0.2.1"), source("192.0.2.1"));
  EXPECT_EQ(Address::parse("::FFFF:c000:0201")->text(), "192.0.2.1");
  EXPECT_TRUE(Address::parse("::ffff:127.0.0.1")->is_loopback());
}

TEST(Source, EveryIpv4AddressIsOneOfItsOwn) {
  EXPECT_NE(source("192.0.2.1"), source("192.0.2.2"));
  EXPECT_NE(source("1.0.2.1"), source("192.0.2.1"));
  EXPECT_NE(source("0.0.0.0"), source("::1"));
}

TEST(Source, AnIpv6NetworkOf64BitsIsOne) {
  EXPECT_EQ(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff:ffff:ffff:ffff"));
  EXPECT_NE(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
  EXPECT_EQ(Address::parse("fe80::1%eth0")->text(), "fe80::1");
}

TEST(Source, WhatIsNoAddressIsNone) {
  for (const auto* text : {"", "localhost", "192.0.2", "192.0.2.1:80", "[::1]", "192.0.2.256"})
    EXPECT_FALSE(Address::parse(text)) << text;
}

TEST(Networks, HoldWhatIsWithinTheirBlocks) {
  Networks networks;
  EXPECT_TRUE(networks.empty());
  for (const auto* text : {"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "0.0.0.0/32"})
    ASSERT_TRUE(networks.add(text)) << text;
  const std::pair<const char*, bool> cases[] = {{"10.255.0.1", true},
                                                {"::ffff:10.0.0.1", true},
                                                {"11.0.0.1", false},
                                                {"192.0.2.7", true},
                                                {"192.0.2.8", false},
                                                {"2001:db8:7fff::1", true},
                                                {"2001:db8:8000::1", false},
                                                {"0.0.0.0", true},
                                                {"::", false},
                                                {"a00::", false}};
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(networks.contains(*Address::parse(text)), expected) << text;
}

TEST(Networks, ABlockThatIsNoneIsRefused) {
  Networks networks;
  for (const auto* text : {"10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/x", "fe80::1%eth0", "all",
                           "2001:db8::/129", "2001:db8::1/64", "10.0.0.0/-1"})
    EXPECT_FALSE(networks.add(text)) << text;
  EXPECT_TRUE(networks.empty());
}

TEST(Networks, AllOfIpv4IsNotAllOfIpv6) {
  Networks networks;
  ASSERT_TRUE(networks.add("0.0.0.0/0"));
  EXPECT_TRUE(networks.contains(*Address::parse("192.0.2.1")));
  EXPECT_FALSE(networks.contains(*Address::parse("2001:db8::1")));
}

}  // namespace
}  // namespace writ::http::source_test
