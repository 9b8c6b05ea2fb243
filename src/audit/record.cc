#include "audit/record.h"

#include <array>
#include <charconv>
#include <chrono>
#include <fmt/format.h>

#include "base/append.h"
#include "codec/json.h"

namespace writ::audit {
namespace {

std::string_view shortened(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

class Writer {
 public:
  Writer(Instant time, std::string_view type, Standing standing)
      : standing_(standing),
        max_text_(standing == Standing::kStranger ? kMaxStrangerTextBytes : kMaxTextBytes) {
    out_.reserve(768);
    out_ += "\"time\":\"";
    append_time(out_, time);
    out_ += '"';
    text("type", type);
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const auto kept = shortened(value, max_text_);
    codec::append_json_member(out_, name, kept);
    if (kept.size() < value.size()) was_cut(name, value.size());
  }
  void whole_text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    codec::append_json_member(out_, name, value);
  }
  // Whole entries, as many as have room.
  void list(std::string_view name, std::span<const std::string_view> values) {
    if (values.empty()) return;
    begin(name);
    char separator = '[';
    std::size_t kept = 0, all = 0;
    for (const auto value : values) {
      all += value.size();
      if (all > kMaxListBytes) continue;
      kept = all;
      out_ += separator;
      codec::append_json_string(out_, value);
      separator = ',';
    }
    out_ += separator == '[' ? "[]" : "]";
    if (kept < all) was_cut(name, all);
  }
  void time(std::string_view name, const std::optional<Instant>& value) {
    if (!value) return;
    begin(name);
    out_ += '"';
    append_time(out_, *value);
    out_ += '"';
  }
  void flag(std::string_view name, bool value) {
    if (!value) return;
    begin(name);
    out_ += "true";
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    out_ += fmt::to_string(value);
  }
  // Half an object says something else than the whole.
  void json(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    begin(name);
    out_ += value.size() <= kMaxObjectBytes ? value : kNotRecorded;
  }
  Record finish(std::string_view reason) && {
    if (!cut_.empty()) {
      begin("cut");
      out_ += cut_;
      out_ += '}';
    }
    Record record{std::move(out_), standing_};
    if (standing_ == Standing::kStranger) record.reason = reason;
    return record;
  }

 private:
  void begin(std::string_view name) { append(out_, ",\"", name, "\":"); }
  void was_cut(std::string_view name, std::size_t bytes) {
    fmt::format_to(std::back_inserter(cut_), "{}\"{}\":{}", cut_.empty() ? "{" : ",", name, bytes);
  }

  const Standing standing_;
  const std::size_t max_text_;
  std::string out_, cut_;
};

}  // namespace

std::string format_time(Instant time) {
  std::string text;
  append_time(text, time);
  return text;
}

void append_time(std::string& out, Instant time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(time - day);
  std::array<char, 24> text;
  auto* at = text.begin();
  const auto number = [&](auto value, std::size_t digits, char then) {
    auto rest = static_cast<unsigned>(value);
    for (auto i = digits; i-- > 0; rest /= 10) at[i] = static_cast<char>('0' + rest % 10);
    at += digits;
    *at++ = then;
  };
  number(static_cast<int>(date.year()), 4, '-');
  number(static_cast<unsigned>(date.month()), 2, '-');
  number(static_cast<unsigned>(date.day()), 2, 'T');
  number(of_day.hours().count(), 2, ':');
  number(of_day.minutes().count(), 2, ':');
  number(of_day.seconds().count(), 2, '.');
  number(of_day.subseconds().count(), 3, 'Z');
  out.append(text.data(), text.size());
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
  Writer writer(time, "decision", decision.standing);
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
  for (const auto& claim : decision.claims) {
    writer.text(claim.name, claim.text);
    writer.time(claim.name, claim.date);
  }
  writer.json("workload", decision.workload);
  writer.time("issued_at", decision.issued_at);
  writer.flag("sender_bound", decision.sender_bound);
  writer.json("attributes", decision.attributes);
  writer.json("amounts", decision.amounts);
  writer.json("elements", decision.elements);
  writer.json("input", decision.input);
  writer.json("sources", decision.sources);
  writer.json("entities", decision.entities);
  writer.text("token_id", decision.token_id);
  writer.text("token_issuer", decision.token_issuer);
  writer.list("labels", decision.labels);
  writer.list("policies", decision.policies);
  writer.json("permits", decision.permits);
  writer.json("obligations", decision.obligations);
  writer.text("policy_revision", decision.policy_revision);
  writer.text("shadow_effect", decision.shadow_effect);
  writer.text("shadow_reason", decision.shadow_reason);
  writer.text("shadow_party", decision.shadow_party);
  writer.list("shadow_policies", decision.shadow_policies);
  writer.text("method", decision.method);
  writer.text("path", decision.path);
  writer.text("peer", decision.peer);
  writer.flag("not_enforced", !decision.enforced);
  writer.flag("public", decision.anonymous);
  return std::move(writer).finish(decision.reason);
}

Record make_record(Instant time, const Event& event) {
  Writer writer(time, event.type, event.standing);
  writer.text("actor", event.actor);
  writer.text("object", event.object);
  event.standing == Standing::kStranger ? writer.text("detail", event.detail)
                                        : writer.whole_text("detail", event.detail);
  writer.text("request_id", event.request_id);
  return std::move(writer).finish(event.type);
}

Record make_record(Instant time, const LeftOut& left_out) {
  Writer writer(time, "refusals.not_recorded", Standing::kOrdinary);
  writer.time("since", left_out.since);
  std::uint64_t all = 0;
  std::string counts;
  for (const auto& [reason, count] : left_out.counts) {
    all += count;
    counts += counts.empty() ? '{' : ',';
    codec::append_json_string(counts, reason);
    counts += ':';
    counts += fmt::to_string(count);
  }
  writer.number("count", all);
  writer.json("reasons", counts + '}');
  return std::move(writer).finish({});
}

}  // namespace writ::audit
