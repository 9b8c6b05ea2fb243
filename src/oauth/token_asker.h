// TokenAsker: what one issuer says of opaque tokens, which only it can read (RFC 7662). It stands between
// requests and the issuer's introspection endpoint, and bounds it:
//
//   age      an answer is used for `max_age`, by the clock that nobody can set; never after it. So a token
//            that is revoked there is good here for that long at most
//   renewal  an answer that is used in its second half is asked for anew meanwhile: a caller that comes often
//            waits once, and an issuer that is slow or down does not hold it up
//   flights  about one token is asked once at a time; others wait for that answer
//   room     a few threads of its own, and so many tokens that wait; sources take turns
//   circuit  after `failures` in a row it is not asked for `pause`, then about one token. What it does
//   answer,
//            and be it 400, does not count: a stranger's token may be the cause
//   memory   so many answers, those that say no apart from those that say yes: strangers push out strangers
//
// Tokens are remembered by a keyed hash, never as they are. Thread-safe; no lock is held while the issuer is
// asked.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/denial.h"
#include "base/secret.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "http/debts.h"
#include "http/fetcher.h"
#include "http/workers.h"
#include "token/claims.h"

namespace writ::oauth {

// How Writ asks an issuer about tokens. Files are read with each question, so that they can be exchanged.
struct AskingRules {
  std::string url;                         // of the introspection endpoint
  std::string client_id;                   // what Writ is called there
  std::filesystem::path secret_file = {};  // client_secret_basic (RFC 6749 §2.3.1)
  std::filesystem::path key_file = {};     // private_key_jwt (RFC 7523 §2.2): a private JWK
  Duration max_age{30'000};
  std::size_t max_kept = 10'000;  // answers
  std::size_t threads = 4;
  std::size_t max_waiting = 256;  // tokens
  Duration max_wait{10'000};      // in the queue
  std::size_t failures = 5;
  Duration pause{5'000};
};

struct TokenAskerParts {
  http::Fetcher& fetcher;
  const Clock& clock;
  std::function<void(const std::string&)> tell;  // lines for the operator
};

// For /metrics. Monotone except the last three.
struct TokenAskerStats {
  std::uint64_t active, inactive, failed, refused;
  std::size_t waiting, kept;
  bool open;  // it is not asked
};

class TokenAsker {
 public:
  using Claims = std::shared_ptr<const token::AccessClaims>;
  using Answer = std::expected<Claims, Denial>;
  using ToldUntil = std::shared_ptr<std::atomic<Duration::rep>>;
  // What an answer that says `active` means. What it makes has that Foreign::told_until.
  using Reader = std::function<Answer(const codec::Json& told, std::string_view token, ToldUntil until)>;
  using Then = std::move_only_function<void()>;

  TokenAsker(std::string issuer, AskingRules rules, TokenAskerParts parts);
  ~TokenAsker() { stop(); }
  TokenAsker(const TokenAsker&) = delete;
  TokenAsker& operator=(const TokenAsker&) = delete;

  // Once, before anybody asks.
  void read_with(Reader reader) { reader_ = std::move(reader); }

  // What was said of it, not too long ago. May begin to ask anew.
  std::optional<Answer> known(std::string_view token);
  // True: the issuer is being asked; `then` was taken, and is called when that is over, whatever came of it,
  // on another thread. False: it is not asked, because it is down or too many wait.
  bool ask(std::string_view token, std::string_view peer_ip, Then& then);
  // Calls all who wait; nothing is asked from now on. Waits for its threads: end what the fetcher has under
  // way first.
  void begin_stop();
  void stop();

  const std::string& issuer() const noexcept { return issuer_; }
  const AskingRules& rules() const noexcept { return rules_; }
  TokenAskerStats stats() const;

 private:
  using Key = std::string;  // 32 bytes
  struct Told {
    Answer answer;
    ToldUntil until;
    Duration asked_at;
    crypto::Digest text;  // of the whole answer
    bool renewing = false;
  };
  using ToldPtr = std::shared_ptr<Told>;
  // In two halves, of which the older is forgotten when the younger is full.
  struct Half {
    std::unordered_map<Key, ToldPtr> young, old;
    ToldPtr find(const Key& key) const;
    void put(const Key& key, ToldPtr told, std::size_t max);
    void erase(const Key& key);
  };
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable std::mutex turn;
    Half good, bad;
  };
  struct Flight {
    Key key;
    Secret token;
    Duration began;
    std::vector<Then> waiting = {};
  };
  using FlightPtr = std::shared_ptr<Flight>;

  Key key_of(std::string_view token) const;
  Shard& shard_of(const Key& key) { return shards_[static_cast<unsigned char>(key.front()) % kShards]; }
  bool begin(std::string_view token, const Key& key, std::uint64_t party, Then* then);
  void fly(Flight& flight);
  bool may_try(Duration now);
  // What came of a question: an answer, no word from the issuer, or one that says nothing of the token.
  enum class Turn { kAnswered, kFailed, kUnclear };
  void note(Turn turn);
  void land(const FlightPtr& flight);
  void remember(const Flight& flight, const codec::Json& told, std::string_view text, Duration asked_at);
  Result<codec::Json> put_question(std::string_view token, std::string& text) const;
  void tell_operator(const std::string& why);

  const std::string issuer_;
  const AskingRules rules_;
  const TokenAskerParts parts_;
  const std::string hash_key_;
  const http::HiddenKeys sources_;
  Reader reader_;
  std::array<Shard, kShards> shards_;

  mutable std::mutex turn_;  // of what follows
  std::unordered_map<Key, FlightPtr> flights_;
  std::size_t waiting_ = 0;
  std::size_t failures_ = 0;  // in a row
  std::optional<Duration> open_until_;
  bool trying_ = false;  // about one token, while the circuit is open
  bool stopping_ = false;
  std::string last_failure_;
  std::shared_ptr<http::Workers> workers_;

  std::atomic<std::uint64_t> active_{0}, inactive_{0}, failed_{0}, refused_{0};
};

}  // namespace writ::oauth
