#include "sources/source.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace writ::sources {
namespace {

constexpr int kMaxFlights = 3;  // while what is being asked is forgotten again and again
constexpr std::string_view kStopped = "it is not asked any more";

std::unexpected<Untold> down(std::string why) {
  return std::unexpected(Untold{true, std::move(why)});
}

}  // namespace

AskedSource::AskedSource(SourceSettings settings, std::unique_ptr<Origin> origin, const Clock& clock)
    : settings_(std::move(settings)),
      origin_(std::move(origin)),
      clock_(clock),
      label_(fmt::format("source `{}`", settings_.name)),
      cache_(settings_.max_cached),
      workers_(std::make_shared<http::Workers>(
          http::WorkerOptions{.threads = settings_.threads,
                              .max_queued = settings_.max_waiting,
                              .max_queued_per_source = settings_.max_waiting})) {
  for (const auto& name : settings_.reading.attributes) paths_.push_back("resource." + name);
}

AskedSource::~AskedSource() {
  stop();
}

std::shared_ptr<const ToldFacts> AskedSource::cached(const SourceQuery& asked,
                                                     const cedar::Schema* schema) const {
  auto found = cache_.find(key_of(asked), clock_.running(), schema, origin_->generation());
  if (found != nullptr) cached_.fetch_add(1, std::memory_order_relaxed);
  return found;
}

std::optional<std::string> AskedSource::no_room(std::uint64_t party) const {
  if (stopping_) return std::string(kStopped);
  // Whoever comes while one is trying is answered at once, too.
  if (open_until_ && (trying_ || clock_.running() < *open_until_))
    return fmt::format("it failed {} times in a row, and is left alone for a moment", failures_);
  const auto own = waiting_of_.find(party);
  const auto most = std::max<std::size_t>(settings_.max_waiting / 2, 1);
  if (waiting_ >= settings_.max_waiting || (own != waiting_of_.end() && own->second >= most))
    return "too many requests wait for it";
  return std::nullopt;
}

void AskedSource::ask(SourceQuery asked, cedar::SchemaPtr schema, std::uint64_t party, Callback callback) {
  FlightPtr flight;
  std::shared_ptr<http::Workers> workers;
  {
    std::unique_lock lock(turn_);
    if (auto why = no_room(party)) {
      lock.unlock();
      refused_.fetch_add(1, std::memory_order_relaxed);
      return callback(down(*std::move(why)));
    }
    // The schema belongs to the question: it says what can be believed.
    auto key = fmt::format("{}/{}", static_cast<const void*>(schema.get()), key_of(asked));
    const auto place = flights_.find(key);
    const bool joins = place != flights_.end();
    flight = joins ? place->second : std::make_shared<Flight>();
    flight->waiting.push_back({party, std::move(callback)});
    ++waiting_;
    ++waiting_of_[party];
    if (joins) return void(joined_.fetch_add(1, std::memory_order_relaxed));
    flight->asked = std::move(asked);
    flight->key = key;
    flight->schema = std::move(schema);
    flight->began = clock_.running();
    flights_.emplace(std::move(key), flight);
    workers = workers_;
  }
  // Whoever joins waits for this: it lands, whatever breaks.
  try {
    http::Task task = [this, flight] {
      try {
        land(flight, fly(flight));
      } catch (const std::exception&) {
        land(flight, down("there is no memory to ask it"));
      }
    };
    http::Task lost = [this, flight] { land(flight, down("too many requests wait for it")); };
    if (!workers->post(party, false, task, lost)) lost();
  } catch (const std::exception&) {
    land(flight, down("there is no memory to ask it"));
  }
}

// Those that were waiting when the circuit opened are told by whoever picks them up.
bool AskedSource::may_try(Duration now) {
  if (!open_until_) return true;
  if (trying_ || now < *open_until_) return false;
  return trying_ = true;
}

