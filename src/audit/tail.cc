#include "audit/tail.h"

#include <algorithm>
#include <fmt/format.h>

#include "audit/part.h"
#include "codec/json.h"

namespace writ::audit {
namespace {

std::optional<Instant> time_of(std::string_view line) {
  const auto record = codec::parse_json(line);
  const auto* written = record ? record->find_string("time") : nullptr;
  return written != nullptr ? parse_time(*written) : std::nullopt;
}

// Does every record from an offset on follow `head`? Moves it on. An unfinished end is none.
Result<bool> chains_on(const Lines& lines, std::uint64_t offset, Head& head) {
  bool follows = true;
  TRY(lines.each(offset, [&](const RawLine& raw) {
    if (!raw.complete) return false;
    const auto line = take_apart(raw.text);
    follows = line && line->seq == head.seq + 1 && line->prev == head.hash && hash_matches(*line);
    if (follows) head = {line->seq, std::string(line->hash)};
    return follows;
  }));
  return follows;
}

enum class Holds { kNot, kAnother, kAndChainsOn, kAndBreaks };

// Moves `head`, which was noted, on to the end; `at`: when it was written.
Result<Holds> holds(const Lines& lines, Head& head, std::optional<Instant>& at) {
  const auto offset = TRY(lines.after(head.seq - 1));
  const auto text = TRY(lines.at(offset));
  const auto line = text ? take_apart(*text) : std::nullopt;
  if (!line || line->seq != head.seq) return Holds::kNot;
  if (line->hash != head.hash || !hash_matches(*line)) return Holds::kAnother;
  at = time_of(*text);
  return TRY(chains_on(lines, offset + text->size() + 1, head)) ? Holds::kAndChainsOn : Holds::kAndBreaks;
}

// The chain from the noted head on, through the files beside the path.
Result<End> through_files(const std::filesystem::path& path, const Lines* at_path, const Tail& tail,
                          const Head& noted, std::string lost) {
  const auto parts = TRY(parts_beside(path));
  Head head = noted;
  const Part* at = nullptr;
  std::optional<Instant> time, noted_at;
  for (const auto& part : parts) {
    // Of a chain whose head was never noted the first record follows nothing.
    const bool begun = at != nullptr || head.seq == 0, follows = begun && part.before == head;
    if (begun && !follows) continue;
    const auto lines = TRY(open_part(part));
    const auto take = [&](const Lines& read) -> Result<bool> {
      Head moved = head;
      const bool good =
          follows ? TRY(chains_on(read, 0, moved)) : TRY(holds(read, moved, noted_at)) == Holds::kAndChainsOn;
      if (!good) return false;
      if (noted.seq == 0 && at == nullptr) {
        if (const auto first = TRY(read.at(0))) noted_at = time_of(*first);
      }
      at = &part;
      head = std::move(moved);
      if (const auto last = TRY(read.last())) time = time_of(last->text);
      return true;
    };
    if (at_path != nullptr && part.path.filename() == path.filename()) {
      TRY(take(*at_path));
      continue;
    }
    if (TRY(take(lines))) continue;
    if (const auto whole = TRY(lines.before_zeros())) TRY(take(*whole));
  }
  if (at == nullptr) return End{tail, {}, std::move(lost)};
  if (at->path.filename() == path.filename()) return End{tail, {}, {}, noted_at};
  // There is more in the file at the path, and it does not follow.
  if (tail.size > 0) return End{tail, {}, std::move(lost)};
  return End{
      {.head = head, .time = time, .dropped = tail.dropped}, at->path.filename().string(), {}, noted_at};
}

}  // namespace

Result<Tail> read_tail(const Lines& lines) {
  const auto corrupt = [&](std::string_view what) {
    return failure(
        ErrorCode::kCorrupt,
        fmt::format("the audit log `{}` ends with {}; run `writ audit verify {}`, keep the file as evidence, "
                    "and start with a new one",
                    lines.path().string(), what, lines.path().string()));
  };
  const auto size = TRY(lines.size());
  const auto last = TRY(lines.last());
  if (!last) {
    if (size > kMaxLineBytes) return corrupt("something that is not a record");
    return Tail{.dropped = size};
  }
  const auto line = take_apart(last->text);
  if (!line) return corrupt("something that is not a record");
  if (!hash_matches(*line)) return corrupt("a record that was altered");
  const auto time = time_of(last->text);
  if (!time) return corrupt("a record without a time");
  const auto first = TRY(lines.at(0));
  const auto begins = first ? take_apart(*first) : std::nullopt;
  if (!begins) return corrupt("a record, but does not begin with one");
  const auto end = last->offset + last->text.size() + 1;
  return Tail{{line->seq, std::string(line->hash)}, time, end, size - end, begins->seq - 1};
}

namespace {

// When the first record was written, or, where it is in an earlier file, long ago.
Result<std::optional<Instant>> begin_of_chain(const Lines& lines, const Tail& tail) {
  if (tail.begins_after > 0) return Instant();
  const auto first = TRY(lines.at(0));
  return first ? time_of(*first) : std::nullopt;
}

Result<End> find_end_as_it_is(const std::filesystem::path& path, const Lines* lines,
                              const std::optional<Head>& noted) {
  Tail tail;
  if (lines != nullptr) tail = TRY(read_tail(*lines));
  if (!noted || noted->seq == 0) {
    if (tail.size > 0) {
      const auto begun = TRY(begin_of_chain(*lines, tail));
      return End{std::move(tail), {}, {}, begun};
    }
    return through_files(path, lines, tail, Head{}, {});
  }
  std::string lost = lines == nullptr ? "it is not there" : "it is empty";
  if (tail.size > 0) {
    Head head = *noted;
    std::optional<Instant> noted_at;
    switch (TRY(holds(*lines, head, noted_at))) {
      case Holds::kAndChainsOn:
        return End{std::move(tail), {}, {}, noted_at};
      case Holds::kAndBreaks:
        lost = fmt::format("record {} was altered", head.seq + 1);
        break;
      case Holds::kAnother:
        lost = fmt::format("its record {} is a different one", noted->seq);
        break;
      case Holds::kNot:
        lost = tail.begins_after >= noted->seq ? fmt::format("it begins after record {}", tail.begins_after)
                                               : fmt::format("it ends with record {}", tail.head.seq);
    }
  }
  return through_files(path, lines, tail, *noted, std::move(lost));
}

}  // namespace

Result<End> find_end(const std::filesystem::path& path, const Lines* lines,
                     const std::optional<Head>& noted) {
  auto end = find_end_as_it_is(path, lines, noted);
  // Behind a noted head every record was looked at; where none is noted, a hole may be anywhere.
  const bool looked_at = noted && noted->seq > 0;
  if (lines == nullptr || (end && end->lost.empty() && looked_at)) return end;
  const auto whole = TRY(lines->before_zeros());
  if (!whole) return end;
  auto before = find_end_as_it_is(path, &*whole, noted);
  if (!before || !before->lost.empty()) return end;
  before->tail.dropped = TRY(lines->size()) - before->tail.size;
  return before;
}

}  // namespace writ::audit
