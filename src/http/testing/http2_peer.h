// For tests: a client of HTTP/2 that sends exactly the frames it is told to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/headers.h"
#include "http/testing/loopback.h"

namespace writ::http::testing {

// RFC 9113 §6.
enum FrameType : std::uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPingFrame = 6,
  kGoAwayFrame = 7,
  kWindowFrame = 8,
  kContinuationFrame = 9,
};
inline constexpr std::uint8_t kEndStreamFlag = 1, kAckFlag = 1, kEndHeadersFlag = 4;

struct Frame {
  std::uint8_t type = 0xff;  // 0xff: the connection has ended
  std::uint8_t flags = 0;
  std::uint32_t id = 0;
  std::string payload;
  std::uint32_t number(std::size_t at) const;  // four bytes of the payload
};

struct Http2Answer {
  int status = 0;  // 0: there was none
  Headers headers;
  std::string body;
  Headers trailers;
  std::vector<int> interim;
  std::optional<std::uint32_t> reset;  // the code of RST_STREAM, before or behind the answer
};

using Fields = std::vector<std::pair<std::string, std::string>>;
// `GET path` of `http://a`, and what is added.
Fields get_fields(std::string_view path, const Fields& more = {});
Fields post_fields(std::string_view path, const Fields& more = {});
std::string bytes_of(std::uint32_t number);
std::string frame_bytes(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload);
// HPACK without tables: names and values as they are, also those that no request may have.
std::string block_of(const Fields& fields);

// Blocking; acknowledges SETTINGS, and gives windows back unless it is told not to.
class Http2Peer {
 public:
  // `settings`: the payload of the first SETTINGS frame.
  explicit Http2Peer(RawClient client, std::string_view settings = {});
  explicit Http2Peer(std::uint16_t port, std::string_view settings = {})
      : Http2Peer(RawClient(port), settings) {}
  ~Http2Peer();
  Http2Peer(Http2Peer&&) noexcept;

  RawClient& client() { return client_; }
  void keep_windows_shut() { opens_windows_ = false; }

  bool send(std::string_view bytes) { return client_.send(bytes); }
  bool frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload = {});
  bool headers(std::uint32_t id, const Fields& fields, bool end = true);
  bool data(std::uint32_t id, std::string_view bytes, bool end);

  Frame read();  // the next frame that is not SETTINGS
  // Reads until the stream is over, for both sides or by a reset. Frames of other streams are kept for them.
  Http2Answer await(std::uint32_t id);
  Http2Answer get(std::uint32_t id, const Fields& fields) {
    headers(id, fields);
    return await(id);
  }
  // The code of the last GOAWAY that came; reads until there is one, or the connection's end.
  std::optional<std::uint32_t> goaway();
  std::uint32_t last_id_of_goaway() const { return last_id_; }
  // Has everything that was sent before been read? Reads until the answer to a PING.
  bool ping();

 private:
  struct Inflater;
  Frame take();
  void note(const Frame& frame);

  RawClient client_;
  std::string buffer_;
  bool ended_ = false;
  bool opens_windows_ = true;
  std::unique_ptr<Inflater> inflater_;
  std::vector<std::pair<std::uint32_t, Http2Answer>> answers_;
  std::vector<std::uint32_t> over_;
  std::optional<std::uint32_t> goaway_;
  std::uint32_t last_id_ = 0;
};

}  // namespace writ::http::testing
