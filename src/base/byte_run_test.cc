#include "base/byte_run.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace writ::byte_run_test {
namespace {

constexpr auto kPlain = [](auto byte) { return in_range(byte, 0x20, 0x7f) & (byte != '"') & (byte != '\\'); };
constexpr auto kWord = [](auto byte) {
  return in_range(byte, 'a', 'z') | in_range(byte, '0', '9') | (byte == '_');
};
constexpr auto kAny = [](auto byte) { return in_range(byte, 0, 255); };
constexpr auto kHigh = [](auto byte) { return byte >= 0x80; };

// The definition, byte by byte.
template <class Predicate>
std::size_t plain_run_length(std::string_view text, Predicate predicate) {
  const auto end = std::find_if_not(text.begin(), text.end(),
                                    [&](char c) { return predicate(static_cast<unsigned char>(c)); });
  return static_cast<std::size_t>(end - text.begin());
}

template <class Predicate>
void expect_the_definition(std::string_view text, Predicate predicate) {
  // A buffer of exactly the text's size: a sanitizer sees what is read behind it.
  const std::vector<char> bytes(text.begin(), text.end());
  const std::string_view exact(bytes.data(), bytes.size());
  const auto length = plain_run_length(text, predicate);
  ASSERT_EQ(run_length(exact, predicate), length) << ::testing::PrintToString(text);
  ASSERT_EQ(is_run_of(exact, predicate), length == text.size()) << ::testing::PrintToString(text);
}

TEST(ByteRun, EveryByteAtEveryPlaceOfTextsOfEverySizeIsTakenAsTheDefinitionTakesIt) {
  for (std::size_t size = 1; size <= 50; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'a');
        text[place] = static_cast<char>(byte);
        expect_the_definition(text, kPlain);
        expect_the_definition(text, kWord);
      }
    }
  }
}

TEST(ByteRun, RandomTextsAreTakenAsTheDefinitionTakesThem) {
  std::mt19937 random(1);
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 100, '\0');
    // Few bytes stop a run, so that long ones occur.
    for (char& c : text) c = static_cast<char>(random() % 40 == 0 ? random() % 256 : 'a' + random() % 26);
    expect_the_definition(text, kPlain);
    expect_the_definition(text, kWord);
    for (char& c : text) c = static_cast<char>(c | 0x80);
    expect_the_definition(text, kHigh);
    expect_the_definition(text, kAny);
  }
}

TEST(ByteRun, ARangeHasBothItsEnds) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<unsigned char>(byte);
    EXPECT_EQ(in_range(value, 'a', 'z'), byte >= 'a' && byte <= 'z') << byte;
    EXPECT_EQ(in_range(value, 0x80, 0xff), byte >= 0x80) << byte;
  }
}

TEST(ByteRun, AnEmptyTextIsARunOfAnything) {
  EXPECT_TRUE(is_run_of("", kWord));
  EXPECT_EQ(run_length("", kWord), 0U);
}

}  // namespace
}  // namespace writ::byte_run_test
