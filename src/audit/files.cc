#include "audit/files.h"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "audit/lines.h"

namespace writ::audit {
namespace {

using std::filesystem::path;

void sort(std::vector<Part>& parts) {
  std::ranges::stable_sort(parts, {}, [](const Part& part) { return part.before.seq; });
}

// Regular files of a folder, by name; no links.
Result<std::vector<path>> files_in(const path& folder) {
  std::error_code error;
  std::vector<path> found;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->symlink_status(ignored).type() == std::filesystem::file_type::regular)
      found.push_back(entry->path());
  }
  if (error)
    return failure(ErrorCode::kIo,
                   fmt::format("cannot read the folder `{}`: {}", folder.string(), error.message()));
  std::ranges::sort(found);
  return found;
}

bool is_beside(const path& file, const path& log) {
  const auto name = file.filename().string(), begin = log.filename().string();
  return name.starts_with(begin) && name.size() > begin.size() + 1 &&
         (name[begin.size()] == '.' || name[begin.size()] == '-');
}

}  // namespace

Result<std::optional<Part>> part_of(const path& file) {
  const auto lines = TRY(Lines::open(file));
  const auto first = TRY(lines.at(0));
  const auto line = first ? take_apart(*first) : std::nullopt;
  if (!line) return std::nullopt;
  return Part{file, {line->seq - 1, std::string(line->prev)}};
}

Result<std::vector<Part>> parts_beside(const path& log) {
  const auto folder = log.has_parent_path() ? log.parent_path() : path(".");
  std::vector<Part> parts;
  for (const auto& file : TRY(files_in(folder))) {
    if (file.filename() != log.filename() && !is_beside(file, log)) continue;
    // Who rotates may take it away meanwhile, and what cannot be read is no part that anything goes on from.
    if (auto part = part_of(file); part && *part) parts.push_back(**std::move(part));
  }
  sort(parts);
  return parts;
}

Result<std::vector<Part>> parts_of(const std::vector<path>& paths, std::vector<path>& left_out) {
  std::vector<Part> parts;
  for (const auto& named : paths) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(named, ignored)) {
      if (auto part = TRY(part_of(named))) {
        parts.push_back(*std::move(part));
      } else if (std::filesystem::file_size(named, ignored) > 0) {
        parts.push_back({named, {}});  // what is wrong with it is found when it is read
      }
      continue;
    }
    std::vector<path> others;
    const auto had = parts.size();
    for (const auto& file : TRY(files_in(named))) {
      auto part = TRY(part_of(file));
      part ? parts.push_back(*std::move(part)) : others.push_back(file);
    }
    // Or a folder that was mistyped would be a log that is whole, and of nobody's use.
    if (parts.size() == had)
      return failure(ErrorCode::kNotFound,
                     fmt::format("no file in the folder `{}` is an audit log: none begins with a record",
                                 named.string()));
    for (const auto& other : others) {
      const auto beside = [&](const Part& part) { return is_beside(other, part.path); };
      if (std::any_of(parts.begin() + static_cast<std::ptrdiff_t>(had), parts.end(), beside) &&
          other.extension() != ".reserve")
        left_out.push_back(other);
    }
  }
  sort(parts);
  return parts;
}

}  // namespace writ::audit
