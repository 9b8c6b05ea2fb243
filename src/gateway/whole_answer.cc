#include "gateway/whole_answer.h"

#include <fmt/format.h>
#include <memory>
#include <utility>

#include "base/recycled.h"
#include "http/deadline.h"

namespace writ::gateway {
namespace {

class Reading : public std::enable_shared_from_this<Reading> {
 public:
  Reading(http::Loops& loops, std::size_t loop, http::UpstreamCall& call, WholeAnswerLimits limits,
          HeadCheck check, WholeAnswerDone done)
      : loops_(loops),
        loop_(loop),
        call_(call),
        limits_(limits),
        check_(std::move(check)),
        done_(std::move(done)) {}

  void begin() {
    if (limits_.from == WholeAnswerLimits::From::kCall) begin_deadline();
    call_.read_head([self = shared_from_this()](auto head) { self->on_head(std::move(head)); });
  }

 private:
  void begin_deadline() {
    // It ends with this: a timer would stay until then, one for each request of the last half minute.
    deadline_ = http::Deadline(loops_, loop_, limits_.deadline, [this] {
      const auto self = shared_from_this();
      self->finish(std::unexpected(UnreadAnswer{"it took too long"}));
    });
  }

  void on_head(http::CallResult<http::InboundHead> head) {
    if (!done_) return;
    if (!head) return on_trouble(head.error());
    read_.head = *std::move(head);
    if (auto why = check_(read_.head); !why.empty()) return finish(std::unexpected(UnreadAnswer{why}));
    if (read_.head.content_length.value_or(0) > limits_.max_bytes) return too_large();
    if (limits_.from == WholeAnswerLimits::From::kHead) begin_deadline();
    read_body();
  }

  void read_body() {
    call_.read_body([self = shared_from_this()](http::CallResult<std::string_view> piece) {
      if (!self->done_) return;
      if (!piece) return self->on_trouble(piece.error());
      if (piece->empty()) return self->finish(std::move(self->read_));
      if (piece->size() > self->limits_.max_bytes - self->read_.body.size()) return self->too_large();
      self->read_.body.append(*piece);
      self->read_body();
    });
  }

  void too_large() {
    finish(std::unexpected(UnreadAnswer{fmt::format("it has more than {} bytes", limits_.max_bytes)}));
  }
  void on_trouble(const http::CallError& error) {
    finish(std::unexpected(UnreadAnswer{error.message, error}));
  }
  void finish(std::expected<WholeAnswer, UnreadAnswer>&& answer) {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    deadline_ = {};
    done(std::move(answer));
  }

  http::Loops& loops_;
  const std::size_t loop_;
  http::UpstreamCall& call_;  // alive while there is `done_`
  const WholeAnswerLimits limits_;
  HeadCheck check_;
  WholeAnswerDone done_;  // gone: callbacks of the call mean nothing any more
  WholeAnswer read_{};
  http::Deadline deadline_;
};

}  // namespace

void read_whole_answer(http::Loops& loops, std::size_t loop, http::UpstreamCall& call,
                       WholeAnswerLimits limits, HeadCheck check, WholeAnswerDone done) {
  std::allocate_shared<Reading>(Recycled<Reading>(), loops, loop, call, limits, std::move(check),
                                std::move(done))
      ->begin();
}

}  // namespace writ::gateway
