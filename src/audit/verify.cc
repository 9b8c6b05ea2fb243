#include "audit/verify.h"

#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fstream>

namespace writ::audit {
namespace {

struct RawLine {
  std::string_view text;
  std::uint64_t number;
  std::uint64_t offset;
  bool complete;  // it has its line break
};

// Calls visit(RawLine) until it answers false. A line longer than any record comes cut, and incomplete.
template <class Visit>
Result<void> each_line(const std::filesystem::path& path, Visit&& visit) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return failure(ErrorCode::kNotFound,
                   fmt::format("cannot read `{}`: {}", path.string(), std::strerror(errno)));
  std::string buffer;
  std::uint64_t number = 0, offset = 0;
  for (;;) {
    const auto have = buffer.size();
    buffer.resize(have + kMaxLineBytes);
    in.read(buffer.data() + have, static_cast<std::streamsize>(kMaxLineBytes));
    buffer.resize(have + static_cast<std::size_t>(in.gcount()));
    if (in.bad()) return failure(ErrorCode::kIo, fmt::format("cannot read `{}`", path.string()));
    const bool last = in.gcount() == 0;
    std::size_t start = 0;
    for (auto end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', start)) {
      if (!visit(
              RawLine{std::string_view(buffer).substr(start, end - start), ++number, offset + start, true}))
        return {};
      start = end + 1;
    }
    buffer.erase(0, start);
    offset += start;
    if (buffer.size() > kMaxLineBytes || (last && !buffer.empty())) {
      visit(RawLine{buffer, ++number, offset, false});
      return {};
    }
    if (last) return {};
  }
}

std::string problem_with(const RawLine& raw, const std::optional<Line>& line, const Head& head) {
  if (!raw.complete && raw.text.size() > kMaxLineBytes) return "is longer than any record";
  if (!raw.complete) return "is unfinished: the log ends in the middle of it";
  if (!line) return "was altered: it has not the form of a record";
  if (line->seq > head.seq + 1) {
    const auto missing = line->seq - head.seq - 1;
    return fmt::format("does not follow: {} record{} before it {} missing", missing, missing == 1 ? "" : "s",
                       missing == 1 ? "is" : "are");
  }
  if (line->seq <= head.seq)
    return fmt::format("stands here a second time, or in the wrong order: it is number {}", line->seq);
  if (!hash_matches(*line)) return "was altered: its hash is another";
  if (line->prev != head.hash) return "does not follow the record before it: that one was replaced";
  return {};
}

}  // namespace

Result<Verification> verify(const std::filesystem::path& path, const std::optional<Head>& expected) {
  Verification result;
  bool met_expected = !expected || expected->seq == 0;
  std::uint64_t next_line = 1, next_offset = 0;
  TRY(each_line(path, [&](const RawLine& raw) {
    const auto line = raw.complete ? take_apart(raw.text) : std::nullopt;
    auto problem = problem_with(raw, line, result.head);
    if (problem.empty() && expected && line->seq == expected->seq) {
      met_expected = line->hash == expected->hash;
      if (!met_expected) problem = "is not the record that was expected here: the log was rewritten";
    }
    if (!problem.empty()) {
      result.first_break = Break{raw.number, raw.offset, result.head.seq + 1, std::move(problem)};
      return false;
    }
    result.head = {line->seq, std::string(line->hash)};
    next_line = raw.number + 1;
    next_offset = raw.offset + raw.text.size() + 1;
    return true;
  }));
  if (!result.first_break && !met_expected) {
    result.first_break =
        Break{next_line, next_offset, result.head.seq + 1,
              fmt::format("is missing, and so are all up to number {}: the end was cut off", expected->seq)};
  }
  return result;
}

Result<void> read_lines(const std::filesystem::path& path,
                        const std::function<bool(std::string_view)>& visit) {
  return each_line(path, [&](const RawLine& raw) { return raw.complete && visit(raw.text); });
}

std::string head_text(const Head& head) {
  return fmt::format("{}:{}", head.seq, head.hash);
}

std::optional<Head> head_from_text(std::string_view text) {
  Head head;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), head.seq);
  if (error != std::errc() || end == text.end() || *end != ':') return std::nullopt;
  head.hash = std::string(end + 1, text.end());
  if (head.hash.size() != 64 || head.hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    return std::nullopt;
  return head;
}

}  // namespace writ::audit
