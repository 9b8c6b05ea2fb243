#include "sources/http_origin.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>

#include "codec/json_pointer.h"
#include "crypto/hash.h"
#include "http/headers.h"

namespace writ::sources {
namespace {

using codec::Json;

constexpr std::size_t kMaxBearerBytes = 8 * 1024;
constexpr std::size_t kMaxDepth = 32;

std::unexpected<Error> unbelieved(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

std::unexpected<Error> is_down(std::string message) {
  return failure(ErrorCode::kUnavailable, std::move(message));
}

bool is_json(const http::Headers& headers) {
  const auto type = headers.find("Content-Type");
  if (!type) return false;
  auto name = type->substr(0, type->find(';'));
  while (name.ends_with(' ')) name.remove_suffix(1);
  return http::equal_ignoring_case(name, "application/json") ||
         (name.size() > 17 && http::equal_ignoring_case(name.substr(0, 12), "application/") &&
          http::equal_ignoring_case(name.substr(name.size() - 5), "+json"));
}

// Readers differ in what a name that stands twice means, in which case and spelling.
Result<const Json*> value_at(const Json& json, const std::string& pointer) {
  auto found = codec::find_alone(json, pointer);
  if (!found) return unbelieved(fmt::format("`{}` of the answer: {}", pointer, found.error().message));
  return found;
}

}  // namespace

HttpOrigin::HttpOrigin(HttpOriginSettings settings)
    : settings_(std::move(settings)), fetcher_(settings_.fetcher) {}

Result<std::string> HttpOrigin::authorization() {
  if (settings_.bearer != nullptr) return fmt::format("Bearer {}", settings_.bearer->expose());
  if (settings_.bearer_file.empty()) return std::string();
  std::ifstream file(settings_.bearer_file, std::ios::binary);
  std::string text(kMaxBearerBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  // RFC 6750 §2.1: no blanks and no controls, so that nothing else gets into the header.
  const bool good = !text.empty() && text.size() <= kMaxBearerBytes &&
                    std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!good)
    return is_down(fmt::format("its credential, the file `{}`, cannot be read or is not a token",
                               settings_.bearer_file.string()));
  const auto digest = crypto::sha256(text);
  const std::string now(reinterpret_cast<const char*>(digest.data()), digest.size());
  const std::lock_guard lock(turn_);
  if (now != digest_) {
    if (!digest_.empty()) generation_.fetch_add(1, std::memory_order_acq_rel);
    digest_ = now;
  }
  return "Bearer " + text;
}

Result<std::optional<Json>> HttpOrigin::ask(const SourceQuery& asked) {
  const auto url = TRY(settings_.url.fill(asked));
  const auto bearer = TRY(authorization());
  const auto answer = TRY(fetcher_.get(url, "application/json", settings_.max_answer_bytes, bearer));
  const int status = answer.status;
  if (status == 404 || status == 410) return std::nullopt;
  if (status >= 500 || status == 429)
    return is_down(fmt::format("`{}` answers with the status {}", url, status));
  if (status >= 300 && status < 400)
    return unbelieved(fmt::format("`{}` redirects (status {}), which is not followed", url, status));
  if (status != 200) return unbelieved(fmt::format("`{}` answers with the status {}", url, status));
  if (!is_json(answer.headers))
    return unbelieved(fmt::format("`{}` does not answer with `application/json`", url));
  auto read_answer = read(answer.body, asked);
  if (!read_answer) return unbelieved(fmt::format("`{}`: {}", url, std::move(read_answer).error().message));
  return *std::move(read_answer);
}

Result<Json> HttpOrigin::read(std::string_view body, const SourceQuery& asked) const {
  const auto json =
      TRY(codec::parse_json(body, {.max_bytes = settings_.max_answer_bytes, .max_depth = kMaxDepth}));
  if (!json.is_object()) return unbelieved(fmt::format("the answer is not an object but: {}", json.kind()));
  const auto* id = TRY(value_at(json, settings_.id));
  const auto* text = id != nullptr ? id->if_string() : nullptr;
  const auto* number = id != nullptr ? id->if_int() : nullptr;
  const bool same =
      (text != nullptr && *text == asked.id) || (number != nullptr && std::to_string(*number) == asked.id);
  if (!same)
    return unbelieved(fmt::format("`{}` of the answer is not the id that was asked for", settings_.id));
  auto said = Json::object();
  for (const auto& [name, pointer] : settings_.attributes) {
    const auto* value = TRY(value_at(json, pointer));
    said.set(name, value != nullptr ? *value : Json());
  }
  return said;
}

}  // namespace writ::sources
