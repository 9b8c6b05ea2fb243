// Bytes from a network peer: request and response heads, and bodies. Besides not crashing, the readers must
// agree: of the heads that Writ lets pass, Beast reads the same fields and framing; a body reads the same
// however it arrives.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/h1/body_reader.h"
#include "http/h1/framing.h"
#include "http/target.h"
#include "http/testing/beast_head.h"

namespace {

using namespace writ::http;

constexpr HeadLimits kLimits{.max_head_bytes = 4096, .max_headers = 50, .max_target_bytes = 1024};

struct Body {
  bool malformed = false;
  bool ended = false;
  std::string text;
  friend bool operator==(const Body&, const Body&) = default;
};

Body read_body(const Framing& framing, std::string_view bytes, std::size_t step) {
  BodyReader reader(framing);
  Body body;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    const auto progress = reader.read(part);
    WRIT_CHECK(progress.used <= part.size());
    body.text.append(progress.piece);
    body.malformed = progress.step == BodyReader::Step::kMalformed;
    if (body.malformed || reader.done()) break;
    bytes.remove_prefix(progress.used);
  }
  body.ended = reader.done();
  return body;
}

void fuzz_body(const Framing& framing, std::string_view bytes) {
  const Body whole = read_body(framing, bytes, bytes.size());
  WRIT_CHECK(read_body(framing, bytes, 1) == whole);
  WRIT_CHECK(read_body(framing, bytes, 3) == whole);
}

void fuzz_request(std::string_view bytes) {
  const auto length = find_head_end(bytes, 0, kLimits);
  if (!length || *length == 0) return;
  Headers headers;
  const auto head = read_request_head(bytes.substr(0, *length), kLimits, headers);
  // The target is checked apart, and more strictly than Beast does.
  if (!head || !parse_target(head->target)) return;
  WRIT_CHECK(testing::beast_agrees<true>(bytes.substr(0, *length), head->framing, headers));
  WRIT_CHECK(headers.count("host") == 1 || (head->framing.http10 && !headers.contains("host")));
  WRIT_CHECK(headers.count("content-length") <= 1);
  WRIT_CHECK(!(headers.contains("content-length") && headers.contains("transfer-encoding")));
  if (const auto target = parse_target(head->target)) {
    const auto again = parse_target(encode_path(target->path));
    WRIT_CHECK(again && again->path == target->path);
    // What the upstream gets is what was decided on, and is normal.
    const auto sent = parse_target(target->encoded_path);
    WRIT_CHECK(sent && sent->path == target->path && sent->encoded_path == target->encoded_path);
  }
  fuzz_body(head->framing, bytes.substr(*length));
}

void fuzz_response(std::string_view bytes) {
  const auto length = find_head_end(bytes, 0, kLimits);
  if (!length || *length == 0) return;
  Headers headers;
  const auto head = read_response_head(bytes.substr(0, *length), kLimits, headers);
  if (!head) return;
  WRIT_CHECK(testing::beast_agrees<false>(bytes.substr(0, *length), head->framing, headers));
  fuzz_body(head->framing, bytes.substr(*length));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz_request(bytes);
  fuzz_response(bytes);
  Framing chunked;
  chunked.chunked = true;
  fuzz_body(chunked, bytes);
  return 0;
}
