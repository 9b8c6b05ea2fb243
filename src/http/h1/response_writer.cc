#include "http/h1/response_writer.h"

#include <array>
#include <cstdint>
#include <ctime>
#include <fmt/format.h>
#include <iterator>

#include "base/append.h"
#include "http/response.h"

namespace writ::http {

bool is_connection_field(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 9> kNames = {
      "connection", "content-length",    "keep-alive", "proxy-authenticate", "proxy-connection", "te",
      "trailer",    "transfer-encoding", "upgrade"};
  // Most names are not even as long as one of them.
  static constexpr auto kSizes = [] {
    std::uint32_t sizes = 0;
    for (const auto known : kNames) sizes |= std::uint32_t{1} << known.size();
    return sizes;
  }();
  if (name.size() >= 32 || (kSizes >> name.size() & 1) == 0) return false;
  for (const std::string_view known : kNames) {
    if (equal_ignoring_case(name, known)) return true;
  }
  return false;
}

std::string_view http_date() {
  thread_local std::time_t second = -1;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    second = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    text =
        fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays.at(static_cast<std::size_t>(utc.tm_wday)),
                    utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                    utc.tm_hour, utc.tm_min, utc.tm_sec);
  }
  return text;
}

void append_chunk_size(std::string& out, std::size_t size) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", size);
}

void append_response_head(std::string& out, const HeadToWrite& head) {
  const fmt::format_int status(head.status);
  append(out, "HTTP/1.1 ", std::string_view(status.data(), status.size()), " ", status_phrase(head.status),
         "\r\n");
  bool has_date = false;
  bool says_when = !head.own || (head.status != 429 && head.status != 503);
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    const Header header = head.headers[i];
    if (is_connection_field(header.name) || !is_token(header.name) || !is_field_value(header.value)) continue;
    has_date |= equal_ignoring_case(header.name, "date");
    says_when = says_when || equal_ignoring_case(header.name, "retry-after");
    append(out, header.name, ": ", header.value, "\r\n");
  }
  // Who has to wait is told how long, whatever refused it. An upstream's answer is the upstream's.
  if (!says_when) out.append("Retry-After: 1\r\n");
  // RFC 9110 §6.6.1: a server with a clock sends Date.
  if (!has_date) append(out, "Date: ", http_date(), "\r\n");
  if (head.framing == BodyFraming::kLength) {
    const fmt::format_int length(head.length);
    append(out, "Content-Length: ", std::string_view(length.data(), length.size()), "\r\n");
  } else if (head.framing == BodyFraming::kChunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (head.close) {
    out.append("Connection: close\r\n");
  } else if (head.persist) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

}  // namespace writ::http
