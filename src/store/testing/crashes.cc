#include "store/testing/crashes.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <new>
#include <sqlite3.h>

#include "store/glance.h"

namespace writ::store::testing {
namespace {

Crashes* watching = nullptr;

sqlite3_vfs* beneath(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

// The file of the VFS beneath follows it in memory.
struct Watched {
  sqlite3_file base;
  const std::string* name;  // null: not in the folder that is watched
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<Watched*>(file) + 1);
}
const std::string* name_of(sqlite3_file* file) {
  return reinterpret_cast<Watched*>(file)->name;
}

int close(sqlite3_file* file) {
  delete name_of(file);
  return real(file)->pMethods->xClose(real(file));
}
int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, bytes, at);
}
int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  if (name_of(file) != nullptr)
    watching->before_write(*name_of(file), static_cast<std::size_t>(at),
                           {static_cast<const char*>(from), static_cast<std::size_t>(bytes)});
  return real(file)->pMethods->xWrite(real(file), from, bytes, at);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (name_of(file) != nullptr) watching->before_truncate(*name_of(file), static_cast<std::size_t>(size));
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync(sqlite3_file* file, int flags) {
  if (name_of(file) != nullptr) watching->before_sync(*name_of(file));
  const int result = real(file)->pMethods->xSync(real(file), flags);
  if (name_of(file) != nullptr) watching->after_sync(*name_of(file));
  return result;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* reserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}
int file_control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int device_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int bytes, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, bytes, extend, memory);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods kMethods = {.iVersion = 2,
                                         .xClose = close,
                                         .xRead = read,
                                         .xWrite = write,
                                         .xTruncate = truncate,
                                         .xSync = sync,
                                         .xFileSize = file_size,
                                         .xLock = lock,
                                         .xUnlock = unlock,
                                         .xCheckReservedLock = check_reserved_lock,
                                         .xFileControl = file_control,
                                         .xSectorSize = sector_size,
                                         .xDeviceCharacteristics = device_characteristics,
                                         .xShmMap = shm_map,
                                         .xShmLock = shm_lock,
                                         .xShmBarrier = shm_barrier,
                                         .xShmUnmap = shm_unmap};

int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto* watched = reinterpret_cast<Watched*>(file);
  watched->base.pMethods = nullptr;
  watched->name = nullptr;
  const bool watches = path != nullptr && watching->watches(path);
  const bool existed = watches && std::filesystem::exists(path);
  const int result = beneath(vfs)->xOpen(beneath(vfs), path, real(file), flags, out_flags);
  if (result != SQLITE_OK) return result;
  if (watches) watched->name = new std::string(std::filesystem::path(path).filename());
  if (watches && !existed) watching->made(*watched->name);
  watched->base.pMethods = &kMethods;
  return SQLITE_OK;
}
int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  if (watching->watches(path)) watching->before_remove(std::filesystem::path(path).filename());
  return beneath(vfs)->xDelete(beneath(vfs), path, sync_folder);
}
int access(sqlite3_vfs* vfs, const char* path, int what, int* result) {
  return beneath(vfs)->xAccess(beneath(vfs), path, what, result);
}
int full_path(sqlite3_vfs* vfs, const char* path, int bytes, char* out) {
  return beneath(vfs)->xFullPathname(beneath(vfs), path, bytes, out);
}
int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  return beneath(vfs)->xRandomness(beneath(vfs), bytes, out);
}
int sleep(sqlite3_vfs* vfs, int microseconds) {
  return beneath(vfs)->xSleep(beneath(vfs), microseconds);
}
int current_time(sqlite3_vfs* vfs, double* days) {
  return beneath(vfs)->xCurrentTime(beneath(vfs), days);
}
int last_error(sqlite3_vfs* vfs, int bytes, char* out) {
  return beneath(vfs)->xGetLastError(beneath(vfs), bytes, out);
}

void apply_write(Files& files, const Crashes::Write& write) {
  auto& bytes = files[write.file];
  if (bytes.size() < write.at + write.bytes.size()) bytes.resize(write.at + write.bytes.size());
  bytes.replace(write.at, write.bytes.size(), write.bytes);
}

}  // namespace

