#include "http/endpoints.h"

#include <condition_variable>
#include <deque>
#include <fmt/format.h>
#include <mutex>
#include <thread>

#include "base/check.h"

namespace writ::http {
namespace {

// A few threads and a bounded queue.
class Workers {
 public:
  Workers(std::size_t threads, std::size_t max_queued) : max_queued_(max_queued) {
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
      threads_.emplace_back([queue = queue_] { queue->work(); });
  }
  ~Workers() {
    {
      const std::scoped_lock lock(queue_->mutex);
      queue_->stopping = true;
    }
    queue_->wake.notify_all();
    for (std::thread& thread : threads_) {
      // The last one to hold a connection may be a worker, and with it ends the server that owns the workers.
      // That worker goes on by itself; what it still touches is its own.
      thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
    }
  }

  // Leaves the task where it is when the queue is full.
  bool try_post(Task& task) {
    {
      const std::scoped_lock lock(queue_->mutex);
      if (queue_->tasks.size() >= max_queued_) return false;
      queue_->tasks.push_back(std::move(task));
    }
    queue_->wake.notify_one();
    return true;
  }

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Task> tasks;
    bool stopping = false;

    void work() {
      for (;;) {
        Task task;
        {
          std::unique_lock lock(mutex);
          wake.wait(lock, [&] { return stopping || !tasks.empty(); });
          if (tasks.empty()) return;
          task = std::move(tasks.front());
          tasks.pop_front();
        }
        task();
      }
    }
  };

  const std::size_t max_queued_;
  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::vector<std::thread> threads_;
};

Response call(const Endpoints::Function& function, const Request& request, const PathValues& values) {
  try {
    return function(request, values);
  } catch (const std::exception&) {
    return error_response(500, "internal_error",
                          "the request could not be handled; this is a defect in writ");
  }
}

}  // namespace

struct Endpoints::Endpoint {
  std::string method;
  Cost cost;
  Function function;
  AsyncFunction async;  // instead of `function`
};

struct Endpoints::Impl {
  std::shared_ptr<Handler> fallback;
  PathTrie paths;
  std::vector<std::vector<Endpoint>> places;  // by leaf
  Workers workers;

  Impl(const Options& options, std::shared_ptr<Handler> other)
      : fallback(std::move(other)), workers(options.workers, options.max_queued) {}

  static void serve(const Endpoint& endpoint, Exchange exchange, const PathValues& values) {
    Response response = call(endpoint.function, exchange.request(), values);
    exchange.respond(std::move(response));
  }

  void run(const Endpoint& endpoint, Exchange exchange, PathValues values) {
    if (endpoint.async) return endpoint.async(std::move(exchange), values);
    if (endpoint.cost == Cost::kQuick) return serve(endpoint, std::move(exchange), values);
    // The exchange is shared, so that it can be answered here when the queue does not take the task.
    auto held = std::make_shared<Exchange>(std::move(exchange));
    Task task = [&endpoint, held, values = std::move(values)] { serve(endpoint, std::move(*held), values); };
    if (workers.try_post(task)) return;
    Response busy =
        error_response(503, "overloaded", "too many requests of this kind are waiting; try again later");
    busy.headers.add("Retry-After", "1");
    held->respond(std::move(busy));
  }
};

Endpoints::Endpoints(Options options, std::shared_ptr<Handler> fallback)
    : impl_(std::make_unique<Impl>(options, std::move(fallback))) {}

Endpoints::~Endpoints() = default;

Result<void> Endpoints::add(std::string method, std::string_view path_template, Cost cost,
                            Function function) {
  return add(path_template, {std::move(method), cost, std::move(function), {}});
}

Result<void> Endpoints::add_async(std::string method, std::string_view path_template,
                                  AsyncFunction function) {
  return add(path_template, {std::move(method), Cost::kQuick, {}, std::move(function)});
}

Result<void> Endpoints::add(std::string_view path_template, Endpoint added) {
  const auto place = TRY(impl_->paths.add(path_template));
  if (place.leaf == impl_->places.size()) impl_->places.emplace_back();
  auto& endpoints = impl_->places[place.leaf];
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.method == added.method)
      return failure(ErrorCode::kConflict,
                     fmt::format("endpoint `{} {}` is there already", added.method, path_template));
  }
  endpoints.push_back(std::move(added));
  return {};
}

void Endpoints::handle(Exchange exchange) {
  std::vector<std::string_view> values;
  const auto leaf = impl_->paths.match(exchange.request().path, values);
  if (!leaf) {
    if (impl_->fallback != nullptr) return impl_->fallback->handle(std::move(exchange));
    return exchange.respond(error_response(404, "not_found", "there is nothing at this path"));
  }
  std::string allowed;
  for (const Endpoint& endpoint : impl_->places[*leaf]) {
    // RFC 9110 §9.3.2: HEAD is GET without the body, which the server leaves out.
    const std::string& method = exchange.request().method;
    if (endpoint.method == method || (method == "HEAD" && endpoint.method == "GET")) {
      PathValues owned(values.begin(), values.end());
      return Exchange::read_whole_body(std::move(exchange), 0,
                                       [this, &endpoint, owned = std::move(owned)](Exchange whole) mutable {
                                         impl_->run(endpoint, std::move(whole), std::move(owned));
                                       });
    }
    allowed.append(allowed.empty() ? "" : ", ").append(endpoint.method);
  }
  // RFC 9110 §15.5.6: 405 names the methods there are.
  Response response = error_response(405, "method_not_allowed", fmt::format("this path takes {}", allowed));
  response.headers.add("Allow", allowed);
  exchange.respond(std::move(response));
}

}  // namespace writ::http
