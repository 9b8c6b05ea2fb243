// Takeover: a process that comes gets the listening sockets of the one that runs. So an upgrade refuses
// nobody, also where nobody else holds the sockets (http/inherited.h).
//
//   the one that runs                          the one that comes (`writ serve --inherit`)
//   waits at `takeover` in the data folder  ◀─ connects, when its configuration has no error
//   gives its listening sockets             ─▶ looks at them, and opens those that are new
//   goes on, until it is told to go         ◀─ "go": callers wait in the queues of the sockets from here on
//   finishes, as when it is told to stop       waits
//   "ended": the data folder is free        ─▶ takes the data folder, and listens
//   ends with status 0                      ◀─ "listening"
//
// Both hold the sockets until the second one listens. If it ends before, the first one starts anew with them,
// and serves those who wait: an upgrade that fails refuses nobody either. An end of the first one without a
// word is as good as "ended": the lock of the data folder goes with it.
//
// Whoever asks has to be of the same user, or root, and has to reach a socket in the data folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::server {

// Descriptors of this process, which end with it.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() { close(); }
  void close() noexcept;
  void add(int number) { numbers_.push_back(number); }
  std::size_t size() const noexcept { return numbers_.size(); }
  std::vector<int> release() noexcept { return std::exchange(numbers_, {}); }

 private:
  std::vector<int> numbers_;
};

// Which addresses something is going to listen on; sockets of others are closed.
using Wanted = std::function<bool(std::string_view address, std::uint16_t port)>;

class Takeover {
 public:
  // Offers the sockets of this process, which has the data folder's lock. `asked` is called once, on a thread
  // of its own, when somebody takes them: the process finishes then.
  static Result<std::unique_ptr<Takeover>> offer(const std::filesystem::path& data,
                                                 std::function<void()> asked);
  ~Takeover();
  // Offers nothing any more.
  void end_offer() noexcept;
  // After `asked`, once everything of the data folder is closed: waits until the other one listens. False: it
  // has ended before.
  bool hand_over();
  // Then: the sockets that it gave are this process's again, for http::inherited_socket(). `wanted` as below.
  Result<void> take_back(const Wanted& wanted);

 private:
  Takeover(std::filesystem::path place, int listener, int end, std::function<void()> asked);
  void serve();
  bool give_to(int connection);

  const std::filesystem::path place_;
  int listener_, end_;  // a socket; and an eventfd that ends the thread
  const std::function<void()> asked_;
  std::thread thread_;
  int taker_ = -1;     // the connection to whoever has the sockets
  Descriptors given_;  // the same sockets, whatever becomes of those that it listens on
};

// Of the process that comes.
class Predecessor {
 public:
  // Takes the sockets of the process that runs with this data folder, for http::inherited_socket(), and waits
  // for its end. Null: no process runs that would give them. `prepare` is called with the sockets at hand:
  // when it fails, the other one has not been told to go.
  static Result<std::unique_ptr<Predecessor>> take_over(const std::filesystem::path& data,
                                                        const Wanted& wanted,
                                                        const std::function<Result<void>()>& prepare);
  ~Predecessor();
  // This process listens: the other one is not needed any more.
  void listening() noexcept;

 private:
  explicit Predecessor(int connection) : connection_(connection) {}
  const int connection_;
};

}  // namespace writ::server
