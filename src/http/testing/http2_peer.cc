#include "http/testing/http2_peer.h"

#include <algorithm>
#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http/h2/frame_meter.h"

namespace writ::http::testing {

struct Http2Peer::Inflater {
  Inflater() { WRIT_CHECK(nghttp2_hd_inflate_new(&inflater) == 0); }
  ~Inflater() { nghttp2_hd_inflate_del(inflater); }
  Inflater(const Inflater&) = delete;
  nghttp2_hd_inflater* inflater = nullptr;
};

std::uint32_t Frame::number(std::size_t at) const {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i)
    value = (value << 8) | static_cast<unsigned char>(payload[i]);
  return value;
}

std::string bytes_of(std::uint32_t number) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>((number >> shift) & 0xff);
  return bytes;
}

std::string frame_bytes(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  auto bytes = bytes_of(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes.append(bytes_of(id)).append(payload);
}

// RFC 7541 §6.2.2, §5.1.
std::string block_of(const Fields& fields) {
  std::string block;
  const auto add = [&](std::string_view text) {
    std::size_t size = text.size();
    if (size < 127) {
      block += static_cast<char>(size);
    } else {
      block += static_cast<char>(127);
      for (size -= 127; size >= 128; size >>= 7) block += static_cast<char>(0x80 | (size & 0x7f));
      block += static_cast<char>(size);
    }
    block += text;
  };
  for (const auto& [name, value] : fields) {
    block += '\0';
    add(name);
    add(value);
  }
  return block;
}

Fields get_fields(std::string_view path, const Fields& more) {
  Fields fields{{":method", "GET"}, {":scheme", "http"}, {":path", std::string(path)}, {":authority", "a"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields post_fields(std::string_view path, const Fields& more) {
  auto fields = get_fields(path, more);
  fields[0].second = "POST";
  return fields;
}

Http2Peer::Http2Peer(RawClient client, std::string_view settings)
    : client_(std::move(client)), inflater_(std::make_unique<Inflater>()) {
  send(std::string(kHttp2Preface) + frame_bytes(kSettingsFrame, 0, 0, settings));
}

Http2Peer::~Http2Peer() = default;
Http2Peer::Http2Peer(Http2Peer&&) noexcept = default;

bool Http2Peer::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  return send(frame_bytes(type, flags, id, payload));
}

bool Http2Peer::headers(std::uint32_t id, const Fields& fields, bool end) {
  const auto flags = static_cast<std::uint8_t>(kEndHeadersFlag | (end ? kEndStreamFlag : 0));
  return frame(kHeadersFrame, flags, id, block_of(fields));
}

bool Http2Peer::data(std::uint32_t id, std::string_view bytes, bool end) {
  return frame(kDataFrame, end ? kEndStreamFlag : 0, id, bytes);
}

Frame Http2Peer::take() {
  const auto fill = [&](std::size_t size) {
    while (buffer_.size() < size && !ended_) {
      const auto more = client_.read_some(64 * 1024);
      ended_ = more.empty();
      buffer_ += more;
    }
    return buffer_.size() >= size;
  };
  if (!fill(9)) return {};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(buffer_[at]); };
  const std::size_t size = (std::size_t{byte(0)} << 16) | (std::size_t{byte(1)} << 8) | std::size_t{byte(2)};
  Frame frame{.type = byte(3), .flags = byte(4), .id = 0, .payload = buffer_.substr(5, 4)};
  frame.id = frame.number(0);
  if (!fill(9 + size)) return {};
  frame.payload = buffer_.substr(9, size);
  buffer_.erase(0, 9 + size);
  return frame;
}

void Http2Peer::note(const Frame& frame) {
  auto found = std::ranges::find(answers_, frame.id, [](const auto& answer) { return answer.first; });
  if (found == answers_.end()) found = answers_.insert(answers_.end(), {frame.id, {}});
  auto& answer = found->second;
  switch (frame.type) {
    case kHeadersFrame: {
      std::optional<int> status;
      Headers fields;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(frame.payload.data());
      std::size_t left = frame.payload.size();
      for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
        nghttp2_nv field;
        const auto used = nghttp2_hd_inflate_hd2(inflater_->inflater, &field, &flags, bytes, left, 1);
        WRIT_CHECK(used >= 0);
        bytes += used;
        left -= static_cast<std::size_t>(used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        name == ":status" ? static_cast<void>(status = std::stoi(value)) : fields.add(name, value);
      }
      nghttp2_hd_inflate_end_headers(inflater_->inflater);
      if (!status) {
        answer.trailers = std::move(fields);
      } else if (*status < 200) {
        answer.interim.push_back(*status);
      } else {
        answer.status = *status;
        answer.headers = std::move(fields);
      }
      break;
    }
    case kDataFrame:
      answer.body += frame.payload;
      if (opens_windows_ && !frame.payload.empty()) {
        const auto size = bytes_of(static_cast<std::uint32_t>(frame.payload.size()));
        send(frame_bytes(kWindowFrame, 0, 0, size) + frame_bytes(kWindowFrame, 0, frame.id, size));
      }
      break;
    case kResetFrame:
      answer.reset = frame.number(0);
      break;
    default:
      return;
  }
  if (frame.type == kResetFrame || (frame.flags & kEndStreamFlag) != 0) over_.push_back(frame.id);
}

Frame Http2Peer::read() {
  for (;;) {
    auto frame = take();
    if (frame.type == kSettingsFrame) {
      if ((frame.flags & kAckFlag) == 0) this->frame(kSettingsFrame, kAckFlag, 0);
      continue;
    }
    if (frame.type == kPingFrame && (frame.flags & kAckFlag) == 0) {
      this->frame(kPingFrame, kAckFlag, 0, frame.payload);
      continue;
    }
    if (frame.type == kGoAwayFrame) {
      last_id_ = frame.number(0);
      goaway_ = frame.number(4);
    } else if (frame.id != 0) {
      note(frame);
    }
    return frame;
  }
}

Http2Answer Http2Peer::await(std::uint32_t id) {
  while (std::ranges::find(over_, id) == over_.end()) {
    if (read().type == 0xff) break;
  }
  const auto found = std::ranges::find(answers_, id, [](const auto& answer) { return answer.first; });
  return found == answers_.end() ? Http2Answer{} : found->second;
}

std::optional<std::uint32_t> Http2Peer::goaway() {
  while (!goaway_) {
    if (read().type == 0xff) break;
  }
  return goaway_;
}

bool Http2Peer::ping() {
  if (!frame(kPingFrame, 0, 0, "12345678")) return false;
  for (;;) {
    const auto frame = read();
    if (frame.type == 0xff) return false;
    if (frame.type == kPingFrame) return true;
  }
}

}  // namespace writ::http::testing
