#include "cedar/value.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace writ::cedar {
namespace {

constexpr std::uint32_t kLinearFields = 16;

template <class T>
int three_way(const T& a, const T& b) noexcept {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int compare_text(const Text* a, const Text* b) noexcept {
  return a == b ? 0 : a->view().compare(b->view());
}

int compare_uid(EntityRef a, EntityRef b) noexcept {
  const int types = compare_text(a.type_text(), b.type_text());
  return types != 0 ? types : compare_text(a.id_text(), b.id_text());
}

int compare_set(const SetNode& a, const SetNode& b) noexcept {
  if (a.size != b.size) return three_way(a.size, b.size);
  for (const Value *x = a.begin(), *y = b.begin(); x != a.end(); ++x, ++y) {
    if (const int order = compare(*x, *y); order != 0) return order;
  }
  return 0;
}

int compare_record(const RecordNode& a, const RecordNode& b) noexcept {
  if (a.size != b.size) return three_way(a.size, b.size);
  for (const TextField *x = a.begin(), *y = b.begin(); x != a.end(); ++x, ++y) {
    if (x->name->hash != y->name->hash) return three_way(x->name->hash, y->name->hash);
    if (const int order = compare_text(x->name, y->name); order != 0) return order;
    if (const int order = compare(x->value, y->value); order != 0) return order;
  }
  return 0;
}

int compare_ip(const Ip& a, const Ip& b) noexcept {
  if (a.v6 != b.v6) return a.v6 ? 1 : -1;
  if (a.high != b.high) return three_way(a.high, b.high);
  if (a.low != b.low) return three_way(a.low, b.low);
  return three_way(a.prefix, b.prefix);
}

std::uint32_t hash_bits(std::int64_t bits) noexcept {
  return mix_hash(static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32));
}

// Scalars carry no hash of their own; a container needs one from every element.
inline std::uint32_t content_hash(Value value) noexcept {
  const auto kind = static_cast<std::uint32_t>(value.kind());
  switch (value.kind()) {
    case Kind::kBool:
      return mix_hash(kind, value.as_bool() ? 1 : 0);
    case Kind::kLong:
      return mix_hash(kind, hash_bits(value.as_long()));
    case Kind::kDecimal:
      return mix_hash(kind, hash_bits(value.as_decimal().ten_thousandths));
    case Kind::kDatetime:
      return mix_hash(kind, hash_bits(value.as_datetime().epoch_ms));
    case Kind::kDuration:
      return mix_hash(kind, hash_bits(value.as_duration().ms));
    default:
      return kind + value.hash();
  }
}

bool field_before(const TextField& a, const TextField& b) noexcept {
  if (a.name->hash != b.name->hash) return a.name->hash < b.name->hash;
  return compare_text(a.name, b.name) < 0;
}

// False, and half done: two names have one hash.
bool put_in_order_of_hashes(std::span<const TextField> fields, TextField* out) noexcept {
  // Each hash with the place of its field: words are sorted, and each field moves once.
  std::array<std::uint64_t, kLinearFields> places;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto place = std::uint64_t{fields[i].name->hash} << 32 | i;
    std::size_t at = i;
    for (; at > 0 && places[at - 1] > place; --at) places[at] = places[at - 1];
    places[at] = place;
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0 && places[i - 1] >> 32 == places[i] >> 32) return false;
    out[i] = fields[static_cast<std::uint32_t>(places[i])];
  }
  return true;
}

// The names are checked to be distinct.
void put_in_order(std::span<const TextField> fields, TextField* out) {
  if (fields.size() <= kLinearFields && put_in_order_of_hashes(fields, out)) return;
  std::copy(fields.begin(), fields.end(), out);
  std::sort(out, out + fields.size(), field_before);
  for (std::size_t i = 1; i < fields.size(); ++i) WRIT_CHECK(!same_text(out[i - 1].name, out[i].name));
}

}  // namespace

std::string_view kind_name(Kind kind) noexcept {
  switch (kind) {
    case Kind::kBool:
      return "bool";
    case Kind::kLong:
      return "long";
    case Kind::kString:
      return "string";
    case Kind::kEntity:
      return "entity";
    case Kind::kSet:
      return "set";
    case Kind::kRecord:
      return "record";
    case Kind::kIp:
      return "ipaddr";
    case Kind::kDecimal:
      return "decimal";
    case Kind::kDatetime:
      return "datetime";
    case Kind::kDuration:
      return "duration";
  }
  return "";
}

int compare(Value a, Value b) noexcept {
  if (a.kind_ != b.kind_) return three_way(a.kind_, b.kind_);
  if (a.hash_ != b.hash_) return three_way(a.hash_, b.hash_);
  if (a.bits_ == b.bits_) return 0;
  switch (a.kind_) {
    case Kind::kString:
      return compare_text(a.as_text(), b.as_text());
    case Kind::kEntity:
      return compare_uid(a.as_entity(), b.as_entity());
    case Kind::kSet:
      return compare_set(a.as_set(), b.as_set());
    case Kind::kRecord:
      return compare_record(a.as_record(), b.as_record());
    case Kind::kIp:
      return compare_ip(a.as_ip(), b.as_ip());
    default:
      return three_way(a.bits_, b.bits_);
  }
}

