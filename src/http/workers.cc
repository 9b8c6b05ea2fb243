#include "http/workers.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <sys/resource.h>
#include <unistd.h>

#include "base/notice.h"

namespace writ::http {
namespace {

constexpr int kBackgroundNice = 10;

struct Waiting {
  Task task, refused;
};

// An exception that got out would end the process for one request.
void run(Task& task) noexcept {
  try {
    task();
  } catch (const std::bad_alloc&) {
    static Notice notice;
    if (notice.due()) say_limit("out of memory on a worker");
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "writ: defect: exception on a worker: %s\n", exception.what());
  }
}

}  // namespace

struct Workers::Queue {
  explicit Queue(const WorkerOptions& given) : options(given) {}

  const WorkerOptions options;
  mutable std::mutex mutex;
  std::condition_variable wake;
  // In the order of their turns. A source that has nothing waiting is not in it.
  struct Source {
    std::uint64_t number;
    std::deque<Waiting> waiting;
  };
  std::list<Source> turns;
  std::map<std::uint64_t, std::list<Source>::iterator> sources;
  std::size_t queued = 0;
  std::uint64_t refused = 0;
  bool stopping = false;

  // `made_room`: the task that lost its place to this one.
  bool push(std::uint64_t number, bool exempt, Task& task, Task& lost, Waiting& made_room) {
    const std::scoped_lock lock(mutex);
    const auto found = sources.find(number);
    const std::size_t own = found == sources.end() ? 0 : found->second->waiting.size();
    const bool greedy = !exempt && own >= options.max_queued_per_source;
    if (greedy || (queued >= options.max_queued && !take_from_most(own, made_room))) {
      ++refused;
      return false;
    }
    // What can fail for want of memory comes before the task is taken.
    if (own > 0) {
      found->second->waiting.emplace_back();
      found->second->waiting.back() = {std::move(task), std::move(lost)};
    } else {
      std::list<Source> turn;
      turn.push_back({number, {}});
      turn.back().waiting.emplace_back();
      sources.emplace(number, turn.begin());
      turn.back().waiting.back() = {std::move(task), std::move(lost)};
      turns.splice(turns.end(), turn);
    }
    ++queued;
    return true;
  }

  bool take_from_most(std::size_t own, Waiting& out) {
    const auto most =
        std::ranges::max_element(turns, {}, [](const Source& source) { return source.waiting.size(); });
    if (most == turns.end() || most->waiting.size() <= own + 1) return false;
    out = std::move(most->waiting.back());
    most->waiting.pop_back();
    --queued;
    ++refused;
    return true;
  }

  // The lock is held.
  Task pop() {
    Source& first = turns.front();
    Task task = std::move(first.waiting.front().task);
    first.waiting.pop_front();
    --queued;
    if (first.waiting.empty()) {
      sources.erase(first.number);
      turns.pop_front();
    } else {
      turns.splice(turns.end(), turns, turns.begin());
    }
    return task;
  }

  void work() {
    if (options.background) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBackgroundNice);
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stopping || queued > 0; });
        if (queued == 0) return;
        task = pop();
      }
      run(task);
    }
  }
};

Workers::Workers(const WorkerOptions& options) : queue_(std::make_shared<Queue>(options)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i)
    threads_.emplace_back([queue = queue_] { queue->work(); });
}

Workers::~Workers() {
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

bool Workers::post(std::uint64_t source, bool exempt, Task& task, Task& refused) {
  Waiting lost;
  if (!queue_->push(source, exempt, task, refused, lost)) return false;
  queue_->wake.notify_one();
  if (lost.refused) run(lost.refused);
  return true;
}

WorkerStats Workers::stats() const noexcept {
  const std::scoped_lock lock(queue_->mutex);
  return {.waiting = queue_->queued, .refused = queue_->refused};
}

}  // namespace writ::http
