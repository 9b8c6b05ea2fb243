// Bytes from a network peer that speaks HTTP/2. Three faces of the same bytes:
// - the meter counts the same however they arrive;
// - as a list of fields: what is taken for a request is one that HTTP/1 takes too, and reads alike. This is
//   the downgrade that a gateway does, so here lies smuggling;
// - as a connection to a real server, behind the preface: it ends, and the server serves the next one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/h1/framing.h"
#include "http/h1/response_writer.h"
#include "http/h2/frame_meter.h"
#include "http/h2/request_fields.h"
#include "http/server.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"

namespace {

using namespace writ::http;

constexpr HeadLimits kLimits{.max_head_bytes = 4096, .max_headers = 50, .max_target_bytes = 1024};
// Connections are slow, and each keeps its port for a minute: more of them would use up all ports.
constexpr std::size_t kEvery = 64;

void fuzz_meter(std::string_view bytes) {
  const FrameMeter::Time start{};
  const auto verdict = [&](std::size_t step) {
    FrameMeter meter(4096, start);
    meter.see(kHttp2Preface, start);
    for (std::size_t at = 0; at < bytes.size(); at += step) meter.see(bytes.substr(at, step), start);
    return std::tuple(std::string(meter.flood()), meter.begun(), meter.in_block());
  };
  const auto whole = verdict(std::max<std::size_t>(bytes.size(), 1));
  WRIT_CHECK(verdict(1) == whole);
  WRIT_CHECK(verdict(7) == whole);
}

// A name and a value, each up to the next NUL. `:method` and the others are short, as `m`.
std::vector<std::pair<std::string, std::string>> fields_of(std::string_view bytes) {
  const auto take = [&] {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    const auto text = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return std::string(text);
  };
  std::vector<std::pair<std::string, std::string>> fields;
  while (!bytes.empty()) {
    auto name = take();
    if (name == "m") name = ":method";
    if (name == "p") name = ":path";
    if (name == "s") name = ":scheme";
    if (name == "a") name = ":authority";
    fields.emplace_back(std::move(name), take());
  }
  return fields;
}

void fuzz_fields(std::string_view bytes, bool ended) {
  Request request;
  RequestFields reader(kLimits, request);
  for (const auto& [name, value] : fields_of(bytes)) reader.add(name, value);
  const auto framing = reader.finish(ended);
  if (!framing) return;
  std::string head = request.method + " " + request.encoded_path;
  if (!request.query.empty()) head += "?" + request.query;
  head += " HTTP/1.1\r\n";
  for (std::size_t i = 0; i < request.headers.size(); ++i)
    head.append(request.headers[i].name).append(": ").append(request.headers[i].value).append("\r\n");
  if (framing->chunked) head += "Transfer-Encoding: chunked\r\n";
  head += "\r\n";
  constexpr HeadLimits kMore{.max_head_bytes = 16384, .max_headers = 60, .max_target_bytes = 4096};
  WRIT_CHECK(find_head_end(head, 0, kMore) == head.size());
  Headers headers;
  const auto again = read_request_head(head, kMore, headers);
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(again->method == request.method);
  WRIT_CHECK(equal_ignoring_case(again->host, request.host));
  WRIT_CHECK(again->framing.content_length == framing->content_length);
  WRIT_CHECK(again->framing.chunked == framing->chunked);
  WRIT_CHECK(headers.size() == request.headers.size() + (framing->chunked ? 1 : 0));
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    WRIT_CHECK(headers[i].name == request.headers[i].name && headers[i].value == request.headers[i].value);
    WRIT_CHECK(!is_connection_field(headers[i].name) || headers[i].name == "content-length" ||
               headers[i].name == "te" || headers[i].name == "trailer" ||
               headers[i].name == "proxy-authenticate");
  }
}

void fuzz_connection(std::string_view bytes) {
  static testing::TestServer server([](Exchange exchange) {
    Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
      std::string body = whole.request().body;
      whole.respond(text_response(200, std::move(body)));
    });
  });
  testing::RawClient client(server.port());
  client.send(std::string(kHttp2Preface) + testing::frame_bytes(testing::kSettingsFrame, 0, 0, ""));
  client.send(bytes);
  client.shutdown_send();
  client.read_all();
  WRIT_CHECK(
      testing::exchange_raw(server.port(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").status ==
      200);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz_meter(bytes);
  fuzz_fields(bytes, true);
  fuzz_fields(bytes, false);
  static std::size_t runs = 0;
  if (runs++ % kEvery == 0) fuzz_connection(bytes);
  return 0;
}
