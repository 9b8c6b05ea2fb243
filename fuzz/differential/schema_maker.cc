#include "schema_maker.h"

#include <array>
#include <fmt/format.h>
#include <set>
#include <string_view>
#include <vector>

#include "cedar/parse.h"

#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;

constexpr std::array kSpaces{""sv, ""sv, "A"sv, "A::B"sv, "Shop"sv, "_n1"sv, "type"sv, "A::B::C"sv};
constexpr std::array kTypeNames{"User"sv, "Team"sv,      "Doc"sv,  "Folder"sv, "Task"sv,   "T1"sv,
                                "T2"sv,   "T3"sv,        "T4"sv,   "entity"sv, "action"sv, "type"sv,
                                "E_"sv,   "principal"sv, "Tags"sv, "Group"sv};
constexpr std::array kOddTypeNames{"String"sv, "Long"sv,     "ipaddr"sv,  "Action"sv,
                                   "Bool"sv,   "in"sv,       "__cedar"sv, "Set"sv,
                                   "Record"sv, "datetime"sv, "Entity"sv,  "Extension"sv};
constexpr std::array kPrimitives{"String"sv, "Long"sv, "Bool"sv};
constexpr std::array kExtensions{"ipaddr"sv, "decimal"sv, "datetime"sv, "duration"sv};
constexpr std::array kActionNames{"read"sv, "write"sv, "all"sv,    "delete"sv,    "a b"sv,    "x"sv,    ""sv,
                                  "in"sv,   "é"sv,     "view\n"sv, "appliesTo"sv, "action"sv, "\"q\""sv};

struct Declared {
  std::string space;
  std::string name;
};

std::string join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

class SchemaMaker {
 public:
  explicit SchemaMaker(Random& random) : random_(random) {}

  std::string make() {
    declare();
    std::string text;
    for (const std::string& space : spaces_) {
      space_ = space;
      const std::string body = declarations();
      text += space.empty() ? body : fmt::format("{}namespace {} {{\n{}}}\n", annotation(), space, body);
    }
    return text;
  }

 private:
  // The names come first, so that whatever is declared may name whatever else is.
  void declare() {
    std::set<std::string> spaces;
    for (std::size_t i = random_.between(1, 3); i > 0; --i) spaces.emplace(random_.pick(kSpaces));
    spaces_.assign(spaces.begin(), spaces.end());
    for (const std::string& space : spaces_) {
      for (std::size_t i = random_.between(1, 4); i > 0; --i) declare_one(space, entities_);
      if (random_.one_in(3)) declare_one(space, enums_);
      for (std::size_t i = random_.below(3); i > 0; --i) declare_one(space, commons_);
      for (std::size_t i = random_.between(1, 4); i > 0; --i) {
        const std::string name(random_.percent(75) ? kActionNames[random_.below(5)]
                                                   : random_.pick(kActionNames));
        // As with types below, also over namespaces.
        const std::string key = random_.one_in(60) ? space + "::Action::" + name : "Action::" + name;
        if (used_.insert(key).second) actions_.push_back({space, name});
      }
    }
  }

  void declare_one(const std::string& space, std::vector<Declared>& into) {
    const bool odd = random_.one_in(60);
    const std::string name(odd ? random_.pick(kOddTypeNames) : random_.pick(kTypeNames));
    // A name of the empty namespace may not be declared in another; names that differ are always right.
    if (used_.insert(random_.one_in(60) ? space + "::" + name : name).second) into.push_back({space, name});
  }

  std::string annotation() {
    if (!random_.one_in(12)) return "";
    return random_.one_in(3) ? "@doc "
                             : fmt::format("@note({}) ", string_literal(random_, any_string(random_)));
  }

  std::string key(std::string_view name) {
    return cedar::is_plain_attribute(name) && random_.percent(85) ? std::string(name)
                                                                  : string_literal(random_, name);
  }

  std::string named(const Declared& declared) {
    if (declared.space == space_ && random_.percent(70)) return declared.name;
    return declared.space.empty() ? declared.name : declared.space + "::" + declared.name;
  }

  std::string type(std::size_t depth) {
    const std::size_t choice = random_.below(100);
    if (choice < 4)
      return fmt::format("__cedar::{}",
                         random_.one_in(2) ? random_.pick(kPrimitives) : random_.pick(kExtensions));
    if (choice < 35) return std::string(random_.pick(kPrimitives));
    if (choice < 50) return std::string(random_.pick(kExtensions));
    if (choice < 70 && !entities_.empty()) return named(random_.pick(entities_));
    if (choice < 75 && !enums_.empty()) return named(random_.pick(enums_));
    if (choice < 82 && usable_commons_ > 0) return named(commons_[random_.below(usable_commons_)]);
    if (depth == 0) return "Long";
    return choice < 93 ? fmt::format("Set<{}>", type(depth - 1)) : record(depth - 1);
  }

