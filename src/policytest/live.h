// Live: a running gateway, asked over the network with real tokens.
//
// The tokens are signed with the running server's own key, taken from its data folder: the abnormal ones
// among them are such as its token endpoint would never issue. So whoever runs this may read that folder, and
// could sign anything. A token's id begins with "test-"; the audit has what was decided about it.
//
// The world is the server's own. What a test describes is moved to it as far as that goes: the instant of the
// request becomes now, with all times of the token, and the task is opened anew for each request, by an
// identity that the policies let open it, and ended afterwards. What cannot be moved is not sent, with the
// reason. What is permitted reaches the API behind the gateway. One thread; blocking.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "http/client.h"
#include "policytest/suite.h"
#include "policytest/world.h"

namespace writ::policytest {

// What happens between the original's state and the derived request.
enum class Before : std::uint8_t { kNothing, kEndTask, kUseUpBudget };

struct LiveOptions {
  std::string gateway;  // "http://127.0.0.1:8181"
  std::string opener;   // the id of who opens tasks; empty: nobody
};

class Live {
 public:
  // `shared` is borrowed; its mint has the server's key.
  static Result<std::unique_ptr<Live>> connect(Shared& shared, LiveOptions options);
  ~Live();

  struct Said {
    std::optional<Answer> answer;  // absent: it was not sent
    std::string why_not;
  };
  // Fails when there is no answer, or none of Writ's gateway: that is neither a yes nor a no.
  Result<Said> ask(const Suite& suite, const RequestSpec& request, Before before);

 private:
  struct Connection;
  struct Opened;
  Live(Shared& shared, LiveOptions options, std::unique_ptr<Connection> connection);
  Result<Opened> open_task(const TaskFixture& fixture, Duration shift);
  Result<http::Response> call_own_api(std::string path, const std::optional<codec::Json>& body);
  Result<http::Outbound> outbound(const RequestSpec& request) const;
  Result<Answer> answer_in(const http::Response& response) const;
  Result<Answer> send(const RequestSpec& request);
  bool find_way(Target& target) const;

  Shared& shared_;
  const LiveOptions options_;
  std::unique_ptr<Connection> connection_;
};

// The key that signs the tokens of the server whose data folder this is; the server may be running. Fails
// when there is no server's data.
Result<jose::PrivateJwk> signing_key(const config::Config& config, const std::filesystem::path& data);

}  // namespace writ::policytest
