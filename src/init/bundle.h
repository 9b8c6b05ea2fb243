// A document in several files as one tree.
//
// `$ref: 'resources/order.yaml#/get'` leads into another file. Such a file is read once, into `x-writ-files`
// of the root, and references to it are made references into that. Only files in the folder of the document
// and below it are read: no URL, nothing above, and no link that leads out. What cannot be read stays as it
// is, and is an error of whoever follows it.
#pragma once

#include <cstddef>
#include <filesystem>

#include "codec/json.h"

namespace writ::init {

inline constexpr std::size_t kMaxBundledFiles = 10'000;

// `file` is what the root was read from. The files together have at most so many bytes.
void bundle(codec::Json& root, const std::filesystem::path& file, std::size_t max_bytes);

}  // namespace writ::init
