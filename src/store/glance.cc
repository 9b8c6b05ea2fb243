#include "store/glance.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <new>
#include <sqlite3.h>
#include <system_error>

namespace writ::store {
namespace {

constexpr sqlite3_int64 kBlockBytes = 4096;

sqlite3_vfs* beneath(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

// The file that is there, if any, and above it the blocks that were written since.
class View {
 public:
  explicit View(sqlite3_vfs* vfs) : memory_(std::make_unique<std::max_align_t[]>(words_of(vfs))) {}
  View(const View&) = delete;
  ~View() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }

  int open(sqlite3_vfs* vfs, const char* path, int type) {
    int ignored = 0;
    const int result = vfs->xOpen(vfs, path, file(), type | SQLITE_OPEN_READONLY, &ignored);
    if (result != SQLITE_OK) return result;
    const int sized = file()->pMethods->xFileSize(file(), &size_);
    beneath_ = size_;
    return sized;
  }

  int read(char* to, sqlite3_int64 bytes, sqlite3_int64 at) {
    const auto end = std::min(at + bytes, size_);
    std::memset(to, 0, static_cast<std::size_t>(bytes));
    for (auto from = at; from < end;) {
      const auto block = from / kBlockBytes, in_block = from % kBlockBytes;
      const auto part = std::min(kBlockBytes - in_block, end - from);
      const auto found = blocks_.find(block);
      if (found != blocks_.end()) {
        std::memcpy(to + (from - at), found->second.data() + in_block, static_cast<std::size_t>(part));
      } else if (const int result = read_beneath(to + (from - at), part, from); result != SQLITE_OK) {
        return result;
      }
      from += part;
    }
    return at + bytes <= size_ ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  int write(const char* bytes, sqlite3_int64 count, sqlite3_int64 at) {
    for (auto from = at; from < at + count;) {
      const auto block = from / kBlockBytes, in_block = from % kBlockBytes;
      const auto part = std::min(kBlockBytes - in_block, at + count - from);
      auto [place, added] = blocks_.try_emplace(block);
      if (added) {
        place->second.fill(0);
        const int result = read_beneath(place->second.data(), kBlockBytes, block * kBlockBytes);
        if (result != SQLITE_OK) {
          blocks_.erase(place);
          return result;
        }
      }
      std::memcpy(place->second.data() + in_block, bytes + (from - at), static_cast<std::size_t>(part));
      from += part;
    }
    size_ = std::max(size_, at + count);
    return SQLITE_OK;
  }

  // What was cut off is not there again when the file grows.
  void truncate(sqlite3_int64 size) {
    beneath_ = std::min(beneath_, size);
    size_ = std::min(size_, size);
    blocks_.erase(blocks_.lower_bound((size + kBlockBytes - 1) / kBlockBytes), blocks_.end());
    if (const auto last = blocks_.find(size / kBlockBytes); last != blocks_.end())
      std::fill(last->second.begin() + size % kBlockBytes, last->second.end(), char{0});
  }

  sqlite3_int64 size() const { return size_; }

 private:
  static std::size_t words_of(const sqlite3_vfs* vfs) {
    return static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1;
  }
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

  // Into what is zero already.
  int read_beneath(char* to, sqlite3_int64 bytes, sqlite3_int64 at) {
    const auto part = std::min(bytes, beneath_ - at);
    if (part <= 0) return SQLITE_OK;
    const int result = file()->pMethods->xRead(file(), to, static_cast<int>(part), at);
    return result == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : result;
  }

  std::unique_ptr<std::max_align_t[]> memory_;  // a sqlite3_file of the VFS beneath, zero: not open
  std::map<sqlite3_int64, std::array<char, kBlockBytes>> blocks_;
  sqlite3_int64 size_ = 0;
  sqlite3_int64 beneath_ = 0;  // so much of the file that is there counts
};

struct GlanceFile {
  sqlite3_file base;
  View* view;
};

View& view_of(sqlite3_file* file) {
  return *reinterpret_cast<GlanceFile*>(file)->view;
}

int close(sqlite3_file* file) {
  delete reinterpret_cast<GlanceFile*>(file)->view;
  return SQLITE_OK;
}
int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return view_of(file).read(static_cast<char*>(to), bytes, at);
}
int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  try {
    return view_of(file).write(static_cast<const char*>(from), bytes, at);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  view_of(file).truncate(size);
  return SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = view_of(file).size();
  return SQLITE_OK;
}
int sync(sqlite3_file*, int) {
  return SQLITE_OK;
}
int lock(sqlite3_file*, int) {
  return SQLITE_OK;
}
// A journal counts whoever may be writing it.
int check_reserved_lock(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
// The smallest: a journal is not shorter than one, and says itself what its sectors are.
int sector_size(sqlite3_file*) {
  return 512;
}
int device_characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

// Of the first version: without shared memory, SQLite keeps the index of a write-ahead log in its own.
constexpr sqlite3_io_methods kMethods = {.iVersion = 1,
                                         .xClose = close,
                                         .xRead = read,
                                         .xWrite = write,
                                         .xTruncate = truncate,
                                         .xSync = sync,
                                         .xFileSize = file_size,
                                         .xLock = lock,
                                         .xUnlock = lock,
                                         .xCheckReservedLock = check_reserved_lock,
                                         .xFileControl = file_control,
                                         .xSectorSize = sector_size,
                                         .xDeviceCharacteristics = device_characteristics};

// What is not there is an empty file, which stays in memory too.
int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  try {
    auto view = std::make_unique<View>(beneath(vfs));
    constexpr int kHow =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_DELETEONCLOSE;
    // xAccess() takes an empty file for none.
    std::error_code unknown;
    if (path != nullptr && (std::filesystem::exists(path, unknown) || unknown)) {
      if (const int opened = view->open(beneath(vfs), path, flags & ~kHow); opened != SQLITE_OK)
        return opened;
    } else if ((flags & SQLITE_OPEN_CREATE) == 0) {
      return SQLITE_CANTOPEN;
    }
    reinterpret_cast<GlanceFile*>(file)->view = view.release();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  file->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, const char*, int) {
  return SQLITE_OK;
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

}  // namespace

Result<const char*> glance_vfs() {
  static sqlite3_vfs vfs = {.iVersion = 1,
                            .szOsFile = sizeof(GlanceFile),
                            .zName = "writ-glance",
                            .xOpen = open,
                            .xDelete = remove,
                            .xAccess = access,
                            .xFullPathname = full_path,
                            .xRandomness = randomness,
                            .xSleep = sleep,
                            .xCurrentTime = current_time,
                            .xGetLastError = last_error};
  static const bool registered = [] {
    auto* under = sqlite3_vfs_find(nullptr);
    if (under == nullptr) return false;
    vfs.pAppData = under;
    vfs.mxPathname = under->mxPathname;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
  }();
  if (!registered) return failure(ErrorCode::kUnavailable, "SQLite has no access to files here");
  return vfs.zName;
}

}  // namespace writ::store
