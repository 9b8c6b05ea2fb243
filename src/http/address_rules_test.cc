#include "http/address_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::http::address_rules_test {
namespace {

using ::testing::HasSubstr;

std::string said(const AddressRules& rules, std::string_view address, bool secure = true) {
  const auto parsed = Address::parse(address);
  EXPECT_TRUE(parsed) << address;
  return rules.refusal(*parsed, secure).value_or("");
}

AddressRules allowing(std::initializer_list<std::string_view> networks) {
  AddressRules rules;
  for (const auto network : networks) EXPECT_TRUE(rules.allowed.add(network)) << network;
  return rules;
}

TEST(AddressRules, PublicAddressesPass) {
  for (const char* address :
       {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.255.255",
        "169.253.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"})
    EXPECT_EQ(said({}, address), "") << address;
}

TEST(AddressRules, WhatIsInsideIsRefused) {
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "127.0.0.1",
                              "127.255.255.254",
                              "10.0.0.1",
                              "10.255.255.255",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.0.1",
                              "100.64.0.1",
                              "100.127.255.255",
                              "169.254.0.1",
                              "169.254.169.254",
                              "168.63.129.16",
                              "192.0.0.192",
                              "192.0.0.8",
                              "192.0.2.1",
                              "198.51.100.1",
                              "203.0.113.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "192.88.99.1",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "fd00:ec2::254",
                              "ff02::1",
                              "2001:db8::1",
                              "3fff::1",
                              "100::1",
                              "5f00::1",
                              "4000::1",
                              "e000::1"})
    EXPECT_NE(said({}, address), "") << address;
}

TEST(AddressRules, FormsThatCarryAnIpv4AddressAreRefused) {
  for (const char* address :
       {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::1", "2002:808:808::1", "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2"})
    EXPECT_NE(said({}, address), "") << address;
}

TEST(AddressRules, ANamedNetworkPassesAndNoOther) {
  const auto rules = allowing({"10.1.0.0/16", "fd12::/32", "127.0.0.1"});
  for (const char* address : {"10.1.0.1", "10.1.255.255", "fd12::1", "127.0.0.1", "::ffff:10.1.0.1"})
    EXPECT_EQ(said(rules, address), "") << address;
  for (const char* address : {"10.2.0.1", "fd13::1", "127.0.0.2", "::1", "169.254.169.254"})
    EXPECT_NE(said(rules, address), "") << address;
}

TEST(AddressRules, ANat64PrefixThatIsAllowedDoesNotLeadInside) {
  const auto rules = allowing({"64:ff9b::/96"});
  EXPECT_EQ(said(rules, "64:ff9b::808:808"), "");
  EXPECT_THAT(said(rules, "64:ff9b::7f00:1"), HasSubstr("leads to 127.0.0.1"));
  EXPECT_THAT(said(rules, "64:ff9b::a9fe:a9fe"), HasSubstr("metadata"));
  EXPECT_EQ(said(allowing({"64:ff9b::/96", "10.0.0.0/8"}), "64:ff9b::a00:1"), "");
}

TEST(AddressRules, PlainHttpStaysOnTheMachineUnlessConfigured) {
  auto rules = allowing({"127.0.0.0/8", "10.0.0.0/8"});
  EXPECT_EQ(said(rules, "127.0.0.1", false), "");
  EXPECT_THAT(said(rules, "10.0.0.1", false), HasSubstr("`outbound.allow_http`"));
  EXPECT_NE(said(rules, "8.8.8.8", false), "");
  ASSERT_TRUE(rules.allowed_plain.add("10.0.0.0/24"));
  EXPECT_EQ(said(rules, "10.0.0.1", false), "");
  EXPECT_NE(said(rules, "10.0.1.1", false), "");
  // To name a network for `http://` alone does not open it.
  rules.allowed = {};
  EXPECT_THAT(said(rules, "10.0.0.1", false), HasSubstr("private"));
}

}  // namespace
}  // namespace writ::http::address_rules_test