bool Value::same_content(Value a, Value b) noexcept {
  switch (a.kind_) {
    case Kind::kString:
      return same_text(a.as_text(), b.as_text());
    case Kind::kEntity:
      return a.as_entity() == b.as_entity();
    default:
      return compare(a, b) == 0;
  }
}

bool SetNode::contains(Value value) const noexcept {
  if (size <= kLinearFields) {
    return std::find(begin(), end(), value) != end();
  }
  const Value* at =
      std::lower_bound(begin(), end(), value, [](Value a, Value b) { return compare(a, b) < 0; });
  return at != end() && *at == value;
}

bool SetNode::contains_all(const SetNode& other) const noexcept {
  if (other.size > size) return false;
  return std::all_of(other.begin(), other.end(), [this](Value value) { return contains(value); });
}

bool SetNode::contains_any(const SetNode& other) const noexcept {
  const SetNode& smaller = size < other.size ? *this : other;
  const SetNode& larger = size < other.size ? other : *this;
  return std::any_of(smaller.begin(), smaller.end(), [&](Value value) { return larger.contains(value); });
}

const Value* RecordNode::find(const Text* name) const noexcept {
  const std::uint32_t* hashes = name_hashes();
  std::uint32_t at = 0;
  if (size > kLinearFields) {
    at = static_cast<std::uint32_t>(std::lower_bound(hashes, hashes + size, name->hash) - hashes);
  } else {
    while (at < size && hashes[at] != name->hash) ++at;
  }
  for (; at < size && hashes[at] == name->hash; ++at) {
    if (same_text(begin()[at].name, name)) return &begin()[at].value;
  }
  return nullptr;
}

const Value* RecordNode::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(begin(), end(), [&](const TextField& field) { return field.name->view() == name; });
  return found == end() ? nullptr : &found->value;
}

Value make_string(Arena& arena, std::string_view text) {
  return Value::string(arena.text(text));
}

Value make_entity(Arena& arena, std::string_view type, std::string_view id) {
  return Value::entity(arena.entity(type, id));
}

Value make_ip(Arena& arena, const Ip& ip) {
  auto* copy = static_cast<Ip*>(arena.allocate(sizeof(Ip)));
  *copy = ip;
  const std::uint32_t hash =
      mix_hash(hash_bits(static_cast<std::int64_t>(ip.low)),
               hash_bits(static_cast<std::int64_t>(ip.high)) + ip.prefix * 2u + (ip.v6 ? 1 : 0));
  return Value(Kind::kIp, hash, copy);
}

Value make_set(Arena& arena, std::span<const Value> elements) {
  auto* node = static_cast<SetNode*>(arena.allocate(sizeof(SetNode) + elements.size() * sizeof(Value)));
  auto* first = reinterpret_cast<Value*>(node + 1);
  Value* last = std::copy(elements.begin(), elements.end(), first);
  if (elements.size() > 1) {
    std::sort(first, last, [](Value a, Value b) { return compare(a, b) < 0; });
    last = std::unique(first, last);
  }
  node->size = static_cast<std::uint32_t>(last - first);
  node->hash = node->size;
  for (const Value* at = first; at != last; ++at) node->hash = mix_hash(node->hash, content_hash(*at));
  return Value::set(node);
}

Value make_set(Arena& arena, std::initializer_list<Value> elements) {
  return make_set(arena, std::span(elements.begin(), elements.size()));
}

Value make_string_set(Arena& arena, std::span<const std::string> elements) {
  auto* values = arena.allocate_array<Value>(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) values[i] = make_string(arena, elements[i]);
  return make_set(arena, std::span(values, elements.size()));
}

namespace {

RecordNode* allocate_record(Arena& arena, std::size_t size) {
  const std::size_t hashes = (size + 1) & ~std::size_t{1};
  auto* node = static_cast<RecordNode*>(
      arena.allocate(sizeof(RecordNode) + hashes * sizeof(std::uint32_t) + size * sizeof(TextField)));
  node->size = static_cast<std::uint32_t>(size);
  return node;
}

// Of one whose fields are in their places.
Value finished(RecordNode* node) {
  auto hash = node->size;
  const TextField* fields = node->begin();
  auto* name_hashes = const_cast<std::uint32_t*>(node->name_hashes());
  for (std::uint32_t i = 0; i < node->size; ++i) {
    name_hashes[i] = fields[i].name->hash;
    // It tells most records from each other at once; what decides whether two are equal is compare().
    hash = (hash ^ name_hashes[i]) * 0x9e3779b1U + content_hash(fields[i].value);
  }
  node->hash = hash;
  return Value::record(node);
}

}  // namespace

Value make_record(Arena& arena, std::span<const TextField> fields) {
  auto* node = allocate_record(arena, fields.size());
  put_in_order(fields, const_cast<TextField*>(node->begin()));
  return finished(node);
}

