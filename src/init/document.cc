#include "init/document.h"

#include <fmt/format.h>

#include "base/characters.h"
#include "codec/json_pointer.h"
#include "codec/utf8.h"
#include "files/document.h"
#include "files/files.h"
#include "init/bundle.h"

namespace writ::init {
namespace {

constexpr int kMaxHops = 32;  // from reference to reference

// U+0085, U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF and the controls: what breaks lines,
// turns text round, or is not seen.
bool is_hidden(std::string_view letter) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(letter[i]); };
  if (letter.size() == 1) return at(0) < 0x20 || at(0) == 0x7f;
  if (letter.size() == 2) return at(0) == 0xc2 && at(1) < 0xa0;
  if (letter.size() != 3) return false;
  if (at(0) == 0xef) return at(1) == 0xbb && at(2) == 0xbf;
  if (at(0) != 0xe2) return false;
  if (at(1) == 0x80) return (at(2) >= 0x8b && at(2) <= 0x8f) || (at(2) >= 0xa8 && at(2) <= 0xae);
  return at(1) == 0x81 && at(2) >= 0xa0 && at(2) <= 0xaf;
}

// Says what the document is, where it is not what is read here.
std::optional<std::string> version_problem(const codec::Json& root) {
  if (root.find("swagger") != nullptr)
    return "this is a Swagger 2.0 document; convert it to OpenAPI 3.0 first, for example with "
           "swagger2openapi";
  const auto* version = root.find_string("openapi");
  if (version == nullptr) return "this is not an OpenAPI document: it has no text `openapi` with its version";
  if (!version->starts_with("3.0.") && !version->starts_with("3.1."))
    return fmt::format("OpenAPI `{}` is not read; expected 3.0 or 3.1", shown(*version));
  return std::nullopt;
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

std::optional<Document> Document::parse(std::string_view text, const std::string& file,
                                        files::Issues& issues) {
  auto root = files::parse_document(text, file, issues);
  if (!root) return std::nullopt;
  auto problem =
      root->is_object() ? version_problem(*root) : "this is not an OpenAPI document: it is not a map";
  if (problem) {
    issues.error({file}, *std::move(problem));
    return std::nullopt;
  }
  return Document(*std::move(root));
}

std::optional<Document> Document::read(const std::filesystem::path& file, files::Issues& issues) {
  const auto text = files::read_regular_file(file, files::kMaxDocumentBytes);
  if (!text) {
    issues.error({file}, text.error().message);
    return std::nullopt;
  }
  auto document = parse(*text, file, issues);
  if (document) bundle(document->root_, file, files::kMaxDocumentBytes - text->size());
  return document;
}

Result<const codec::Json*> Document::resolve(const codec::Json& value) const {
  const codec::Json* at = &value;
  for (int hops = 0; hops < kMaxHops; ++hops) {
    const auto* reference = at->find_string("$ref");
    if (reference == nullptr) return at;
    if (!reference->starts_with('#'))
      return failure(
          ErrorCode::kUnsupported,
          fmt::format("`{}` is outside of the document, or not there, and is not read", shown(*reference)));
    const auto pointer = percent_decoded(std::string_view(*reference).substr(1));
    at = codec::is_json_pointer(pointer) ? codec::at_pointer(root_, pointer) : nullptr;
    if (at == nullptr)
      return failure(ErrorCode::kNotFound, fmt::format("`{}` leads to nothing", shown(*reference)));
  }
  return failure(ErrorCode::kInvalid, "its references go in a circle");
}

std::string shown(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const auto length = codec::utf8_sequence_length(text);
    const auto letter = text.substr(0, std::max<std::size_t>(length, 1));
    if (out.size() + letter.size() > max_bytes) return out + "...";
    out += length == 0 || is_hidden(letter) ? std::string_view("?") : letter;
    text.remove_prefix(letter.size());
  }
  return out;
}

}  // namespace writ::init
