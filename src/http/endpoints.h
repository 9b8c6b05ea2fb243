// Writ's own endpoints as plain functions: a table of method and path template → Request → Response.
//
// Buffered: the whole body is read first, within the server's limit. A quick function runs on the loop
// thread; a slow one (scrypt, disk) on a small pool of workers, so that it cannot hold up other connections;
// when the pool's queue is full the answer is 503. What no endpoint takes goes to the fallback handler (the
// gateway), or is 404.
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

namespace writ::http {

enum class Cost { kQuick, kSlow };

// The values of the template's parameters, in the order they stand in it, decoded.
using PathValues = std::vector<std::string>;

class Endpoints final : public Handler {
 public:
  using Function = std::function<Response(const Request& request, const PathValues& values)>;
  // Answers when it is done, from any thread: for what waits for something else than this thread. The request
  // is whole. Called on the loop; a throw is a defect.
  using AsyncFunction = std::function<void(Exchange exchange, const PathValues& values)>;

  struct Options {
    std::size_t workers = 2;
    std::size_t max_queued = 256;
  };
  explicit Endpoints(Options options, std::shared_ptr<Handler> fallback = nullptr);
  ~Endpoints() override;  // waits for the workers

  // The template: "/v1/tasks/{id}". Fails with kConflict when method and template are taken or ambiguous.
  Result<void> add(std::string method, std::string_view path_template, Cost cost, Function function);

  Result<void> add_async(std::string method, std::string_view path_template, AsyncFunction function);

  void handle(Exchange exchange) override;

 private:
  struct Endpoint;
  struct Impl;
  Result<void> add(std::string_view path_template, Endpoint endpoint);
  std::unique_ptr<Impl> impl_;
};

}  // namespace writ::http