Files files_in(const std::filesystem::path& folder) {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return files;
}

void put_files(const std::filesystem::path& folder, const Files& files) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove(entry.path());
  for (const auto& [name, bytes] : files) std::ofstream(folder / name, std::ios::binary) << bytes;
}

Crashes::Crashes(std::filesystem::path folder) : folder_(std::move(folder)), synced_(files_in(folder_)) {
  if (watching != nullptr || !glance_vfs()) std::abort();  // a glance stays on what lies beneath
  auto* under = sqlite3_vfs_find(nullptr);
  vfs_ = new sqlite3_vfs{.iVersion = 1,
                         .szOsFile = static_cast<int>(sizeof(Watched)) + under->szOsFile,
                         .mxPathname = under->mxPathname,
                         .zName = "writ-crashes",
                         .pAppData = under,
                         .xOpen = open,
                         .xDelete = remove,
                         .xAccess = access,
                         .xFullPathname = full_path,
                         .xRandomness = randomness,
                         .xSleep = sleep,
                         .xCurrentTime = current_time,
                         .xGetLastError = last_error};
  watching = this;
  sqlite3_vfs_register(vfs_, 1);
}

Crashes::~Crashes() {
  auto* under = beneath(vfs_);
  sqlite3_vfs_unregister(vfs_);
  sqlite3_vfs_register(under, 1);
  delete vfs_;
  watching = nullptr;
}

std::vector<Crashes::Left> Crashes::take() {
  add_all("after it was acknowledged");
  return std::exchange(left_, {});
}

void Crashes::add(std::string when, Files files) {
  std::size_t hash = 0;
  for (const auto& [name, bytes] : files)
    hash = hash * 31 + std::hash<std::string>()(name) * 7 + std::hash<std::string>()(bytes);
  if (seen_.insert(hash).second) left_.push_back({fmt::format("{}: {}", step_, when), std::move(files)});
}

void Crashes::add_all(const std::string& what) {
  ++step_;
  auto now = files_in(folder_);
  add("killed " + what, now);
  // Shared memory does not outlive the machine.
  auto none = synced_;
  for (const auto& [name, bytes] : now) {
    // Made by others, and empty.
    if (!none.contains(name) && !made_.contains(name) && !name.ends_with("-shm")) none[name];
  }
  add("power lost " + what + ", nothing since the last sync", none);
  if (unsynced_.empty()) return;
  auto last = none, rest = none;
  apply_write(last, unsynced_.back());
  add("power lost " + what + ", only the last write since the last sync", last);
  for (std::size_t i = 1; i < unsynced_.size(); ++i) apply_write(rest, unsynced_[i]);
  add("power lost " + what + ", all but the first write since the last sync", rest);
}

void Crashes::before_write(const std::string& file, std::size_t at, std::string_view bytes) {
  const auto what = fmt::format("before {} bytes of {} at {}", bytes.size(), file, at);
  add_all(what);
  auto half = files_in(folder_);
  apply_write(half, {file, at, std::string(bytes.substr(0, bytes.size() / 2))});
  add("killed in the middle, " + what, std::move(half));
  unsynced_.push_back({file, at, std::string(bytes)});
}

// A file system may do it at once.
void Crashes::before_truncate(const std::string& file, std::size_t size) {
  add_all(fmt::format("before {} is cut to {}", file, size));
  if (auto& bytes = synced_[file]; bytes.size() > size) bytes.resize(size);
}

void Crashes::before_sync(const std::string& file) {
  add_all("before a sync of " + file);
}

void Crashes::after_sync(const std::string& file) {
  for (const auto& write : unsynced_) {
    if (write.file == file) apply_write(synced_, write);
  }
  std::erase_if(unsynced_, [&](const auto& write) { return write.file == file; });
  if (made_.erase(file) == 0) return;
  // SQLite syncs the folder with a file that it made.
  std::erase_if(synced_, [&](const auto& kept) { return !std::filesystem::exists(folder_ / kept.first); });
}

void Crashes::before_remove(const std::string& file) {
  add_all("before " + file + " is removed");
  std::erase_if(unsynced_, [&](const auto& write) { return write.file == file; });
  made_.erase(file);
}

}  // namespace writ::store::testing
