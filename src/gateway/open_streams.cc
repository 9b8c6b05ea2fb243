#include "gateway/open_streams.h"

#include <algorithm>
#include <fmt/format.h>

#include "enforce/told_facts.h"
#include "gateway/http_question.h"

namespace writ::gateway {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::chrono::milliseconds kDecideEvery{700};  // at the third look, and not at the fourth
constexpr std::chrono::milliseconds kTimeToEnd{1000};
constexpr std::size_t kSlice = 64;  // streams that are looked at in one go

StreamEnd end_of(const decision::Refusal& refusal) {
  return {.reason = std::string(reason_code(refusal.reason)), .message = refusal.message};
}

}  // namespace

struct OpenStreams::Core : std::enable_shared_from_this<Core> {
  Core(http::Loops& all, const enforce::Recheck& of, const enforce::Current& now)
      : loops(all), recheck(of), current(now), per_loop(all.size()) {}

  struct PerLoop {
    std::vector<std::weak_ptr<Stream>> open;
    std::size_t next = 0;  // of those, to be looked at in this round
    bool looking = false;
  };

  void begin_round(std::size_t loop) {
    loops.post_after(loop, kLookEvery, [self = weak_from_this(), loop] {
      if (const auto core = self.lock()) core->look(loop);
    });
  }

  void look(std::size_t loop) {
    if (over) return;
    auto& mine = per_loop[loop];
    const auto now = Steady::now();
    for (std::size_t i = 0; i < kSlice && mine.next < mine.open.size(); ++i) {
      const auto stream = mine.open[mine.next].lock();
      // One that is cut stays until it is told a second time.
      if (stream == nullptr || (stream->ended_ && !stream->cut_)) {
        mine.open[mine.next] = std::move(mine.open.back());
        mine.open.pop_back();
        continue;
      }
      ++mine.next;
      stream->look(now);
    }
    if (mine.next < mine.open.size()) {
      return loops.post(loop, [self = weak_from_this(), loop] {
        if (const auto core = self.lock()) core->look(loop);
      });
    }
    mine.next = 0;
    mine.looking = !mine.open.empty();
    if (mine.looking) begin_round(loop);
  }

  http::Loops& loops;
  const enforce::Recheck& recheck;
  const enforce::Current& current;
  std::vector<PerLoop> per_loop;  // each touched by its loop alone
  std::atomic<bool> stopping{false};
  std::atomic<bool> over{false};  // what is referred to may be gone
  std::atomic<std::uint64_t> opened{0}, cut{0}, now_open{0};
};

OpenStreams::OpenStreams(http::Loops& loops, const enforce::Recheck& recheck, const enforce::Current& current)
    : core_(std::make_shared<Core>(loops, recheck, current)) {}

OpenStreams::~OpenStreams() {
  let_go();
}

void OpenStreams::let_go() noexcept {
  core_->over = true;
}

std::uint64_t OpenStreams::opened() const noexcept {
  return core_->opened.load(std::memory_order_relaxed);
}
std::uint64_t OpenStreams::cut() const noexcept {
  return core_->cut.load(std::memory_order_relaxed);
}
std::uint64_t OpenStreams::now_open() const noexcept {
  return core_->now_open.load(std::memory_order_relaxed);
}

std::shared_ptr<OpenStreams::Stream> OpenStreams::open(StreamBasis basis, std::string_view kind,
                                                       const enforce::RequestId& request_id, Cut cut) {
  if (core_->stopping) return nullptr;
  const auto loop = core_->loops.current();
  std::shared_ptr<Stream> stream(new Stream(core_, std::move(basis), kind, request_id, std::move(cut)));
  auto& mine = core_->per_loop[loop];
  mine.open.push_back(stream);
  if (!std::exchange(mine.looking, true)) core_->begin_round(loop);
  return stream;
}

void OpenStreams::stop() {
  if (core_->stopping.exchange(true)) return;
  for (std::size_t loop = 0; loop < core_->loops.size(); ++loop) {
    core_->loops.post(loop, [core = core_, loop] {
      const auto open = core->per_loop[loop].open;
      for (const auto& each : open) {
        if (const auto stream = each.lock(); stream != nullptr && !stream->ended_)
          stream->cut({.reason = "server_stopping", .message = "this server is stopping; connect again"});
      }
    });
  }
}

