#include "audit/files.h"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "audit/part.h"
#include "audit/verify.h"

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

path folder_of(const path& file) {
  return file.has_parent_path() ? file.parent_path() : path(".");
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

Result<Lines> open_part(const Part& part) {
  const auto is_it = [&](const path& file) {
    const auto found = part_of(file);
    return found && *found && (**found).before == part.before;
  };
  const auto at_path = part_of(part.path);
  // What begins with no record was named so, and is looked at as it is.
  if (is_it(part.path) || (at_path && !*at_path)) return Lines::open(part.path);
  const auto others = files_in(folder_of(part.path));
  if (!others) return Lines::open(part.path);
  for (const auto& file : *others)
    if (is_it(file)) return Lines::open(file);
  return failure(ErrorCode::kNotFound, fmt::format("`{}` was removed while it was read", part.path.string()));
}

namespace {

Result<std::vector<Part>> list_beside(const path& log) {
  const auto folder = folder_of(log);
  std::vector<Part> parts;
  for (const auto& file : TRY(files_in(folder))) {
    if (file.filename() != log.filename() && !is_beside(file, log)) continue;
    // Who rotates may take it away meanwhile, and what cannot be read is no part that anything goes on from.
    if (auto part = part_of(file); part && *part) parts.push_back(**std::move(part));
  }
  sort(parts);
  return parts;
}

// Does each file go on where the one before it ends?
bool is_continuous(const std::vector<Part>& parts) {
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto last = last_number({parts[i]});
    if (!last || *last < parts[i + 1].before.seq) return false;
  }
  return true;
}

// A folder that is listed while a file in it gets another name may show it under neither. Where a file seems
// to be missing, the folder is looked at again; one that is packed is missing for good.
template <class List>
Result<std::vector<Part>> listed(const List& list) {
  constexpr int kLooks = 4;
  auto parts = list();
  for (int look = 1; look < kLooks && (!parts || !is_continuous(*parts)); ++look) parts = list();
  return parts;
}

Result<std::vector<Part>> list(const std::vector<path>& paths, std::vector<path>& left_out) {
  std::vector<Part> parts;
  left_out.clear();
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
      auto part = part_of(file);
      // Rotated meanwhile: it is there under another name.
      if (!part && part.error().code == ErrorCode::kNotFound) continue;
      auto found = TRY(std::move(part));
      found ? parts.push_back(*std::move(found)) : others.push_back(file);
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

}  // namespace

Result<std::vector<Part>> parts_beside(const path& log) {
  return listed([&] { return list_beside(log); });
}

Result<std::vector<Part>> parts_of(const std::vector<path>& paths, std::vector<path>& left_out) {
  return listed([&] { return list(paths, left_out); });
}

}  // namespace writ::audit
