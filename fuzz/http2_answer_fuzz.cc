// Bytes from an upstream that speaks HTTP/2. Three faces of the same bytes:
// - the meter counts the same however they arrive;
// - as a list of fields: what is taken for an answer is one that HTTP/1 takes too, and reads alike, since
//   callers of HTTP/1.1 get it;
// - as a connection of a real client: its calls end, none of them twice, and the client goes on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http/client.h"
#include "http/h1/framing.h"
#include "http/h2/answer_fields.h"
#include "http/h2/frame_meter.h"
#include "http/testing/http2_upstream.h"
#include "http/testing/loopback.h"
#include "http/upstream.h"

namespace {

using namespace writ::http;

constexpr HeadLimits kLimits{.max_head_bytes = 4096, .max_headers = 50, .max_target_bytes = 1024};
constexpr std::size_t kEvery = 16;  // connections are slow

void fuzz_meter(std::string_view bytes) {
  const FrameMeter::Time start{};
  const auto verdict = [&](std::size_t step) {
    FrameMeter meter(4096, start, FrameMeter::Peer::kServer);
    for (std::size_t at = 0; at < bytes.size(); at += step) meter.see(bytes.substr(at, step), start);
    return std::pair(std::string(meter.flood()), meter.in_block());
  };
  const auto whole = verdict(std::max<std::size_t>(bytes.size(), 1));
  WRIT_CHECK(verdict(1) == whole);
  WRIT_CHECK(verdict(7) == whole);
}

// A name and a value, each up to the next NUL. `s` is short for `:status`.
void fuzz_fields(std::string_view bytes) {
  const auto take = [&] {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    const auto text = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return std::string(text);
  };
  AnswerFields reader(kLimits);
  TrailersRead trailers;
  while (!bytes.empty()) {
    auto name = take();
    if (name == "s") name = ":status";
    const auto value = take();
    reader.add(name, value);
    (void)trailers.add(name, value, kLimits);
  }
  const auto behind = trailers.take();
  for (std::size_t i = 0; i < behind.size(); ++i)
    WRIT_CHECK(is_token(behind[i].name) && is_field_value(behind[i].value));
  const auto answer = reader.finish();
  if (!answer) return;
  std::string head = "HTTP/1.1 " + std::to_string(answer->status) + " \r\n";
  for (std::size_t i = 0; i < answer->headers.size(); ++i)
    head.append(answer->headers[i].name).append(": ").append(answer->headers[i].value).append("\r\n");
  head += "\r\n";
  constexpr HeadLimits kMore{.max_head_bytes = 16384, .max_headers = 60, .max_target_bytes = 4096};
  WRIT_CHECK(find_head_end(head, 0, kMore) == head.size());
  Headers headers;
  const auto again = read_response_head(head, kMore, headers);
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(again->status == answer->status);
  WRIT_CHECK(again->framing.content_length == answer->content_length && !again->framing.chunked);
  WRIT_CHECK(headers.size() == answer->headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i)
    WRIT_CHECK(headers[i].name == answer->headers[i].name && headers[i].value == answer->headers[i].value);
}

void fuzz_connection(std::string_view bytes) {
  static Loops loops(1);
  static Client client(loops, {.read_timeout = std::chrono::milliseconds(2000)});
  const std::string said(bytes);
  testing::ScriptedUpstream peer([&](int socket, int) {
    testing::ScriptedUpstream::write(socket, testing::frame_bytes(testing::kSettingsFrame, 0, 0, ""));
    testing::ScriptedUpstream::write(socket, said);
  });
  UpstreamOptions options;
  options.http2 = true;
  const auto upstream =
      Upstream::make("a", {"http://127.0.0.1:" + std::to_string(peer.port())}, options).value();
  (void)client.fetch(upstream->origin(), {.method = "GET", .target = "/", .headers = {}});
  (void)client.fetch(upstream->origin(), {.method = "POST", .target = "/", .headers = {}}, "body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz_meter(bytes);
  fuzz_fields(bytes);
  static std::size_t runs = 0;
  if (runs++ % kEvery == 0) fuzz_connection(bytes);
  return 0;
}
