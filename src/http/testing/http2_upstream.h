// For tests: an upstream that speaks HTTP/2 frame by frame, as a script says, also what no server may say.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/testing/http2_peer.h"

namespace writ::http::testing {

class Http2Upstream {
 public:
  // Blocking. Acknowledges SETTINGS and answers PING while it reads. Ends with the client's end.
  class Connection {
   public:
    Connection(int socket, int number, std::string_view settings);

    int number() const { return number_; }  // of connections before this one
    struct Request {
      std::uint32_t id = 0;  // 0: the client has closed
    };
    Request request();  // the next one's head

    bool frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload = {});
    bool headers(std::uint32_t id, const Fields& fields, bool end = false);
    bool data(std::uint32_t id, std::string_view bytes, bool end);
    bool reset(std::uint32_t id, std::uint32_t code);
    bool goaway(std::uint32_t last_id, std::uint32_t code);

    // Read until that has come, or the end.
    std::string body(std::uint32_t id);
    void read_data(std::uint32_t id, std::size_t bytes);
    std::optional<std::uint32_t> reset_of(std::uint32_t id);
    bool ping();  // all that was sent before has been read
    void wait_for_end();
    void say_nothing();  // reads, and acknowledges nothing

    bool window_was_given(std::uint32_t id) const { return windows_.contains(id); }

   private:
    bool fill(std::size_t size);
    bool step();  // reads a frame; false: the end

    const int socket_, number_;
    std::string buffer_;
    std::vector<std::uint32_t> requests_;  // not yet handed out
    std::map<std::uint32_t, std::string> bodies_;
    std::set<std::uint32_t> ended_, windows_;
    std::map<std::uint32_t, std::uint32_t> resets_;
    std::size_t pongs_ = 0;
  };

  // The script runs on a thread of its own for each connection. `settings`: the payload of the first frame.
  explicit Http2Upstream(std::function<void(Connection&)> script, std::string settings = {});
  ~Http2Upstream();
  std::uint16_t port() const { return accepting_->port(); }

 private:
  const std::function<void(Connection&)> script_;
  const std::string settings_;
  std::mutex mutex_;
  std::vector<int> sockets_;  // open ones
  std::vector<std::thread> threads_;
  std::unique_ptr<ScriptedUpstream> accepting_;
};

}  // namespace writ::http::testing
