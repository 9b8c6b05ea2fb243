// Writ's own endpoints as plain functions: a table of method and path template → Request → Response.
//
// Buffered: the whole body is read first, within the server's limit. A quick function runs on the loop
// thread; a slow one (disk) on a small pool of workers, fair by source, so that it cannot hold up other
// connections; when the pool's queue is full the answer is 503. A gate stands before the body: what it turns
// away is neither read nor queued. What no endpoint takes goes to the fallback handler (the gateway), or is
// 404.
//
// Register everything first, then serve: add() is not thread-safe, handle() is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/path_trie.h"
#include "http/server.h"
#include "http/workers.h"

namespace writ::http {

enum class Cost { kQuick, kSlow };

// The values of the template's parameters, in the order they stand in it, decoded.
using PathValues = std::vector<std::string>;

// 503: no worker is free for this, and the queue is full.
Response overloaded_response();
// Has `work` done by the workers, in the turn of the exchange's peer; answers 503 when they are full. It runs
// on a worker's thread.
void hand_over(Workers& workers, Exchange exchange, std::move_only_function<void(Exchange)> work);

class Endpoints final : public Handler {
 public:
  using Function = std::function<Response(const Request& request, const PathValues& values)>;
  // Answers when it is done, from any thread: for what waits for something else than this thread. The request
  // is whole. Called on the loop; a throw is a defect.
  using AsyncFunction = std::function<void(Exchange exchange, const PathValues& values)>;

  using Pass = std::move_only_function<void(Exchange, BodyOf)>;
  // Looks at a request's head, and passes the exchange on, saying whose body it has, or answers. Called on
  // the loop.
  using Gate = std::function<void(Exchange exchange, Pass pass)>;

  struct Options {
    std::size_t workers = 2;
    std::size_t max_queued = 256;
    std::size_t max_queued_per_source = 64;
  };
  explicit Endpoints(Options options, std::shared_ptr<Handler> fallback = nullptr);
  ~Endpoints() override;  // waits for the workers

  // The template: "/v1/tasks/{id}". Fails with kConflict when method and template are taken or ambiguous.
  Result<void> add(std::string method, std::string_view path_template, Cost cost, Function function);

  // `max_body_bytes`: 0 is the server's limit.
  Result<void> add_async(std::string method, std::string_view path_template, AsyncFunction function,
                         std::uint64_t max_body_bytes = 0);

  // Before every endpoint whose template begins so, of those that are added from now on; `kUnread`: only
  // where the body has not come together with the head.
  enum class Guarded { kAlways, kUnread };
  void guard(std::string prefix, Gate gate, Guarded when = Guarded::kAlways);

  void handle(Exchange exchange) override;

  WorkerStats stats() const noexcept;

 private:
  struct Endpoint;
  struct Impl;
  Result<void> add(std::string_view path_template, Endpoint endpoint);
  std::unique_ptr<Impl> impl_;
};

}  // namespace writ::http
