#include "http/h1/framing.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/ascii.h"
#include "http/target.h"

namespace writ::http {
namespace {

std::unexpected<FramingRefusal> refuse(int status, std::string_view code, std::string message) {
  return std::unexpected(FramingRefusal{.status = status, .code = code, .message = std::move(message)});
}
std::unexpected<FramingRefusal> malformed(std::string_view message) {
  return refuse(400, "malformed_request", std::string(message));
}

// RFC 9112 §2.2: CR and LF stand only together. Of a head that is not whole yet.
bool has_stray_line_end(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t feed = std::min(bytes.find('\n'), bytes.size());
    const std::size_t carriage = bytes.substr(0, feed).find('\r');
    if (feed == bytes.size()) return carriage != std::string_view::npos && carriage + 1 < bytes.size();
    if (carriage == std::string_view::npos || carriage + 1 != feed) return true;
    bytes.remove_prefix(feed + 1);
  }
  return false;
}

constexpr std::string_view kLineEnd = "a line does not end with CR LF";

// Takes the next line off `rest`, without its CRLF. Nothing: it ends with a LF alone. A CR within the line is
// refused by whoever reads it: neither a token nor a field's value has one.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t feed = rest.find('\n');
  if (feed == std::string_view::npos || feed == 0 || rest[feed - 1] != '\r') return std::nullopt;
  const std::string_view line = rest.substr(0, feed - 1);
  rest.remove_prefix(feed + 1);
  return line;
}

// The first line, which is read by its parts.
std::optional<std::string_view> take_first_line(std::string_view& rest) {
  const auto line = take_line(rest);
  return line && line->find('\r') == line->npos ? line : std::nullopt;
}

bool begins_or_ends_blank(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  return !text.empty() && (is_blank(text.front()) || is_blank(text.back()));
}

struct Fields {
  Framing framing;
  std::size_t hosts = 0;
  std::string_view host;
  bool transfer_encoding = false;
  bool close = false, persist = false, upgrade = false;  // as Connection says
  bool web_socket = false;                               // as Upgrade says
};

// Calls back with each element of a comma-separated list, trimmed.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    visit(codec::trimmed(list.substr(0, comma)));
    if (comma == list.size()) return;
    list.remove_prefix(comma + 1);
  }
}

// RFC 9110 §7.6.1: Connection, and what old proxies call Proxy-Connection, are lists of tokens.
std::expected<void, FramingRefusal> check_options(std::string_view value) {
  bool proper = true;
  for_each_element(value, [&](std::string_view option) { proper &= option.empty() || is_token(option); });
  if (!proper) return malformed("the connection header is not a list of tokens");
  return {};
}

// RFC 9112 §6.3 rule 4: without `chunked` at the end nobody can tell where the request ends. §7: nor is it
// applied twice. §6.1: a coding before it that is not known is answered with 501.
std::expected<void, FramingRefusal> check_codings(std::string_view value) {
  bool chunked = false, others = false, misplaced = false, proper = true;
  for_each_element(value, [&](std::string_view coding) {
    misplaced |= chunked;
    proper &= is_token(codec::trimmed(coding.substr(0, coding.find(';'))));
    chunked = equal_ignoring_case(coding, "chunked");
    others |= !chunked;
  });
  if (!chunked || misplaced || !proper)
    return malformed("the transfer-encoding does not end with `chunked`, once: the body has no certain end");
  if (others)
    return refuse(501, "unsupported_transfer_encoding", "the only transfer coding writ reads is `chunked`");
  return {};
}

