// Beast as a second reader of message heads, for the tests and the fuzz targets: of what http/h1/framing.h
// lets pass it must find the same fields and the same framing.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/h1/framing.h"
#include "http/headers.h"
#include "http/net/asio.h"

namespace writ::http::testing {

template <bool is_request>
class BeastHead final : boost::beast::http::basic_parser<is_request> {
 public:
  // Appends the fields to `headers`. False: Beast does not agree that this is a head, or on how the body is
  // framed.
  static bool parse(std::string_view head, const Framing& framing, Headers& headers) {
    if constexpr (!is_request) {
      // RFC 9112 §4: the reason is optional, and where it is left out some leave out the space before it.
      // Beast wants that.
      constexpr std::size_t kBare = std::string_view("HTTP/1.1 200").size();
      if (head.substr(kBare).starts_with("\r\n"))
        return parse(std::string(head.substr(0, kBare)).append(" ").append(head.substr(kBare)), framing,
                     headers);
    }
    BeastHead parser(headers);
    SystemError error;
    const std::size_t used = parser.put(asio::const_buffer(head.data(), head.size()), error);
    return !error && used == head.size() && parser.is_header_done() && parser.chunked() == framing.chunked &&
           (framing.chunked || parser.content_length().value_or(0) == framing.content_length.value_or(0));
  }

 private:
  using Base = boost::beast::http::basic_parser<is_request>;
  using Text = boost::beast::string_view;

  explicit BeastHead(Headers& headers) : headers_(headers) {
    // The limits are Writ's, and the head was measured before.
    this->header_limit(0xffffffff);
    this->body_limit(boost::none);
    this->eager(false);
  }

  void on_request_impl(boost::beast::http::verb, Text, Text, int, SystemError&) override {}
  void on_response_impl(int, Text, int, SystemError&) override {}
  void on_field_impl(boost::beast::http::field, Text name, Text value, SystemError&) override {
    headers_.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(SystemError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, SystemError&) override {}
  std::size_t on_body_impl(Text body, SystemError&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, SystemError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, SystemError&) override { return body.size(); }
  void on_finish_impl(SystemError&) override {}

  Headers& headers_;
};

// Does Beast read the same fields and framing from a head that was read into `headers`?
template <bool is_request>
bool beast_agrees(std::string_view head, const Framing& framing, const Headers& headers) {
  Headers theirs;
  if (!BeastHead<is_request>::parse(head, framing, theirs) || theirs.size() != headers.size()) return false;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    if (theirs[i].name != headers[i].name || theirs[i].value != headers[i].value) return false;
  }
  return true;
}

}  // namespace writ::http::testing
