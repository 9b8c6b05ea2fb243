#include "http/endpoints.h"

#include <fmt/format.h>
#include <functional>
#include <map>

#include "base/notice.h"

namespace writ::http {
namespace {

Response call(const Endpoints::Function& function, const Request& request, const PathValues& values) {
  try {
    return function(request, values);
  } catch (const std::exception&) {
    return error_response(500, "internal_error",
                          "the request could not be handled; this is a defect in writ");
  }
}

}  // namespace

Response overloaded_response() {
  Response busy =
      error_response(503, "overloaded", "too many requests of this kind are waiting; try again later");
  busy.headers.add("Retry-After", "1");
  return busy;
}

void hand_over(Workers& workers, Exchange exchange, std::move_only_function<void(Exchange)> work) {
  const auto source = Source::of(Address::parse(exchange.request().peer_ip)).number;
  // The exchange is shared, so that it can be answered when the queue does not take the task, or no longer.
  auto held = std::make_shared<Exchange>(std::move(exchange));
  Task task = [held, work = std::move(work)]() mutable { work(std::move(*held)); };
  Task refused = [held] { held->respond(overloaded_response()); };
  if (workers.post(source, false, task, refused)) return;
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(
        fmt::format("the workers for {} are all busy and their queue is full, requests get 503 ({} times)",
                    held->request().path, *times));
  held->respond(overloaded_response());
}

struct Endpoints::Endpoint {
  std::string method;
  Cost cost;
  Function function;
  AsyncFunction async = {};  // instead of `function`
  std::uint64_t max_body_bytes = 0;
  Gate gate = {};
};

struct Endpoints::Impl {
  std::shared_ptr<Handler> fallback;
  PathTrie paths;
  std::map<std::string, std::size_t, std::less<>> texts;  // leaves of the paths that have no parameters
  std::vector<std::vector<Endpoint>> places;              // by leaf
  std::vector<std::pair<std::string, Gate>> gates;
  Workers workers;

  Impl(const Options& options, std::shared_ptr<Handler> other)
      : fallback(std::move(other)),
        workers({.threads = options.workers,
                 .max_queued = options.max_queued,
                 .max_queued_per_source = options.max_queued_per_source}) {}

  // Nothing is more specific than a path without parameters.
  std::optional<std::size_t> leaf_of(std::string_view path, std::vector<std::string_view>& values) const {
    if (const auto found = texts.find(path); found != texts.end()) return found->second;
    return paths.match(path, values);
  }

  static void serve(const Endpoint& endpoint, Exchange exchange, const PathValues& values) {
    Response response = call(endpoint.function, exchange.request(), values);
    exchange.respond(std::move(response));
  }

  void run(const Endpoint& endpoint, Exchange exchange, PathValues values) {
    if (endpoint.async) return endpoint.async(std::move(exchange), values);
    if (endpoint.cost == Cost::kQuick) return serve(endpoint, std::move(exchange), values);
    hand_over(workers, std::move(exchange), [&endpoint, values = std::move(values)](Exchange held) {
      serve(endpoint, std::move(held), values);
    });
  }

  void read_and_run(const Endpoint& endpoint, Exchange exchange, PathValues values, BodyOf whose) {
    Exchange::read_whole_body(
        std::move(exchange), endpoint.max_body_bytes,
        [this, &endpoint, values = std::move(values)](Exchange whole) mutable {
          run(endpoint, std::move(whole), std::move(values));
        },
        whose);
  }

  void begin(const Endpoint& endpoint, Exchange exchange, PathValues values) {
    if (!endpoint.gate)
      return read_and_run(endpoint, std::move(exchange), std::move(values), BodyOf::kStranger);
    // Small enough to need no memory of its own.
    if (values.empty()) {
      return endpoint.gate(std::move(exchange), [this, &endpoint](Exchange passed, BodyOf whose) {
        read_and_run(endpoint, std::move(passed), {}, whose);
      });
    }
    endpoint.gate(std::move(exchange),
                  [this, &endpoint, values = std::move(values)](Exchange passed, BodyOf whose) mutable {
                    read_and_run(endpoint, std::move(passed), std::move(values), whose);
                  });
  }
};

Endpoints::Endpoints(Options options, std::shared_ptr<Handler> fallback)
    : impl_(std::make_unique<Impl>(options, std::move(fallback))) {}

Endpoints::~Endpoints() = default;

Result<void> Endpoints::add(std::string method, std::string_view path_template, Cost cost,
                            Function function) {
  return add(path_template, {.method = std::move(method), .cost = cost, .function = std::move(function)});
}

Result<void> Endpoints::add_async(std::string method, std::string_view path_template, AsyncFunction function,
                                  std::uint64_t max_body_bytes) {
  return add(path_template, {.method = std::move(method),
                             .cost = Cost::kQuick,
                             .function = {},
                             .async = std::move(function),
                             .max_body_bytes = max_body_bytes});
}

void Endpoints::guard(std::string prefix, Gate gate) {
  impl_->gates.emplace_back(std::move(prefix), std::move(gate));
}

WorkerStats Endpoints::stats() const noexcept {
  return impl_->workers.stats();
}

Result<void> Endpoints::add(std::string_view path_template, Endpoint added) {
  const auto place = TRY(impl_->paths.add(path_template));
  if (place.leaf == impl_->places.size()) impl_->places.emplace_back();
  if (path_template.find_first_of("{*") == path_template.npos)
    impl_->texts.emplace(path_template, place.leaf);
  auto& endpoints = impl_->places[place.leaf];
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.method == added.method)
      return failure(ErrorCode::kConflict,
                     fmt::format("endpoint `{} {}` is there already", added.method, path_template));
  }
  for (const auto& [prefix, gate] : impl_->gates) {
    if (path_template.starts_with(prefix)) added.gate = gate;
  }
  endpoints.push_back(std::move(added));
  return {};
}

void Endpoints::handle(Exchange exchange) {
  std::vector<std::string_view> values;
  const auto leaf = impl_->leaf_of(exchange.request().path, values);
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
      return impl_->begin(endpoint, std::move(exchange), std::move(owned));
    }
    allowed.append(allowed.empty() ? "" : ", ").append(endpoint.method);
  }
  // RFC 9110 §15.5.6: 405 names the methods there are.
  Response response = error_response(405, "method_not_allowed", fmt::format("this path takes {}", allowed));
  response.headers.add("Allow", allowed);
  exchange.respond(std::move(response));
}

}  // namespace writ::http
