#include "compare.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace writ::differential {
namespace {

using codec::Json;

// The elements of sets, and the fields of records, in one order.
Json sorted(const Json& json) {
  Json copy = json;
  if (Json::Array* array = copy.if_array()) {
    for (Json& element : *array) element = sorted(element);
  }
  Json::Object* object = copy.if_object();
  if (object == nullptr) return copy;
  for (auto& [name, value] : *object) {
    value = sorted(value);
    if (name != "set" && name != "record") continue;
    if (Json::Array* array = value.if_array())
      std::ranges::sort(*array, {}, [](const Json& element) { return element.dump(); });
  }
  return copy;
}

class Comparer {
 public:
  void compare(const std::string& path, const Json* writ, const Json* reference) {
    if (writ != nullptr && reference != nullptr) {
      if (writ->is_object() && reference->is_object())
        return compare_members(path, *writ->if_object(), *reference->if_object(), *writ, *reference);
      if (writ->is_array() && reference->is_array() &&
          writ->if_array()->size() == reference->if_array()->size())
        return compare_elements(path, *writ->if_array(), *reference->if_array());
      if (*writ == *reference || sorted(*writ) == sorted(*reference)) return;
    }
    found_.push_back(
        {path, writ != nullptr ? writ->dump() : "", reference != nullptr ? reference->dump() : ""});
  }

  std::vector<Difference> take() { return std::move(found_); }

 private:
  // For people, and what printed.h compares.
  static bool is_beside(std::string_view name) { return name == "complaints" || name == "printed"; }
  static bool is_value(const Json::Object& object) {
    return object.size() == 1 && (object[0].first == "set" || object[0].first == "record");
  }

  void compare_members(const std::string& path, const Json::Object& writ, const Json::Object& reference,
                       const Json& whole_writ, const Json& whole_reference) {
    if (is_value(writ) || is_value(reference)) {
      if (sorted(whole_writ) != sorted(whole_reference))
        found_.push_back({path, whole_writ.dump(), whole_reference.dump()});
      return;
    }
    const auto inside = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    for (const auto& [name, value] : writ) {
      if (!is_beside(name)) compare(inside(name), &value, whole_reference.find(name));
    }
    for (const auto& [name, value] : reference) {
      if (!is_beside(name) && whole_writ.find(name) == nullptr) compare(inside(name), nullptr, &value);
    }
  }

  void compare_elements(const std::string& path, const Json::Array& writ, const Json::Array& reference) {
    for (std::size_t i = 0; i < writ.size(); ++i)
      compare(fmt::format("{}[{}]", path, i), &writ[i], &reference[i]);
  }

  std::vector<Difference> found_;
};

}  // namespace

std::string Difference::kind() const {
  std::string kind;
  bool index = false;
  for (const char c : path) {
    if (c == '[') index = true;
    if (!index) kind += c;
    if (c == ']') index = false;
  }
  // Below these stand ids of policies.
  for (const std::string_view above : {"annotations", "errors"}) {
    const auto at = kind.find(above);
    if (at != kind.npos) kind.resize(at + above.size());
  }
  return kind;
}

std::string Difference::to_string() const {
  return fmt::format("{}: writ {}, reference {}", path, writ.empty() ? "-" : writ,
                     reference.empty() ? "-" : reference);
}

std::vector<Difference> differences(const Json& writ, const Json& reference) {
  Comparer comparer;
  comparer.compare("", &writ, &reference);
  return comparer.take();
}

}  // namespace writ::differential
