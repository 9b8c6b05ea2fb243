#include "http/inherited.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace writ::http {
namespace {

// SD_LISTEN_FDS_START
constexpr int kFirst = 3;
constexpr int kMost = kMaxInheritedSockets;

struct Inherited {
  int descriptor;
  std::string address;
  std::uint16_t port;
};

struct Store {
  std::mutex mutex;
  std::vector<Inherited> left;
};

Store& store() {
  static Store store;
  return store;
}

std::optional<int> number_in(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int number = -1;
  const auto* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, number);
  return read.ec == std::errc() && read.ptr == end ? number : -1;
}

int option_of(int descriptor, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::string text_of(std::string_view address, std::uint16_t port) {
  return address.find(':') != address.npos ? fmt::format("[{}]:{}", address, port)
                                           : fmt::format("{}:{}", address, port);
}

// `of`: who says that it is one.
Result<Inherited> socket_at(int descriptor, std::string_view of = {}) {
  const auto not_it = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid,
                   fmt::format("descriptor {}{} {}; give sockets that listen on an address of `listen`",
                               descriptor, of, why));
  };
  if (option_of(descriptor, SO_TYPE) != SOCK_STREAM) return not_it("is not a TCP socket");
  if (option_of(descriptor, SO_ACCEPTCONN) != 1) return not_it("does not listen");
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return not_it("has no address");
  if (bound.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(bound);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return Inherited{descriptor, text.data(), ntohs(v4.sin_port)};
  }
  if (bound.ss_family != AF_INET6) return not_it("has no IP address");
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bound);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return Inherited{descriptor, text.data(), ntohs(v6.sin6_port)};
}

// One that waits for a caller who has gone again must not stop its loop.
Result<void> make_own(int descriptor) {
  if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0 ||
      ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK) != 0)
    return failure(ErrorCode::kIo, fmt::format("descriptor {}: {}", descriptor, std::strerror(errno)));
  return {};
}

}  // namespace

Result<void> take_inherited_sockets() {
  const auto process = number_in("LISTEN_PID"), count = number_in("LISTEN_FDS");
  // They are another process's, which did not take them out of its environment.
  if (!process || !count || *process != ::getpid()) return {};
  for (const auto* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (*count < 0 || *count > kMost)
    return failure(ErrorCode::kInvalid, fmt::format("LISTEN_FDS has to be a number from 0 to {}", kMost));
  std::vector<Inherited> taken;
  for (int descriptor = kFirst; descriptor < kFirst + *count; ++descriptor) {
    taken.push_back(TRY(socket_at(descriptor, " of LISTEN_FDS")));
    TRY(make_own(descriptor));
  }
  const std::lock_guard lock(store().mutex);
  store().left = std::move(taken);
  return {};
}

Result<void> inherit_socket(int descriptor,
                            const std::function<bool(std::string_view address, std::uint16_t port)>& wanted) {
  auto socket = socket_at(descriptor);
  const std::lock_guard lock(store().mutex);
  auto& left = store().left;
  const auto is_same = [&](const Inherited& each) {
    return each.address == socket->address && each.port == socket->port;
  };
  // Whoever started this process may have given it too.
  if (!socket || !wanted(socket->address, socket->port) || std::ranges::any_of(left, is_same)) {
    ::close(descriptor);
    return socket ? Result<void>() : std::unexpected(std::move(socket).error());
  }
  TRY(make_own(descriptor));
  left.push_back(*std::move(socket));
  return {};
}

std::vector<int> listening_sockets() {
  std::vector<int> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const auto name = entry.path().filename().string();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (found.size() < kMaxInheritedSockets && socket_at(descriptor)) found.push_back(descriptor);
  }
  return found;
}

Result<void> listen_ahead(std::string_view address, std::uint16_t port) {
  sockaddr_storage wanted{};
  socklen_t size = sizeof(sockaddr_in);
  auto& v4 = reinterpret_cast<sockaddr_in&>(wanted);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(wanted);
  const std::string given(address);
  std::array<char, INET6_ADDRSTRLEN> text{};  // as getsockname(2) would have it
  if (::inet_pton(AF_INET, given.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (::inet_pton(AF_INET6, given.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    size = sizeof(sockaddr_in6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  } else {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not an IP address", address));
  }
  const std::lock_guard lock(store().mutex);
  const auto is_here = [&](const Inherited& each) {
    return each.address == text.data() && each.port == port;
  };
  if (port == 0 || std::ranges::any_of(store().left, is_here)) return {};
  const int made = ::socket(wanted.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (made < 0 || ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(made, reinterpret_cast<const sockaddr*>(&wanted), size) != 0 || ::listen(made, SOMAXCONN) != 0) {
    const int error = errno;
    if (made >= 0) ::close(made);
    return failure(ErrorCode::kIo,
                   fmt::format("cannot listen on {}: {}", text_of(address, port), std::strerror(error)));
  }
  store().left.push_back({made, text.data(), port});
  return {};
}

std::optional<int> inherited_socket(std::string_view address, std::uint16_t port) {
  const std::lock_guard lock(store().mutex);
  auto& left = store().left;
  const auto found = std::ranges::find_if(
      left, [&](const Inherited& each) { return each.address == address && each.port == port; });
  if (found == left.end()) return std::nullopt;
  const int descriptor = found->descriptor;
  left.erase(found);
  return descriptor;
}

std::vector<std::string> inherited_sockets_left() {
  const std::lock_guard lock(store().mutex);
  std::vector<std::string> texts;
  for (const auto& [descriptor, address, port] : store().left) texts.push_back(text_of(address, port));
  return texts;
}

}  // namespace writ::http
