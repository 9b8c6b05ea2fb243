#include "cedar/value/extension.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::cedar::extension_test {
namespace {

std::int64_t millis(std::string_view text) {
  const auto parsed = Datetime::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? parsed->epoch_ms : 0;
}

TEST(Ip, ReadsEveryFormOfAddressAndRange) {
  for (const auto& [text, canonical] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"127.0.0.1", "127.0.0.1/32"},
           {"10.1.1.0/24", "10.1.1.0/24"},
           {"0.0.0.0/0", "0.0.0.0/0"},
           {"255.255.255.255/32", "255.255.255.255/32"},
           {"::", "::/128"},
           {"::1", "::1/128"},
           {"1::", "1::/128"},
           {"F:AE::F:5:F:F:0", "f:ae:0:f:5:f:f:0/128"},
           {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"},
           {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128"},
           {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128"},
           {"::ffff:ff00:1", "::ffff:ff00:1/128"},
           {"ffee::/64", "ffee::/64"},
           {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128", "abcd:ef01:2345:6789:abcd:ef01:2345:6789/128"}}) {
    const auto ip = Ip::parse(text);
    ASSERT_TRUE(ip.has_value()) << text;
    EXPECT_EQ(ip->to_string(), canonical);
  }
}

TEST(Ip, RefusesWhatTheReferenceRefuses) {
  for (const std::string_view text : {"",
                                      " ",
                                      "127.0.0.1 ",
                                      " 127.0.0.1",
                                      "127.0.0",
                                      "127.0.0.1.1",
                                      "256.0.0.1",
                                      "01.0.0.1",
                                      "0001.0.0.1",
                                      "1.2.3.4/",
                                      "1.2.3.4/33",
                                      "1.2.3.4/032",
                                      "1.2.3.4/08",
                                      "1.2.3.4/-1",
                                      "1.2.3.4/ 1",
                                      "1.2.3.4/3/2",
                                      "1.2.3.4/32x",
                                      "/32",
                                      "::/129",
                                      "::/0128",
                                      "::/01",
                                      ":",
                                      ":::",
                                      "1:::2",
                                      "1:2",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8::",
                                      "1::2:3:4:5:6:7:8",
                                      "1::2::3",
                                      "12345::",
                                      "g::",
                                      "::1.2.3.4",
                                      "::ffff:127.0.0.1",
                                      "fe80::1%eth0",
                                      "[::1]",
                                      "1:2:3:4:5:6:7:",
                                      ":1:2:3:4:5:6:7",
                                      "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/1280"}) {
    EXPECT_FALSE(Ip::parse(text).has_value()) << text;
  }
}

TEST(Ip, ARangeIsLoopbackOrMulticastOnlyAsAWhole) {
  EXPECT_TRUE(Ip::parse("127.0.0.1")->is_loopback());
  EXPECT_TRUE(Ip::parse("127.0.0.0/8")->is_loopback());
  EXPECT_FALSE(Ip::parse("127.0.0.0/7")->is_loopback());
  EXPECT_TRUE(Ip::parse("::1")->is_loopback());
  EXPECT_FALSE(Ip::parse("::1/127")->is_loopback());
  EXPECT_FALSE(Ip::parse("::2")->is_loopback());
  EXPECT_TRUE(Ip::parse("224.0.0.0/4")->is_multicast());
  EXPECT_FALSE(Ip::parse("224.0.0.0/3")->is_multicast());
  EXPECT_FALSE(Ip::parse("240.0.0.1")->is_multicast());
  EXPECT_TRUE(Ip::parse("ff00::2")->is_multicast());
  EXPECT_TRUE(Ip::parse("ff00::/8")->is_multicast());
  EXPECT_FALSE(Ip::parse("ff00::/7")->is_multicast());
}

TEST(Ip, IsInRangeComparesWholeRanges) {
  const auto in = [](std::string_view a, std::string_view b) {
    return Ip::parse(a)->is_in_range(*Ip::parse(b));
  };
  EXPECT_TRUE(in("192.168.0.1", "192.168.0.1/24"));
  EXPECT_TRUE(in("192.168.0.1", "192.168.0.1/28"));
  EXPECT_TRUE(in("192.168.0.10", "192.168.0.1/24"));
  EXPECT_TRUE(in("192.168.0.75", "192.168.0.0/0"));
  EXPECT_FALSE(in("192.168.0.75", "192.168.0.0/28"));
  EXPECT_TRUE(in("1:2:3:4::", "1:2:3:4::/48"));
  EXPECT_TRUE(in("::/0", "1::/0"));
  EXPECT_FALSE(in("192.168.0.0/23", "192.168.0.0/24"));
  EXPECT_FALSE(in("192.168.0.1", "1:2:3:4::"));
  EXPECT_FALSE(in("::1", "127.0.0.1"));
}

TEST(DecimalType, CountsTenThousandths) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string_view, std::int64_t>>{{"1.0", 10'000},
                                                              {"-1.0", -10'000},
                                                              {"-0.5", -5'000},
                                                              {"0.0001", 1},
                                                              {"00000000000000000000000012.3400", 123'400},
                                                              {"922337203685477.5807", INT64_MAX},
                                                              {"-922337203685477.5808", INT64_MIN}}) {
    const auto decimal = Decimal::parse(text);
    ASSERT_TRUE(decimal.has_value()) << text;
    EXPECT_EQ(decimal->ten_thousandths, value);
  }
  EXPECT_EQ(Decimal{INT64_MIN}.to_string(), "-922337203685477.5808");
  EXPECT_EQ(Decimal{-5000}.to_string(), "-0.5000");
}

TEST(DecimalType, RefusesWhatTheReferenceRefuses) {
  for (const std::string_view text : {"",
                                      "1",
                                      "1.",
                                      ".1",
                                      "-.1",
                                      "-1",
                                      "+1.0",
                                      "1.0.0",
                                      "1.00000",
                                      "1a.0",
                                      "1.0 ",
                                      " 1.0",
                                      "--1.0",
                                      "1,0",
                                      "922337203685477.5808",
                                      "-922337203685477.5809",
                                      "922337203685478.0",
                                      "1e3.0",
                                      "9223372036854775808.0",
                                      "١.٢"}) {
    EXPECT_FALSE(Decimal::parse(text).has_value()) << text;
  }
}

TEST(DatetimeType, ReadsEveryForm) {
  EXPECT_EQ(millis("1970-01-01"), 0);
  EXPECT_EQ(millis("1969-12-31T23:59:59.999Z"), -1);
  EXPECT_EQ(millis("2024-10-15"), 1'728'950'400'000);
  EXPECT_EQ(millis("2024-10-15T11:38:02Z"), 1'728'992'282'000);
  EXPECT_EQ(millis("2024-10-15T11:38:02.101+1134"), millis("2024-10-15T00:04:02.101Z"));
  EXPECT_EQ(millis("2024-10-15T11:38:02.101-1134"), millis("2024-10-15T23:12:02.101Z"));
  EXPECT_EQ(millis("2024-10-15T23:59:00+2359"), millis("2024-10-15"));
  EXPECT_EQ(millis("2024-10-15T00:00:00-0000"), millis("2024-10-15"));
  EXPECT_EQ(millis("0000-01-01"), -62'167'219'200'000);
  EXPECT_EQ(millis("2024-02-29"), 1'709'164'800'000);
  EXPECT_EQ(Datetime::parse("2024-10-15T11:38:02.101Z")->to_string(), "2024-10-15T11:38:02.101Z");
  EXPECT_EQ(Datetime{-62'167'219'200'001}.to_string(), "-62167219200001ms");
}

TEST(DatetimeType, RefusesWhatTheReferenceRefuses) {
  for (const std::string_view text : {"",
                                      "a",
                                      "-",
                                      "11-12-13",
                                      "1111-1x-20",
                                      "2024-10-15Z",
                                      "2024-10-15T11:38:02ZZ",
                                      "0000-0a-01",
                                      "10000-01-01",
                                      "2024-00-01",
                                      "2024-01-00",
                                      "2024-02-30",
                                      "2025-02-29",
                                      "2024-20-01",
                                      "2024-04-31",
                                      "2024-01-01T",
                                      "2024-01-01T01:02",
                                      "2024-01-01T01::02:03",
                                      "2024-01-01T31:02:03Z",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T01:60:03Z",
                                      "2016-12-31T23:59:60Z",
                                      "2024-01-01T00:00:00",
                                      "2024-01-01T00:00:00x001Z",
                                      "2024-01-01T00:00:00.01Z",
                                      "2024-01-01T00:00:00.0001Z",
                                      "2024-01-01T00:00:00.001",
                                      "2024-01-01T00:00:00.001+00:00",
                                      "2024-01-01T00:00:00+2400",
                                      "2024-01-01T00:00:00+0060",
                                      "2024-01-01T00:00:00+000",
                                      "2024-01-01T00:00:00+00000",
                                      "2024-01-01t00:00:00Z",
                                      "2024-01-01 00:00:00Z",
                                      " 2024-01-01",
                                      "2024-01-01T00:00:00➕0000"}) {
    EXPECT_FALSE(Datetime::parse(text).has_value()) << text;
  }
}

TEST(DatetimeType, CountsWithChecks) {
  EXPECT_FALSE(Datetime{INT64_MAX}.offset(CedarDuration{1}).has_value());
  EXPECT_EQ(Datetime{1}.offset(CedarDuration{-2}), Datetime{-1});
  EXPECT_FALSE(Datetime{INT64_MIN}.duration_since(Datetime{1}).has_value());
  EXPECT_EQ(Datetime{-1}.to_date(), Datetime{-86'400'000});
  EXPECT_EQ(Datetime{-1}.to_time(), CedarDuration{86'399'999});
  EXPECT_EQ(Datetime{-86'400'000}.to_time(), CedarDuration{0});
  EXPECT_FALSE(Datetime{INT64_MIN}.to_date().has_value());
}

TEST(DurationType, ReadsUnitsInTheirOrder) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string_view, std::int64_t>>{{"1ms", 1},
                                                              {"1s", 1000},
                                                              {"5m", 300'000},
                                                              {"1h", 3'600'000},
                                                              {"1d", 86'400'000},
                                                              {"12s340ms", 12'340},
                                                              {"1d2h3m4s5ms", 93'784'005},
                                                              {"1m5ms", 60'005},
                                                              {"-1d12h", -129'600'000},
                                                              {"-0ms", 0},
                                                              {"9223372036854775807ms", INT64_MAX},
                                                              {"-9223372036854775808ms", INT64_MIN},
                                                              {"106751991167d7h12m55s807ms", INT64_MAX}}) {
    const auto duration = CedarDuration::parse(text);
    ASSERT_TRUE(duration.has_value()) << text;
    EXPECT_EQ(duration->ms, value) << text;
  }
}

TEST(DurationType, RefusesWhatTheReferenceRefuses) {
  for (const std::string_view text : {"",
                                      "-",
                                      "1",
                                      "d",
                                      "1x",
                                      "1d-2h",
                                      "+1d",
                                      "--1d",
                                      "1h1d",
                                      "1s1m",
                                      "1ms1s",
                                      "1d1d",
                                      "1 d",
                                      "1d ",
                                      " 1d",
                                      "1.5h",
                                      "9223372036854775808ms",
                                      "-9223372036854775809ms",
                                      "106751991167d7h12m55s808ms",
                                      "18446744073709551616ms",
                                      "1D",
                                      "ms",
                                      "1m s"}) {
    EXPECT_FALSE(CedarDuration::parse(text).has_value()) << text;
  }
}

TEST(DurationType, ConvertsTowardsZero) {
  const CedarDuration duration{-90'061'001};
  EXPECT_EQ(duration.to_seconds(), -90'061);
  EXPECT_EQ(duration.to_minutes(), -1501);
  EXPECT_EQ(duration.to_hours(), -25);
  EXPECT_EQ(duration.to_days(), -1);
}

class Calls : public ::testing::Test {
 protected:
  bool call(std::string_view name, std::vector<Value> arguments) {
    return call_extension(*find_extension_function(name), arguments, arena_, out_, failure_);
  }
  Value text(std::string_view bytes) { return make_string(arena_, bytes); }

  Arena arena_;
  Value out_ = Value::boolean(false);
  EvalFailure failure_{EvalErrorKind::kType, 0, Value::boolean(false)};
};

TEST_F(Calls, AppliesConstructorsAndMethods) {
  ASSERT_TRUE(call("datetime", {text("2024-10-15T11:00:00Z")}));
  const Value noon = out_;
  ASSERT_TRUE(call("duration", {text("1d")}));
  ASSERT_TRUE(call("offset", {noon, out_}));
  EXPECT_EQ(out_.to_string(), "datetime(\"2024-10-16T11:00:00.000Z\")");
  ASSERT_TRUE(call("toTime", {out_}));
  ASSERT_TRUE(call("toHours", {out_}));
  EXPECT_EQ(out_, Value::integer(11));
}

TEST_F(Calls, AMalformedTextIsAnExtensionError) {
  EXPECT_FALSE(call("ip", {text("nowhere")}));
  EXPECT_EQ(failure_.kind, EvalErrorKind::kExtension);
}

TEST_F(Calls, AnArgumentOfAnotherKindIsATypeErrorThatNamesTheKind) {
  EXPECT_FALSE(call("lessThan", {Value::decimal({1}), text("1.0")}));
  EXPECT_EQ(failure_.kind, EvalErrorKind::kType);
  EXPECT_EQ(failure_.expected, kind_set(Kind::kDecimal));
  EXPECT_EQ(failure_.seen, text("1.0"));
}

TEST_F(Calls, AnotherNumberOfArgumentsIsAnErrorOfItsOwn) {
  const Value ip = make_ip(arena_, *Ip::parse("::1"));
  EXPECT_FALSE(call("isInRange", {ip, ip, ip}));
  EXPECT_EQ(failure_.kind, EvalErrorKind::kArgumentCount);
  EXPECT_FALSE(call("ip", {}));
  EXPECT_EQ(failure_.kind, EvalErrorKind::kArgumentCount);
}

TEST_F(Calls, UnknownFunctionsAreNotFound) {
  EXPECT_FALSE(find_extension_function("unknown").has_value());
  EXPECT_FALSE(find_extension_function("IP").has_value());
}

}  // namespace
}  // namespace writ::cedar::extension_test
