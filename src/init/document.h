// An OpenAPI document (3.0 or 3.1) as a tree, with its references.
//
// It may be in several files, beside the first one or in folders below (init/bundle.h). Nothing is fetched: a
// reference to anywhere else is an error of whoever follows it. Immutable and thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "files/issue.h"

namespace writ::init {

class Document {
 public:
  // Nothing when it is not such a document; what is wrong is in `issues`.
  static std::optional<Document> read(const std::filesystem::path& file, files::Issues& issues);
  // Of one file.
  static std::optional<Document> parse(std::string_view text, const std::string& file, files::Issues& issues);

  const codec::Json& root() const noexcept { return root_; }
  // What a value is, or what its `$ref` leads to. Fails with kUnsupported where that is outside of the
  // document, with kNotFound where it is nothing, with kInvalid where references go in a circle.
  Result<const codec::Json*> resolve(const codec::Json& value) const;

 private:
  explicit Document(codec::Json root) : root_(std::move(root)) {}

  codec::Json root_;
};

// RFC 6901 §6: a reference is a URI, and in it all but letters, digits and a few signs may be
// percent-encoded. What is no escape stays as it is.
std::string percent_decoded(std::string_view text);

// A piece of the document as it can stand in a message, a comment or on a terminal: on one line, without
// control characters and those that turn the direction of text, at most so many bytes.
std::string shown(std::string_view text, std::size_t max_bytes = 120);

}  // namespace writ::init
