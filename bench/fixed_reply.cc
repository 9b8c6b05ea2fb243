// A server that answers every request with a fixed 200, for comparing src/http with nginx answering the same.
//
//   bench_fixed_reply PORT [THREADS]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "http/server.h"

namespace {

class FixedReply final : public writ::http::Handler {
 public:
  void handle(writ::http::Exchange exchange) override {
    exchange.respond(writ::http::text_response(200, "hello\n"));
  }
};

}  // namespace

int main(int argc, char** argv) {
  writ::http::ServerOptions options;
  options.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8180);
  writ::http::Loops loops(static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 1));
  auto server = writ::http::Server::start(loops, options, std::make_shared<FixedReply>());
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 2;
  }
  std::printf("listening on port %u\n", (*server)->port());
  std::fflush(stdout);
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}
