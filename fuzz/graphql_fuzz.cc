// A GraphQL document is read in one way or not at all, and what is read of it is written in it.
#include <cstdlib>

#include "gateway/graphql.h"

using namespace writ::gateway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = read_graphql(text, std::nullopt);
  if (!read) return 0;
  if (text.find(read->name) == text.npos || read->fields.empty()) std::abort();
  for (const auto& field : read->fields)
    if (text.find(field) == text.npos) std::abort();
  // Only a document of one operation can be read without its name, and its name picks the same.
  if (!read->name.empty()) {
    const auto named = read_graphql(text, read->name);
    if (!named || named->kind != read->kind || named->fields != read->fields) std::abort();
  }
  // Comments and commas change nothing.
  const auto more = read_graphql("#,\n," + std::string(text) + "\n#", std::nullopt);
  if (!more || more->name != read->name || more->fields != read->fields) std::abort();
  return 0;
}