std::expected<void, FramingRefusal> read_field(std::string_view name, std::string_view value,
                                               Fields& fields) {
  switch (name.size()) {
    case 4:
      if (!equal_ignoring_case(name, "host")) break;
      ++fields.hosts;
      fields.host = value;
      break;
    case 6:
      if (!equal_ignoring_case(name, "expect")) break;
      // RFC 9110 §10.1.1: other expectations may be answered with 417.
      if (!equal_ignoring_case(value, "100-continue"))
        return refuse(417, "expectation_failed", "the only expectation writ meets is `100-continue`");
      fields.framing.expect_continue = true;
      break;
    case 10:
      if (!equal_ignoring_case(name, "connection")) break;
      for_each_element(value, [&](std::string_view option) {
        fields.close |= equal_ignoring_case(option, "close");
        fields.persist |= equal_ignoring_case(option, "keep-alive");
        fields.upgrade |= equal_ignoring_case(option, "upgrade");
      });
      return check_options(value);
    case 7:
      if (!equal_ignoring_case(name, "upgrade")) break;
      for_each_element(value, [&](std::string_view protocol) {
        fields.web_socket |= equal_ignoring_case(protocol.substr(0, protocol.find('/')), "websocket");
      });
      break;
    case 14:
      if (!equal_ignoring_case(name, "content-length")) break;
      // RFC 9112 §6.3 rule 5 allows equal repeated values; a second one is a doubt all the same.
      if (fields.framing.content_length) return malformed("more than one content-length");
      fields.framing.content_length = parse_content_length(value);
      if (!fields.framing.content_length) return malformed("the content-length is not a decimal number");
      break;
    case 16:
      if (!equal_ignoring_case(name, "proxy-connection")) break;
      return check_options(value);
    case 17:
      if (!equal_ignoring_case(name, "transfer-encoding")) break;
      if (fields.transfer_encoding) return malformed("more than one transfer-encoding");
      fields.transfer_encoding = true;
      fields.framing.chunked = true;
      return check_codings(value);
    default:
      break;
  }
  return {};
}

// The lines after the first one, up to the empty line.
std::expected<Fields, FramingRefusal> read_fields(std::string_view rest, const HeadLimits& limits,
                                                  Headers& headers) {
  Fields fields;
  std::size_t count = 0;
  for (;;) {
    const auto taken = take_line(rest);
    if (!taken) return malformed(kLineEnd);
    const std::string_view line = *taken;
    if (line.empty()) break;
    if (++count > limits.max_headers)
      return refuse(431, "too_many_headers", fmt::format("more than {} header fields", limits.max_headers));
    // RFC 9112 §5.2: obs-fold.
    if (line.front() == ' ' || line.front() == '\t')
      return malformed("a header field is folded over two lines");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("a header line has no colon");
    const std::string_view name = line.substr(0, colon);
    // RFC 9112 §5.1: whitespace before the colon is refused with 400; it is no token character.
    if (!is_token(name)) return malformed("a header name has an invalid character");
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);  // what nearly all have, and no more
    if (begins_or_ends_blank(value)) value = codec::trimmed(value);
    if (!is_field_value(value)) return malformed("a header value has a control character");
    if (auto read = read_field(name, value, fields); !read) return std::unexpected(std::move(read).error());
    headers.add(name, value);
  }
  // RFC 9112 §6.1: both together ought to be handled as an error.
  if (fields.transfer_encoding && fields.framing.content_length)
    return malformed("both content-length and transfer-encoding");
  fields.framing.keep_alive = !fields.close;
  return fields;
}

// RFC 9112 §6.1: a message of that version with a transfer coding has faulty framing. §9.3: its connection
// persists where both sides say so. RFC 9110 §10.1.1: what it expects is ignored.
std::expected<void, FramingRefusal> apply_http10(Fields& fields) {
  if (fields.framing.chunked) return malformed("HTTP/1.0 with a transfer-encoding");
  fields.framing.http10 = true;
  fields.framing.keep_alive = fields.persist && !fields.close;
  fields.framing.expect_continue = false;
  return {};
}

