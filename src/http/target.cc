#include "http/target.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/byte_run.h"
#include "base/characters.h"
#include "codec/utf8.h"
#include "http/headers.h"

namespace writ::http {
namespace {

enum CharacterClass : std::uint8_t {
  kUnreserved = 1,      // RFC 3986 §2.3
  kPathCharacter = 2,   // RFC 3986 §3.3 pchar without `%`, and without `;` (path parameters)
  kQueryCharacter = 4,  // RFC 3986 §3.4, and what browsers leave unencoded: [ ] { } | ^ `
  kHostCharacter = 8,   // RFC 3986 §3.2.2 reg-name without `%`
};

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&](std::string_view characters, std::uint8_t classes) {
    for (const char c : characters) table[static_cast<unsigned char>(c)] |= classes;
  };
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~",
       kUnreserved | kPathCharacter | kQueryCharacter | kHostCharacter);
  mark("!$&'()*+,=", kPathCharacter | kQueryCharacter | kHostCharacter);
  mark(":@", kPathCharacter | kQueryCharacter);
  mark(";/?[]{}|^`", kQueryCharacter);
  return table;
}();

bool is(char c, std::uint8_t character_class) {
  return (kClasses[static_cast<unsigned char>(c)] & character_class) != 0;
}

// The byte that `%XX` at the text's begin stands for, or -1.
int escaped_byte(std::string_view text) {
  if (text.size() < 3) return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void append_escape(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// A pchar that stands for itself, or what is between segments.
constexpr auto kPlainPath = [](auto byte) {
  return in_range(byte, '&', ':') | in_range(byte, '@', 'Z') | in_range(byte, 'a', 'z') | (byte == '_') |
         (byte == '~') | (byte == '!') | (byte == '$') | (byte == '=');
};

// As nearly every path does: it has no escapes, and no segment that is empty or begins with a dot.
bool stands_for_itself(std::string_view raw) {
  if (!is_run_of(raw, kPlainPath)) return false;
  for (auto at = raw.find('/'); at != raw.npos && at + 1 < raw.size(); at = raw.find('/', at + 1)) {
    if (raw[at + 1] == '/' || raw[at + 1] == '.') return false;
  }
  return true;
}

// Decodes into `path`, or says what is wrong.
Result<void> decode_path(std::string_view raw, std::string& path) {
  bool plain = true;  // nothing but unescaped ASCII so far
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '/') {
      if (!path.empty() && path.back() == '/') return invalid("the path has an empty segment (`//`)");
      path += c;
    } else if (is(c, kPathCharacter)) {
      path += c;
    } else if (c == '%') {
      const int byte = escaped_byte(raw.substr(i));
      if (byte < 0) return invalid("the path has an invalid percent-encoding");
      if (byte == '/' || byte == '\\' || byte == ';' || byte < 0x20 || byte == 0x7f)
        return invalid("the path has an encoded slash, backslash, semicolon or control character");
      path += static_cast<char>(byte);
      plain = false;
      i += 2;
    } else if (c == ';') {
      return invalid("the path has a parameter (`;`), which upstreams read differently");
    } else {
      return invalid("the path has a character that must be percent-encoded");
    }
  }
  if (!plain && !codec::valid_utf8(path)) return invalid("the path is not UTF-8");
  return {};
}

// `%252e` reads as `%2e` here and as `.` to an upstream that decodes twice. Looked for after decoding, so
// that
// `%25%32e` is seen too.
bool is_encoded_twice(std::string_view path) {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (escaped_byte(path.substr(at)) >= 0) return true;
  }
  return false;
}

// Dot segments are refused after decoding, so that `%2e%2E` is one too.
bool has_dot_segment(std::string_view path) {
  for (std::size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    const std::string_view rest = path.substr(at + 2);
    if (rest.empty() || rest[0] == '/' || rest == "." || rest.starts_with("./")) return true;
  }
  return false;
}

Result<void> check_query(std::string_view query) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    if (is(query[i], kQueryCharacter)) continue;
    if (query[i] != '%') return invalid("the query has a character that must be percent-encoded");
    if (escaped_byte(query.substr(i)) < 0) return invalid("the query has an invalid percent-encoding");
    i += 2;
  }
  return {};
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5) return false;
  unsigned value = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65535;
}

}  // namespace

