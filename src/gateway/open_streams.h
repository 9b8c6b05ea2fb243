// OpenStreams: what goes on after its decision. WebSockets, event streams and answers of routes that are
// marked `stream` are decided at their start; here they are decided again and again until they end.
//
// Each loop looks at its own streams four times a second: at all of them when something else is in force than
// a moment ago, and at the latest after three looks, since tokens, tasks and hours end by themselves. A look
// at many is done in slices, between which everything else on the loop has its turn. Nothing is taken by it:
// no budget, no approval, no proof (enforce/recheck.h). One that would be refused is cut, within a second of
// whatever refuses it.
//
// Facts of its resource that were told on the way to its decision are told again: a source (sources/source.h)
// is asked again when what it said is too old, and while it is asked only what needs none of it can refuse.
// What the API said (`decide: on read`) counts as long as the stream lasts, and so that lasts kHeldFor at
// most.
//
// Each that was opened has exactly one record `stream.ended`, with the reason: a code of docs/reasons.md, or
//
//   finished          the API ended it, as it should
//   closed_by_caller  its connection ended
//   broken_by_api     the API's connection broke, or what it sent was not as it should be
//   route_changed     the route is not there any more, or means something else
//   idle_timeout whole_timeout
//   server_stopping
//
// A Stream is its loop's; stop() is thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "enforce/recheck.h"
#include "gateway/routes.h"
#include "http/loops.h"
#include "http/request.h"

namespace writ::gateway {

// What one was decided on. The request and its path live as long as the stream.
struct StreamBasis {
  std::shared_ptr<const Routes> routes = {};  // that `route` is of
  const Route* route = nullptr;
  const http::Request* request = nullptr;
  std::vector<std::string_view> values = {};
  std::string resource_id = {};
  std::vector<task::NamedAmount> amounts = {};
  std::unique_ptr<FoundFacts> facts = {};
  std::shared_ptr<const AnswerReader::Held> held = {};  // of `decide: on read`: what the API said; else null
  bool approved = false;
  std::optional<token::Verified> token = {};  // none: the route is public, or its API only observed
};

// Why a stream is cut.
struct StreamEnd {
  std::string reason;
  std::string message;
  bool late = false;  // it was told before, and still has not ended
};

class OpenStreams {
 public:
  // Streams without bytes either way for so long have ended, unless their route says otherwise.
  static constexpr std::chrono::milliseconds kUsualIdle = std::chrono::hours(1);
  // What the API said of a resource decides no longer than that.
  static constexpr std::chrono::milliseconds kHeldFor = std::chrono::hours(1);

  OpenStreams(http::Loops& loops, const enforce::Recheck& recheck, const enforce::Current& current);
  ~OpenStreams();
  OpenStreams(const OpenStreams&) = delete;

  class Stream;
  // It has to end; called once, and once more when it takes a second. It ends the stream in both directions,
  // and may end it then and there. Never from inside a call of the stream.
  using Cut = std::move_only_function<void(const StreamEnd&)>;

  // On the loop of its request. Null: the server is stopping, and nothing new begins.
  std::shared_ptr<Stream> open(StreamBasis basis, std::string_view kind, const enforce::RequestId& request_id,
                               Cut cut);

  // What it refers to may be gone from here on: nothing more is decided or recorded.
  void let_go() noexcept;
  // All end, and none begin. Returns at once.
  void stop();

  std::uint64_t opened() const noexcept;
  std::uint64_t cut() const noexcept;
  std::uint64_t now_open() const noexcept;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

class OpenStreams::Stream : public std::enable_shared_from_this<Stream> {
 public:
  ~Stream();
  void received(std::size_t bytes) noexcept;  // from the caller
  void sent(std::size_t bytes) noexcept;      // to it
  // The first one counts, and what cut it comes before that.
  void end(std::string_view reason, std::string_view message = {}) noexcept;

 private:
  friend class OpenStreams;
  friend struct OpenStreams::Core;
  using Steady = std::chrono::steady_clock;
  Stream(std::shared_ptr<Core> core, StreamBasis basis, std::string_view kind,
         const enforce::RequestId& request_id, Cut cut);
  void look(Steady::time_point now);
  std::optional<StreamEnd> fault(Steady::time_point now);
  std::optional<StreamEnd> decide_again(Steady::time_point now);
  enforce::AnswerFacts told(const sources::SourcePtr& source, const enforce::InForce& in_force,
                            Steady::time_point now);
  void ask(const sources::SourcePtr& source, const enforce::InForce& in_force, Steady::time_point now);
  void take(const std::weak_ptr<sources::AskedSource>& from, const sources::AskedSource::Answer& answer);
  void cut(StreamEnd end);

  const std::shared_ptr<Core> core_;
  const StreamBasis basis_;
  const std::string_view kind_;
  const enforce::RequestId request_id_;
  Cut cut_;
  std::uint64_t received_ = 0, sent_ = 0;
  const Steady::time_point began_ = Steady::now();
  Steady::time_point active_ = began_, decided_ = began_;
  std::optional<Steady::time_point> cut_at_;
  std::weak_ptr<const enforce::InForce> in_force_;  // that it was decided by last; only to compare
  const std::size_t loop_;
  // Of the source that is asked for facts of its resource. Nobody here keeps one alive: to end it waits.
  struct Source {
    std::weak_ptr<sources::AskedSource> asked = {};
    std::shared_ptr<const sources::ToldFacts> told = {};
    std::optional<std::string> untold = {};  // why it told nothing
    Steady::time_point at = {};              // when it was asked
    bool waits = false;                      // for its answer
  } source_;
  bool ended_ = false;
};

// An event stream, or an answer of a route that is marked.
bool is_stream(const Route& route, const http::Headers& answer);
// Of a call by that route. A stream that is quiet is not an error, and ends by the clock above.
http::CallTimeouts timeouts_of(const Route& route);

}  // namespace writ::gateway
