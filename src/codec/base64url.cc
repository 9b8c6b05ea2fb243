#include "codec/base64url.h"

#include <array>
#include <cstdint>

namespace writ::codec {
namespace {

using DecodeTable = std::array<std::int8_t, 256>;

constexpr char kUrlAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr char kStandardAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr DecodeTable make_decode_table(const char* alphabet) {
  DecodeTable table{};
  for (auto& entry : table) entry = -1;
  for (int i = 0; i < 64; ++i) table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

constexpr DecodeTable kUrlValues = make_decode_table(kUrlAlphabet);
constexpr DecodeTable kStandardValues = make_decode_table(kStandardAlphabet);

// Three bytes are four digits. A rest of one byte has two, and of two bytes three.
std::string encode(std::string_view bytes, const char* alphabet) {
  std::string text((bytes.size() * 4 + 2) / 3, '\0');
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  char* out = text.data();
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, in += 3, out += 4) {
    const std::uint32_t bits = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = alphabet[bits >> 6 & 63];
    out[3] = alphabet[bits & 63];
  }
  if (left == 0) return text;
  const std::uint32_t bits = std::uint32_t{in[0]} << 16 | (left == 2 ? std::uint32_t{in[1]} << 8 : 0);
  out[0] = alphabet[bits >> 18];
  out[1] = alphabet[bits >> 12 & 63];
  if (left == 2) out[2] = alphabet[bits >> 6 & 63];
  return text;
}

Result<std::string> decode(std::string_view text, const DecodeTable& values) {
  if (text.size() % 4 == 1) return failure(ErrorCode::kInvalid, "base64: impossible length");
  const auto outside = [] { return failure(ErrorCode::kInvalid, "base64: character outside the alphabet"); };
  std::string bytes(text.size() * 3 / 4, '\0');
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  char* out = bytes.data();
  std::size_t left = text.size();
  for (; left >= 4; left -= 4, in += 4, out += 3) {
    const int a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
    // What is none is negative, and stays so.
    if ((a | b | c | d) < 0) return outside();
    const int bits = a << 18 | b << 12 | c << 6 | d;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8 & 0xFF);
    out[2] = static_cast<char>(bits & 0xFF);
  }
  if (left == 0) return bytes;
  const int a = values[in[0]], b = values[in[1]], c = left == 3 ? values[in[2]] : 0;
  if ((a | b | c) < 0) return outside();
  const int bits = a << 18 | b << 12 | c << 6;
  out[0] = static_cast<char>(bits >> 16);
  if (left == 3) out[1] = static_cast<char>(bits >> 8 & 0xFF);
  if ((bits & (left == 3 ? 0xFF : 0xFFFF)) != 0)
    return failure(ErrorCode::kInvalid, "base64: unused bits are not zero");
  return bytes;
}

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  return encode(bytes, kUrlAlphabet);
}

Result<std::string> base64url_decode(std::string_view text) {
  return decode(text, kUrlValues);
}

std::string base64_encode(std::string_view bytes) {
  auto text = encode(bytes, kStandardAlphabet);
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return failure(ErrorCode::kInvalid, "base64: padding is missing");
  if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  return decode(text, kStandardValues);
}

}  // namespace writ::codec
