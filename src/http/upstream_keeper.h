// UpstreamKeeper: what keeps upstreams as they are, beside the requests: it resolves names anew, asks the
// addresses that have a health check, and says which are back.
//
// Names are resolved on a thread of their own, one after the other, since a resolver may hang: until it
// answers, the last addresses stay. Checks are ordinary requests by the gateway's own client, in turn on its
// loops; they count in nobody's places. Whatever a name resolves to goes through the client's address rules
// when it is connected to. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "http/loops.h"
#include "http/upstream.h"

namespace writ::http {

// The addresses of a name as text. It may wait.
using ResolveName = std::function<Result<std::vector<std::string>>(const std::string& host)>;
// As this machine resolves names: also by its hosts file. Where a name has addresses of both families, the
// IPv4 ones: they are the same servers, and it is more often IPv6 that leads nowhere without a word.
Result<std::vector<std::string>> resolve_name(const std::string& host);

struct UpstreamKeeperParts {
  Loops& loops;
  Client& client;
  // Those in force now. From the keeper's threads.
  std::function<std::vector<std::shared_ptr<Upstream>>()> upstreams;
  ResolveName resolve = resolve_name;
  std::chrono::milliseconds every{250};  // how often it looks at what is due
};

class UpstreamKeeper {
 public:
  explicit UpstreamKeeper(UpstreamKeeperParts parts);
  ~UpstreamKeeper();  // as stop()

  void start();
  // Waits for the name that is being resolved. Checks under way end with the loops.
  void stop();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace writ::http
