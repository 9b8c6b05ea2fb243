#include "http/upstream_keeper.h"

#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <netdb.h>
#include <new>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include "base/notice.h"
#include "http/net/deadlines.h"

namespace writ::http {
namespace {

constexpr std::size_t kMaxCheckBytes = 64 * 1024;

// One request to one address. It holds itself until it has an end, which it tells once.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(std::shared_ptr<Upstream> upstream, std::shared_ptr<UpstreamAddress> address)
      : upstream_(std::move(upstream)), address_(std::move(address)) {}
  ~Probe() { end(std::nullopt); }

  void begin(Loops& loops, Client& client) {
    const auto& check = *upstream_->options().check;
    call_ = client.open(Upstream::origin_of(*address_),
                        {.method = "GET", .target = check.path, .headers = {{"User-Agent", "writ"}}});
    call_.read_head([self = shared_from_this()](CallResult<InboundHead> head) {
      if (self->over_) return;
      // That there is no place for it says nothing of the address.
      if (!head && head.error().kind == CallError::Kind::kOverloaded) return self->end(std::nullopt);
      if (!head) return self->end(head.error().message);
      if (head->status < 200 || head->status > 399)
        return self->end(fmt::format("its status is {}", head->status));
      self->read_on();
    });
    loops.post_after(loops.current(), check.timeout, [late = weak_from_this(), given = check.timeout] {
      if (const auto self = late.lock())
        self->end(fmt::format("it was not answered within {} ms", given.count()));
    });
  }

 private:
  // So that the connection can be used again.
  void read_on() {
    call_.read_body([self = shared_from_this()](CallResult<std::string_view> piece) {
      if (self->over_) return;
      if (!piece) return self->end(piece.error().message);
      self->read_ += piece->size();
      if (piece->empty() || self->read_ > kMaxCheckBytes) return self->end("");
      self->read_on();
    });
  }

  void end(const std::optional<std::string>& trouble) {
    if (std::exchange(over_, true)) return;
    call_ = {};
    upstream_->checked(*address_, trouble);
  }

  const std::shared_ptr<Upstream> upstream_;
  const std::shared_ptr<UpstreamAddress> address_;
  Call call_;
  std::size_t read_ = 0;
  bool over_ = false;
};

}  // namespace

Result<std::vector<std::string>> resolve_name(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0)
    return failure(ErrorCode::kUnavailable, ::gai_strerror(failed));
  std::vector<std::string> four, six;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
      (each->ai_family == AF_INET ? four : six).emplace_back(text);
  }
  ::freeaddrinfo(found);
  return four.empty() ? six : four;
}

struct UpstreamKeeper::Core {
  explicit Core(UpstreamKeeperParts given) : parts(std::move(given)) {}

  // Again and again until stop().
  template <class Work>
  void keep_on(Work work) {
    std::unique_lock lock(mutex);
    while (!stopping) {
      lock.unlock();
      try {
        for (const auto& upstream : parts.upstreams()) work(upstream);
      } catch (const std::bad_alloc&) {
        say_limit("out of memory while upstreams were looked after");
      }
      lock.lock();
      stopped.wait_for(lock, parts.every, [this] { return stopping; });
    }
  }

  void resolve(const std::shared_ptr<Upstream>& upstream) {
    for (const auto& [number, host] : upstream->names_due(steady_now())) {
      {
        const std::lock_guard lock(mutex);
        if (stopping) return;
      }
      upstream->resolved(number, parts.resolve(host));
    }
  }

  void look_after(const std::shared_ptr<Upstream>& upstream) {
    upstream->look_at_returns(steady_now());
    for (auto& address : upstream->checks_due(steady_now())) {
      const auto probe = std::make_shared<Probe>(upstream, std::move(address));
      parts.loops.post(next_loop++ % parts.loops.size(), [&loops = parts.loops, &client = parts.client,
                                                          probe] { probe->begin(loops, client); });
    }
  }

  UpstreamKeeperParts parts;
  std::mutex mutex;
  std::condition_variable stopped;
  bool stopping = false;
  std::size_t next_loop = 0;
  std::thread names, checks;
};

UpstreamKeeper::UpstreamKeeper(UpstreamKeeperParts parts) : core_(std::make_unique<Core>(std::move(parts))) {}

UpstreamKeeper::~UpstreamKeeper() {
  stop();
}

void UpstreamKeeper::start() {
  core_->names = std::thread(
      [core = core_.get()] { core->keep_on([core](const auto& upstream) { core->resolve(upstream); }); });
  core_->checks = std::thread(
      [core = core_.get()] { core->keep_on([core](const auto& upstream) { core->look_after(upstream); }); });
}

void UpstreamKeeper::stop() {
  {
    const std::lock_guard lock(core_->mutex);
    core_->stopping = true;
  }
  core_->stopped.notify_all();
  for (auto* thread : {&core_->names, &core_->checks})
    if (thread->joinable()) thread->join();
}

}  // namespace writ::http
