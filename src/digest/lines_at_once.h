// Many lines of a log at once, and what is made of each on all cores. Private to the module.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "audit/lines.h"
#include "base/result.h"

namespace writ::digest {

inline std::unexpected<Error> stopped_reading() {
  return failure(ErrorCode::kUnavailable, "the log was not read to its end, because Writ stops");
}

// `make` is called for each line on one of several threads, then `take` for each in order on this one, until
// it answers false. A line that is not whole ends it. `make`: Made(std::string_view line), thread-safe. Fails
// with kUnavailable when `stop` says so, which is asked before each piece of some MiB.
template <class Made, class Make, class Take>
Result<void> lines_at_once(const audit::Lines& lines, std::uint64_t from, const std::function<bool()>& stop,
                           Make make, Take take) {
  constexpr std::size_t kPieceBytes = std::size_t{8} << 20;
  const std::size_t threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
  struct Piece {
    std::string text;
    std::vector<std::pair<std::size_t, std::size_t>> lines;  // begin and length, in the text
    std::uint64_t offset = 0;                                // of the text, in the log
    std::vector<Made> made;
  };
  const auto work = [&](Piece& piece) {
    piece.made.resize(piece.lines.size());
    const auto some = [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const auto [at, length] = piece.lines[i];
        piece.made[i] = make(std::string_view(piece.text).substr(at, length));
      }
    };
    std::vector<std::future<void>> others;
    const auto share = piece.lines.size() / threads + 1;
    for (std::size_t begin = share; begin < piece.lines.size(); begin += share)
      others.push_back(
          std::async(std::launch::async, some, begin, std::min(begin + share, piece.lines.size())));
    some(0, std::min(share, piece.lines.size()));
    for (auto& other : others) other.get();
  };
  Piece piece;
  bool more = true, stopped = false;
  const auto finish = [&] {
    stopped = stop && stop();
    if (stopped) return false;
    work(piece);
    for (std::size_t i = 0; more && i < piece.lines.size(); ++i) {
      const auto [at, length] = piece.lines[i];
      more = take(std::string_view(piece.text).substr(at, length), piece.offset + at, piece.made[i]);
    }
    piece.text.clear();
    piece.lines.clear();
    return more;
  };
  TRY(lines.each(from, [&](const audit::RawLine& raw) {
    if (!raw.complete) return false;
    if (piece.lines.empty()) piece.offset = raw.offset;
    piece.lines.emplace_back(piece.text.size(), raw.text.size());
    piece.text += raw.text;
    piece.text += '\n';
    return piece.text.size() < kPieceBytes || finish();
  }));
  if (more && !stopped && !piece.lines.empty()) finish();
  if (stopped) return stopped_reading();
  return {};
}

}  // namespace writ::digest
