#include "api/access_api.h"

#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/problem.h"
#include "http/target.h"

namespace writ::api {
namespace {

using control::AccessQuestion;
using Kind = AccessQuestion::Kind;

constexpr std::size_t kMaxTextBytes = 1024;

std::unexpected<http::Response> invalid(std::string message) {
  return std::unexpected(problem({ErrorCode::kInvalid, std::move(message)}));
}

// The parameters of one question. Each once; one that it does not take is refused.
class Parameters {
 public:
  Parameters(const http::Request& request, std::vector<std::string_view> taken)
      : query_(request.query), taken_(std::move(taken)) {}

  Answer<void> check() const {
    std::string unknown;
    http::for_each_parameter(query_, [&](std::string_view name) {
      if (std::ranges::find(taken_, name) == taken_.end()) unknown = name;
      return unknown.empty();
    });
    if (unknown.empty()) return {};
    return invalid(fmt::format("there is no parameter `{}`: it takes {}", unknown, fmt::join(taken_, ", ")));
  }
  Answer<std::string> text(std::string_view name, bool required = false) const {
    auto found = http::query_parameter(query_, name);
    if (found.state == http::QueryState::kMany)
      return invalid(fmt::format("`{}` is given more than once", name));
    if (required && (found.state == http::QueryState::kAbsent || found.value.empty()))
      return invalid(fmt::format("`{}` is needed", name));
    if (found.value.size() > kMaxTextBytes)
      return invalid(fmt::format("`{}` is longer than {} bytes", name, kMaxTextBytes));
    return std::move(found.value);
  }
  Answer<bool> flag(std::string_view name) const {
    const auto value = TRY(text(name));
    if (value.empty() || value == "false") return false;
    if (value == "true") return true;
    return invalid(fmt::format("`{}` must be `true` or `false`", name));
  }
  Answer<std::optional<std::uint64_t>> number(std::string_view name, std::uint64_t least,
                                              std::uint64_t most) const {
    const auto value = TRY(text(name));
    if (value.empty()) return std::nullopt;
    std::uint64_t read = 0;
    const auto* end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, read);
    if (result.ec == std::errc() && result.ptr == end && read >= least && read <= most) return read;
    return invalid(fmt::format("`{}` must be one number from {} to {}", name, least, most));
  }
  Answer<std::vector<std::string>> list(std::string_view name) const {
    const auto value = TRY(text(name));
    std::vector<std::string> all;
    for (std::size_t at = 0; at <= value.size();) {
      const std::size_t end = std::min(value.find(',', at), value.size());
      if (end > at) all.push_back(value.substr(at, end - at));
      at = end + 1;
    }
    return all;
  }

 private:
  const std::string_view query_;
  const std::vector<std::string_view> taken_;
};

std::vector<std::string_view> taken_by(Kind kind) {
  switch (kind) {
    case Kind::kOf:
      return {"id", "api", "action", "all", "quick", "links", "limit", "after"};
    case Kind::kTo:
      return {"api", "action", "resource", "all", "quick", "links", "limit", "after"};
    case Kind::kPath:
      return {"id", "api", "quick", "links", "limit", "after"};
    case Kind::kClasses:
      return {"api", "action", "reads", "strict", "links", "limit", "after"};
  }
  return {};
}

}  // namespace

Answer<http::Response> AccessApi::ask(const http::Request& request, Kind kind) const {
  const Parameters parameters(request, taken_by(kind));
  TRY(parameters.check());
  constexpr std::uint64_t kMostLinks = 64;
  AccessQuestion question{.kind = kind};
  question.id = TRY(parameters.text("id", kind == Kind::kOf || kind == Kind::kPath));
  question.api = TRY(parameters.text("api", kind != Kind::kOf));
  question.action = TRY(parameters.text("action"));
  question.resource = TRY(parameters.text("resource"));
  question.reads = TRY(parameters.list("reads"));
  question.strict = TRY(parameters.flag("strict"));
  question.all = TRY(parameters.flag("all"));
  question.quick = TRY(parameters.flag("quick"));
  question.links = TRY(parameters.number("links", 0, kMostLinks));
  question.limit = TRY(parameters.number("limit", 1, control::kMaxAccessAnswers)).value_or(question.limit);
  question.after = TRY(parameters.text("after"));
  return answer_json(200, TRY(rendered(access_.ask(caller_of(request), question))));
}

Result<void> AccessApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  for (const auto& [path, kind] : {std::pair("/v1/access/of", Kind::kOf),
                                   {"/v1/access/to", Kind::kTo},
                                   {"/v1/access/path", Kind::kPath},
                                   {"/v1/access/classes", Kind::kClasses}}) {
    TRY(add_read(
        endpoints, path, readers,
        endpoint([this, kind](const http::Request& r, const http::PathValues&) { return ask(r, kind); })));
  }
  return {};
}

}  // namespace writ::api
