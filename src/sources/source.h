// AskedSource: where Writ asks for facts about resources of one type, at the moment of the request
// (docs/asked-facts.md). It stands between decisions and an Origin, and bounds it:
//
//   age      what was said is used for `max_age`, by the clock that nobody can set; never after it, and never
//            in the place of an answer that did not come
//   tenants  what was said to one tenant or credential is not given to another
//   flights  the same question is asked once at a time; others wait for its answer
//   room     a few threads of its own, and so many requests that wait; one caller gets half of them at most
//   circuit  after `failures` in a row it is not asked for `pause`, then by one question: it answers at once
//
// So a source that is slow or dead holds up requests that need it, for a bounded time, and nobody else's.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/notice.h"
#include "http/workers.h"
#include "sources/cache.h"
#include "sources/origin.h"
#include "sources/told.h"

namespace writ::sources {

struct SourceSettings {
  std::string name;  // "orders"
  ToldRules reading;
  Duration max_age{5'000};      // 0: nothing is kept
  Duration missing_max_age{0};  // the same of what the source does not know, and of what refuses
  Duration timeout{2'000};      // of the queue, and again of the question
  std::size_t threads = 4;
  std::size_t max_waiting = 256;
  std::size_t max_cached = 10'000;
  std::size_t failures = 5;
  Duration pause{5'000};
};

// For /metrics. Monotone except the last three.
struct SourceStats {
  std::uint64_t asked, cached, joined, failed, unbelieved, refused;
  std::size_t waiting, kept;
  bool open;  // it is not asked
};

// Why a source told nothing.
struct Untold {
  bool down;        // it says nothing at all at the moment; else what it said of this resource is not taken
  std::string why;  // for operators
};

class AskedSource {
 public:
  AskedSource(SourceSettings settings, std::unique_ptr<Origin> origin, const Clock& clock);
  ~AskedSource();
  AskedSource(const AskedSource&) = delete;
  AskedSource& operator=(const AskedSource&) = delete;

  const SourceSettings& settings() const noexcept { return settings_; }
  // "resource.customer", of each attribute; and "source `orders`".
  const std::vector<std::string>& paths() const noexcept { return paths_; }
  const std::string& label() const noexcept { return label_; }

  // What it said a moment ago; null: it has to be asked. Asks nobody.
  std::shared_ptr<const ToldFacts> cached(const SourceQuery& asked, const cedar::Schema* schema) const;
  // Whether what it said a moment ago may refuse, or it has to be asked again. What it does not know is kept
  // for `missing_max_age`, and what refuses for as long: else a refusal that comes at once would tell that
  // there is such a resource.
  bool may_refuse(const ToldFacts& cached) const noexcept { return clock_.running() < cached.refuses_until; }

  using Answer = std::expected<std::shared_ptr<const ToldFacts>, Untold>;
  using Callback = std::move_only_function<void(Answer)>;
  // Calls back once, on a thread of the source's or from inside this call. `party` stands for who asks.
  void ask(SourceQuery asked, cedar::SchemaPtr schema, std::uint64_t party, Callback callback);

  // What was said of a resource (without an id: of all) is not used any more when it returns, nor what is
  // being said just now.
  void forget(const std::optional<std::string>& id);
  // Tells all who wait that nothing comes, and whoever asks from now on. Waits for its threads.
  void stop();

  SourceStats stats() const;

 private:
  struct Waiting {
    std::uint64_t party;
    Callback callback;
  };
  struct Flight {
    SourceQuery asked;
    std::string key;
    cedar::SchemaPtr schema;
    Duration began;
    bool forgotten = false;
    std::vector<Waiting> waiting = {};
  };
  using FlightPtr = std::shared_ptr<Flight>;

  // With turn_ held: why nobody may ask just now.
  std::optional<std::string> no_room(std::uint64_t party) const;
  bool may_try(Duration now);
  Answer fly(const FlightPtr& flight);
  Answer fly_once(const FlightPtr& flight, Duration began);
  void note(bool down);
  void land(const FlightPtr& flight, const Answer& answer);
  void tell_operator(const std::string& why);

  const SourceSettings settings_;
  const std::unique_ptr<Origin> origin_;
  const Clock& clock_;
  std::vector<std::string> paths_;
  const std::string label_;
  Cache cache_;

  mutable std::mutex turn_;
  std::unordered_map<std::string, FlightPtr> flights_;
  std::unordered_map<std::uint64_t, std::size_t> waiting_of_;  // by party
  std::size_t waiting_ = 0;
  std::size_t failures_ = 0;  // in a row
  std::optional<Duration> open_until_;
  bool trying_ = false;  // one question, while the circuit is open
  bool stopping_ = false;
  std::shared_ptr<http::Workers> workers_;

  Notice notice_;
  mutable std::atomic<std::uint64_t> cached_{0};
  std::atomic<std::uint64_t> asked_{0}, joined_{0}, failed_{0}, unbelieved_{0}, refused_{0};
};

}  // namespace writ::sources