  std::string record(std::size_t depth) {
    std::vector<std::string> attributes;
    std::set<std::string_view> seen;
    for (std::size_t i = random_.below(6); i > 0; --i) {
      const std::string_view name = any_attribute(random_);
      if (!seen.insert(name).second && !random_.one_in(40)) continue;
      attributes.push_back(
          fmt::format("{}{}{}: {}", annotation(), key(name), random_.percent(40) ? "?" : "", type(depth)));
    }
    return fmt::format("{{{}{}}}", join(attributes), !attributes.empty() && random_.one_in(4) ? "," : "");
  }

  std::string declarations() {
    std::string text;
    for (std::size_t i = 0; i < commons_.size(); ++i) {
      if (commons_[i].space != space_) continue;
      // Only what was declared before, or there would be cycles; now and then there is one.
      usable_commons_ = random_.one_in(80) ? commons_.size() : i;
      const bool is_record = random_.one_in(2);
      if (is_record) records_.push_back(commons_[i]);
      text +=
          fmt::format("{}type {} = {};\n", annotation(), commons_[i].name, is_record ? record(1) : type(2));
    }
    usable_commons_ = commons_.size();
    for (const Declared& each : entities_) {
      if (each.space == space_) text += entity(each);
    }
    for (const Declared& each : enums_) {
      if (each.space == space_) text += enumerated(each);
    }
    for (std::size_t i = 0; i < actions_.size(); ++i) {
      if (actions_[i].space == space_) text += action(i);
    }
    return text;
  }

  std::string entity(const Declared& declared) {
    std::string text = fmt::format("{}entity {}", annotation(), declared.name);
    if (random_.percent(60)) {
      std::vector<std::string> parents;
      for (std::size_t i = random_.between(1, 2); i > 0; --i)
        parents.push_back(
            named(random_.one_in(30) && !enums_.empty() ? random_.pick(enums_) : random_.pick(entities_)));
      text += parents.size() == 1 && random_.one_in(2) ? " in " + parents[0]
                                                       : fmt::format(" in [{}]", join(parents));
    }
    if (random_.percent(85)) text += (random_.one_in(4) ? " = " : " ") + record(2);
    if (random_.percent(35)) text += " tags " + type(1);
    return text + ";\n";
  }

  std::string enumerated(const Declared& declared) {
    std::vector<std::string> choices;
    std::set<std::string_view> seen;
    for (std::size_t i = random_.between(1, 4); i > 0; --i) {
      const std::string_view id = any_entity_id(random_);
      if (seen.insert(id).second || random_.one_in(30)) choices.push_back(string_literal(random_, id));
    }
    return fmt::format("{}entity {} enum [{}];\n", annotation(), declared.name, join(choices));
  }

  std::string types() {
    std::vector<std::string> names;
    for (std::size_t i = random_.between(1, 3); i > 0; --i)
      names.push_back(
          named(random_.one_in(8) && !enums_.empty() ? random_.pick(enums_) : random_.pick(entities_)));
    return names.size() == 1 && random_.one_in(2) ? names[0] : fmt::format("[{}]", join(names));
  }

  std::string action(std::size_t index) {
    const Declared& declared = actions_[index];
    std::string text = fmt::format("{}action {}", annotation(), key(declared.name));
    if (index > 0 && random_.percent(45)) {
      // A group that comes before: no cycles, or hardly any.
      const Declared& group =
          actions_[random_.one_in(60) ? random_.below(actions_.size()) : random_.below(index)];
      std::string parent = key(group.name);
      if (group.space != space_ || random_.one_in(6)) {
        parent =
            fmt::format("{}Action::{}",
                        group.space.empty() ? "" : group.space + "::", string_literal(random_, group.name));
      }
      text += random_.one_in(2) ? " in " + parent : fmt::format(" in [{}]", parent);
    }
    if (random_.percent(88)) {
      std::vector<std::string> parts{"principal: " + types(), "resource: " + types()};
      if (random_.percent(75)) parts.push_back("context: " + context());
      if (random_.one_in(5)) std::swap(parts.front(), parts.back());
      text += fmt::format(" appliesTo {{ {} }}", join(parts));
    }
    return text + ";\n";
  }

  std::string context() {
    if (random_.one_in(150) && !commons_.empty()) return named(random_.pick(commons_));
    return random_.percent(15) && !records_.empty() ? named(random_.pick(records_)) : record(2);
  }

  Random& random_;
  std::string space_;
  std::vector<std::string> spaces_;
  std::vector<Declared> entities_;
  std::vector<Declared> enums_;
  std::vector<Declared> commons_;
  std::vector<Declared> records_;  // of the common types, those that were written and are records
  std::vector<Declared> actions_;
  std::set<std::string> used_;
  std::size_t usable_commons_ = 0;
};

}  // namespace

std::string make_schema(Random& random) {
  return SchemaMaker(random).make();
}

}  // namespace writ::differential
