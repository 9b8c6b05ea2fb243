// Exchange: one request and the one answer to it, as a handler gets them. Callbacks come on the loop thread
// that handed the exchange out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/request.h"
#include "http/response.h"

namespace writ::http {

// Whose body is read: for the budgets of ServerOptions.
enum class BodyOf { kStranger, kKnown };

// The head of a streamed answer. With a length the body has exactly that many bytes; without, it is chunked.
struct ResponseHead {
  int status;
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool ended = false;  // the head is all of it: finish() follows
  // With a length: nothing stands behind the body, which may end with its last byte.
  bool no_trailers = false;
};

// A piece of a body; empty at its end. Valid until the next read of this body begins.
using BodyCallback = std::move_only_function<void(Result<std::string_view>)>;
using DoneCallback = std::move_only_function<void(Result<void>)>;

namespace internal {
class ExchangeSide;  // the connection, as an exchange sees it
}

// One request and the one answer to it. Move-only. Except respond(), every function is called on the loop
// thread that handed the exchange out; callbacks come there too, and never from inside the call that was
// given them. An exchange that is destroyed unanswered answers 500; one destroyed in the middle of a streamed
// answer closes the connection, so that the client sees the answer is not whole.
class Exchange {
 public:
  Exchange(Exchange&& other) noexcept = default;
  Exchange& operator=(Exchange&& other) noexcept;
  // Most are moved from before: a request goes through many hands.
  ~Exchange() {
    if (side_ != nullptr) abandon();
  }

  const Request& request() const noexcept;
  std::size_t loop() const noexcept;  // index into Loops

  // How the request's body is framed.
  bool has_body() const noexcept;
  std::optional<std::uint64_t> content_length() const noexcept;  // nothing for a chunked one

  // Over HTTP/2: fields may come behind either body (RFC 9110 §6.5). Over HTTP/1 they are dropped.
  bool carries_trailers() const noexcept;
  // Of the request, once its body has come to its end: well formed, and nothing more.
  const Headers& trailers() const noexcept;

  // Has all of it come together with the head? Reading it then waits for nobody.
  bool body_at_hand() const noexcept;

  // What read_body gives is kept until the answer: it counts in the budget of known callers, and all of it
  // has one deadline. Before the first read_body.
  void keep_body();
  // Reads the next piece. On an error (client gone, framing, timeout, too large) the server has answered
  // already or never can; drop the exchange.
  void read_body(BodyCallback callback);
  // Reads the whole body into request().body, at most max_body_bytes (0: the server's limit), then calls back
  // with the exchange; at once when the body is there already. On an error the server has answered, and the
  // callback is dropped.
  static void read_whole_body(Exchange exchange, std::uint64_t max_body_bytes,
                              std::move_only_function<void(Exchange)> callback,
                              BodyOf whose = BodyOf::kStranger);

  // The whole answer at once. From any thread.
  void respond(Response response);

  // A streamed answer: start, write until done (one at a time; the bytes must live until the callback),
  // finish. The head may wait for the first bytes of the body: to write nothing sends it.
  void start(ResponseHead head);
  void write(std::string_view bytes, DoneCallback callback);
  void finish(Headers trailers = {});
  // From here on the request may be as quiet as its answer: whoever says so ends both.
  void let_last();
  // Closes the connection in the middle: the honest end of an answer that cannot be completed.
  void abort();

  bool answered() const noexcept;  // respond() or start() was called

  // A field that its answer has, whoever answers and however; before the answer begins.
  void add_to_answer(std::string_view name, std::string_view value);
  // Lives until the answer has ended, or cannot end any more.
  void keep(std::shared_ptr<void> kept);

  // http only.
  explicit Exchange(std::shared_ptr<internal::ExchangeSide> side);

 private:
  void abandon() noexcept;
  void add_to(Headers& headers) const;
  // Lets go of what is kept, and of the side.
  std::shared_ptr<internal::ExchangeSide> leave() noexcept;

  // And nothing else: callbacks that hold an exchange take no memory of their own for it.
  std::shared_ptr<internal::ExchangeSide> side_;
};

}  // namespace writ::http