Value with_value(Arena& arena, const RecordNode& record, const Text* name, Value value) {
  auto* node = allocate_record(arena, record.size);
  auto* fields = const_cast<TextField*>(node->begin());
  bool has = false;
  for (std::uint32_t i = 0; i < record.size; ++i) {
    const TextField& field = record.begin()[i];
    const bool changes = same_text(field.name, name);
    has = has || changes;
    std::construct_at(fields + i, TextField{field.name, changes ? value : field.value});
  }
  WRIT_CHECK(has);
  return finished(node);
}

Value make_record(Arena& arena, std::span<const Field> fields) {
  auto* texts = arena.allocate_array<TextField>(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::construct_at(texts + i, TextField{arena.text(fields[i].first), fields[i].second});
  }
  return make_record(arena, std::span<const TextField>(texts, fields.size()));
}

Value make_record(Arena& arena, std::initializer_list<Field> fields) {
  return make_record(arena, std::span<const Field>(fields.begin(), fields.size()));
}

const RecordNode* empty_record() noexcept {
  alignas(8) static constexpr RecordNode kEmpty{0, 0};
  return &kEmpty;
}

Value copy_value(Arena& arena, Value value) {
  switch (value.kind()) {
    case Kind::kString:
      return make_string(arena, value.as_string());
    case Kind::kEntity:
      return Value::entity(arena.entity(value.as_entity()));
    case Kind::kIp:
      return make_ip(arena, value.as_ip());
    case Kind::kSet: {
      const SetNode& set = value.as_set();
      auto* values = arena.allocate_array<Value>(set.size);
      for (std::uint32_t i = 0; i < set.size; ++i) values[i] = copy_value(arena, set.begin()[i]);
      return make_set(arena, std::span(values, set.size));
    }
    case Kind::kRecord: {
      const RecordNode& record = value.as_record();
      auto* fields = arena.allocate_array<TextField>(record.size);
      for (std::uint32_t i = 0; i < record.size; ++i) {
        const TextField& field = record.begin()[i];
        std::construct_at(fields + i,
                          TextField{arena.text(field.name->view()), copy_value(arena, field.value)});
      }
      return make_record(arena, std::span<const TextField>(fields, record.size));
    }
    default:
      return value;
  }
}

Result<Value> construct_extension(Arena& arena, std::string_view function, std::string_view text) {
  const auto malformed = [&](std::string_view what) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not {}", text, what));
  };
  if (function == "ip") {
    const auto ip = Ip::parse(text);
    if (!ip) return malformed("an IP address or range");
    return make_ip(arena, *ip);
  }
  if (function == "decimal") {
    const auto decimal = Decimal::parse(text);
    if (!decimal) return malformed("a decimal with one to four digits after the point");
    return Value::decimal(*decimal);
  }
  if (function == "datetime") {
    const auto datetime = Datetime::parse(text);
    if (!datetime) return malformed("a datetime such as `2024-10-15` or `2024-10-15T11:38:02Z`");
    return Value::datetime(*datetime);
  }
  if (function == "duration") {
    const auto duration = CedarDuration::parse(text);
    if (!duration) return malformed("a duration such as `1d2h3m4s5ms`");
    return Value::duration(*duration);
  }
  return failure(ErrorCode::kInvalid,
                 fmt::format("unknown extension constructor `{}`, expected `ip`, `decimal`, "
                             "`datetime` or `duration`",
                             function));
}

namespace {

// Sorted for people: what to_string() shows does not depend on hashes.
void append_value(std::string& out, Value value) {
  const auto call = [&](std::string_view function, std::string_view argument) {
    out.append(function).append("(\"").append(argument).append("\")");
  };
  switch (value.kind()) {
    case Kind::kBool:
      out.append(value.as_bool() ? "true" : "false");
      break;
    case Kind::kLong:
      out.append(std::to_string(value.as_long()));
      break;
    case Kind::kString:
      out.push_back('"');
      append_escaped(out, value.as_string());
      out.push_back('"');
      break;
    case Kind::kEntity:
      out.append(value.as_entity().to_string());
      break;
    case Kind::kIp:
      call("ip", value.as_ip().to_string());
      break;
    case Kind::kDecimal:
      call("decimal", value.as_decimal().to_string());
      break;
    case Kind::kDatetime:
      call("datetime", value.as_datetime().to_string());
      break;
    case Kind::kDuration:
      call("duration", value.as_duration().to_string());
      break;
    case Kind::kSet: {
      std::vector<std::string> shown;
      for (const Value element : value.as_set()) shown.push_back(element.to_string());
      std::sort(shown.begin(), shown.end());
      out.append(fmt::format("[{}]", fmt::join(shown, ", ")));
      break;
    }
    case Kind::kRecord: {
      std::vector<std::string> shown;
      for (const TextField& field : value.as_record()) {
        std::string& entry = shown.emplace_back("\"");
        append_escaped(entry, field.name->view());
        entry.append("\": ").append(field.value.to_string());
      }
      std::sort(shown.begin(), shown.end());
      out.append(fmt::format("{{{}}}", fmt::join(shown, ", ")));
      break;
    }
  }
}

}  // namespace

std::string Value::to_string() const {
  std::string out;
  append_value(out, *this);
  return out;
}

}  // namespace writ::cedar
