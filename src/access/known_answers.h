// KnownAnswers: what was answered about access, by all that it was read from (access/basis.h). After a change
// of one policy or one identity only answers that read it are made again; the others are found here.
//
// An answer found is the one that would be made: what it is kept by says everything that it depends on, and
// times in a witness move along with the instant that is asked about. What is longest unused goes when there
// is no room. Thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "access/reach.h"
#include "crypto/hash.h"

namespace writ::access {

class KnownAnswers {
 public:
  static constexpr std::size_t kMostBytes = 64 << 20;  // about 50,000 answers

  explicit KnownAnswers(std::size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // The answer as it would be made at the instant.
  std::optional<Reached> find(const crypto::Digest& basis, const Target& target, Instant at);
  void keep(const crypto::Digest& basis, const Reached& answer, Instant at);

  struct Counts {
    std::uint64_t known = 0;  // found here
    std::uint64_t asked = 0;  // made, and kept
    std::size_t kept = 0;     // here now
  };
  Counts counts() const;

 private:
  struct Kept {
    Reached answer;
    Instant at;
  };
  struct Hash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  using Answers = std::unordered_map<crypto::Digest, Kept, Hash>;

  void put(const crypto::Digest& basis, Kept kept);

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  // Those that were used lately, and those before. Each has half of the room.
  Answers young_, old_;
  std::size_t young_bytes_ = 0;
  Counts counts_;
};

}  // namespace writ::access