OpenStreams::Stream::Stream(std::shared_ptr<Core> core, StreamBasis basis, std::string_view kind,
                            const enforce::RequestId& request_id, Cut cut)
    : core_(std::move(core)),
      basis_(std::move(basis)),
      kind_(kind),
      request_id_(request_id),
      cut_(std::move(cut)),
      loop_(core_->loops.current()) {
  core_->opened.fetch_add(1, std::memory_order_relaxed);
  core_->now_open.fetch_add(1, std::memory_order_relaxed);
}

// Whoever held it went without a word, for want of memory or by a defect.
OpenStreams::Stream::~Stream() {
  core_->now_open.fetch_sub(1, std::memory_order_relaxed);
  if (!core_->over) end("closed_by_caller");
}

void OpenStreams::Stream::received(std::size_t bytes) noexcept {
  received_ += bytes;
  active_ = Steady::now();
}

void OpenStreams::Stream::sent(std::size_t bytes) noexcept {
  sent_ += bytes;
  active_ = Steady::now();
}

void OpenStreams::Stream::end(std::string_view reason, std::string_view message) noexcept {
  if (std::exchange(ended_, true)) return;
  enforce::Ended ended{.kind = kind_,
                       .reason = reason,
                       .message = message,
                       .resource = {basis_.route->resource_type(), basis_.resource_id},
                       .request_id = request_id_,
                       .duration = std::chrono::duration_cast<Duration>(Steady::now() - began_),
                       .received = received_,
                       .sent = sent_};
  if (basis_.token) {
    ended.client = basis_.token->claims().client_id;
    ended.subject = basis_.token->claims().subject;
  }
  core_->recheck.ended(ended);
}

void OpenStreams::Stream::look(Steady::time_point now) {
  if (ended_ && !cut_at_) return;
  if (cut_at_) {
    if (now - *cut_at_ < kTimeToEnd || !cut_) return;
    const auto self = shared_from_this();
    auto cut = std::exchange(cut_, nullptr);
    return cut({.reason = {}, .message = {}, .late = true});
  }
  if (auto end = fault(now)) cut(*std::move(end));
}

// By what is in force now, or nothing.
std::optional<StreamEnd> OpenStreams::Stream::fault(Steady::time_point now) {
  const auto& timeouts = basis_.route->timeouts();
  if (timeouts.whole && now - began_ >= *timeouts.whole)
    return StreamEnd{.reason = "whole_timeout", .message = "it took as long as its route allows"};
  if (basis_.held != nullptr && now - began_ >= kHeldFor)
    return StreamEnd{.reason = "whole_timeout",
                     .message = "what the API said of its resource is too old to decide by; connect again"};
  if (now - active_ >= timeouts.idle.value_or(kUsualIdle))
    return StreamEnd{.reason = "idle_timeout",
                     .message = "nothing came either way for as long as its route allows"};
  const auto& in_force = core_->current.read();
  const bool same = !in_force_.owner_before(in_force) && !in_force.owner_before(in_force_);
  if (same && now - decided_ < kDecideEvery) return std::nullopt;
  in_force_ = in_force;
  decided_ = now;
  return decide_again(now);
}

// What the source says now, or said a moment ago and is asked again. Nothing: it is asked for the first time,
// or by another schema.
enforce::AnswerFacts OpenStreams::Stream::told(const sources::SourcePtr& source,
                                               const enforce::InForce& in_force, Steady::time_point now) {
  const auto& route = *basis_.route;
  auto own = route.facts(basis_.values, basis_.facts.get());
  if (basis_.held != nullptr)
    return route.answer()->facts(basis_.held, route.resource_type(), std::move(own));
  if (source == nullptr || !basis_.token) return {};
  if (source_.asked.lock() != source) source_ = {.asked = source, .waits = source_.waits};
  const auto* schema = in_force.policies->schema.get();
  if (source_.told != nullptr && source_.told->schema.get() != schema) source_.told = nullptr;
  if (!source_.waits && (source_.told == nullptr || now - source_.at >= kDecideEvery))
    ask(source, in_force, now);
  if (source_.told == nullptr) return {};
  return enforce::facts_of_source(std::move(own), source_.told);
}