bool is_valid_host(std::string_view host) noexcept {
  std::string_view port;
  std::string_view name = host;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    name = host.substr(1, end - 1);
    port = host.substr(end + 1);
    if (name.size() < 2) return false;
    for (const char c : name) {
      if (hex_value(c) < 0 && c != ':' && c != '.') return false;
    }
  } else {
    const std::size_t colon = host.find(':');
    name = host.substr(0, colon);
    if (colon != std::string_view::npos) port = host.substr(colon);
    if (name.empty()) return false;
    for (const char c : name) {
      if (!is(c, kHostCharacter)) return false;
    }
  }
  return port.empty() || (port.front() == ':' && is_port(port.substr(1)));
}

Result<void> parse_target_into(std::string_view target, std::string& path, std::string& encoded_path,
                               std::string& query, std::string& host) {
  path.clear();
  encoded_path.clear();
  query.clear();
  host.clear();
  if (target.empty()) return invalid("the request target is empty");
  if (target.front() != '/') {
    // RFC 9112 §3.2.2: a server accepts the absolute form too.
    std::size_t begin = 0;
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (target.size() > scheme.size() && equal_ignoring_case(target.substr(0, scheme.size()), scheme))
        begin = scheme.size();
    }
    if (begin == 0) return invalid("the request target is neither a path nor an http URI");
    const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
    const std::string_view authority = target.substr(begin, end - begin);
    if (!is_valid_host(authority)) return invalid("the request target has an invalid host");
    for (const char c : authority) host += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    target.remove_prefix(end);
    if (target.empty() || target.front() != '/') path = encoded_path = "/";
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  const auto raw = target.substr(0, mark);
  if (path.empty() && stands_for_itself(raw)) {
    path = raw;
    encoded_path = raw;
  } else {
    TRY(decode_path(raw, path));
    if (is_encoded_twice(path)) return invalid("the path is percent-encoded twice");
    if (has_dot_segment(path)) return invalid("the path has a dot segment (`.` or `..`)");
    if (!append_normal_escapes(encoded_path, raw)) return invalid("the path has an invalid percent-encoding");
  }
  if (mark < target.size()) {
    query.assign(target.substr(mark + 1));
    TRY(check_query(query));
  }
  return {};
}

Result<Target> parse_target(std::string_view target) {
  Target parsed;
  TRY(parse_target_into(target, parsed.path, parsed.encoded_path, parsed.query, parsed.host));
  return parsed;
}

// RFC 3986 §6.2.2.1, §6.2.2.2.
bool append_normal_escapes(std::string& out, std::string_view uri) {
  for (std::size_t at = uri.find('%'); at != std::string_view::npos; at = uri.find('%')) {
    out.append(uri.substr(0, at));
    const int byte = escaped_byte(uri.substr(at));
    if (byte < 0) return false;
    if (is(static_cast<char>(byte), kUnreserved)) {
      out += static_cast<char>(byte);
    } else {
      append_escape(out, static_cast<unsigned char>(byte));
    }
    uri.remove_prefix(at + 3);
  }
  out.append(uri);
  return true;
}

void append_encoded_path(std::string& out, std::string_view path) {
  for (const char c : path) {
    if (c == '/' || is(c, kPathCharacter)) {
      out += c;
    } else {
      append_escape(out, static_cast<unsigned char>(c));
    }
  }
}

std::string encode_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  append_encoded_path(out, path);
  return out;
}

namespace {

std::string decode(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const int byte = raw[i] == '%' ? escaped_byte(raw.substr(i)) : -1;
    text += byte < 0 ? raw[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return text;
}

std::string_view take_pair(std::string_view& query) {
  const auto pair = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(pair.size() + 1, query.size()));
  return pair;
}

}  // namespace

bool for_each_parameter(std::string_view query, const std::function<bool(std::string_view name)>& visit) {
  while (!query.empty()) {
    const auto pair = take_pair(query);
    const auto name = pair.substr(0, pair.find('='));
    if (pair.empty()) continue;
    if (!(name.find('%') == name.npos ? visit(name) : visit(decode(name)))) return false;
  }
  return true;
}

QueryValue query_parameter(std::string_view query, std::string_view name) {
  QueryValue found{.state = QueryState::kAbsent, .value = {}};
  while (!query.empty()) {
    const auto pair = take_pair(query);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (decode(pair.substr(0, equals)) != name) continue;
    if (found.state != QueryState::kAbsent) return {.state = QueryState::kMany, .value = {}};
    found = {.state = QueryState::kOne, .value = decode(pair.substr(std::min(equals + 1, pair.size())))};
  }
  return found;
}

}  // namespace writ::http
