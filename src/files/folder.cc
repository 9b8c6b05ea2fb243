#include "files/folder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "codec/ascii.h"
#include "codec/utf8.h"

namespace writ::files {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLinkHelp = "repair the link, remove it, or let `ignore` name it";

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Why a name is not looked at, whatever stands behind it; empty: it is.
std::string_view why_left_out(std::string_view name, const std::string& path_within,
                              const std::vector<std::string>& ignore) {
  if (name.starts_with('.')) return "hidden";
  if (name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))) return "an editor's backup";
  if (ignore.empty()) return {};
  const std::string own(name);
  for (const auto& glob : ignore) {
    const bool of_path = glob.find('/') != glob.npos;
    if (::fnmatch(glob.c_str(), (of_path ? path_within : own).c_str(), FNM_PATHNAME) == 0) return "ignore";
  }
  return {};
}

struct Closer {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, Closer>;

class Walk {
 public:
  Walk(const fs::path& root, const FolderRules& rules, Issues& issues)
      : root_(root), rules_(rules), issues_(issues) {}

  Folder run() {
    enter(root_, "");
    return std::move(found_);
  }

 private:
  void wrong(const fs::path& path, std::string message, std::string_view help = {}) {
    found_.seen.push_back({path, {}});
    issues_.error({shown(path)}, std::move(message), std::string(help));
  }

  // A folder is the same by its real path. One that is reached again is read once, unless it is within
  // itself.
  void enter(const fs::path& folder, const std::string& within) {
    std::error_code error;
    const auto real = fs::canonical(folder, error);
    if (error) return wrong(folder, fmt::format("cannot read this folder: {}", error.message()));
    if (std::ranges::find(around_, real) != around_.end())
      return wrong(folder, fmt::format("this link leads in a circle, back to `{}`", shown(real)), kLinkHelp);
    if (around_.size() >= kMaxFolderDepth)
      return wrong(folder, fmt::format("folders are more than {} deep", kMaxFolderDepth));
    if (!entered_.insert(real).second) return;
    const OpenFolder open(::opendir(folder.c_str()));
    if (!open) return wrong(folder, fmt::format("cannot read this folder: {}", std::strerror(errno)));
    const auto names = names_in(open.get(), folder);
    if (!names) return;
    around_.push_back(real);
    check_case(*names, folder, within);
    for (const auto& name : *names) look_at(::dirfd(open.get()), name, folder / name, within + name);
    around_.pop_back();
  }

  std::optional<std::vector<std::string>> names_in(DIR* open, const fs::path& folder) {
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(open); errno = 0) {
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      if (++found_.entries > rules_.max_entries) {
        if (found_.entries == rules_.max_entries + 1)
          wrong(root_, fmt::format("there are more than {} files and folders in it", rules_.max_entries));
        return std::nullopt;
      }
      names.emplace_back(name);
    }
    if (errno != 0) {
      wrong(folder, fmt::format("cannot read this folder: {}", std::strerror(errno)));
      return std::nullopt;
    }
    std::ranges::sort(names);
    return names;
  }

  // Where a file system ignores case, one of them would not be there.
  void check_case(const std::vector<std::string>& names, const fs::path& folder, const std::string& within) {
    const auto has_capital = [](const std::string& name) { return std::ranges::any_of(name, is_capital); };
    if (std::ranges::none_of(names, has_capital)) return;
    std::map<std::string, std::string_view> first;
    for (const auto& name : names) {
      if (!concerns(name) || !why_left_out(name, within + name, rules_.ignore).empty()) continue;
      const auto [other, fresh] = first.try_emplace(codec::lowered(name), name);
      if (!fresh)
        wrong(folder / name, fmt::format("its name and `{}` differ only by case", shown(other->second)),
              "rename it: a file system that ignores case would keep only one of them");
    }
  }

  void look_at(int parent, const std::string& name, const fs::path& path, const std::string& within) {
    if (const auto why = why_left_out(name, within, rules_.ignore); !why.empty()) {
      found_.left_out.push_back({shown(path), std::string(why)});
      return;
    }
    struct stat status {};
    const bool there = ::fstatat(parent, name.c_str(), &status, 0) == 0;
    const int error = errno;
    const bool is_folder = there && S_ISDIR(status.st_mode);
    if (is_folder ? !rules_.subfolders : !concerns(name)) return;
    if (!codec::valid_utf8(name) || std::ranges::any_of(name, is_control))
      return wrong(path, "its name is not plain text in UTF-8", "rename it, or let `ignore` name it");
    if (!there) return not_there(parent, name, path, error);
    if (is_folder) return enter(path, within + "/");
    if (!S_ISREG(status.st_mode))
      return wrong(path, "it is not a file: a pipe, a socket or a device",
                   "remove it, or let `ignore` name it");
    add({path, stamp_of(status)}, name);
  }

  void not_there(int parent, const std::string& name, const fs::path& path, int error) {
    struct stat own {};
    const bool is_gone = ::fstatat(parent, name.c_str(), &own, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
    if (is_gone) return;  // since its name was read
    if (error == ENOENT || error == ENOTDIR) return wrong(path, "this link leads nowhere", kLinkHelp);
    if (error == ELOOP) return wrong(path, "this link leads in a circle", kLinkHelp);
    wrong(path, fmt::format("cannot read it: {}", std::strerror(error)));
  }

  bool concerns(std::string_view name) const { return !rules_.concerns || rules_.concerns(name); }

  void add(StampedFile file, std::string_view name) {
    switch (rules_.use(name, file.stamp)) {
      case FileUse::kRead:
        found_.seen.push_back(file);
        found_.files.push_back(std::move(file));
        break;
      case FileUse::kElsewhere:
        break;
      case FileUse::kNone:
        wrong(file.path, rules_.unusable, rules_.help);
        break;
    }
  }

  const fs::path& root_;
  const FolderRules& rules_;
  Issues& issues_;
  Folder found_;
  std::vector<fs::path> around_;  // the folders that the present one is in, by their real paths
  std::set<fs::path> entered_;
};

}  // namespace

FileStamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec};
}

FileStamp stamp_of(const fs::path& path) {
  struct stat status {};
  return ::fstatat(AT_FDCWD, path.c_str(), &status, 0) == 0 ? stamp_of(status) : FileStamp{};
}

Folder look_into(const fs::path& folder, const FolderRules& rules, Issues& issues) {
  return Walk(folder, rules, issues).run();
}

bool ends_like(std::string_view name, std::string_view ending) noexcept {
  if (name.size() < ending.size()) return false;
  const auto end = name.substr(name.size() - ending.size());
  return std::ranges::equal(end, ending, {}, [](char c) { return codec::lowered(c); });
}

std::string shown(const fs::path& path) {
  const std::string& all = path.native();
  std::string out;
  for (std::string_view text = all; !text.empty();) {
    const auto length = codec::utf8_sequence_length(text);
    if (length == 0 || is_control(text.front())) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace writ::files
