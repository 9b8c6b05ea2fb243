#include "server/takeover.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http/inherited.h"

namespace writ::server {
namespace {

constexpr const char* kName = "takeover";
constexpr std::string_view kAsk = "take over 2\n";
constexpr std::string_view kGo = "go\n";
constexpr std::string_view kEnded = "ended\n";
constexpr std::string_view kListening = "listening\n";
constexpr int kPatienceMs = 5'000;  // with whoever has connected
constexpr int kRetryMs = 200;
// The process before has its own deadline for what is under way.
constexpr int kEndMs = 120'000;
constexpr int kForever = -1;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

std::unexpected<Error> failed(std::string_view what) {
  return failure(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)));
}

// A socket's address has room for 107 bytes of a path. This one is as long for every folder.
sockaddr_un name_in(const Descriptor& folder) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto path = fmt::format("/proc/self/fd/{}/{}", folder.get(), kName);
  WRIT_CHECK(path.size() < sizeof(name.sun_path));
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

bool readable(int descriptor, int patience_ms) {
  pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// unix(7), cmsg(3).
bool send_with(int connection, const std::vector<int>& descriptors) {
  std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
  char word = 'S';
  iovec data{.iov_base = &word, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  return ::sendmsg(connection, &message, MSG_NOSIGNAL) == 1;
}

std::vector<Descriptor> receive_with(int connection) {
  std::vector<char> control(CMSG_SPACE(http::kMaxInheritedSockets * sizeof(int)));
  char word = 0;
  iovec data{.iov_base = &word, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  std::vector<Descriptor> got;
  if (::recvmsg(connection, &message, MSG_CMSG_CLOEXEC) != 1) return got;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      got.emplace_back(number);
    }
  }
  return got;
}

// A word is one message, so it comes whole. False: something else, too late, or the other side has ended.
bool hears(int connection, std::string_view word, int patience_ms) {
  std::array<char, 64> said{};
  if (!readable(connection, patience_ms)) return false;
  const auto got = ::recv(connection, said.data(), said.size(), 0);
  return got >= 0 && std::string_view(said.data(), static_cast<std::size_t>(got)) == word;
}

bool say(int connection, std::string_view word) {
  return ::send(connection, word.data(), word.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(word.size());
}

// unix(7), SO_PEERCRED: as the system knows it.
bool may_ask(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace

// ---- the one that runs ----

Result<std::unique_ptr<Takeover>> Takeover::offer(const std::filesystem::path& data,
                                                  std::function<void()> asked) {
  const Descriptor folder(::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return failed("the data folder");
  auto place = data / kName;
  // Of a process that could not remove it: only the one with the folder's lock offers.
  std::error_code ignored;
  std::filesystem::remove(place, ignored);
  Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto name = name_in(folder);
  if (listener.get() < 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 ||
      ::listen(listener.get(), 1) != 0)
    return failed(fmt::format("cannot listen at `{}`", place.string()));
  Descriptor end(::eventfd(0, EFD_CLOEXEC));
  if (end.get() < 0) return failed("eventfd");
  return std::unique_ptr<Takeover>(
      new Takeover(std::move(place), listener.release(), end.release(), std::move(asked)));
}

Takeover::Takeover(std::filesystem::path place, int listener, int end, std::function<void()> asked)
    : place_(std::move(place)), listener_(listener), end_(end), asked_(std::move(asked)) {
  thread_ = std::thread([this] { serve(); });
}

Takeover::~Takeover() {
  end_offer();
  if (taker_ >= 0) ::close(taker_);
}

void Takeover::end_offer() noexcept {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  static_cast<void>(::write(end_, &one, sizeof(one)));
  thread_.join();
  ::close(listener_);
  ::close(end_);
  std::error_code ignored;
  std::filesystem::remove(place_, ignored);
}

void Takeover::serve() {
  for (;;) {
    std::array<pollfd, 2> wanted{
        {{.fd = listener_, .events = POLLIN, .revents = 0}, {.fd = end_, .events = POLLIN, .revents = 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno == EINTR) continue;
    if (wanted[1].revents != 0) return;
    Descriptor connection(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    // Without descriptors, whoever asked waits until there is one.
    if (connection.get() < 0) readable(end_, kRetryMs);
    if (connection.get() < 0 || !give_to(connection.get())) continue;
    taker_ = connection.release();
    return asked_();
  }
}

// Nothing has changed for this process when it returns false.
bool Takeover::give_to(int connection) {
  if (!may_ask(connection) || !hears(connection, kAsk, kPatienceMs)) return false;
  const auto sockets = http::listening_sockets();
  if (sockets.empty() || !send_with(connection, sockets)) return false;
  for (const int each : sockets) {
    const int kept = ::fcntl(each, F_DUPFD_CLOEXEC, 0);
    if (kept < 0) break;
    given_.add(kept);
  }
  if (given_.size() == sockets.size() && hears(connection, kGo, kPatienceMs)) return true;
  given_.close();
  return false;
}

bool Takeover::hand_over() {
  return taker_ >= 0 && say(taker_, kEnded) && hears(taker_, kListening, kForever);
}

Result<void> Takeover::take_back(const Wanted& wanted) {
  for (const int kept : given_.release()) TRY(http::inherit_socket(kept, wanted));
  return {};
}

void Descriptors::close() noexcept {
  for (const int number : numbers_) ::close(number);
  numbers_.clear();
}

// ---- the one that comes ----

Result<std::unique_ptr<Predecessor>> Predecessor::take_over(const std::filesystem::path& data,
                                                            const Wanted& wanted,
                                                            const std::function<Result<void>()>& prepare) {
  const Descriptor folder(::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 && errno == ENOENT) return nullptr;
  if (folder.get() < 0) return failed("the data folder");
  Descriptor connection(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto name = name_in(folder);
  if (connection.get() < 0 ||
      ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    // Nobody runs, or has run until it was killed.
    if (errno == ENOENT || errno == ECONNREFUSED) return nullptr;
    return failed("cannot ask the process that runs for its listening sockets");
  }
  if (!say(connection.get(), kAsk) || !readable(connection.get(), 2 * kPatienceMs))
    return failure(ErrorCode::kUnavailable, "the process that runs does not give its listening sockets");
  auto given = receive_with(connection.get());
  if (given.empty())
    return failure(ErrorCode::kUnavailable, "the process that runs does not give its listening sockets");
  for (auto& each : given) TRY(http::inherit_socket(each.release(), wanted));
  TRY(prepare());
  // From here on it does not accept any more.
  if (!say(connection.get(), kGo))
    return failure(ErrorCode::kUnavailable, "the process that ran has ended; start again");
  // What it says, or its end without a word.
  char word[16];
  if (!readable(connection.get(), kEndMs) || ::recv(connection.get(), word, sizeof word, MSG_DONTWAIT) < 0)
    return failure(ErrorCode::kUnavailable,
                   "the process that gave its listening sockets does not end; end it, and start again");
  return std::unique_ptr<Predecessor>(new Predecessor(connection.release()));
}

Predecessor::~Predecessor() {
  ::close(connection_);
}

void Predecessor::listening() noexcept {
  static_cast<void>(say(connection_, kListening));
}

}  // namespace writ::server
