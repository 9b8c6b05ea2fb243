#include "http/web_socket.h"

#include <algorithm>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <vector>

#include "base/check.h"
#include "codec/ascii.h"
#include "codec/base64url.h"

namespace writ::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
constexpr std::string_view kDeflate = "permessage-deflate";
constexpr std::size_t kMaxProtocols = 32;
constexpr std::size_t kMaxReasonBytes = 123;  // §5.5: a control frame carries at most 125 bytes

// Of a list whose elements hold no commas in quotes: RFC 6455 §9.1 gives extensions' parameters token syntax.
std::vector<std::string_view> elements_of(std::string_view list) {
  std::vector<std::string_view> elements;
  for (;;) {
    const auto comma = std::min(list.find(','), list.size());
    elements.push_back(codec::trimmed(list.substr(0, comma)));
    if (comma == list.size()) return elements;
    list.remove_prefix(comma + 1);
  }
}

// All fields of that name as one list; nothing when there is none.
std::optional<std::string> joined(const Headers& headers, std::string_view name) {
  std::optional<std::string> all;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (!equal_ignoring_case(headers[i].name, name)) continue;
    if (!all) {
      all.emplace(headers[i].value);
    } else {
      all->append(", ").append(headers[i].value);
    }
  }
  return all;
}

std::string_view extension_name(std::string_view element) {
  return codec::trimmed(element.substr(0, element.find(';')));
}

// Different tokens.
bool are_protocols(const std::vector<std::string_view>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!is_token(names[i]) || std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i),
                                         names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i))
      return false;
  }
  return names.size() <= kMaxProtocols;
}

}  // namespace

bool asks_for_web_socket(const Request& request) noexcept {
  const auto upgrade = request.headers.find("Upgrade");
  if (!upgrade || !request.headers.has_token("Connection", "upgrade")) return false;
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto [name, value] = request.headers[i];
    if (!equal_ignoring_case(name, "Upgrade")) continue;
    for (std::string_view rest = value;;) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto protocol = rest.substr(0, comma);
      if (equal_ignoring_case(codec::trimmed(protocol.substr(0, protocol.find('/'))), "websocket"))
        return true;
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

std::expected<WebSocketOffer, std::string> read_web_socket_offer(const Request& request) {
  const auto& headers = request.headers;
  const auto wrong = [](std::string_view what) { return std::unexpected(std::string(what)); };
  if (request.method != "GET") return wrong("an upgrade to `websocket` is a GET");
  if (headers.count("Upgrade") != 1 || !equal_ignoring_case(*headers.find("Upgrade"), "websocket"))
    return wrong("`Upgrade` must be `websocket`, and nothing else");
  if (!headers.has_token("Connection", "upgrade")) return wrong("`Connection` must name `Upgrade`");
  if (headers.count("Sec-WebSocket-Version") != 1 || *headers.find("Sec-WebSocket-Version") != "13")
    return wrong("`Sec-WebSocket-Version` must be 13");
  const auto key = headers.find("Sec-WebSocket-Key");
  if (headers.count("Sec-WebSocket-Key") != 1) return wrong("`Sec-WebSocket-Key` must stand once");
  const auto bytes = codec::base64_decode(*key);
  if (!bytes || bytes->size() != 16) return wrong("`Sec-WebSocket-Key` must be 16 bytes in base64");
  if (headers.contains("Sec-WebSocket-Accept"))
    return wrong("`Sec-WebSocket-Accept` is of an answer, not of a request");
  WebSocketOffer offer{.key = std::string(*key), .protocols = {}, .extensions = {}};
  if (auto protocols = joined(headers, "Sec-WebSocket-Protocol")) {
    if (!are_protocols(elements_of(*protocols)))
      return wrong("`Sec-WebSocket-Protocol` must be a list of different names");
    offer.protocols = *std::move(protocols);
  }
  // What is not known could change what a frame is.
  if (const auto extensions = joined(headers, "Sec-WebSocket-Extensions")) {
    for (const auto element : elements_of(*extensions)) {
      if (!equal_ignoring_case(extension_name(element), kDeflate)) continue;
      if (!offer.extensions.empty()) offer.extensions += ", ";
      offer.extensions += element;
    }
  }
  return offer;
}

std::optional<std::string> web_socket_fault(const WebSocketOffer& offer, const Headers& answer) {
  if (answer.count("Upgrade") != 1 || !equal_ignoring_case(*answer.find("Upgrade"), "websocket"))
    return "its `Upgrade` is not `websocket`";
  if (!answer.has_token("Connection", "upgrade")) return "its `Connection` does not name `Upgrade`";
  if (answer.count("Sec-WebSocket-Accept") != 1 ||
      *answer.find("Sec-WebSocket-Accept") != web_socket_accept(offer.key))
    return "its `Sec-WebSocket-Accept` is not the one of the key";
  if (const auto protocol = answer.find("Sec-WebSocket-Protocol")) {
    const auto offered = elements_of(offer.protocols);
    if (answer.count("Sec-WebSocket-Protocol") != 1 || offer.protocols.empty() ||
        std::ranges::find(offered, *protocol) == offered.end())
      return "its `Sec-WebSocket-Protocol` was not offered";
  }
  if (const auto extensions = joined(answer, "Sec-WebSocket-Extensions")) {
    const auto taken = elements_of(*extensions);
    if (offer.extensions.empty() || taken.size() != 1 ||
        !equal_ignoring_case(extension_name(taken.front()), kDeflate))
      return "its `Sec-WebSocket-Extensions` were not offered";
  }
  return std::nullopt;
}

std::string web_socket_accept(std::string_view key) {
  const auto text = std::string(key) + std::string(kGuid);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  WRIT_CHECK(EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) == 1);
  return codec::base64_encode({reinterpret_cast<const char*>(digest), size});
}

std::string new_web_socket_key() {
  unsigned char key[16];
  WRIT_CHECK(RAND_bytes(key, sizeof(key)) == 1);
  return codec::base64_encode({reinterpret_cast<const char*>(key), sizeof(key)});
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
  reason = reason.substr(0, kMaxReasonBytes);
  std::string frame;
  frame += static_cast<char>(0x88);
  frame += static_cast<char>(2 + reason.size());
  frame += static_cast<char>(code >> 8);
  frame += static_cast<char>(code & 0xff);
  return frame.append(reason);
}

void FrameTracker::pass(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const auto part = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= part;
      bytes.remove_prefix(static_cast<std::size_t>(part));
      continue;
    }
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    ++header_;
    if (header_ == 1) {
      closing_ = closing_ || (byte & 0x0f) == 8;
    } else if (header_ == 2) {
      const unsigned length = byte & 0x7f;
      const unsigned extended = length == 126 ? 2 : length == 127 ? 8 : 0;
      length_ = extended == 0 ? length : 0;
      // A mask comes last, and carries no length.
      wanted_ = static_cast<std::uint8_t>(2 + extended + ((byte & 0x80) != 0 ? 4 : 0));
      extended_ = static_cast<std::uint8_t>(2 + extended);
    } else if (header_ <= extended_) {
      length_ = length_ << 8 | byte;
    }
    if (header_ < 2 || header_ < wanted_) continue;
    left_ = length_;
    header_ = 0;
  }
}

}  // namespace writ::http
