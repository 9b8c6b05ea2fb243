#include "token/key_wrapping.h"

#include <gmock/gmock.h>

namespace writ::token::key_wrapping_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

WrappingKey key_of(char c) {
  return WrappingKey::parse(Secret(std::string(64, c))).value();
}
const Wrapping kFirst{key_of('1'), {}}, kSecond{key_of('2'), {}}, kBoth{key_of('2'), key_of('1')};
const Secret kText(std::string("the private half"));

TEST(WrappingKey, IsReadInEachFormOfThirtyTwoBytes) {
  const auto id = WrappingKey::parse(Secret(std::string(64, 'f'))).value().id();
  EXPECT_EQ(id.size(), 8u);
  for (const auto* same :
       {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "//////////////////////////////////////////8=", "__________________________________________8",
        "  __________________________________________8\r\n"})
    EXPECT_EQ(WrappingKey::parse(Secret(std::string(same))).value().id(), id) << same;
}

TEST(WrappingKey, OfAnyOtherFormIsRefusedWithoutShowingIt) {
  for (const std::string wrong :
       {"", " \n", "secret-passphrase", "ffff", "//////////////////////////////////////////",
        "gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg"}) {
    const auto read = WrappingKey::parse(Secret(wrong));
    ASSERT_FALSE(read) << wrong;
    EXPECT_THAT(read.error().message, HasSubstr("32 random bytes"));
    if (!wrong.empty()) {
      EXPECT_THAT(read.error().message, Not(HasSubstr("passphrase")));
    }
  }
}

TEST(KeyWrapping, GivesBackWhatWasWrapped) {
  const auto stored = wrap(kFirst, "k1", kText).value();
  EXPECT_TRUE(is_sealed(stored));
  EXPECT_THAT(stored, AllOf(HasSubstr("sealed:1:" + kFirst.now->id() + ":"), Not(HasSubstr("private"))));
  EXPECT_EQ(unwrap(kFirst, "k1", stored).value().expose(), kText.expose());
}

TEST(KeyWrapping, WithoutAKeyTextsStayAsTheyAre) {
  EXPECT_EQ(wrap({}, "k1", kText).value(), kText.expose());
  EXPECT_EQ(unwrap({}, "k1", "plain").value().expose(), "plain");
  EXPECT_FALSE(is_outdated({}, "plain"));
}

TEST(KeyWrapping, ATextThatIsPutIntoAnotherKeysRowIsRefused) {
  const auto stored = wrap(kFirst, "k1", kText).value();
  const auto moved = unwrap(kFirst, "k2", stored);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kCorrupt);
}

TEST(KeyWrapping, ATextThatWasChangedIsRefused) {
  const auto stored = wrap(kFirst, "k1", kText).value();
  for (std::size_t i = 0; i < stored.size(); ++i) {
    auto changed = stored;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = unwrap(kFirst, "k1", changed);
    // Without its first word it is a text that was never sealed, which no key is.
    if (is_sealed(changed)) {
      EXPECT_FALSE(opened) << i;
    } else {
      EXPECT_EQ(opened.value().expose(), changed);
    }
  }
}

TEST(KeyWrapping, AMissingAndAWrongKeyAreTold) {
  const auto stored = wrap(kFirst, "k1", kText).value();
  const auto missing = unwrap({}, "k1", stored);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kConflict);
  EXPECT_THAT(missing.error().message,
              AllOf(HasSubstr(kFirst.now->id()), HasSubstr("`signing_keys.encrypted_with`")));
  const auto wrong = unwrap(kSecond, "k1", stored);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kConflict);
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr(kFirst.now->id()), HasSubstr(kSecond.now->id()),
                                           HasSubstr("`signing_keys.encrypted_before_with`")));
}

TEST(KeyWrapping, ThePreviousKeyOpensUntilAllIsSealedAnew) {
  const auto stored = wrap(kFirst, "k1", kText).value();
  EXPECT_TRUE(is_outdated(kBoth, stored));
  const auto anew = wrap(kBoth, "k1", unwrap(kBoth, "k1", stored).value()).value();
  EXPECT_FALSE(is_outdated(kBoth, anew));
  EXPECT_EQ(unwrap(kSecond, "k1", anew).value().expose(), kText.expose());
  EXPECT_TRUE(is_outdated(kFirst, "plain"));
}

TEST(KeyWrapping, AFormOfALaterWritIsRefused) {
  for (const auto* later : {"sealed:2:01234567:AAAA", "sealed:", "sealed:1:0123:AAAA"}) {
    const auto opened = unwrap(kFirst, "k1", later);
    ASSERT_FALSE(opened) << later;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace writ::token::key_wrapping_test
