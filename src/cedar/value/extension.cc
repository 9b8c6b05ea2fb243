#include "cedar/value/extension.h"

#include <algorithm>
#include <array>
#include <utility>

namespace writ::cedar {
namespace {

struct Signature {
  std::string_view name;
  std::array<Kind, 2> arguments;
  std::uint8_t argument_count;
};

// In the order of ExtFunction.
constexpr std::array<Signature, 22> kSignatures{{
    {"ip", {Kind::kString}, 1},
    {"isIpv4", {Kind::kIp}, 1},
    {"isIpv6", {Kind::kIp}, 1},
    {"isLoopback", {Kind::kIp}, 1},
    {"isMulticast", {Kind::kIp}, 1},
    {"isInRange", {Kind::kIp, Kind::kIp}, 2},
    {"decimal", {Kind::kString}, 1},
    {"lessThan", {Kind::kDecimal, Kind::kDecimal}, 2},
    {"lessThanOrEqual", {Kind::kDecimal, Kind::kDecimal}, 2},
    {"greaterThan", {Kind::kDecimal, Kind::kDecimal}, 2},
    {"greaterThanOrEqual", {Kind::kDecimal, Kind::kDecimal}, 2},
    {"datetime", {Kind::kString}, 1},
    {"offset", {Kind::kDatetime, Kind::kDuration}, 2},
    {"durationSince", {Kind::kDatetime, Kind::kDatetime}, 2},
    {"toDate", {Kind::kDatetime}, 1},
    {"toTime", {Kind::kDatetime}, 1},
    {"duration", {Kind::kString}, 1},
    {"toMilliseconds", {Kind::kDuration}, 1},
    {"toSeconds", {Kind::kDuration}, 1},
    {"toMinutes", {Kind::kDuration}, 1},
    {"toHours", {Kind::kDuration}, 1},
    {"toDays", {Kind::kDuration}, 1},
}};
static_assert(kSignatures[static_cast<std::size_t>(ExtFunction::kToDays)].name == "toDays");

const Signature& signature_of(ExtFunction function) noexcept {
  return kSignatures[static_cast<std::size_t>(function)];
}

template <class T, class Make>
std::optional<Value> map(const std::optional<T>& result, Make make) {
  return result ? std::optional<Value>(make(*result)) : std::nullopt;
}

// Empty when the function refuses its arguments, which are of the right kinds and number.
std::optional<Value> apply(ExtFunction function, std::span<const Value> args, Arena& arena) {
  switch (function) {
    case ExtFunction::kIp:
      return map(Ip::parse(args[0].as_string()), [&](const Ip& ip) { return make_ip(arena, ip); });
    case ExtFunction::kIsIpv4:
      return Value::boolean(!args[0].as_ip().v6);
    case ExtFunction::kIsIpv6:
      return Value::boolean(args[0].as_ip().v6);
    case ExtFunction::kIsLoopback:
      return Value::boolean(args[0].as_ip().is_loopback());
    case ExtFunction::kIsMulticast:
      return Value::boolean(args[0].as_ip().is_multicast());
    case ExtFunction::kIsInRange:
      return Value::boolean(args[0].as_ip().is_in_range(args[1].as_ip()));
    case ExtFunction::kDecimal:
      return map(Decimal::parse(args[0].as_string()), Value::decimal);
    case ExtFunction::kLessThan:
      return Value::boolean(args[0].as_decimal() < args[1].as_decimal());
    case ExtFunction::kLessThanOrEqual:
      return Value::boolean(args[0].as_decimal() <= args[1].as_decimal());
    case ExtFunction::kGreaterThan:
      return Value::boolean(args[0].as_decimal() > args[1].as_decimal());
    case ExtFunction::kGreaterThanOrEqual:
      return Value::boolean(args[0].as_decimal() >= args[1].as_decimal());
    case ExtFunction::kDatetime:
      return map(Datetime::parse(args[0].as_string()), Value::datetime);
    case ExtFunction::kOffset:
      return map(args[0].as_datetime().offset(args[1].as_duration()), Value::datetime);
    case ExtFunction::kDurationSince:
      return map(args[0].as_datetime().duration_since(args[1].as_datetime()), Value::duration);
    case ExtFunction::kToDate:
      return map(args[0].as_datetime().to_date(), Value::datetime);
    case ExtFunction::kToTime:
      return Value::duration(args[0].as_datetime().to_time());
    case ExtFunction::kDuration:
      return map(CedarDuration::parse(args[0].as_string()), Value::duration);
    case ExtFunction::kToMilliseconds:
      return Value::integer(args[0].as_duration().ms);
    case ExtFunction::kToSeconds:
      return Value::integer(args[0].as_duration().to_seconds());
    case ExtFunction::kToMinutes:
      return Value::integer(args[0].as_duration().to_minutes());
    case ExtFunction::kToHours:
      return Value::integer(args[0].as_duration().to_hours());
    case ExtFunction::kToDays:
      return Value::integer(args[0].as_duration().to_days());
  }
  return std::nullopt;
}

}  // namespace

std::string_view eval_error_code(EvalErrorKind kind) noexcept {
  switch (kind) {
    case EvalErrorKind::kType:
      return "type_error";
    case EvalErrorKind::kMissingAttribute:
      return "missing_attribute";
    case EvalErrorKind::kMissingTag:
      return "missing_tag";
    case EvalErrorKind::kMissingEntity:
      return "missing_entity";
    case EvalErrorKind::kOverflow:
      return "overflow";
    case EvalErrorKind::kExtension:
      return "extension_error";
    case EvalErrorKind::kArgumentCount:
      return "argument_count";
  }
  return "";
}

std::optional<ExtFunction> find_extension_function(std::string_view name) noexcept {
  const auto found = std::find_if(kSignatures.begin(), kSignatures.end(),
                                  [&](const Signature& signature) { return signature.name == name; });
  if (found == kSignatures.end()) return std::nullopt;
  return static_cast<ExtFunction>(found - kSignatures.begin());
}

std::string_view extension_function_name(ExtFunction function) noexcept {
  return signature_of(function).name;
}

bool is_constructor(ExtFunction function) noexcept {
  return function == ExtFunction::kIp || function == ExtFunction::kDecimal ||
         function == ExtFunction::kDatetime || function == ExtFunction::kDuration;
}

bool is_constructor(std::string_view name) noexcept {
  const auto function = find_extension_function(name);
  return function && is_constructor(*function);
}

bool call_extension(ExtFunction function, std::span<const Value> arguments, Arena& arena, Value& out,
                    EvalFailure& failure) {
  const Signature& signature = signature_of(function);
  if (arguments.size() != signature.argument_count) {
    failure = {EvalErrorKind::kArgumentCount, 0, Value::integer(static_cast<std::int64_t>(arguments.size()))};
    return false;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].is(signature.arguments[i])) continue;
    failure = {EvalErrorKind::kType, kind_set(signature.arguments[i]), arguments[i]};
    return false;
  }
  const std::optional<Value> result = apply(function, arguments, arena);
  if (!result) {
    failure = {EvalErrorKind::kExtension, 0, arguments[0]};
    return false;
  }
  out = *result;
  return true;
}

}  // namespace writ::cedar
