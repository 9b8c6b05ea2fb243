// Shares: who holds how many of an upstream's places, so that no caller takes them all.
//
// A client gets another place while it holds fewer than are free, and a subject of it while it holds fewer
// than its client could still get. So one client alone reaches half of the places, the next half of what it
// left, and so on; and the same holds for the subjects of one client. Nothing is configured, and nothing
// allocated: clients are counted in two rows of counters, by two hashes that nobody outside knows, and the
// smaller count holds. One loop's thread only. Internal to http.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace writ::http {

class Shares {
 public:
  // Hashes of who a call is for. Both 0: it is Writ's own, and not counted.
  struct Party {
    std::uint64_t client = 0;
    std::uint64_t subject = 0;  // of this client
    bool counted() const noexcept { return client != 0 || subject != 0; }
  };

  explicit Shares(std::size_t places) : places_(places) {}

  bool take(Party party) noexcept {
    if (taken_ >= places_) return false;
    if (party.counted()) {
      const std::size_t free = places_ - taken_;
      const std::size_t client = count(key(party.client, 0));
      if (client >= free || count(key(party.client, party.subject)) >= free - client) return false;
      change(key(party.client, 0), 1);
      change(key(party.client, party.subject), 1);
    }
    ++taken_;
    return true;
  }

  void give_back(Party party) noexcept {
    --taken_;
    if (!party.counted()) return;
    change(key(party.client, 0), -1);
    change(key(party.client, party.subject), -1);
  }

  std::size_t taken() const noexcept { return taken_; }

 private:
  static constexpr std::size_t kColumns = 1024;
  using Row = std::array<std::int32_t, kColumns>;

  static std::uint64_t mixed(std::uint64_t number) noexcept {
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31);
  }
  static std::uint64_t key(std::uint64_t client, std::uint64_t subject) noexcept {
    return mixed(client + mixed(subject + secret()));
  }
  static std::uint64_t secret() noexcept;

  std::size_t count(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(std::min(rows_[0][key % kColumns], rows_[1][(key >> 32) % kColumns]));
  }
  void change(std::uint64_t key, std::int32_t by) noexcept {
    rows_[0][key % kColumns] += by;
    rows_[1][(key >> 32) % kColumns] += by;
  }

  const std::size_t places_;
  std::size_t taken_ = 0;
  std::array<Row, 2> rows_{};
};

}  // namespace writ::http
