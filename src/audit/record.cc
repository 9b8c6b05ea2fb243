#include "audit/record.h"

#include <charconv>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "codec/json.h"

namespace writ::audit {
namespace {

// A message quotes what a request sent; a path may be as long as a request line.
constexpr std::size_t kMaxTextBytes = 2048;

std::string_view shortened(std::string_view text) {
  if (text.size() <= kMaxTextBytes) return text;
  std::size_t size = kMaxTextBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

class Writer {
 public:
  Writer(Instant time, std::string_view type) {
    out_.reserve(768);
    out_ += "\"time\":\"";
    out_ += format_time(time);
    out_ += '"';
    text("type", type);
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    codec::append_json_string(out_, shortened(value));
  }
  void list(std::string_view name, const std::vector<std::string_view>& values) {
    if (values.empty()) return;
    begin(name);
    char separator = '[';
    for (const auto value : values) {
      out_ += separator;
      codec::append_json_string(out_, shortened(value));
      separator = ',';
    }
    out_ += ']';
  }
  void time(std::string_view name, const std::optional<Instant>& value) {
    if (value) text(name, format_time(*value));
  }
  void flag(std::string_view name, bool value) {
    if (!value) return;
    begin(name);
    out_ += "true";
  }
  // Half an object says something else than the whole.
  void json(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    out_ += value.size() <= kMaxTextBytes ? value : kNotRecorded;
  }
  Record finish() && { return {std::move(out_)}; }

 private:
  void begin(std::string_view name) {
    out_ += ",\"";
    out_ += name;
    out_ += "\":";
  }
  std::string out_;
};

}  // namespace

std::string format_time(Instant time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (time - seconds).count());
}

std::optional<Instant> parse_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    if (at + digits <= text.size()) std::from_chars(text.data() + at, text.data() + at + digits, value);
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!day.ok()) return std::nullopt;
  const Instant time = std::chrono::sys_days(day) + std::chrono::hours(number(11, 2)) +
                       std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) +
                       Duration(number(20, 3));
  if (format_time(time) != text) return std::nullopt;
  return time;
}

Record make_record(Instant time, const Decision& decision) {
  Writer writer(time, "decision");
  writer.text("point", decision.point);
  writer.text("effect", decision.effect);
  writer.text("reason", decision.reason);
  writer.text("message", decision.message);
  writer.text("party", decision.party);
  writer.text("request_id", decision.request_id);
  writer.text("subject", decision.subject);
  writer.text("client", decision.client);
  writer.list("actors", decision.actors);
  writer.text("api", decision.api);
  writer.text("action", decision.action);
  writer.text("resource", decision.resource);
  writer.text("task", decision.task);
  writer.text("approval", decision.approval);
  writer.text("purpose", decision.purpose);
  writer.text("tenant", decision.tenant);
  writer.text("environment", decision.environment);
  writer.text("subject_issuer", decision.subject_issuer);
  writer.text("acr", decision.acr);
  writer.time("issued_at", decision.issued_at);
  writer.time("auth_time", decision.auth_time);
  writer.flag("sender_bound", decision.sender_bound);
  writer.json("attributes", decision.attributes);
  writer.json("amounts", decision.amounts);
  writer.text("token_id", decision.token_id);
  writer.list("labels", decision.labels);
  writer.list("policies", decision.policies);
  writer.text("policy_revision", decision.policy_revision);
  writer.text("shadow_effect", decision.shadow_effect);
  writer.text("shadow_reason", decision.shadow_reason);
  writer.text("shadow_party", decision.shadow_party);
  writer.list("shadow_policies", decision.shadow_policies);
  writer.text("method", decision.method);
  writer.text("path", decision.path);
  writer.text("peer", decision.peer);
  return std::move(writer).finish();
}

Record make_record(Instant time, const Event& event) {
  Writer writer(time, event.type);
  writer.text("actor", event.actor);
  writer.text("object", event.object);
  writer.text("detail", event.detail);
  writer.text("request_id", event.request_id);
  return std::move(writer).finish();
}

}  // namespace writ::audit
