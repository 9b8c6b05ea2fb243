#include "words.h"

#include <array>
#include <cstdint>
#include <fmt/format.h>

#include "cedar/symbols.h"
#include "cedar/value.h"
#include "codec/json.h"
#include "codec/utf8.h"

namespace writ::differential {
namespace {

using namespace std::literals;

constexpr std::array kPlainAttributes{"a"sv, "b"sv, "c"sv, "name"sv, "owner"sv, "when"sv, "addr"sv, "x1"sv};
constexpr std::array kOddAttributes{
    "if"sv,        "in"sv,   "has"sv,     "true"sv,   "a b"sv,    ""sv,         "é"sv,
    "__cedar"sv,   "type"sv, "context"sv, "is"sv,     "__extn"sv, "__entity"sv, "id"sv,
    "principal"sv, "a.b"sv,  "\"q\""sv,   "like"sv,   "_"sv,      "Set"sv,      "contains"sv,
    "action"sv,    "then"sv, "\n"sv,      "unless"sv, "permit"sv, "fn"sv};
constexpr std::array kIds{"a"sv,    "b"sv,    "alice"sv, "x y"sv,  ""sv,        "q\"uote"sv, "back\\slash"sv,
                          "é"sv,    "日本"sv, "\n"sv,    "*"sv,    "a::b"sv,    "A"sv,       "\u200b"sv,
                          "🦀"sv, "\0"sv,   "'"sv,     "\x7f"sv, "e\u0301"sv, "a/b"sv,     "\\"sv};
constexpr std::array kStrings{"a"sv,  "b"sv,   "ab"sv,     "abc"sv,     ""sv,     "*"sv,       "a*b"sv,
                              "\\"sv, "\n"sv,  "é"sv,      "e\u0301"sv, "日本"sv, "🦀"sv,    "a\0b"sv,
                              "10"sv, "\""sv,  "'"sv,      "aab"sv,     "A"sv,    "\\*"sv,     "\u202e"sv,
                              "aa"sv, "aaa"sv, "\r"sv,     "\t"sv,      "//"sv,   "1.2.3.4"sv, "1.0"sv,
                              "1h"sv, "b*"sv,  "\u2028"sv, "ba"sv};
constexpr std::array<std::int64_t, 24> kLongs{0,
                                              1,
                                              -1,
                                              2,
                                              3,
                                              5,
                                              7,
                                              10,
                                              100,
                                              -2,
                                              INT64_MAX,
                                              INT64_MIN,
                                              INT64_MAX - 1,
                                              INT64_MIN + 1,
                                              INT64_MAX / 2,
                                              INT64_MIN / 2,
                                              1LL << 32,
                                              -(1LL << 32),
                                              3037000499,
                                              3037000500,
                                              4294967296 / 2,
                                              1000,
                                              -1000,
                                              86400000};
constexpr std::array kIps{"127.0.0.1"sv,
                          "10.0.0.1"sv,
                          "10.0.0.0/8"sv,
                          "10.1.2.3/16"sv,
                          "0.0.0.0/0"sv,
                          "255.255.255.255"sv,
                          "1.2.3.4/32"sv,
                          "1.2.3.4/31"sv,
                          "224.0.0.1"sv,
                          "224.0.0.0/4"sv,
                          "239.255.255.255/3"sv,
                          "127.0.0.0/8"sv,
                          "127.0.0.1/7"sv,
                          "::1"sv,
                          "::"sv,
                          "::/0"sv,
                          "::1/128"sv,
                          "ff00::/8"sv,
                          "ff00::1"sv,
                          "ff00::/7"sv,
                          "fe80::1/64"sv,
                          "2001:db8::1"sv,
                          "2001:db8::/32"sv,
                          "1:2:3:4:5:6:7:8"sv,
                          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"sv,
                          "::ffff:0:0"sv,
                          "::2/127"sv,
                          "::3"sv,
                          "1::/16"sv,
                          "A::b"sv,
                          "0001::1"sv};
constexpr std::array kWrongIps{"256.0.0.1"sv,
                               "1.2.3"sv,
                               "1.2.3.4.5"sv,
                               "01.2.3.4"sv,
                               "1.2.3.4/33"sv,
                               "1.2.3.4/"sv,
                               "1.2.3.4/08"sv,
                               "::/129"sv,
                               "1.2.3.4/-1"sv,
                               ":::"sv,
                               "1::2::3"sv,
                               "::ffff:1.2.3.4"sv,
                               "12345::"sv,
                               "fe80::1%eth0"sv,
                               ""sv,
                               " 1.2.3.4"sv,
                               "1.2.3.4 "sv,
                               "/8"sv,
                               "1.2.3.4/+8"sv,
                               "1.2.3.4/8/8"sv,
                               "[::1]"sv,
                               "0x1.2.3.4"sv,
                               "1.2.3.4/001"sv,
                               "::1/00"sv,
                               "1:2:3:4:5:6:7:8:9"sv,
                               "1:2:3:4:5:6:7::"sv,
                               "1:2:3:4:5:6:7:8::"sv,
                               "::1:2:3:4:5:6:7"sv,
                               "::1:2:3:4:5:6:7:8"sv,
                               ":1:2:3:4:5:6:7"sv,
                               "1.2.3.4/ 8"sv,
                               "1.2.3.٤"sv,
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1280"sv,
                               "1.2.3.4/032"sv};
constexpr std::array kDecimals{"0.0"sv,
                               "1.0"sv,
                               "1.00"sv,
                               "-1.0"sv,
                               "0.0001"sv,
                               "-0.0001"sv,
                               "-0.0"sv,
                               "12.3456"sv,
                               "922337203685477.5807"sv,
                               "-922337203685477.5808"sv,
                               "922337203685477.5806"sv,
                               "007.50"sv,
                               "1.1"sv,
                               "1.1000"sv,
                               "-00.10"sv,
                               "1.2"sv};
constexpr std::array kWrongDecimals{"1"sv,
                                    "1."sv,
                                    ".1"sv,
                                    "1.00000"sv,
                                    "922337203685477.5808"sv,
                                    "-922337203685477.5809"sv,
                                    "+1.0"sv,
                                    "1e2"sv,
                                    ""sv,
                                    " 1.0"sv,
                                    "1.0 "sv,
                                    "--1.0"sv,
                                    "1.0.0"sv,
                                    "1,0"sv,
                                    "٣.٤"sv,
                                    "99999999999999999999.0"sv,
                                    "-"sv,
                                    "-.1"sv,
                                    "1.-1"sv,
                                    "1.0\n"sv,
                                    "-9223372036854775808.0"sv,
                                    "9223372036854775807.0"sv,
                                    "0x1.0"sv,
                                    "1_0.0"sv};
constexpr std::array kDatetimes{"1970-01-01"sv,
                                "2024-02-29"sv,
                                "2024-10-15T11:38:02Z"sv,
                                "2024-10-15T11:38:02.101Z"sv,
                                "2024-10-15T11:38:02.101-1134"sv,
                                "2024-10-15T11:38:02+0000"sv,
                                "0000-01-01"sv,
                                "9999-12-31T23:59:59.999Z"sv,
                                "0000-01-01T00:00:00+2359"sv,
                                "9999-12-31T23:59:59.999-2359"sv,
                                "1969-12-31T23:59:59.999Z"sv,
                                "2000-02-29"sv,
                                "1970-01-01T00:00:00.001Z"sv,
                                "1969-12-31"sv,
                                "2024-01-31"sv,
                                "2024-10-15T00:00:00-0000"sv,
                                "0004-02-29"sv};
constexpr std::array kWrongDatetimes{"2023-02-29"sv,
                                     "1900-02-29"sv,
                                     "2024-13-01"sv,
                                     "2024-00-01"sv,
                                     "2024-01-00"sv,
                                     "2024-01-32"sv,
                                     "24-01-01"sv,
                                     "2024-1-1"sv,
                                     "2024-01-01T24:00:00Z"sv,
                                     "2024-01-01T23:60:00Z"sv,
                                     "2024-01-01T23:59:60Z"sv,
                                     "2024-01-01T00:00:00"sv,
                                     "2024-01-01T00:00:00.1Z"sv,
                                     "2024-01-01T00:00:00.1234Z"sv,
                                     "2024-01-01T00:00:00+24:00"sv,
                                     "2024-01-01Z"sv,
                                     "2024-01-01T00:00:00+2400"sv,
                                     "2024-01-01T00:00:00+2360"sv,
                                     "2024-01-01t00:00:00z"sv,
                                     "10000-01-01"sv,
                                     ""sv,
                                     "-001-01-01"sv,
                                     "2024-01-01 00:00:00Z"sv,
                                     "2024-01-01T00:00:00Z "sv,
                                     " 2024-01-01"sv,
                                     "2024-01-01T00:00Z"sv,
                                     "2024-01-01T00:00:00.000"sv,
                                     "٢٠٢٤-01-01"sv,
                                     "2024-01-01T00:00:00+100"sv,
                                     "2024/01/01"sv,
                                     "2024-01-01T"sv,
                                     "2024-04-31"sv,
                                     "2024-01-01T00:00:00.000+2359 "sv,
                                     "2024-01-01T00:00:00.+00Z"sv,
                                     "+2024-01-01"sv};
constexpr std::array kDurations{"0ms"sv,
                                "1ms"sv,
                                "-1ms"sv,
                                "1d"sv,
                                "1d2h3m4s5ms"sv,
                                "-1d12h"sv,
                                "90s"sv,
                                "999ms"sv,
                                "1s"sv,
                                "1h"sv,
                                "60m"sv,
                                "-0ms"sv,
                                "9223372036854775807ms"sv,
                                "-9223372036854775808ms"sv,
                                "106751991167d"sv,
                                "106751991167d7h12m55s807ms"sv,
                                "-106751991167d7h12m55s808ms"sv,
                                "0d0h0m0s0ms"sv,
                                "007h"sv,
                                "24h"sv,
                                "86400s"sv,
                                "2h1ms"sv,
                                "9223372036854775s"sv};
constexpr std::array kWrongDurations{"1"sv,
                                     "ms"sv,
                                     "1h1d"sv,
                                     "1d1d"sv,
                                     "1.5h"sv,
                                     "+1h"sv,
                                     "--1h"sv,
                                     "-"sv,
                                     ""sv,
                                     " 1h"sv,
                                     "1h "sv,
                                     "1 h"sv,
                                     "1H"sv,
                                     "9223372036854775808ms"sv,
                                     "106751991168d"sv,
                                     "106751991167d7h12m55s808ms"sv,
                                     "99999999999999999999ms"sv,
                                     "1ms1s"sv,
                                     "-106751991167d7h12m55s809ms"sv,
                                     "1h-1m"sv,
                                     "١h"sv,
                                     "1sms"sv,
                                     "1us"sv,
                                     "d"sv,
                                     "1m1"sv,
                                     "9223372036854776s"sv};

std::string one_of(Random& random, auto& right, auto& wrong) {
  return std::string(random.percent(93) ? random.pick(right) : random.pick(wrong));
}

}  // namespace

std::string_view any_attribute(Random& random) {
  return random.percent(85) ? random.pick(kPlainAttributes) : random.pick(kOddAttributes);
}

std::string_view any_identifier(Random& random) {
  return random.pick(kPlainAttributes);
}

std::string_view any_entity_id(Random& random) {
  return random.percent(60) ? kIds[random.below(3)] : random.pick(kIds);
}

std::string_view any_string(Random& random) {
  return random.pick(kStrings);
}

std::int64_t any_long(Random& random) {
  if (random.percent(50)) return kLongs[random.below(8)];
  if (random.one_in(10)) return static_cast<std::int64_t>(random.bits() >> random.below(64));
  return random.pick(kLongs);
}

std::string any_ip(Random& random) {
  if (random.one_in(5))
    return fmt::format("{}.{}.{}.{}/{}", random.below(257), random.below(3), random.below(3),
                       random.below(256), random.below(34));
  if (random.one_in(8)) {
    std::string text;
    for (std::size_t i = random.between(1, 9); i > 0; --i)
      text += fmt::format("{:x}{}", random.bits() >> (48 + random.below(16)), random.one_in(6) ? "::" : ":");
    return random.one_in(2) ? text + fmt::format("{}", random.below(130))
                            : text + "1/" + std::to_string(random.below(130));
  }
  return one_of(random, kIps, kWrongIps);
}

std::string any_decimal(Random& random) {
  if (random.one_in(5))
    return fmt::format("{}.{:0{}}", any_long(random) / 10000, random.below(100), random.between(1, 5));
  return one_of(random, kDecimals, kWrongDecimals);
}

std::string any_datetime(Random& random) {
  if (random.one_in(5)) {
    std::string text =
        fmt::format("{:04}-{:02}-{:02}", random.one_in(3) ? random.below(10000) : random.between(1960, 2030),
                    random.between(0, 13), random.between(0, 31));
    if (random.one_in(3)) return text;
    text += fmt::format("T{:02}:{:02}:{:02}", random.below(25), random.below(61), random.below(61));
    if (random.one_in(2)) text += fmt::format(".{:03}", random.below(1000));
    if (random.one_in(2)) return text + "Z";
    return text +
           fmt::format("{}{:02}{:02}", random.one_in(2) ? "+" : "-", random.below(25), random.below(61));
  }
  return one_of(random, kDatetimes, kWrongDatetimes);
}

std::string any_duration(Random& random) {
  if (random.one_in(5)) {
    std::string text = random.one_in(3) ? "-" : "";
    for (const std::string_view unit : {"d", "h", "m", "s", "ms"}) {
      if (random.one_in(2))
        text += fmt::format("{}{}", static_cast<std::uint64_t>(any_long(random)) >> 1, unit);
    }
    return text;
  }
  return one_of(random, kDurations, kWrongDurations);
}

std::string any_argument(Random& random, std::string_view constructor) {
  std::string text = constructor == "ip"         ? any_ip(random)
                     : constructor == "decimal"  ? any_decimal(random)
                     : constructor == "datetime" ? any_datetime(random)
                                                 : any_duration(random);
  if (!random.one_in(12) || text.empty()) return text;
  constexpr std::string_view kCharacters = "0123456789.:/-+TZdhmsabf ";
  char& changed = text[random.below(text.size())];
  // Not within a character of several bytes.
  if (static_cast<unsigned char>(changed) < 0x80) changed = random.pick(kCharacters);
  return text;
}

bool is_argument(std::string_view constructor, std::string_view text) {
  if (constructor == "ip") return cedar::Ip::parse(text).has_value();
  if (constructor == "decimal") return cedar::Decimal::parse(text).has_value();
  if (constructor == "datetime") return cedar::Datetime::parse(text).has_value();
  return cedar::CedarDuration::parse(text).has_value();
}

std::string string_literal(Random& random, std::string_view text, bool pattern) {
  const bool plain = random.percent(70);
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(codec::utf8_sequence_length(text), 1);
    const std::string_view character = text.substr(0, size);
    text.remove_prefix(size);
    const char c = character[0];
    if (pattern && c == '*') {
      out += "\\*";
    } else if (size > 1) {
      out += character;
    } else if (!plain && random.one_in(3) && c != '*') {
      const int code = c;
      switch (random.below(3)) {
        case 0:
          out += fmt::format("\\x{:02x}", code);
          break;
        case 1:
          out += fmt::format("\\u{{{:X}}}", code);
          break;
        default:
          out += fmt::format("\\u{{0_{:04x}}}", code);
          break;
      }
    } else if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\0' || c == '\t') {
      cedar::append_escaped(out, character);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_literal(Random& random, std::string_view text) {
  std::string out;
  if (random.percent(90)) {
    codec::append_json_string(out, text);
    return out;
  }
  out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      out += c;
    } else {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    }
  }
  return out + '"';
}

}  // namespace writ::differential
