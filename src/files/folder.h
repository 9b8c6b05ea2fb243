// A folder that people fill, read to its depths: each file of it is of use, is left out by a rule that has a
// name, or is an error. Nothing is passed over without a word.
//
// Subfolders and symbolic links are followed. Left out are hidden names (`.git`, `.#a.cedar`, `._a.cedar`,
// Kubernetes' `..data`), editors' backups (`a.cedar~`, `#a.cedar#`) and what `ignore` names. Errors are links
// that lead nowhere or in a circle, devices, pipes and sockets (nothing of which is ever opened), names that
// are no UTF-8 or that differ by case alone, folders that cannot be read, and more than the limits. The order
// is that of the names, whatever the file system's is. Plain values; safe from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "files/issue.h"

namespace writ::files {

inline constexpr std::size_t kMaxFolderDepth = 16;
inline constexpr std::size_t kMaxFolderEntries = 100'000;

// Which file stands somewhere, and whether it is still as it was. All zero: none.
struct FileStamp {
  std::uint64_t device = 0, number = 0, size = 0;
  std::int64_t changed_nanoseconds = 0;  // ctime: nobody can set it back
  bool same_file(const FileStamp& other) const { return device == other.device && number == other.number; }
  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const struct stat& status);
FileStamp stamp_of(const std::filesystem::path& path);  // of what a link leads to

struct StampedFile {
  std::filesystem::path path;
  FileStamp stamp;
  bool operator==(const StampedFile&) const = default;
};

// Of what use a file is to whoever reads the folder.
enum class FileUse { kRead, kElsewhere, kNone };

struct FolderRules {
  // Globs (fnmatch) of names at any depth; with a slash, of paths from the folder on.
  std::vector<std::string> ignore = {};
  std::function<FileUse(std::string_view name, const FileStamp& stamp)> use;
  // Whoever looks for some files among others says which. Absent: whatever stands there concerns them.
  std::function<bool(std::string_view name)> concerns = nullptr;
  bool subfolders = true;
  std::size_t max_entries = kMaxFolderEntries;
  std::string unusable = {}, help = {};  // what is said of a file of no use
};

struct PassedOver {
  std::string path, why;
};

struct Folder {
  std::vector<StampedFile> files;  // to be read
  // What stands there as a whole, with what is wrong: equal where nothing has changed that matters.
  std::vector<StampedFile> seen;
  std::vector<PassedOver> left_out;
  std::size_t entries = 0;
};

Folder look_into(const std::filesystem::path& folder, const FolderRules& rules, Issues& issues);

// Whether a name ends so, in any case of its ASCII letters. `ending` is in lower case.
bool ends_like(std::string_view name, std::string_view ending) noexcept;

// A path for messages: what is no UTF-8, and control characters, as \xNN.
std::string shown(const std::filesystem::path& path);

}  // namespace writ::files
