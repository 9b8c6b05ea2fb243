#include "http/testing/http2_upstream.h"

#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "http/h2/frame_meter.h"
#include "http/testing/loopback.h"

namespace writ::http::testing {

Http2Upstream::Connection::Connection(int socket, int number, std::string_view settings)
    : socket_(socket), number_(number) {
  frame(kSettingsFrame, 0, 0, settings);
  if (fill(kHttp2Preface.size())) buffer_.erase(0, kHttp2Preface.size());
}

bool Http2Upstream::Connection::fill(std::size_t size) {
  while (buffer_.size() < size) {
    char bytes[16 * 1024];
    const auto got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
  }
  return true;
}

bool Http2Upstream::Connection::step() {
  if (!fill(9)) return false;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(buffer_[at]); };
  const std::size_t size = (std::size_t{byte(0)} << 16) | (std::size_t{byte(1)} << 8) | std::size_t{byte(2)};
  Frame frame{.type = byte(3), .flags = byte(4), .id = 0, .payload = buffer_.substr(5, 4)};
  frame.id = frame.number(0);
  if (!fill(9 + size)) return false;
  frame.payload = buffer_.substr(9, size);
  buffer_.erase(0, 9 + size);
  switch (frame.type) {
    case kHeadersFrame:
      // Trailers are of a request that is known.
      if (!bodies_.contains(frame.id)) requests_.push_back(frame.id);
      bodies_[frame.id];
      break;
    case kDataFrame:
      bodies_[frame.id] += frame.payload;
      break;
    case kResetFrame:
      resets_[frame.id] = frame.number(0);
      break;
    case kWindowFrame:
      windows_.insert(frame.id);
      break;
    case kSettingsFrame:
      if ((frame.flags & kAckFlag) == 0) this->frame(kSettingsFrame, kAckFlag, 0);
      break;
    case kPingFrame:
      (frame.flags & kAckFlag) != 0 ? static_cast<void>(++pongs_)
                                    : static_cast<void>(this->frame(kPingFrame, kAckFlag, 0, frame.payload));
      break;
    default:
      break;
  }
  const bool ends = frame.type == kHeadersFrame || frame.type == kDataFrame;
  if (ends && (frame.flags & kEndStreamFlag) != 0) ended_.insert(frame.id);
  return true;
}

Http2Upstream::Connection::Request Http2Upstream::Connection::request() {
  while (requests_.empty())
    if (!step()) return {};
  const auto id = requests_.front();
  requests_.erase(requests_.begin());
  return {id};
}

bool Http2Upstream::Connection::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id,
                                      std::string_view payload) {
  return ScriptedUpstream::write(socket_, frame_bytes(type, flags, id, payload));
}

bool Http2Upstream::Connection::headers(std::uint32_t id, const Fields& fields, bool end) {
  const auto flags = static_cast<std::uint8_t>(kEndHeadersFlag | (end ? kEndStreamFlag : 0));
  return frame(kHeadersFrame, flags, id, block_of(fields));
}

bool Http2Upstream::Connection::data(std::uint32_t id, std::string_view bytes, bool end) {
  return frame(kDataFrame, end ? kEndStreamFlag : 0, id, bytes);
}

bool Http2Upstream::Connection::reset(std::uint32_t id, std::uint32_t code) {
  return frame(kResetFrame, 0, id, bytes_of(code));
}

bool Http2Upstream::Connection::goaway(std::uint32_t last_id, std::uint32_t code) {
  return frame(kGoAwayFrame, 0, 0, bytes_of(last_id) + bytes_of(code));
}

std::string Http2Upstream::Connection::body(std::uint32_t id) {
  while (!ended_.contains(id))
    if (!step()) break;
  return bodies_[id];
}

void Http2Upstream::Connection::read_data(std::uint32_t id, std::size_t bytes) {
  while (bodies_[id].size() < bytes)
    if (!step()) return;
}

std::optional<std::uint32_t> Http2Upstream::Connection::reset_of(std::uint32_t id) {
  while (!resets_.contains(id))
    if (!step()) return std::nullopt;
  return resets_[id];
}

bool Http2Upstream::Connection::ping() {
  const auto before = pongs_;
  if (!frame(kPingFrame, 0, 0, "12345678")) return false;
  while (pongs_ == before)
    if (!step()) return false;
  return true;
}

void Http2Upstream::Connection::wait_for_end() {
  while (step()) {
  }
}

void Http2Upstream::Connection::say_nothing() {
  buffer_.clear();
  while (fill(1)) buffer_.clear();
}

Http2Upstream::Http2Upstream(std::function<void(Connection&)> script, std::string settings)
    : script_(std::move(script)), settings_(std::move(settings)) {
  accepting_ = std::make_unique<ScriptedUpstream>([this](int accepted, int number) {
    const int socket = ::dup(accepted);
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket, number] {
      Connection connection(socket, number, settings_);
      script_(connection);
      const std::lock_guard closing(mutex_);
      std::erase(sockets_, socket);
      ::shutdown(socket, SHUT_RDWR);
      ::close(socket);
    });
  });
}

// A client keeps its connections.
Http2Upstream::~Http2Upstream() {
  accepting_.reset();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

}  // namespace writ::http::testing
