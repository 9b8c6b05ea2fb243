// Files as whole texts, for what an operator writes: configuration, policies, keys. Safe from any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

struct stat;

namespace writ::files {

inline constexpr std::size_t kMaxPemBytes = 1 << 20;  // of certificates and keys

// Fails with kNotFound, kIo or, when the file is larger than that, kLimit; the message names the file.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// The same of what has to be a file, or a link to one: a pipe, a socket or a device is an error, and nobody
// waits for it. `then` is what was known of it when its last byte had been read.
Result<std::string> read_regular_file(const std::filesystem::path& path, std::size_t max_bytes,
                                      struct stat* then = nullptr);

// Creates a file that only its owner may read. Fails with kConflict when it exists.
Result<void> create_private_file(const std::filesystem::path& path, std::string_view content);

// Writes a file anew, or what a name such as /dev/stdout stands for. For reports: a crash may leave half of
// it.
Result<void> write_file(const std::filesystem::path& path, std::string_view content);

// Makes such a file, or puts it in the place of one that is there. Whole and on disk when it returns; who
// reads it sees the old content or the new one, also after a crash.
Result<void> put_private_file(const std::filesystem::path& path, std::string_view content);

// Makes a folder for such files where there is none; on disk when it returns.
Result<void> make_private_folder(const std::filesystem::path& path);

// Returns when the name is gone for good; a file that is not there is no failure.
Result<void> remove_file(const std::filesystem::path& path);

// Puts this content in the place of an existing file, keeping its permissions: who reads it sees the old
// content or the new one, whole, also after a crash.
Result<void> replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace writ::files
