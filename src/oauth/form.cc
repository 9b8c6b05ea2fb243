#include "oauth/form.h"

#include <algorithm>

#include "base/characters.h"
#include "codec/ascii.h"
#include "codec/utf8.h"
#include "http/headers.h"

namespace writ::oauth {
Result<std::string> form_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return failure(ErrorCode::kInvalid, "form: broken percent-encoding");
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return failure(ErrorCode::kInvalid, "form: a control character");
    }
    decoded.push_back(c);
  }
  if (!codec::valid_utf8(decoded)) return failure(ErrorCode::kInvalid, "form: not valid UTF-8");
  return decoded;
}

Result<Form> Form::parse(std::string_view body) {
  if (body.size() > kMaxFormBytes) return failure(ErrorCode::kLimit, "form: longer than 64 KiB");
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!body.empty()) {
    const auto end = std::min(body.find('&'), body.size());
    const auto pair = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (pair.empty()) return failure(ErrorCode::kInvalid, "form: an empty parameter");

    const auto equals = std::min(pair.find('='), pair.size());
    auto name = TRY(form_decode(pair.substr(0, equals)));
    auto value = TRY(form_decode(pair.substr(std::min(equals + 1, pair.size()))));
    for (const auto& other : parameters) {
      // RFC 6749 §3.2: parameters must not be included more than once.
      if (other.first == name)
        return failure(ErrorCode::kInvalid, "form: parameter `" + name + "` is given twice");
    }
    if (parameters.size() == kMaxFormParameters)
      return failure(ErrorCode::kLimit, "form: more than 32 parameters");
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return Form(std::move(parameters));
}

std::optional<std::string_view> Form::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters_) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

bool is_form_content_type(std::string_view value) noexcept {
  const auto semicolon = value.find(';');
  if (!http::equal_ignoring_case(codec::trimmed(value.substr(0, semicolon)),
                                 "application/x-www-form-urlencoded")) {
    return false;
  }
  return semicolon == value.npos ||
         http::equal_ignoring_case(codec::trimmed(value.substr(semicolon + 1)), "charset=utf-8");
}

std::string form_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (plain)
      out.push_back(c);
    else
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

}  // namespace writ::oauth
