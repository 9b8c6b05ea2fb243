#include "config/upstreams.h"

#include <algorithm>
#include <fmt/format.h>

#include "http/target.h"

namespace writ::config {
namespace {

using std::chrono::seconds;

void read_number(const files::Fields& fields, std::string_view key, std::int64_t min, std::int64_t max,
                 auto& to) {
  if (const auto value = fields.integer(key, min, max)) to = static_cast<std::decay_t<decltype(to)>>(*value);
}

void read_seconds(const files::Fields& fields, std::string_view key, std::int64_t max,
                  std::chrono::milliseconds& to) {
  if (const auto value = fields.integer(key, 1, max)) to = seconds(*value);
}

http::RetryOptions read_retries(const files::Fields& options) {
  const files::Fields fields(options.find("retries"), options.source(), "retries",
                             {"most", "percent", "per_second"});
  http::RetryOptions retries;
  read_number(fields, "most", 0, http::kMaxRetries, retries.most);
  read_number(fields, "percent", 0, 100, retries.percent);
  read_number(fields, "per_second", 0, 1000, retries.per_second);
  return retries;
}

http::EjectionOptions read_ejection(const files::Fields& options) {
  const files::Fields fields(options.find("ejection"), options.source(), "ejection",
                             {"failures", "statuses", "seconds", "longest_seconds"});
  http::EjectionOptions ejection;
  read_number(fields, "failures", 0, 1000, ejection.failures);
  read_seconds(fields, "seconds", 3600, ejection.first);
  read_seconds(fields, "longest_seconds", 86'400, ejection.longest);
  for (const auto& each : fields.list("statuses")) {
    // What the API says of a request says nothing of the address.
    if (each.kind != files::YamlNode::Kind::kInteger || each.integer < 500 || each.integer > 599) {
      options.source().error(each,
                             fmt::format("`{}` is not a status that an address can fail with", each.text),
                             "name numbers from 500 to 599, such as 502 and 503");
    } else {
      ejection.statuses.push_back(static_cast<int>(each.integer));
    }
  }
  return ejection;
}

std::optional<http::CheckOptions> read_check(const files::Fields& options) {
  const auto* node = options.find("check");
  const files::Fields fields(node, options.source(), "check",
                             {"path", "interval_seconds", "timeout_seconds", "healthy", "unhealthy"});
  if (node == nullptr) return std::nullopt;
  http::CheckOptions check;
  read_seconds(fields, "interval_seconds", 3600, check.interval);
  read_seconds(fields, "timeout_seconds", 60, check.timeout);
  read_number(fields, "healthy", 1, 100, check.healthy);
  read_number(fields, "unhealthy", 1, 100, check.unhealthy);
  const auto path = fields.required_text("path", 1024);
  if (!path) return std::nullopt;
  const auto target = http::parse_target(*path);
  if (!target || http::encode_path(target->path) != path->substr(0, path->find('?'))) {
    options.source().error(*fields.find("path"),
                           target ? fmt::format("`{}` is not in its canonical encoding", *path)
                                  : fmt::format("`{}` is not a path: {}", *path, target.error().message));
    return std::nullopt;
  }
  check.path = *path;
  return check;
}

http::UpstreamOptions read_options(const files::Fields& api) {
  const files::Fields fields(api.find("upstream_options"), api.source(), "upstream_options",
                             {"refresh_seconds", "max_requests", "retries", "ejection", "check", "http2"});
  http::UpstreamOptions options;
  read_seconds(fields, "refresh_seconds", 3600, options.refresh);
  read_number(fields, "max_requests", 1, 1'000'000, options.max_requests);
  options.retries = read_retries(fields);
  options.ejection = read_ejection(fields);
  options.check = read_check(fields);
  options.http2 = fields.boolean("http2");
  return options;
}

}  // namespace

std::vector<std::string> read_upstream_urls(const files::Fields& api) {
  const auto* node = api.find("upstream");
  if (node == nullptr) return {};
  if (node->kind == files::YamlNode::Kind::kList) {
    if (node->items.empty()) api.source().error(*node, "`upstream` is an empty list", "name a URL");
    return api.texts("upstream");
  }
  const auto url = api.text("upstream");
  return url ? std::vector{*url} : std::vector<std::string>();
}

std::shared_ptr<http::Upstream> read_upstream(const files::Fields& api, const std::string& id,
                                              const std::vector<std::string>& urls,
                                              std::shared_ptr<const http::TlsClient> tls) {
  auto made = http::Upstream::make(id, urls, read_options(api), std::move(tls));
  if (made) return *std::move(made);
  api.source().error(*api.find("upstream"), made.error().message);
  return nullptr;
}

}  // namespace writ::config
