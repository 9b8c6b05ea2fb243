#include "http/fetcher.h"

#include <algorithm>
#include <fmt/format.h>
#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "base/blocking.h"
#include "base/check.h"
#include "http/client.h"
#include "http/url.h"

namespace writ::http {
namespace {

// One request and its answer. Loop thread only; it holds itself until it has an end.
class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  // `post`: null where something is got.
  Transfer(std::size_t max_body_bytes, Fetcher::Post* post) : max_body_bytes_(max_body_bytes) {
    if (post != nullptr) posted_.emplace(std::move(*post));
  }

  std::future<Result<Response>> result() { return promise_.get_future(); }

  void begin(Client& client, const Url& url, std::string_view accept, std::string_view authorization) {
    Headers headers{{"Accept", accept}, {"User-Agent", "writ"}};
    if (!authorization.empty()) headers.add("Authorization", authorization);
    if (posted_) headers.add("Content-Type", posted_->content_type);
    Outbound request{.method = posted_ ? "POST" : "GET", .target = url.target, .headers = std::move(headers)};
    if (posted_) {
      request.has_body = true;
      request.content_length = posted_->body.size();
    }
    call_ = client.open(url.origin, std::move(request));
    if (posted_) write();
    call_.read_head([self = shared_from_this()](CallResult<InboundHead> head) {
      if (self->over_) return;
      if (!head) return self->fail(ErrorCode::kUnavailable, head.error().message);
      self->take(*std::move(head));
    });
  }

  void fail(ErrorCode code, std::string message) { finish(failure(code, std::move(message))); }
  bool over() const noexcept { return over_; }

 private:
  void finish(Result<Response> value) {
    if (std::exchange(over_, true)) return;
    call_ = Call();
    promise_.set_value(std::move(value));
  }

  // What goes wrong with it, read_head() tells.
  void write() {
    call_.write_body(posted_->body, [self = shared_from_this()](CallResult<void> sent) {
      if (sent && !self->over_) self->call_.finish_body([self](const CallResult<void>&) {});
    });
  }

  void take(InboundHead head) {
    const auto encoding = head.headers.find("Content-Encoding");
    if (encoding && !equal_ignoring_case(*encoding, "identity"))
      return fail(ErrorCode::kInvalid, fmt::format("the answer is encoded (`{}`), which was not asked for",
                                                   encoding->substr(0, 64)));
    if (head.content_length && *head.content_length > max_body_bytes_) return too_large();
    response_.status = head.status;
    response_.headers = std::move(head.headers);
    read_on();
  }

  void read_on() {
    call_.read_body([self = shared_from_this()](CallResult<std::string_view> piece) {
      // It may have been under way when time was up: then the connection is gone, and the piece with it.
      if (self->over_) return;
      if (!piece) return self->fail(ErrorCode::kUnavailable, piece.error().message);
      if (piece->empty()) return self->finish(std::move(self->response_));
      if (piece->size() > self->max_body_bytes_ - self->response_.body.size()) return self->too_large();
      self->response_.body.append(*piece);
      self->read_on();
    });
  }

  void too_large() {
    fail(ErrorCode::kLimit, fmt::format("the answer has more than {} bytes", max_body_bytes_));
  }

  const std::size_t max_body_bytes_;
  std::optional<Fetcher::Post> posted_;
  Call call_;
  Response response_{.status = 0, .headers = {}, .body = {}};
  std::promise<Result<Response>> promise_;
  bool over_ = false;
};

}  // namespace

struct Fetcher::Core {
  explicit Core(FetcherOptions given)
      : options(std::move(given)),
        client(loops, {.connect_timeout = options.connect_timeout,
                       .read_timeout = options.timeout,
                       .write_timeout = options.timeout,
                       .max_idle_per_origin = 0,  // the next request resolves anew
                       .max_head_bytes = options.max_head_bytes,
                       .rules = std::make_shared<const AddressRules>(options.rules),
                       .proxy = options.proxy,
                       .peer = "server"}) {}

  void begin(const std::shared_ptr<Transfer>& transfer, const Url& url, std::string_view accept,
             std::string_view authorization) {
    if (stopping) return transfer->fail(ErrorCode::kUnavailable, "Writ is stopping");
    std::erase_if(under_way, [](const auto& each) { return each->over(); });
    under_way.push_back(transfer);
    transfer->begin(client, url, accept, authorization);
    loops.post_after(0, options.timeout, [late = std::weak_ptr(transfer), seconds = options.timeout] {
      if (const auto still = late.lock())
        still->fail(ErrorCode::kUnavailable,
                    fmt::format("the answer was not whole within {} ms", seconds.count()));
    });
  }

  const FetcherOptions options;
  Loops loops{1};
  Client client;
  // Loop thread only.
  bool stopping = false;
  std::vector<std::shared_ptr<Transfer>> under_way;
};

Fetcher::Fetcher(FetcherOptions options) : core_(std::make_unique<Core>(std::move(options))) {}

Fetcher::~Fetcher() = default;

Result<Response> Fetcher::get(const std::string& url, std::string_view accept, std::size_t max_body_bytes,
                              std::string_view authorization) {
  return ask(url, nullptr, accept, max_body_bytes, authorization);
}

Result<Response> Fetcher::post(const std::string& url, Post post, std::string_view accept,
                               std::size_t max_body_bytes, std::string_view authorization) {
  WRIT_CHECK(!post.body.empty());
  return ask(url, &post, accept, max_body_bytes, authorization);
}

Result<Response> Fetcher::ask(const std::string& url, Post* post, std::string_view accept,
                              std::size_t max_body_bytes, std::string_view authorization) {
  may_block("an HTTP request");
  auto parsed = TRY(parse_url(url));
  if (parsed.is_secure() && core_->options.tls != nullptr)
    parsed.origin = with_tls(std::move(parsed.origin), core_->options.tls);
  parsed.origin.pool = "all";  // no connection is kept, and so nothing of an origin
  const auto transfer = std::make_shared<Transfer>(max_body_bytes, post);
  auto result = transfer->result();
  core_->loops.run(0, [&] { core_->begin(transfer, parsed, accept, authorization); });
  auto answer = result.get();
  if (!answer) return std::unexpected(std::move(answer).error().in(fmt::format("`{}`", url)));
  return answer;
}

void Fetcher::stop() {
  core_->loops.run(0, [this] {
    core_->stopping = true;
    for (const auto& transfer : std::exchange(core_->under_way, {}))
      transfer->fail(ErrorCode::kUnavailable, "Writ is stopping");
  });
}

}  // namespace writ::http
