// Shares: who holds how many of an upstream's places, so that no caller takes them all.
//
// A client gets another place while it holds fewer than are free, and a subject of it while it holds fewer
// than its client could still get. So one client alone reaches half of the places, the next half of what it
// left; and the same holds for the subjects of one client.
//
// The last eighth of the places is a reserve: while no more are free, a client gets another place only while
// it holds fewer than an eighth of what is free, or none. So those who hold many leave the reserve to those
// who hold few; colluding clients come to share what is left of it in ever smaller parts, and it takes as
// many of them as there are places in its last part to use it up. Nothing is configured, and nothing
// allocated: clients are counted in rows of counters, by hashes that nobody outside knows, and the
// smallest count holds. One loop's thread only. Internal to http.
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
      const std::size_t most = most_of(places_ - taken_, places_ / kModest);
      const std::size_t client = count(key(party.client, 0));
      if (client >= most) return false;
      const std::size_t rest = most_of(most - client, places_ / kModest / 2);
      if (count(key(party.client, party.subject)) >= rest) return false;
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
  // The reserve, of all places; and what a party may hold while it is begun, of what is free.
  static constexpr std::size_t kModest = 8;
  // A place is counted for two parties, and an upstream has at most 1024: with so many columns and rows, of a
  // hundred parties that hold none at the worst moment two or three seem to hold one.
  static constexpr std::size_t kColumns = 4096, kRows = 4;
  using Row = std::array<std::uint16_t, kColumns>;

  // Who holds fewer may take another one. There is always a first one for who holds none.
  static std::size_t most_of(std::size_t free, std::size_t reserve) noexcept {
    return free > reserve ? free : std::max<std::size_t>(free / kModest, 1);
  }

  static std::uint64_t key(std::uint64_t client, std::uint64_t subject) noexcept;

  std::size_t count(std::uint64_t key) const noexcept {
    std::size_t least = rows_[0][column(key, 0)];
    for (std::size_t row = 1; row < kRows; ++row)
      least = std::min<std::size_t>(least, rows_[row][column(key, row)]);
    return least;
  }
  void change(std::uint64_t key, int by) noexcept {
    for (std::size_t row = 0; row < kRows; ++row) {
      auto& counter = rows_[row][column(key, row)];
      counter = static_cast<std::uint16_t>(counter + by);
    }
  }
  static std::size_t column(std::uint64_t key, std::size_t row) noexcept {
    return (key >> (16 * row)) % kColumns;
  }

  const std::size_t places_;
  std::size_t taken_ = 0;
  std::array<Row, kRows> rows_{};
};

}  // namespace writ::http
