#include "http/upstream_call.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/notice.h"
#include "base/require.h"
#include "http/net/deadlines.h"

namespace writ::http {
namespace {

bool may_be_tried_again(std::string_view method) {
  static constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

// What says nothing of the address: its places are taken, or what was to be sent cannot be.
bool is_its_own(const CallError& error) {
  if (error.kind == CallError::Kind::kOverloaded) return false;
  return !(error.kind == CallError::Kind::kMalformed && error.unsent);
}

}  // namespace

// One request's tries, one after the other. What a try that is over still tells is not heard.
class UpstreamCall::Tries : public std::enable_shared_from_this<Tries> {
 public:
  Tries(Client& client, Upstream::Turn turn, const Outbound& request)
      : client_(client),
        turn_(std::move(turn)),
        again_(!request.has_body && may_be_tried_again(request.method)) {}

  void begin(const Upstream& upstream, Outbound request) {
    if (turn_) {
      call_ = client_.open(turn_.origin(), std::move(request));
      return;
    }
    call_ = client_.refuse(upstream.origin(), std::move(request),
                           {.kind = CallError::Kind::kOverloaded,
                            .message = "the upstream has as many requests in flight as it may have"});
  }

  void write_body(std::string_view bytes, Call::Done callback) {
    WRIT_REQUIRE(writing_.expired());
    piece_ = bytes;
    write(std::make_shared<Call::Done>(std::move(callback)));
  }
  void finish_body(Call::Done callback, Headers trailers) {
    WRIT_REQUIRE(writing_.expired());
    piece_ = {};
    trailers_ = std::move(trailers);
    write(std::make_shared<Call::Done>(std::move(callback)));
  }
  void read_head(Call::HeadDone callback) {
    WRIT_REQUIRE(reading_.expired());
    read(std::make_shared<Call::HeadDone>(std::move(callback)));
  }
  void read_body(Call::PieceDone callback) {
    call_.read_body([self = shared_from_this(),
                     callback = std::move(callback)](CallResult<std::string_view> piece) mutable {
      if (self->dropped_) return;
      if (!piece) {
        self->count_failure(piece.error());
      } else if (piece->empty()) {
        self->count_answer();
        self->turn_.end();
      }
      callback(piece);
    });
  }

  Headers take_trailers() { return call_.take_trailers(); }

  void drop() noexcept {
    dropped_ = true;
    try {
      count_answer();
    } catch (const std::bad_alloc&) {
      say_limit("out of memory while the answer of an upstream was counted");
    }
    call_ = {};
    turn_.end();
  }

 private:
  // An empty piece is the end.
  void write(std::shared_ptr<Call::Done> callback) {
    writing_ = callback;
    auto done = [self = shared_from_this(), number = number_,
                 callback = std::move(callback)](CallResult<void> sent) mutable {
      if (self->dropped_ || number != self->number_) return;
      if (!sent && self->try_another(sent.error())) return;
      const auto mine = std::move(callback);
      self->writing_.reset();
      (*mine)(std::move(sent));
    };
    piece_.empty() ? call_.finish_body(std::move(done), trailers_)
                   : call_.write_body(piece_, std::move(done));
  }

  void read(std::shared_ptr<Call::HeadDone> callback) {
    reading_ = callback;
    call_.read_head([self = shared_from_this(), number = number_,
                     callback = std::move(callback)](CallResult<InboundHead> head) mutable {
      if (self->dropped_ || number != self->number_) return;
      if (head) {
        self->status_ = head->status;
      } else {
        if (self->try_another(head.error())) return;
        self->count_failure(head.error());
      }
      const auto mine = std::move(callback);
      self->reading_.reset();
      (*mine)(std::move(head));
    });
  }

  // Not before its end: an address that always breaks off would seem to be good.
  void count_answer() {
    if (turn_ && status_ != 0 && !std::exchange(counted_, true)) turn_.succeeded(status_, steady_now());
  }
  void count_failure(const CallError& error) {
    if (!turn_ || std::exchange(counted_, true) || !is_its_own(error)) return;
    turn_.failed(steady_now());
  }

  // True: what waits will hear of the next try. Once it is false it stays so: a failure that was told to the
  // one who writes is not taken back for the one who reads.
  bool try_another(const CallError& error) {
    if (!failed_ && moves_on(error)) return true;
    failed_ = true;
    return false;
  }

  bool moves_on(const CallError& error) {
    using Kind = CallError::Kind;
    if (!turn_) return false;
    const bool not_connected =
        error.unsent && (error.kind == Kind::kUnreachable || error.kind == Kind::kTimeout);
    const bool unanswered = error.unanswered && again_ && (error.kind == Kind::kBroken || not_connected);
    if (!not_connected && !unanswered) return false;
    count_failure(error);
    if (!turn_.move_on(steady_now())) return false;
    counted_ = false;
    ++number_;
    auto request = call_.take_back();
    call_ = client_.open(turn_.origin(), std::move(request));
    if (auto callback = writing_.lock()) write(std::move(callback));
    if (auto callback = reading_.lock()) read(std::move(callback));
    return true;
  }

  Client& client_;
  Upstream::Turn turn_;  // empty: refused
  const bool again_;     // it may be sent twice
  Call call_;
  std::string_view piece_;  // that is being written
  Headers trailers_;        // of the request
  // The callbacks that wait are the call's: they keep whoever waits alive, and end with it.
  std::weak_ptr<Call::Done> writing_;
  std::weak_ptr<Call::HeadDone> reading_;
  unsigned number_ = 0;   // of the try
  int status_ = 0;        // of its answer
  bool counted_ = false;  // what came of it
  bool failed_ = false;   // for good
  bool dropped_ = false;
};

UpstreamCall UpstreamCall::open(Client& client, Upstream& upstream, Outbound request) {
  UpstreamCall made;
  made.tries_ = std::make_shared<Tries>(client, upstream.take(steady_now()), request);
  made.tries_->begin(upstream, std::move(request));
  return made;
}

UpstreamCall& UpstreamCall::operator=(UpstreamCall&& other) noexcept {
  if (this != &other) {
    drop();
    tries_ = std::move(other.tries_);
  }
  return *this;
}

UpstreamCall::~UpstreamCall() {
  drop();
}

void UpstreamCall::drop() noexcept {
  if (const auto tries = std::exchange(tries_, nullptr)) tries->drop();
}

void UpstreamCall::write_body(std::string_view bytes, Call::Done callback) {
  WRIT_REQUIRE(tries_ != nullptr);
  tries_->write_body(bytes, std::move(callback));
}

void UpstreamCall::finish_body(Call::Done callback, Headers trailers) {
  WRIT_REQUIRE(tries_ != nullptr);
  tries_->finish_body(std::move(callback), std::move(trailers));
}

Headers UpstreamCall::take_trailers() {
  WRIT_REQUIRE(tries_ != nullptr);
  return tries_->take_trailers();
}

void UpstreamCall::read_head(Call::HeadDone callback) {
  WRIT_REQUIRE(tries_ != nullptr);
  tries_->read_head(std::move(callback));
}

void UpstreamCall::read_body(Call::PieceDone callback) {
  WRIT_REQUIRE(tries_ != nullptr);
  tries_->read_body(std::move(callback));
}

}  // namespace writ::http
