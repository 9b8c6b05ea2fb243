#include "disk.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace writ::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;

std::int64_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

std::string parent_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

void put(std::ostream& out, std::string_view text) {
  out << text.size() << ' ' << text << '\n';
}
std::string take(std::istream& in) {
  std::size_t size = 0;
  in >> size;
  in.get();
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  return text;
}

}  // namespace

std::string_view fault_name(Fault fault) noexcept {
  switch (fault) {
    case Fault::kKilledBefore:
      return "killed before";
    case Fault::kKilledWithin:
      return "killed within";
    case Fault::kKilledAfter:
      return "killed after";
    case Fault::kPowerLost:
      return "power lost";
    case Fault::kIoError:
      return "I/O error";
    case Fault::kDiskFull:
      return "disk full";
  }
  return "?";
}

Disk& Disk::the() {
  static Disk* const disk = new Disk;  // outlives whatever writes at the very end
  return *disk;
}

void Disk::watch(const fs::path& folder, const fs::path& cache, std::uint64_t seed, Struck struck,
                 Rebooted rebooted) {
  const std::lock_guard lock(mutex_);
  folder_ = folder;
  cache_ = cache;
  struck_ = std::move(struck);
  rebooted_ = std::move(rebooted);
  random_.seed(seed);
  load_cache();
  off_ = false;
}

void Disk::arm(Fault fault, std::size_t after, std::size_t lasting) {
  const std::lock_guard lock(mutex_);
  armed_ = Armed{fault, after, lasting};
}

bool Disk::chance(double probability) {
  return std::uniform_real_distribution<>(0, 1)(random_) < probability;
}

std::string Disk::watched(const char* path) const {
  const std::lock_guard lock(mutex_);
  if (off_) return {};
  const std::string_view all(path), folder(folder_.native());
  if (all == folder) return ".";
  if (!all.starts_with(folder) || all[folder.size()] != '/') return {};
  auto file = std::string(all.substr(folder.size() + 1));
  while (file.ends_with('/')) file.pop_back();
  // Shared memory is no file to anybody but SQLite, which makes it anew after a crash.
  return file.ends_with("-shm") ? std::string() : file;
}

// ---- What strikes, and how it ends.

