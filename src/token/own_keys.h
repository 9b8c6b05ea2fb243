// The life of Writ's own signing keys (docs/keys.md):
//
//   published ahead → signing → retired, still published → removed
//
// A key is published before it signs, so that whoever keeps the key set for a while knows it in time. One key
// signs. What signed before stays published until the last token that it can have signed is dead, without its
// private half, which is deleted when it retires. No state is ever gone back to.
//
// Each step is recorded, then on disk whole (KeyStore), then in force: a crash in between leaves the step
// before or the step after it. Thread-safe. Whoever changes something waits for the audit and the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "jose/jwk.h"
#include "token/key_ring.h"
#include "token/key_wrapping.h"

namespace writ::token {

enum class KeyState : std::uint8_t { kPublished, kSigning, kRetired };
std::string_view key_state_name(KeyState state) noexcept;  // "published", "signing", "retired"
std::optional<KeyState> key_state_from_name(std::string_view name) noexcept;

// Published keys at a time, whatever their state: each token request of a verifier carries them.
inline constexpr std::size_t kMaxOwnKeys = 16;

// As it is kept: a row. The text is for key_wrapping.h.
struct StoredKey {
  std::string kid;
  std::string text;
  KeyState state;
  Instant since;  // in this state
  Instant until;  // published: it signs from then on; retired: it may be removed; signing: unused
  friend bool operator==(const StoredKey&, const StoredKey&) = default;
};

// Implemented by store. Thread-safe.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // The newest first. Of what an earlier Writ kept, nobody knows the times: they are 0.
  virtual Result<std::vector<StoredKey>> load_keys() = 0;
  // In place of all that were there, in one step; durable when it returns. Of what is gone nothing is left in
  // the file.
  virtual Result<void> save_keys(std::span<const StoredKey> keys) = 0;
};

struct KeyPlan {
  crypto::Algorithm algorithm = crypto::Algorithm::kEs256;
  Duration rotate_after{0};  // that a key signs for; 0: until it is told
  Duration publish_ahead{0};
};

enum class Urgency : std::uint8_t {
  kOrderly,  // the next key signs when it has been published for long enough
  kAtOnce,   // it signs now; whoever keeps the set for longer has to fetch it again
  kStolen,   // and all others are gone now, with every token that they signed
};
std::optional<Urgency> urgency_from_name(std::string_view name) noexcept;  // "orderly", "at_once", "stolen"

// What is about to be done to a key: "signing_key.published", "signing_key.signs", "signing_key.removed",
// "signing_key.stolen". Views.
struct KeyEvent {
  std::string_view type;
  std::string_view kid;
  std::string_view detail;
  bool stops = false;  // it takes something away at once
};
using KeyRecorder = std::function<Result<void>(const KeyEvent&)>;

struct OwnKeyStatus {
  std::string kid;
  crypto::Algorithm algorithm;
  KeyState state;
  Instant since;
  std::optional<Instant> until;  // its state ends then
};

class OwnKeys {
 public:
  // The keys of the last run, or a first one. What lies there otherwise than it would be written now is
  // written anew: plain keys are sealed, and those that were sealed before with another key. Where one cannot
  // be read, nothing is changed: kConflict where a wrapping key is missing, kCorrupt for what was changed.
  // `store` must outlive it.
  static Result<std::unique_ptr<OwnKeys>> open(KeyStore& store, Wrapping wrapping, KeyPlan plan, Instant now);

  const KeyRing& ring() const noexcept { return *ring_; }
  // Told of the public keys before anything is signed with a new one, and before one is missed.
  void follow(std::function<void(const jose::JwkSet&)> told);

  // Does what is due; for a timer. How many steps.
  Result<std::size_t> tend(Instant now, const KeyRecorder& record);
  // kLimit when too many keys are published already.
  Result<void> rotate(Urgency urgency, Instant now, const KeyRecorder& record);

  std::vector<OwnKeyStatus> status() const;  // the newest first
  bool sealed() const noexcept { return wrapping_.now.has_value(); }
  const KeyPlan& plan() const noexcept { return plan_; }

 private:
  struct Key {
    jose::Jwk public_key;
    std::optional<jose::PrivateJwk> key;  // of a retired one: none
    KeyState state;
    Instant since, until;
  };
  using Keys = std::vector<Key>;
  struct Step;

  OwnKeys(KeyStore& store, Wrapping wrapping, KeyPlan plan)
      : store_(store), wrapping_(std::move(wrapping)), plan_(plan) {}
  Result<Key> read(const StoredKey& stored) const;
  Result<Key> made(KeyState state, Instant since, Instant until) const;
  static void promote(Keys& keys, Instant now);
  Result<std::optional<Step>> due(Instant now) const;
  // With turn_ held.
  Result<void> save(const Keys& keys);
  Result<void> take(Step step, const KeyRecorder& record);
  Result<void> put_in_force(Keys keys);

  KeyStore& store_;
  const Wrapping wrapping_;
  const KeyPlan plan_;
  std::mutex turn_;           // of whoever changes something
  mutable std::mutex mutex_;  // of keys_, held for no longer than it takes to copy
  Keys keys_;                 // the newest first
  std::unique_ptr<KeyRing> ring_;
  std::function<void(const jose::JwkSet&)> told_;
};

// The key that signs, for tests that make tokens as the server does; it is read, and nothing is changed.
Result<jose::PrivateJwk> read_signing_key(KeyStore& store, const Wrapping& wrapping);

}  // namespace writ::token