void OpenStreams::Stream::ask(const sources::SourcePtr& source, const enforce::InForce& in_force,
                              Steady::time_point now) {
  auto query = core_->recheck.query(basis_.resource_id, *basis_.token);
  source_.at = now;
  if (auto cached = source->cached(query, in_force.policies->schema.get())) {
    source_.told = std::move(cached);
    return;
  }
  source_.waits = true;
  const auto party = std::hash<std::string_view>()(basis_.token->claims().client_id);
  source->ask(std::move(query), in_force.policies->schema, party,
              [weak = weak_from_this(), core = std::weak_ptr(core_), from = std::weak_ptr(source),
               loop = loop_](sources::AskedSource::Answer answer) {
                const auto alive = core.lock();
                if (alive == nullptr || alive->over) return;
                alive->loops.post(loop, [weak, from, answer = std::move(answer)] {
                  if (const auto self = weak.lock()) self->take(from, answer);
                });
              });
}

void OpenStreams::Stream::take(const std::weak_ptr<sources::AskedSource>& from,
                               const sources::AskedSource::Answer& answer) {
  source_.waits = false;
  const auto source = from.lock();
  // Nobody vouches any more for what the other one says.
  if (source == nullptr || source_.asked.lock() != source) return;
  source_.told = answer ? *answer : nullptr;
  if (!answer) source_.untold = source->label() + ": " + answer.error().why;
}

std::optional<StreamEnd> OpenStreams::Stream::decide_again(Steady::time_point now) {
  const auto in_force = core_->current.get();
  const auto& request = *basis_.request;
  if (in_force->routes != basis_.routes) {
    std::vector<std::string_view> values;
    const auto* route =
        in_force->routes != nullptr ? in_force->routes->match(request, values).route : nullptr;
    if (route == nullptr || !route->decides_as(*basis_.route))
      return StreamEnd{.reason = "route_changed",
                       .message = "its route is not there any more, or means something else"};
  }
  // What an API that is only observed would refuse passes.
  if (basis_.route->observed()) return std::nullopt;
  const auto& route = *basis_.route;
  const auto source = sources::source_of(in_force->sources, route.resource_type());
  const auto facts = told(source, *in_force, now);
  if (source_.untold)
    return StreamEnd{.reason = std::string(reason_code(Reason::kFactsUnavailable)),
                     .message = *source_.untold};
  const enforce::Question question{
      .point = "gateway",
      .sent = sent_in(request),
      .credentials = enforce::Credentials(std::unexpected(Denial{Reason::kTokenMissing, {}})),
      .api = route.api(),
      .action = {route.action().type, route.action().id},
      .resource = {route.resource_type(), basis_.resource_id},
      .attributes = route.facts(basis_.values, basis_.facts.get()),
      .amounts = basis_.amounts,
      .labels = route.labels(),
      .input = Route::input(basis_.facts.get()),
      .notes = notes_of(basis_.facts.get()),
      .approval = {.named = basis_.approved ? std::size_t{1} : std::size_t{0}},
      .awaited = source != nullptr ? std::span<const std::string>(source->settings().reading.attributes)
                                   : std::span<const std::string>()};
  const auto refusal = basis_.token ? core_->recheck.refusal(question, *basis_.token, facts)
                       : route.is_public()
                           ? core_->recheck.refusal_public(question)
                           : std::optional(decision::Refusal{Reason::kIndeterminate, {}, {}, {}, {}});
  if (!refusal) return std::nullopt;
  return end_of(*refusal);
}

void OpenStreams::Stream::cut(StreamEnd why) {
  const auto self = shared_from_this();
  cut_at_ = Steady::now();
  core_->cut.fetch_add(1, std::memory_order_relaxed);
  end(why.reason, why.message);
  // It is called once more, when this was not enough.
  auto cut = std::exchange(cut_, nullptr);
  cut(why);
  if (!cut_) cut_ = std::move(cut);
}

http::CallTimeouts timeouts_of(const Route& route) {
  auto timeouts = route.timeouts().call;
  timeouts.idle = route.timeouts().idle;
  if (route.stream())
    timeouts.idle = timeouts.idle.value_or(OpenStreams::kUsualIdle) + std::chrono::seconds(1);
  return timeouts;
}

bool is_stream(const Route& route, const http::Headers& answer) {
  const auto type = answer.find("Content-Type").value_or("");
  return route.stream() ||
         http::equal_ignoring_case(type.substr(0, type.find_first_of("; \t")), "text/event-stream");
}

}  // namespace writ::gateway
