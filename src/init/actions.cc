#include "init/actions.h"

#include <fmt/format.h>
#include <map>
#include <set>

#include "init/names.h"

namespace writ::init {
namespace {

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// FastAPI makes `name + path` with `_` for everything else, `_` and the method.
std::string without_path(const Operation& operation) {
  std::string end;
  for (const char c : operation.path) end += is_word(c) ? c : '_';
  end += '_';
  for (const char c : operation.method) end += static_cast<char>(c | 0x20);
  const auto& id = operation.id;
  return id.size() > end.size() && id.ends_with(end) ? id.substr(0, id.size() - end.size()) : id;
}

std::string verb_of(std::string_view method) {
  if (method == "PUT") return "replace";
  if (method == "PATCH") return "update";
  std::string verb;
  for (const char c : method) verb += static_cast<char>(c | 0x20);
  return verb;
}

// "getOrder", "listOrderItems", "createOrder", "approveOrder"; of `/orders/{order}:cancel` "cancelOrder", of
// `/orders/{order}.pdf` "getOrderPdf"; of `/orders/{order}/invoice.{format}` "getOrderInvoice".
std::string described(const ActionSource& source) {
  const auto& method = source.operation->method;
  const auto& segments = source.path->segments;
  auto last = segments.size();
  while (last > 0 && !segments[last - 1].is_parameter && segments[last - 1].text.empty()) --last;
  if (last > 0 && segments[last - 1].names_resource()) {
    const auto& end = segments[last - 1].end;
    if (method == "POST" && !camel(end).empty()) return camel(end) + source.type;
    return (method == "POST" ? std::string("post") : verb_of(method)) + source.type + pascal(end);
  }
  const auto word = last > 0 ? segments[last - 1].word() : std::string_view();
  const bool of_all = source.path->up_to_last_parameter() == 0;
  const auto parent = of_all ? std::string() : source.type;
  const auto noun = pascal(word);
  if (noun.empty()) return verb_of(method) + (of_all ? "Root" : parent);
  const bool plural = singular(word) != word;
  if (plural && method == "GET") return "list" + parent + noun;
  if (plural && method == "POST") return "create" + parent + pascal(singular(word));
  if (!plural && method == "POST") return camel(word) + parent;
  return verb_of(method) + parent + noun;
}

std::string unlike(const std::set<std::string>& taken, const std::string& name) {
  auto made = name;
  for (int number = 2; taken.contains(made); ++number) made = fmt::format("{}{}", name, number);
  return made;
}

}  // namespace

std::vector<std::string> name_actions(const std::vector<ActionSource>& sources,
                                      const std::vector<std::string>& reserved, std::vector<Note>& notes) {
  std::set<std::string> taken(reserved.begin(), reserved.end());
  std::map<std::string, int> ids, short_ids;
  for (const auto& source : sources)
    ++ids[source.operation->id], ++short_ids[without_path(*source.operation)];
  std::vector<std::string> names(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto& operation = *sources[i].operation;
    if (operation.id.empty()) continue;
    const auto brief = without_path(operation);
    const auto& id = short_ids[brief] == 1 ? brief : operation.id;
    const auto why = !is_action_name(id)     ? "has other signs than letters, digits and `_-./:`, or too many"
                     : ids[operation.id] > 1 ? "is given twice"
                     : taken.contains(id)    ? "is the name of something else"
                                             : nullptr;
    if (why == nullptr) {
      taken.insert(names[i] = id);
    } else {
      notes.push_back({shown(operation.name()),
                       fmt::format("the operationId `{}` {}; the action is called after the path",
                                   shown(operation.id), why)});
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (names[i].empty()) taken.insert(names[i] = unlike(taken, described(sources[i])));
  return names;
}

}  // namespace writ::init
