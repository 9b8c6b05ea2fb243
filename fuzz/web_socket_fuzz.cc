// Bytes that pass through a WebSocket (http/web_socket.h). Where frames begin and end decides whether a Close
// frame of the gateway's own may be put among them, so the tracker must know it however the bytes arrive:
// - it says after each piece what a reader of the whole says, who looks frames up one after the other;
// - it says the same whether bytes come one by one, in sevens, in halves, or at once;
// - it keeps none of them: its size is all that it takes;
// - the gateway's own Close frame, behind whole frames, is one more whole frame.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/check.h"
#include "http/web_socket.h"

namespace {

using namespace writ::http;

// No byte is kept, so no peer can make it grow.
static_assert(std::is_trivially_copyable_v<FrameTracker> && sizeof(FrameTracker) <= 32);

struct Verdict {
  bool between_frames, closing;
  bool operator==(const Verdict&) const = default;
};

Verdict verdict_of(const FrameTracker& tracker) {
  return {tracker.between_frames(), tracker.closing()};
}

// RFC 6455 §5.2, of bytes that are all there.
Verdict read_whole(std::string_view bytes) {
  bool closing = false;
  while (!bytes.empty()) {
    const auto at = [&](std::size_t i) -> std::uint64_t { return static_cast<unsigned char>(bytes[i]); };
    closing = closing || (at(0) & 0x0f) == 8;
    if (bytes.size() < 2) return {false, closing};
    std::uint64_t length = at(1) & 0x7f;
    const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    const std::size_t header = 2 + more + ((at(1) & 0x80) != 0 ? 4 : 0);
    if (bytes.size() < header) return {false, closing};
    if (more > 0) length = 0;
    for (std::size_t i = 2; i < 2 + more; ++i) length = length << 8 | at(i);
    bytes.remove_prefix(header);
    if (bytes.size() < length) return {false, closing};
    bytes.remove_prefix(static_cast<std::size_t>(length));
  }
  return {true, closing};
}

Verdict in_pieces(std::string_view bytes, std::size_t size) {
  FrameTracker tracker;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size())))
    tracker.pass(bytes.substr(0, size));
  return verdict_of(tracker);
}

void check_close_frame(FrameTracker tracker, std::string_view reason) {
  if (!tracker.between_frames()) return;
  const auto frame = close_frame(1008, reason);
  WRIT_CHECK(frame.size() <= 2 + 125);
  tracker.pass(frame);
  WRIT_CHECK(verdict_of(tracker) == (Verdict{true, true}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read_whole(bytes);
  for (const auto piece : {std::size_t{1}, std::size_t{7}, size / 2 + 1, size + 1})
    WRIT_CHECK(in_pieces(bytes, piece) == whole);
  // Cut at any place: each of the first, where headers are, and then some.
  FrameTracker first;
  for (std::size_t cut = 0; cut < size; ++cut) {
    const bool looked_at = cut < 64 || cut % 61 == 0;
    if (looked_at) {
      WRIT_CHECK(verdict_of(first) == read_whole(bytes.substr(0, cut)));
      auto both = first;
      both.pass({});
      both.pass(bytes.substr(cut));
      WRIT_CHECK(verdict_of(both) == whole);
      check_close_frame(first, bytes.substr(cut));
    }
    first.pass(bytes.substr(cut, 1));
  }
  WRIT_CHECK(verdict_of(first) == whole);
  return 0;
}