bool is_version(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' && digit(text[7]);
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::expected<std::size_t, FramingRefusal> find_head_end(std::string_view bytes, std::size_t seen,
                                                         const HeadLimits& limits) {
  const std::size_t end = bytes.find("\r\n\r\n", seen < 3 ? 0 : seen - 3);
  if (end != std::string_view::npos && end + 4 <= limits.max_head_bytes) return end + 4;
  // What can't become a head is refused now, not when the time is up.
  if (!bytes.empty() && !is_token(bytes.substr(0, 1)))
    return malformed(bytes[0] == 0x16 ? "this is a TLS handshake; writ speaks plain HTTP here"
                                      : "this is not an HTTP request");
  if (has_stray_line_end(bytes.substr(0, limits.max_head_bytes))) return malformed(kLineEnd);
  if (end == std::string_view::npos && bytes.size() < limits.max_head_bytes) return 0;
  const std::size_t first_line = bytes.find("\r\n");
  if (std::min(first_line, bytes.size()) > limits.max_target_bytes)
    return refuse(414, "target_too_long",
                  fmt::format("the request target is longer than {} bytes", limits.max_target_bytes));
  return refuse(431, "head_too_large",
                fmt::format("the request's head is larger than {} bytes", limits.max_head_bytes));
}

std::expected<RequestHead, FramingRefusal> read_request_head(std::string_view head, const HeadLimits& limits,
                                                             Headers& headers) {
  // RFC 9112 §3: method SP request-target SP HTTP-version, with exactly one space each.
  std::string_view rest = head;
  const auto taken = take_first_line(rest);
  if (!taken) return malformed(kLineEnd);
  const std::string_view line = *taken;
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return malformed("the request line is not `METHOD TARGET HTTP/1.1`");
  RequestHead request{.method = line.substr(0, first),
                      .target = line.substr(first + 1, second - first - 1),
                      .host = {},
                      .framing = {}};
  const std::string_view version = line.substr(second + 1);
  if (!is_token(request.method) || request.method.size() > kMaxMethodBytes)
    return malformed("the method is not a token");
  if (!is_version(version)) return malformed("the request line is not `METHOD TARGET HTTP/1.1`");
  const bool http10 = version == "HTTP/1.0";
  if (version != "HTTP/1.1" && !http10) {
    // "PRI * HTTP/2.0" is how an HTTP/2 connection begins (RFC 9113 §3.4).
    return refuse(505, "http_version_not_supported",
                  fmt::format("writ speaks HTTP/1.1 and HTTP/1.0, not {}", version));
  }
  if (request.target.size() > limits.max_target_bytes)
    return refuse(414, "target_too_long",
                  fmt::format("the request target is longer than {} bytes", limits.max_target_bytes));
  if (request.method == "CONNECT")
    return refuse(501, "not_implemented", "writ is not a tunnel: CONNECT is not implemented");
  // RFC 9112 §3.2.4: a question about the server as a whole.
  if (request.method == "OPTIONS" && request.target == "*")
    return refuse(501, "not_implemented", "`OPTIONS *` is not implemented: ask for a path");

  auto fields = read_fields(rest, limits, headers);
  if (!fields) return std::unexpected(std::move(fields).error());
  if (http10) {
    if (auto applied = apply_http10(*fields); !applied) return std::unexpected(std::move(applied).error());
  } else if (fields->upgrade && fields->web_socket) {
    // Another protocol that is offered may be ignored (RFC 9110 §7.8); a WebSocket is all its client wants.
    fields->framing.web_socket = true;
    // RFC 6455 §4.1: it is a GET, and what follows its head is not HTTP.
    if (request.method != "GET" || fields->framing.has_body())
      return malformed("an upgrade to `websocket` is a GET without a body");
  }
  // RFC 9112 §3.2: exactly one valid Host; HTTP/1.0 may have none, and then means the server that it reached.
  if (fields->hosts != 1 && !(http10 && fields->hosts == 0))
    return malformed(fields->hosts == 0 ? "the host header is missing" : "more than one host header");
  if (fields->hosts == 1 && !is_valid_host(fields->host))
    return malformed("the host header is not a host with an optional port");
  request.host = fields->host;
  request.framing = fields->framing;
  return request;
}

std::expected<ResponseLine, FramingRefusal> read_response_head(std::string_view head,
                                                               const HeadLimits& limits, Headers& headers) {
  std::string_view rest = head;
  const auto taken = take_first_line(rest);
  if (!taken) return malformed(kLineEnd);
  const std::string_view line = *taken;
  // RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ]; the last space is often left out.
  if (line.size() < 12 || !is_version(line.substr(0, 8)) || line[8] != ' ' ||
      (line.size() > 12 && line[12] != ' ') || !is_field_value(line))
    return malformed("the status line is not `HTTP/1.1 STATUS REASON`");
  const std::string_view version = line.substr(0, 8);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return malformed("the answer is not HTTP/1.1");
  const auto status = parse_content_length(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599)
    return malformed("the status is not a number from 100 to 599");
  auto fields = read_fields(rest, limits, headers);
  if (!fields) return std::unexpected(std::move(fields).error());
  if (version == "HTTP/1.0") {
    if (auto applied = apply_http10(*fields); !applied) return std::unexpected(std::move(applied).error());
    fields->framing.keep_alive = false;
  }
  return ResponseLine{.status = static_cast<int>(*status), .framing = fields->framing};
}

}  // namespace writ::http
