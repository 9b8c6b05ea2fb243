// Takeover: a process that comes gets the listening sockets of the one that runs. So an upgrade refuses
// nobody, also where nobody else holds the sockets (http/inherited.h).
//
//   the one that runs                          the one that comes (`writ serve --inherit`)
//   waits at `takeover` in the data folder  ◀─ connects, when its configuration has no error
//   gives its listening sockets             ─▶ holds them: callers wait in their queues
//   finishes, as when it is told to stop       waits
//   ends, and the connection with it        ─▶ takes the data folder, and listens
//
// Whoever may write the data folder may do this, and could end Writ anyway. Once it has asked, only its own
// start can fail, and what fails it in the configuration was looked for before.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/result.h"

namespace writ::server {

class Takeover {
 public:
  // Offers the sockets of this process, which has the data folder's lock. `asked` is called once, on a thread
  // of its own, when they were given away: the process ends then.
  static Result<std::unique_ptr<Takeover>> offer(const std::filesystem::path& data,
                                                 std::function<void()> asked);
  // Offers nothing any more. What it gave stays given, and whoever has it waits for this process's end.
  ~Takeover();

 private:
  Takeover(std::filesystem::path place, int listener, int end, std::function<void()> asked);
  void serve();
  bool give_to(int connection) const;

  const std::filesystem::path place_;
  const int listener_, end_;  // a socket; and an eventfd that ends the thread
  const std::function<void()> asked_;
  std::thread thread_;
};

// Takes the sockets of the process that runs with this data folder, for http::inherited_socket(), and waits
// for its end. False: no process runs that would give them. `wanted` says which addresses something is going
// to listen on; the others are closed.
Result<bool> take_over(const std::filesystem::path& data,
                       const std::function<bool(std::string_view address, std::uint16_t port)>& wanted);

}  // namespace writ::server