AskedSource::Answer AskedSource::fly(const FlightPtr& flight) {
  {
    const std::lock_guard lock(turn_);
    const auto now = clock_.running();
    if (stopping_) return down(std::string(kStopped));
    if (now - flight->began > settings_.timeout) return down("too many requests wait for it");
    if (!may_try(now)) return down("it failed again and again, and is left alone for a moment");
  }
  for (int i = 0; i < kMaxFlights; ++i) {
    // Its age counts from before it was asked.
    const auto began = clock_.running();
    auto answer = fly_once(flight, began);
    const std::lock_guard lock(turn_);
    if (!std::exchange(flight->forgotten, false)) {
      // With the lock held, so that nothing is kept that is forgotten meanwhile, and who comes after that
      // does not join.
      flights_.erase(flight->key);
      if (answer) {
        const auto age = (*answer)->known ? settings_.max_age : settings_.missing_max_age;
        if (age > Duration(0)) cache_.put(key_of(flight->asked), flight->asked.id, *answer, began + age);
      }
      return answer;
    }
  }
  return down("what it says of the resource was declared old again and again while it was asked");
}

AskedSource::Answer AskedSource::fly_once(const FlightPtr& flight, Duration began) {
  asked_.fetch_add(1, std::memory_order_relaxed);
  const auto generation = origin_->generation();
  auto said = [&]() -> Result<std::optional<codec::Json>> {
    try {
      return origin_->ask(flight->asked);
    } catch (const std::exception&) {
      return failure(ErrorCode::kUnavailable, "there is no memory to ask it");
    }
  }();
  const bool is_down = !said && said.error().code == ErrorCode::kUnavailable;
  note(is_down);
  if (is_down) {
    failed_.fetch_add(1, std::memory_order_relaxed);
    tell_operator(said.error().message);
    return down(std::move(said).error().message);
  }
  auto told = said ? told_by(settings_.reading, *said, flight->schema) : std::unexpected(said.error());
  if (!told) {
    unbelieved_.fetch_add(1, std::memory_order_relaxed);
    tell_operator(told.error().message);
    return std::unexpected(Untold{false, std::move(told).error().message});
  }
  // Where the credential changed meanwhile it is not kept, which does no harm.
  (*told)->generation = generation;
  (*told)->refuses_until = began + settings_.missing_max_age;
  return std::shared_ptr<const ToldFacts>(*std::move(told));
}

void AskedSource::note(bool is_down) {
  const std::lock_guard lock(turn_);
  const bool tried = std::exchange(trying_, false);
  if (!is_down) {
    failures_ = 0;
    open_until_.reset();
    return;
  }
  ++failures_;
  if (tried || failures_ >= settings_.failures) open_until_ = clock_.running() + settings_.pause;
}

void AskedSource::land(const FlightPtr& flight, const Answer& answer) {
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(turn_);
    const auto place = flights_.find(flight->key);
    if (place != flights_.end() && place->second == flight) flights_.erase(place);
    waiting = std::exchange(flight->waiting, {});
    waiting_ -= waiting.size();
    for (const auto& each : waiting) {
      const auto own = waiting_of_.find(each.party);
      if (own != waiting_of_.end() && --own->second == 0) waiting_of_.erase(own);
    }
  }
  for (auto& each : waiting) each.callback(answer);
}

void AskedSource::forget(const std::optional<std::string>& id) {
  const std::lock_guard lock(turn_);
  for (const auto& [key, flight] : flights_)
    if (!id || flight->asked.id == *id) flight->forgotten = true;
  cache_.forget(id);
}

void AskedSource::stop() {
  std::shared_ptr<http::Workers> workers;
  {
    const std::lock_guard lock(turn_);
    stopping_ = true;
    workers = std::exchange(workers_, nullptr);
  }
  origin_->stop();
  // Its end waits for the threads.
}

void AskedSource::tell_operator(const std::string& why) {
  if (const auto times = notice_.due())
    say_limit(fmt::format("the {} of facts about `{}` told nothing: {} ({} times)", label_,
                          settings_.reading.type, why, *times));
}

SourceStats AskedSource::stats() const {
  const auto of = [](const std::atomic<std::uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  const std::lock_guard lock(turn_);
  return {of(asked_),  of(cached_),     of(joined_),
          of(failed_), of(unbelieved_), of(refused_),
          waiting_,    cache_.size(),   open_until_.has_value()};
}

}  // namespace writ::sources
