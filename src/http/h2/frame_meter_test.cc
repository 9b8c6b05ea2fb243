#include "http/h2/frame_meter.h"

#include <gtest/gtest.h>
#include <string>

#include "http/testing/http2_peer.h"

namespace writ::http::frame_meter_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::size_t kHeadBytes = 16 * 1024;
const FrameMeter::Time kStart{};

// How many of the bytes' copies pass, up to `most`.
int passes(std::string_view bytes, int most, FrameMeter::Time now = kStart) {
  FrameMeter meter(kHeadBytes, kStart);
  meter.see(kHttp2Preface, now);
  for (int i = 0; i < most; ++i) {
    meter.see(bytes, now);
    if (!meter.flood().empty()) return i;
  }
  return most;
}

TEST(FrameMeter, EachKindOfFloodComesToItsEnd) {
  const std::string four(4, '\1'), eight(8, 'x');
  EXPECT_EQ(passes(frame_bytes(kPingFrame, 0, 0, eight), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kPingFrame, kAckFlag, 0, eight), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kPriorityFrame, 0, 1, four + "x"), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kWindowFrame, 0, 0, four), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kResetFrame, 0, 1, four), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(0x77, 0, 0, "unknown"), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kContinuationFrame, 0, 1, ""), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kSettingsFrame, kAckFlag, 0, ""), 5000), h2::kCredit);
  EXPECT_EQ(passes(frame_bytes(kSettingsFrame, 0, 0, ""), 5000), h2::kCredit / h2::kCostOfSettings);
  EXPECT_EQ(passes(frame_bytes(kGoAwayFrame, 0, 0, eight), 5000), h2::kCredit / h2::kCostOfSettings);
  EXPECT_EQ(passes(frame_bytes(kDataFrame, 0, 1, ""), 5000), h2::kCredit / h2::kCostOfEmptyData);
  // A byte that says how much is padding, and padding.
  EXPECT_EQ(passes(frame_bytes(kDataFrame, 8, 1, std::string(1, '\3') + "xxx"), 5000), h2::kCredit);
}

TEST(FrameMeter, WhatCarriesSomethingIsFree) {
  EXPECT_EQ(passes(frame_bytes(kDataFrame, 0, 1, "x"), 5000), 5000);
  EXPECT_EQ(passes(frame_bytes(kDataFrame, kEndStreamFlag, 1, ""), 5000), 5000);
  EXPECT_EQ(passes(frame_bytes(kHeadersFrame, kEndHeadersFlag, 1, "x"), 5000), 5000);
}

TEST(FrameMeter, WhoIsServedMaySayMore) {
  FrameMeter meter(kHeadBytes, kStart);
  meter.see(kHttp2Preface, kStart);
  const auto window = frame_bytes(kWindowFrame, 0, 0, std::string(4, '\1'));
  for (int i = 0; i < 5000; ++i) {
    meter.note_answered(16 * 1024);
    meter.see(window + window, kStart);
  }
  EXPECT_EQ(meter.flood(), "");
  // Not for bytes that are doled out one by one.
  for (int i = 0; i < 5000 && meter.flood().empty(); ++i) {
    meter.note_answered(1);
    meter.see(window, kStart);
  }
  EXPECT_NE(meter.flood(), "");
}

TEST(FrameMeter, CreditComesBackWithTime) {
  FrameMeter meter(kHeadBytes, kStart);
  meter.see(kHttp2Preface, kStart);
  const auto ping = frame_bytes(kPingFrame, 0, 0, "12345678");
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < h2::kCreditPerSecond; ++i) meter.see(ping, kStart + second * 1s);
  }
  EXPECT_EQ(meter.flood(), "");
}

TEST(FrameMeter, ResetsHaveALimitOfTheirOwn) {
  FrameMeter meter(kHeadBytes, kStart);
  for (int i = 0; i < h2::kResets; ++i) meter.note_reset(kStart);
  EXPECT_EQ(meter.flood(), "");
  meter.note_reset(kStart + 1s);
  EXPECT_EQ(meter.flood(), "");
  for (int i = 0; i < h2::kResetsPerSecond; ++i) meter.note_reset(kStart + 1s);
  EXPECT_NE(meter.flood(), "");
}

TEST(FrameMeter, ABlockOfFieldsHasALimitHoweverManyFramesItHas) {
  FrameMeter meter(kHeadBytes, kStart);
  meter.see(kHttp2Preface, kStart);
  const std::string part(8 * 1024, 'x');
  meter.see(frame_bytes(kHeadersFrame, 0, 1, part), kStart);
  EXPECT_TRUE(meter.in_block());
  for (int i = 0; i < 3; ++i) meter.see(frame_bytes(kContinuationFrame, 0, 1, part), kStart);
  EXPECT_EQ(meter.flood(), "");
  meter.see(frame_bytes(kContinuationFrame, 0, 1, "x"), kStart);
  EXPECT_NE(meter.flood(), "");
}

TEST(FrameMeter, CountsTheSameHoweverTheBytesArrive) {
  const auto bytes = std::string(kHttp2Preface) + frame_bytes(kSettingsFrame, 0, 0, "123456") +
                     frame_bytes(kHeadersFrame, 0, 1, "abc") + frame_bytes(kContinuationFrame, 0, 1, "") +
                     frame_bytes(kContinuationFrame, kEndHeadersFlag, 1, "d");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    FrameMeter meter(kHeadBytes, kStart);
    for (std::size_t at = 0; at < bytes.size(); at += step) meter.see(bytes.substr(at, step), kStart);
    EXPECT_TRUE(meter.begun());
    EXPECT_FALSE(meter.in_block());
    EXPECT_EQ(meter.flood(), "");
  }
}

}  // namespace
}  // namespace writ::http::frame_meter_test
