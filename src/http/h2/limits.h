// What one HTTP/2 connection may cost, beyond what ServerOptions says for HTTP/1 and HTTP/2 alike. The table
// of docs/http2.md shows these numbers. Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>

namespace writ::http::h2 {

// Of one stream that nobody has read yet: the window it begins with (RFC 9113 §6.9.2), and keeps.
inline constexpr std::uint32_t kStreamWindowBytes = 65'535;
// Of all streams of one connection together.
inline constexpr std::int32_t kConnectionWindowBytes = 1 << 20;

// Of a request's body that comes after its answer. It is read and dropped, since many clients lose an answer
// when their upload is reset under it.
inline constexpr std::uint64_t kMaxDroppedBytes = std::uint64_t{4} << 20;

// Answers that wait for the socket. While it does not take them, no more are made.
inline constexpr std::size_t kMaxOutBytes = 64 * 1024;
// And of acknowledgements and resets that wait: then no more is read either.
inline constexpr std::size_t kMaxWaitingFrames = 64;

// One block of fields as it comes, with its CONTINUATION frames: this much more than max_head_bytes.
inline constexpr std::size_t kBlockBytesBeyondHead = 16 * 1024;
inline constexpr std::size_t kMaxContinuations = 8;
// Of one SETTINGS frame.
inline constexpr std::size_t kMaxSettings = 32;

// Frames that carry no request and no answer are paid for with credit. A connection begins with kCredit,
// earns kCreditPerSecond, and for what is useful: never more than kCredit.
inline constexpr std::int64_t kCredit = 1000;
inline constexpr std::int64_t kCreditPerSecond = 100;
inline constexpr std::int64_t kEarnedByRequest = 2;
inline constexpr std::int64_t kEarnedByData = 1;      // a frame of a request's body
inline constexpr std::int64_t kEarnedByAnswered = 3;  // a frame of an answer's, of at least kUsefulBytes
inline constexpr std::size_t kUsefulBytes = 1024;
// PING, PRIORITY, WINDOW_UPDATE, RST_STREAM, acknowledgements, unknown frames.
inline constexpr std::int64_t kCostOfControl = 1;
inline constexpr std::int64_t kCostOfSettings = 10;  // also GOAWAY
inline constexpr std::int64_t kCostOfEmptyData = 10;

// Requests that are reset before they are answered (CVE-2023-44487), or that were refused for want of a
// place.
inline constexpr std::int64_t kResets = 500;
inline constexpr std::int64_t kResetsPerSecond = 50;

// ---- of a connection to an upstream ----

// Requests at a time, or fewer where the upstream says so; then there is another connection.
inline constexpr std::size_t kMaxCalls = 100;
// Of all answers of one connection together: callers that do not read theirs hold up nobody else's.
inline constexpr std::int32_t kCallsWindowBytes = kMaxCalls * kStreamWindowBytes;
// Requests that were given up in the middle. Then a connection gets no new ones, so that an upstream that
// counts such resets has no reason to end it under those of others.
inline constexpr std::size_t kMaxGivenUp = 100;
inline constexpr std::size_t kMaxInterim = 32;  // answers 1xx before an answer

}  // namespace writ::http::h2
