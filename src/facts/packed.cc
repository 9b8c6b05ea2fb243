#include "facts/packed.h"

#include <vector>

#include "base/check.h"

namespace writ::facts {
namespace {

using cedar::Arena;
using cedar::EntityRef;
using cedar::Kind;
using cedar::RecordNode;
using cedar::TextField;
using cedar::Value;

class Packer {
 public:
  explicit Packer(NameTable& names) : names_(names) {}

  void entity(EntityRef uid) {
    number(names_.number_of(uid.type()));
    text(uid.id());
  }
  void record(const RecordNode& record) {
    number(record.size);
    for (const auto& field : record) {
      number(names_.number_of(field.name->view()));
      value(field.value);
    }
  }
  // Tags have names that no schema declares.
  void tags(const RecordNode& tags) {
    number(tags.size);
    for (const auto& field : tags) {
      text(field.name->view());
      value(field.value);
    }
  }
  void number(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out_.push_back(static_cast<char>(number | 0x80));
    out_.push_back(static_cast<char>(number));
  }
  std::string take() && { return std::move(out_); }

 private:
  void text(std::string_view text) {
    number(text.size());
    out_ += text;
  }
  void signed_number(std::int64_t number) {
    this->number((static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63));
  }
  void value(Value value) {
    out_.push_back(static_cast<char>(value.kind()));
    switch (value.kind()) {
      case Kind::kBool:
        return number(value.as_bool() ? 1 : 0);
      case Kind::kLong:
        return signed_number(value.as_long());
      case Kind::kString:
        return text(value.as_string());
      case Kind::kEntity:
        return entity(value.as_entity());
      case Kind::kSet:
        number(value.as_set().size);
        for (const Value element : value.as_set()) this->value(element);
        return;
      case Kind::kRecord:
        return record(value.as_record());
      case Kind::kIp:
        return text(value.as_ip().to_string());
      case Kind::kDecimal:
        return signed_number(value.as_decimal().ten_thousandths);
      case Kind::kDatetime:
        return signed_number(value.as_datetime().epoch_ms);
      case Kind::kDuration:
        return signed_number(value.as_duration().ms);
    }
  }

  NameTable& names_;
  std::string out_;
};

class Unpacker {
 public:
  Unpacker(const char* bytes, const Names& names) : at_(bytes), names_(names) {}

  std::uint64_t number() noexcept {
    std::uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      number |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return number;
    }
  }
  std::string_view text() noexcept {
    const auto size = number();
    const std::string_view text(at_, size);
    at_ += size;
    return text;
  }
  const cedar::Text* name() noexcept { return names_.texts[number()]; }
  EntityRef entity(Arena& arena) {
    const auto* type = name();
    return arena.entity(type, arena.text(text()));
  }
  const RecordNode& record(Arena& arena) {
    return fields(arena, [&] { return name(); });
  }
  const RecordNode& tags(Arena& arena) {
    return fields(arena, [&] { return arena.text(text()); });
  }

 private:
  template <class Name>
  const RecordNode& fields(Arena& arena, Name name) {
    const auto count = number();
    if (count == 0) return *cedar::empty_record();
    auto* fields = arena.allocate_array<TextField>(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* called = name();
      new (&fields[i]) TextField{called, value(arena)};
    }
    return cedar::make_record(arena, std::span<const TextField>(fields, count)).as_record();
  }
  std::int64_t signed_number() noexcept {
    const auto number = this->number();
    return static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
  }
  Value value(Arena& arena) {
    switch (static_cast<Kind>(*at_++)) {
      case Kind::kBool:
        return Value::boolean(number() == 1);
      case Kind::kLong:
        return Value::integer(signed_number());
      case Kind::kString:
        return cedar::make_string(arena, text());
      case Kind::kEntity:
        return Value::entity(entity(arena));
      case Kind::kSet: {
        const auto count = number();
        auto* elements = arena.allocate_array<Value>(count);
        for (std::size_t i = 0; i < count; ++i) new (&elements[i]) Value(value(arena));
        return cedar::make_set(arena, std::span<const Value>(elements, count));
      }
      case Kind::kRecord:
        return Value::record(&record(arena));
      case Kind::kIp: {
        const auto ip = cedar::Ip::parse(text());
        WRIT_CHECK(ip.has_value());
        return cedar::make_ip(arena, *ip);
      }
      case Kind::kDecimal:
        return Value::decimal({signed_number()});
      case Kind::kDatetime:
        return Value::datetime({signed_number()});
      case Kind::kDuration:
        return Value::duration({signed_number()});
    }
    WRIT_CHECK(!"a kind of value that was packed");
    return Value::boolean(false);
  }

  const char* at_;
  const Names& names_;
};

}  // namespace

std::string pack(const cedar::EntityDraft& entity, NameTable& names) {
  Packer packer(names);
  packer.entity(entity.uid);
  packer.record(entity.attributes);
  packer.tags(entity.tags);
  packer.number(entity.parents.size());
  for (const EntityRef parent : entity.parents) packer.entity(parent);
  return std::move(packer).take();
}

cedar::Entity unpack(const char* bytes, const Names& names, Arena& arena) {
  static const cedar::Ancestors kNone{0, 0};
  Unpacker unpacker(bytes, names);
  const auto uid = unpacker.entity(arena);
  const RecordNode& attributes = unpacker.record(arena);
  const RecordNode& tags = unpacker.tags(arena);
  const auto count = unpacker.number();
  auto* parents = arena.allocate_array<EntityRef>(count);
  for (std::size_t i = 0; i < count; ++i) new (&parents[i]) EntityRef(unpacker.entity(arena));
  return {uid, &attributes, &tags, &kNone, std::span<const EntityRef>(parents, count)};
}

bool is_of(const char* bytes, const Names& names, EntityRef uid) noexcept {
  Unpacker unpacker(bytes, names);
  return same_text(unpacker.name(), uid.type_text()) && unpacker.text() == uid.id();
}

}  // namespace writ::facts
