#include "audit/verify.h"

#include <fmt/format.h>

#include "audit/lines.h"
#include "audit/part.h"
#include "codec/json.h"

namespace writ::audit {
namespace {

std::string problem_with(const RawLine& raw, const std::optional<Line>& line, const Head& head) {
  if (!raw.complete && raw.text.size() > kMaxLineBytes) return "is longer than any record";
  if (!raw.complete) return "is unfinished: the log ends in the middle of it";
  if (!line) return "was altered: it does not have the form of a record";
  if (line->seq > head.seq + 1) {
    const auto missing = line->seq - head.seq - 1;
    return fmt::format("does not follow: {} record{} before it {} missing", missing, missing == 1 ? "" : "s",
                       missing == 1 ? "is" : "are");
  }
  if (line->seq <= head.seq)
    return fmt::format("stands here a second time, or in the wrong order: it is number {}", line->seq);
  if (!hash_matches(*line)) return "was altered: its hash does not match";
  if (line->prev != head.hash) return "does not follow the record before it: that one was replaced";
  return {};
}

// Only where a file was begun on purpose may records before it be elsewhere.
bool may_begin_a_file(std::string_view line) {
  const auto record = codec::parse_json(line);
  const auto* type = record ? record->find_string("type") : nullptr;
  return type != nullptr && (*type == kContinued || *type == kLost);
}

class Verifier {
 public:
  explicit Verifier(const std::optional<Head>& expected)
      : expected_(expected), met_expected_(!expected || expected->seq == 0) {}

  // False: it is broken.
  Result<bool> read(const Part& part) {
    const auto lines = TRY(open_part(part));
    if (result_.records == 0 && part.before.seq > 0) {
      const auto first = TRY(lines.at(0));
      if (first && may_begin_a_file(*first)) {
        result_.head = part.before;
        result_.first = part.before.seq + 1;
      }
    }
    file_ = part.path;
    next_line_ = 1;
    next_offset_ = 0;
    const bool written = lines.is_being_written();
    TRY(lines.each(0, [&](const RawLine& raw) { return read(raw, written); }));
    return !result_.first_break;
  }

  Verification finish() && {
    if (!result_.first_break && !met_expected_) {
      const auto problem =
          expected_->seq < result_.first
              ? fmt::format("is the first here: record {}, which was expected, is in an older file",
                            expected_->seq)
              : fmt::format("is missing, and so are all up to number {}: the end was cut off",
                            expected_->seq);
      result_.first_break = Break{file_, next_line_, next_offset_, result_.head.seq + 1, problem};
    }
    return std::move(result_);
  }

 private:
  bool read(const RawLine& raw, bool written) {
    if (!raw.complete && written && raw.text.size() <= kMaxLineBytes) {
      result_.unfinished = raw.text.size();
      return false;
    }
    const auto line = raw.complete ? take_apart(raw.text) : std::nullopt;
    auto problem = problem_with(raw, line, result_.head);
    if (problem.empty() && expected_ && line->seq == expected_->seq) {
      met_expected_ = line->hash == expected_->hash;
      if (!met_expected_) problem = "is not the record that was expected here: the log was rewritten";
    }
    if (!problem.empty()) {
      result_.first_break = Break{file_, raw.number, raw.offset, result_.head.seq + 1, std::move(problem)};
      return false;
    }
    result_.head = {line->seq, std::string(line->hash)};
    ++result_.records;
    next_line_ = raw.number + 1;
    next_offset_ = raw.offset + raw.text.size() + 1;
    return true;
  }

  const std::optional<Head>& expected_;
  bool met_expected_;
  Verification result_;
  std::filesystem::path file_;
  std::uint64_t next_line_ = 1, next_offset_ = 0;
};

}  // namespace

Result<Verification> verify(const std::vector<Part>& parts, const std::optional<Head>& expected) {
  Verifier verifier(expected);
  for (const auto& part : parts) {
    if (!TRY(verifier.read(part))) break;
  }
  return std::move(verifier).finish();
}

Result<Verification> verify(const std::filesystem::path& path, const std::optional<Head>& expected) {
  auto part = TRY(part_of(path));
  return verify(std::vector<Part>{part ? *std::move(part) : Part{path, {}}}, expected);
}

Result<void> read_lines(const std::filesystem::path& path,
                        const std::function<bool(std::string_view)>& visit) {
  const auto lines = TRY(Lines::open(path));
  return lines.each(0, [&](const RawLine& raw) { return raw.complete && visit(raw.text); });
}

Result<void> read_after(const std::vector<Part>& parts, std::uint64_t after,
                        const std::function<bool(std::string_view)>& visit) {
  bool more = true;
  for (std::size_t i = 0; more && i < parts.size(); ++i) {
    // All of it is before.
    if (i + 1 < parts.size() && parts[i + 1].before.seq <= after) continue;
    const auto lines = TRY(open_part(parts[i]));
    const auto offset = parts[i].before.seq >= after ? 0 : TRY(lines.after(after));
    TRY(lines.each(offset, [&](const RawLine& raw) {
      if (!raw.complete) return false;
      return more = visit(raw.text);
    }));
  }
  return {};
}

Result<std::uint64_t> last_number(const std::vector<Part>& parts) {
  if (parts.empty()) return 0;
  const auto lines = TRY(open_part(parts.back()));
  const auto last = TRY(lines.last());
  const auto line = last ? take_apart(last->text) : std::nullopt;
  return line ? line->seq : parts.back().before.seq;
}

}  // namespace writ::audit