std::optional<Fault> Disk::next(std::string_view call, std::string_view file) {
  if (room_ && --full_for_ == 0) room_.reset();
  if (!armed_ || armed_->after-- > 0) return std::nullopt;
  const auto [fault, after, lasting] = *std::exchange(armed_, std::nullopt);
  if (fault == Fault::kDiskFull) {
    // Told of when something has no room.
    room_ = std::uniform_int_distribution<std::int64_t>(0, 12'000)(random_);
    full_for_ = std::max<std::size_t>(lasting, 1);
    full_told_ = false;
    return std::nullopt;
  }
  struck_(fault, call, file);
  return fault;
}

void Disk::die() {
  keep_cache();
  for (;;) ::kill(::getpid(), SIGKILL);
}

void Disk::lose_power() {
  off_ = true;
  const auto names = std::uniform_int_distribution<std::size_t>(0, pending_.size())(random_);
  for (std::size_t i = 0; i < names; ++i) apply(kept_, pending_[i]);
  // What lies in a folder that is lost is lost.
  for (auto name = kept_.begin(); name != kept_.end();) {
    const auto folder = parent_of(name->first);
    name = folder == "." || kept_.contains(folder) ? std::next(name) : kept_.erase(name);
  }
  const double stays[] = {0, 0.5, 0.9, 1};
  const double probability = stays[random_() % 4];
  for (auto& [id, body] : bodies_) {
    for (const auto& change : body.unsynced) {
      if (!chance(probability)) continue;
      if (const auto part = chance(0.3) ? torn(change) : change) apply(body.synced, *part);
    }
    body.unsynced.clear();
  }
  for (const auto& entry : fs::directory_iterator(folder_)) fs::remove_all(entry.path());
  for (const auto& [name, body] : kept_) {
    if (body != kFolder) rebooted_(name, bodies_[body].synced);
    if (body == kFolder) {
      ::syscall(SYS_mkdir, (folder_ / name).c_str(), 0700);
    } else {
      std::ofstream(folder_ / name, std::ios::binary) << bodies_[body].synced;
      fs::permissions(folder_ / name, fs::perms::owner_read | fs::perms::owner_write);
    }
  }
  pending_.clear();
  live_ = kept_;
  die();
}

std::optional<Disk::Change> Disk::torn(const Change& change) {
  if (change.cut) return std::nullopt;
  auto part = change;
  // Up to some sector; what is in sectors of its own may be there without those before it.
  const auto begin = change.at / kSector, end = (change.at + change.bytes.size() - 1) / kSector;
  const auto sector = std::uniform_int_distribution<std::uint64_t>(begin, end)(random_);
  if (chance(0.5)) {
    part.bytes.resize(std::max(sector * kSector, change.at) - change.at);
  } else if (sector > begin) {
    const auto cut = sector * kSector - change.at;
    part.bytes.erase(0, cut);
    part.at += cut;
  }
  if (part.bytes.empty()) return std::nullopt;
  return part;
}

void Disk::apply(std::string& bytes, const Change& change) {
  if (change.cut) {
    bytes.resize(change.at);
    return;
  }
  if (bytes.size() < change.at + change.bytes.size()) bytes.resize(change.at + change.bytes.size());
  bytes.replace(change.at, change.bytes.size(), change.bytes);
}

void Disk::apply(Names& names, const Naming& naming) {
  if (!naming.from.empty()) names.erase(naming.from);
  if (!naming.to.empty()) names[naming.to] = naming.body;
}

void Disk::name(const std::string& from, const std::string& to, int body) {
  pending_.push_back({from, to, body});
  apply(live_, pending_.back());
}

int Disk::whole(std::string_view call, const std::string& file, const std::function<int()>& real,
                const std::function<void()>& note) {
  const auto fault = next(call, file);
  if (fault == Fault::kIoError) {
    errno = EIO;
    return -1;
  }
  const bool done = !fault || *fault == Fault::kKilledAfter || (*fault == Fault::kPowerLost && chance(0.5));
  int result = 0;
  if (done && (result = real()) == 0) note();
  if (fault == Fault::kPowerLost) lose_power();
  if (fault) die();
  return result;
}

// ---- The calls.

void Disk::opened(int fd, const std::string& file, bool made) {
  const std::lock_guard lock(mutex_);
  open_[fd] = file;
  body_of_.erase(fd);
  if (made) {
    const int body = next_body_++;
    bodies_[body];
    name({}, file, body);
  }
  if (const auto found = live_.find(file); found != live_.end() && found->second != kFolder)
    body_of_[fd] = found->second;
}

bool Disk::make(const std::string& file) {
  const std::lock_guard lock(mutex_);
  // The caller makes it; so an end after it is one before the next change.
  return whole(
             "open", file, [] { return 0; }, [] {}) == 0;
}

void Disk::closed(int fd) {
  const std::lock_guard lock(mutex_);
  if (off_) return;
  open_.erase(fd);
  body_of_.erase(fd);
}

bool Disk::watches(int fd) const {
  const std::lock_guard lock(mutex_);
  return !off_ && open_.contains(fd);
}

long Disk::write(int fd, const char* bytes, std::size_t count, std::optional<std::int64_t> at) {
  const std::lock_guard lock(mutex_);
  const auto file = open_.at(fd);
  auto& body = bodies_[body_of_.at(fd)];
  // What is written without a place is appended here, or written to a new file: at the end.
  const auto size = size_of(fd);
  const auto place = at.value_or(size);
  const auto fault = next("write", file);
  const auto put_part = [&](std::size_t part) -> long {
    const long put =
        at ? ::syscall(SYS_pwrite64, fd, bytes, part, place) : ::syscall(SYS_write, fd, bytes, part);
    if (put > 0)
      body.unsynced.push_back(
          {false, static_cast<std::uint64_t>(place), {bytes, static_cast<std::size_t>(put)}});
    return put;
  };
  if (!fault) {
    std::size_t part = count;
    if (room_) {
      const auto growth = std::max<std::int64_t>(place + static_cast<std::int64_t>(count) - size, 0);
      if (growth > *room_) {
        part = count - std::min<std::size_t>(count, static_cast<std::size_t>(growth - *room_));
        if (!std::exchange(full_told_, true)) struck_(Fault::kDiskFull, "write", file);
      }
      *room_ -= std::min(*room_, growth);
      if (part == 0) {
        errno = ENOSPC;
        return -1;
      }
    }
    return put_part(part);
  }
  const auto some = std::uniform_int_distribution<std::size_t>(0, count)(random_);
  if (*fault == Fault::kKilledAfter) put_part(count);
  if (*fault == Fault::kKilledWithin || *fault == Fault::kPowerLost ||
      (*fault == Fault::kIoError && chance(0.5)))
    put_part(some);
  if (*fault == Fault::kPowerLost) lose_power();
  if (*fault != Fault::kIoError) die();
  errno = EIO;
  return -1;
}

int Disk::cut(int fd, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  const auto before = size_of(fd);
  auto& body = bodies_[body_of_.at(fd)];
  return whole(
      "ftruncate", open_.at(fd), [&] { return static_cast<int>(::syscall(SYS_ftruncate, fd, size)); },
      [&] {
        body.unsynced.push_back({true, static_cast<std::uint64_t>(size), {}});
        if (room_) *room_ += std::max<std::int64_t>(before - size, 0);
      });
}

int Disk::cut(const std::string& file, std::int64_t size, const std::function<int()>& real) {
  const std::lock_guard lock(mutex_);
  const auto before = static_cast<std::int64_t>(fs::file_size(folder_ / file));
  return whole("truncate", file, real, [&] {
    bodies_[live_.at(file)].unsynced.push_back({true, static_cast<std::uint64_t>(size), {}});
    if (room_) *room_ += std::max<std::int64_t>(before - size, 0);
  });
}

int Disk::grow(int fd, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  const auto before = size_of(fd);
  const auto growth = std::max<std::int64_t>(size - before, 0);
  if (room_ && growth > *room_) {
    if (!std::exchange(full_told_, true)) struck_(Fault::kDiskFull, "fallocate", open_.at(fd));
    return ENOSPC;
  }
  auto& body = bodies_[body_of_.at(fd)];
  const auto file = open_.at(fd);
  const int result = whole(
      "fallocate", file, [&] { return static_cast<int>(::syscall(SYS_fallocate, fd, 0, 0, size)); },
      [&] {
        if (growth > 0) body.unsynced.push_back({true, static_cast<std::uint64_t>(size), {}});
        if (room_) *room_ -= growth;
      });
  return result == 0 ? 0 : errno;
}

void Disk::sync_body(Body& body, bool lost) {
  for (const auto& change : body.unsynced) {
    if (!lost || chance(0.5)) apply(body.synced, change);
  }
  body.unsynced.clear();
}

int Disk::sync(int fd) {
  const std::lock_guard lock(mutex_);
  const auto file = open_.at(fd);
  const auto of = body_of_.find(fd);
  const auto fault = next(of == body_of_.end() ? "sync of a folder" : "sync", file);
  const auto done = [&] {
    if (of != body_of_.end()) return sync_body(bodies_[of->second], fault == Fault::kIoError);
    if (fault == Fault::kIoError) return;
    // A folder: the names in it.
    std::erase_if(pending_, [&](const Naming& naming) {
      const bool in_it = parent_of(naming.to.empty() ? naming.from : naming.to) == file;
      if (in_it) apply(kept_, naming);
      return in_it;
    });
  };
  if (fault == Fault::kKilledBefore) die();
  if (fault == Fault::kPowerLost && chance(0.5)) lose_power();
  done();
  if (fault == Fault::kPowerLost) lose_power();
  if (fault == Fault::kIoError) {
    errno = EIO;
    return -1;
  }
  if (fault) die();
  return 0;
}

int Disk::remove(const std::string& file, const std::function<int()>& real) {
  const std::lock_guard lock(mutex_);
  if (!live_.contains(file)) return real();
  const auto size =
      static_cast<std::int64_t>(fs::is_regular_file(folder_ / file) ? fs::file_size(folder_ / file) : 0);
  return whole("unlink", file, real, [&] {
    name(file, {}, live_.at(file));
    if (room_) *room_ += size;
  });
}

int Disk::rename(const std::string& from, const std::string& to, const std::function<int()>& real) {
  const std::lock_guard lock(mutex_);
  return whole("rename", to, real, [&] { name(from, to, live_.at(from)); });
}

int Disk::make_folder(const std::string& folder, const std::function<int()>& real) {
  const std::lock_guard lock(mutex_);
  if (live_.contains(folder)) return real();
  return whole("mkdir", folder, real, [&] { name({}, folder, kFolder); });
}

std::optional<std::uint64_t> Disk::free_bytes() {
  const std::lock_guard lock(mutex_);
  if (off_ || !room_) return std::nullopt;
  if (!std::exchange(full_told_, true)) struck_(Fault::kDiskFull, "statvfs", "data");
  return static_cast<std::uint64_t>(*room_);
}

// ---- What outlives the process.

void Disk::keep_cache() {
  const std::lock_guard lock(mutex_);
  off_ = true;
  std::ofstream out(cache_, std::ios::binary | std::ios::trunc);
  out << next_body_ << ' ' << bodies_.size() << '\n';
  for (const auto& [id, body] : bodies_) {
    out << id << ' ' << body.unsynced.size() << ' ';
    put(out, body.synced);
    for (const auto& change : body.unsynced) {
      out << change.cut << ' ' << change.at << ' ';
      put(out, change.bytes);
    }
  }
  for (const auto* names : {&live_, &kept_}) {
    out << names->size() << '\n';
    for (const auto& [name, body] : *names) {
      out << body << ' ';
      put(out, name);
    }
  }
  out << pending_.size() << '\n';
  for (const auto& naming : pending_) {
    out << naming.body << ' ';
    put(out, naming.from);
    put(out, naming.to);
  }
}

void Disk::load_cache() {
  std::ifstream in(cache_, std::ios::binary);
  if (!in) return;
  std::size_t bodies = 0;
  in >> next_body_ >> bodies;
  while (bodies-- > 0) {
    int id = 0;
    std::size_t changes = 0;
    in >> id >> changes;
    auto& body = bodies_[id];
    body.synced = take(in);
    while (changes-- > 0) {
      Change change{};
      in >> change.cut >> change.at;
      change.bytes = take(in);
      body.unsynced.push_back(std::move(change));
    }
  }
  for (auto* names : {&live_, &kept_}) {
    std::size_t count = 0;
    in >> count;
    while (count-- > 0) {
      int body = 0;
      in >> body;
      (*names)[take(in)] = body;
    }
  }
  std::size_t namings = 0;
  in >> namings;
  while (namings-- > 0) {
    Naming naming{};
    in >> naming.body;
    naming.from = take(in);
    naming.to = take(in);
    pending_.push_back(std::move(naming));
  }
  // Of what has no name any more nothing can be seen again.
  std::erase_if(bodies_, [&](const auto& entry) {
    const auto names_it = [&](const auto& name) { return name.second == entry.first; };
    return std::ranges::none_of(live_, names_it) && std::ranges::none_of(kept_, names_it) &&
           std::ranges::none_of(pending_, [&](const Naming& naming) { return naming.body == entry.first; });
  });
}

}  // namespace writ::crash
