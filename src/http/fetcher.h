// Fetcher: the one way in which Writ asks a server for something of its own accord: a whole small answer,
// from a URL that a configuration or a provider's document names.
//
// What bounds it:
//
//   where     AddressRules, asked for each address that the name resolves to; the connection goes to the
//             address that was checked, or a proxy is asked for it (http/outbound_proxy.h), and the next
//             request resolves anew
//   who       https, with the system's CAs or those of the options; `http://` as AddressRules say
//   what      the answer as it is: no redirect is followed, no compression asked for or taken
//   how much  the sizes of head and body, the time to connect and the time for the whole
//
// It has a loop and a resolver of its own, so that a slow name server holds up nobody else. get() and post()
// wait, and are for threads that may. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/address_rules.h"
#include "http/outbound_proxy.h"
#include "http/response.h"
#include "http/tls/context.h"

namespace writ::http {

struct FetcherOptions {
  AddressRules rules = {};
  std::shared_ptr<const TlsClient> tls = {};         // null: what the system trusts
  std::shared_ptr<const OutboundProxy> proxy = {};   // null: none
  std::chrono::milliseconds connect_timeout{3'000};  // with the name's resolution and TLS
  std::chrono::milliseconds timeout{10'000};         // of the whole
  std::size_t max_head_bytes = 16 * 1024;
};

class Fetcher {
 public:
  explicit Fetcher(FetcherOptions options);
  // After stop(), and when nothing is under way.
  ~Fetcher();

  // The answer, whatever its status. Errors begin with the URL: kInvalid, kLimit, kUnavailable.
  // `authorization`: the field of that name, when it is not empty.
  Result<Response> get(const std::string& url, std::string_view accept, std::size_t max_body_bytes,
                       std::string_view authorization = {});
  // The same of what is posted. It is sent once, whatever becomes of the connection.
  struct Post {
    std::string_view content_type;
    std::string body;
  };
  Result<Response> post(const std::string& url, Post post, std::string_view accept,
                        std::size_t max_body_bytes, std::string_view authorization = {});
  // Fails what is under way, and whatever is asked for from now on. Not from a loop.
  void stop();

 private:
  struct Core;
  Result<Response> ask(const std::string& url, Post* post, std::string_view accept,
                       std::size_t max_body_bytes, std::string_view authorization);
  std::unique_ptr<Core> core_;
};

}  // namespace writ::http
