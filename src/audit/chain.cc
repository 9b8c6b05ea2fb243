#include "audit/chain.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/append.h"
#include "crypto/hash.h"

namespace writ::audit {
namespace {

constexpr std::size_t kHashSize = 64;
constexpr std::string_view kSeq = "{\"seq\":", kPrev = ",\"prev\":\"", kHash = ",\"hash\":\"", kEnd = "\"}";

bool is_hash(std::string_view text) {
  return text.size() == kHashSize && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string head_text(const Head& head) {
  return fmt::format("{}:{}", head.seq, head.hash);
}

std::optional<Head> head_from_text(std::string_view text) {
  Head head;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), head.seq);
  if (error != std::errc() || end == text.end() || *end != ':') return std::nullopt;
  head.hash = std::string(end + 1, text.end());
  if (!is_hash(head.hash)) return std::nullopt;
  return head;
}

void append_line(std::string& out, Head& head, std::string_view members) {
  const auto start = out.size();
  const fmt::format_int seq(head.seq + 1);
  append(out, kSeq, std::string_view(seq.data(), seq.size()), kPrev, head.hash, "\",", members);
  const auto digest = crypto::sha256(std::string_view(out).substr(start));
  head.hash.clear();
  crypto::append_hex(head.hash, digest);
  ++head.seq;
  append(out, kHash, head.hash, kEnd, "\n");
}

std::optional<Line> take_apart(std::string_view line) {
  if (!line.starts_with(kSeq) || !line.ends_with(kEnd)) return std::nullopt;
  Line parts{};
  const auto digits = line.substr(kSeq.size());
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), parts.seq);
  if (error != std::errc() || parts.seq == 0 || *digits.begin() == '0') return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(line.end() - end));
  const auto tail = kHash.size() + kHashSize + kEnd.size();
  if (!rest.starts_with(kPrev) || rest.size() < kPrev.size() + kHashSize + 2 + tail) return std::nullopt;
  parts.prev = rest.substr(kPrev.size(), kHashSize);
  parts.hashed = line.substr(0, line.size() - tail);
  if (line.substr(parts.hashed.size(), kHash.size()) != kHash) return std::nullopt;
  parts.hash = line.substr(parts.hashed.size() + kHash.size(), kHashSize);
  if (!is_hash(parts.prev) || !is_hash(parts.hash)) return std::nullopt;
  return parts;
}

bool hash_matches(const Line& line) {
  return crypto::hex(crypto::sha256(line.hashed)) == line.hash;
}

}  // namespace writ::audit
