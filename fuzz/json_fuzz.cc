// parse_json on any bytes: what it accepts is written and read back as the same value, and JsonReader reads
// the same or refuses it in the same words.
#include <cstdlib>

#include "codec/json.h"
#include "codec/json_reader.h"
#include "codec/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::codec;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = parse_json(text, {.max_bytes = 1 << 16, .max_depth = 32});
  static JsonReader reader;
  const auto read = reader.read(text, {.max_bytes = 1 << 16, .max_depth = 32});
  if (read.has_value() != json.has_value()) std::abort();
  if (!json) {
    if (read.error().message != json.error().message) std::abort();
    return 0;
  }
  if ((*read)->tree() != *json) std::abort();
  if (!valid_utf8(text)) std::abort();
  const auto compact = json->dump();
  const auto again = parse_json(compact, {.max_bytes = 1 << 20, .max_depth = 32});
  if (!again || *again != *json || again->dump() != compact) std::abort();
  if (!parse_json(json->pretty(), {.max_bytes = 1 << 22, .max_depth = 32})) std::abort();
  return 0;
}
