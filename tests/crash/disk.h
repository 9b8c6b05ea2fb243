// A disk that fails where it is told to, under everything that Writ writes: SQLite's files, the audit log,
// the journal of proofs, the policies' revisions.
//
// This program has the C library's calls that change files (tests/crash/calls.cc), so neither Writ nor SQLite
// knows. What they write goes to real files, in a folder that is watched. Beside them the Disk keeps what a
// loss of power would leave: what was synced; of what was written since, any part, torn at sectors; of names
// that were made, changed or removed since their folder was synced, only the first so many. A sync that
// failed has thrown away what it should have written, as Linux does.
//
// For a process that was forked for it: most faults end it with a real SIGKILL. What is not on disk yet
// outlives that, in a file beside the folder, as the system's cache does. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace writ::crash {

using Random = std::mt19937_64;

enum class Fault : std::uint8_t {
  kKilledBefore,
  kKilledWithin,
  kKilledAfter,
  kPowerLost,
  kIoError,
  kDiskFull
};
inline constexpr std::size_t kFaults = 6;
std::string_view fault_name(Fault fault) noexcept;
constexpr bool ends_it(Fault fault) noexcept {
  return fault != Fault::kIoError && fault != Fault::kDiskFull;
}

class Disk {
 public:
  // Told when a fault strikes, before it acts: the call, and the file, from the folder on.
  using Struck = std::function<void(Fault, std::string_view call, std::string_view file)>;

  // What a machine that starts anew shows by itself, in what is left.
  using Rebooted = std::function<void(const std::string& file, std::string& bytes)>;

  static Disk& the();  // there is one

  void watch(const std::filesystem::path& folder, const std::filesystem::path& cache, std::uint64_t seed,
             Struck struck, Rebooted rebooted);
  // At the so many'th change from now on (0: the next); of a disk that is full, for so many changes.
  void arm(Fault fault, std::size_t after, std::size_t lasting = 0);
  bool armed() const { return armed_.has_value(); }
  bool full() const { return room_.has_value(); }
  // An orderly end, or power that is lost between two changes.
  void keep_cache();

  // For the calls; each does it, or what the fault makes of it. As the system: -1 and errno.
  std::string watched(const char* path) const;  // from the folder on; empty: not in it
  void opened(int fd, const std::string& file, bool made);
  bool make(const std::string& file);  // false: it fails; the caller opens
  void closed(int fd);
  bool watches(int fd) const;
  long write(int fd, const char* bytes, std::size_t count, std::optional<std::int64_t> at);
  int cut(int fd, std::int64_t size);
  int cut(const std::string& file, std::int64_t size, const std::function<int()>& real);
  int grow(int fd, std::int64_t size);  // as posix_fallocate: 0 or an error number
  int sync(int fd);
  int remove(const std::string& file, const std::function<int()>& real);
  int rename(const std::string& from, const std::string& to, const std::function<int()>& real);
  int make_folder(const std::string& folder, const std::function<int()>& real);
  std::optional<std::uint64_t> free_bytes();  // while it is full

 private:
  // A write, or a cut to `at`.
  struct Change {
    bool cut;
    std::uint64_t at;
    std::string bytes;
  };
  struct Body {
    std::string synced;
    std::vector<Change> unsynced;
  };
  struct Naming {
    std::string from, to;  // made: only `to`; removed: only `from`
    int body;              // kFolder: of a folder
  };
  struct Armed {
    Fault fault;
    std::size_t after, lasting;
  };
  using Names = std::map<std::string, int>;
  static constexpr int kFolder = -1;

  std::optional<Fault> next(std::string_view call, std::string_view file);
  [[noreturn]] void die();
  [[noreturn]] void lose_power();
  // What happens at a change that has no middle.
  int whole(std::string_view call, const std::string& file, const std::function<int()>& real,
            const std::function<void()>& note);
  void sync_body(Body& body, bool lost);
  void name(const std::string& from, const std::string& to, int body);
  static void apply(Names& names, const Naming& naming);
  static void apply(std::string& bytes, const Change& change);
  std::optional<Change> torn(const Change& change);
  bool chance(double probability);
  void load_cache();

  mutable std::recursive_mutex mutex_;
  std::filesystem::path folder_, cache_;
  Struck struck_;
  Rebooted rebooted_;
  Random random_;
  bool off_ = true;
  std::optional<Armed> armed_;
  std::optional<std::int64_t> room_;
  std::size_t full_for_ = 0;
  bool full_told_ = false;

  std::map<int, std::string> open_;  // names from the folder on, by descriptor
  std::map<int, int> body_of_;       // by descriptor; a folder has none
  std::map<int, Body> bodies_;
  int next_body_ = 0;
  Names live_, kept_;
  std::vector<Naming> pending_;
};

}  // namespace writ::crash
