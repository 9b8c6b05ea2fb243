// For tests of crashes: a VFS under SQLite that tells, at each of its changes to the files of a folder, what
// the disk would hold if the process, or the machine, ended there.
//
// The process ends: what was written is there, and of the write at hand all, nothing, or the first half. The
// machine ends: what was synced is there, and of what was written since nothing, all but the first, or only
// the last; a file that was made or removed since the folder was synced may be back as it was. Install it
// before the database is opened; use one at a time, from one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace writ::store::testing {

using Files = std::map<std::string, std::string>;  // their bytes by their names

// What lies in the folder now, subfolders left out.
Files files_in(const std::filesystem::path& folder);
void put_files(const std::filesystem::path& folder, const Files& files);

class Crashes {
 public:
  // What a crash leaves, in words and in bytes.
  struct Left {
    std::string when;
    Files files;
  };

  explicit Crashes(std::filesystem::path folder);
  ~Crashes();
  Crashes(const Crashes&) = delete;

  // All different ones since the last time this was asked, with one for now.
  std::vector<Left> take();

  // For the VFS.
  struct Write {
    std::string file;
    std::size_t at;
    std::string bytes;
  };
  bool watches(const std::filesystem::path& file) const { return file.parent_path() == folder_; }
  void before_write(const std::string& file, std::size_t at, std::string_view bytes);
  void before_truncate(const std::string& file, std::size_t size);
  void before_sync(const std::string& file);
  void after_sync(const std::string& file);
  void before_remove(const std::string& file);
  void made(const std::string& file) { made_.insert(file); }

 private:
  void add(std::string when, Files files);
  void add_all(const std::string& what);

  const std::filesystem::path folder_;
  sqlite3_vfs* vfs_;
  Files synced_;  // what a power loss leaves at least
  std::vector<Write> unsynced_;
  std::set<std::string> made_;  // since the folder was synced
  std::vector<Left> left_;
  std::set<std::size_t> seen_;  // by the hash of its files
  std::size_t step_ = 0;
};

}  // namespace writ::store::testing
