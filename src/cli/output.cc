#include "cli/output.h"

#include <cstdio>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/visible.h"

namespace writ::cli {

void print_text(std::string_view text) {
  print_exact(visible(text));
}

void print_exact(std::string_view text) {
  fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
}

void print_error(std::string_view text) {
  fmt::print(stderr, "{}{}", visible(text), text.ends_with('\n') ? "" : "\n");
}

void print_json(const codec::Json& json) {
  print_exact(json.pretty());
}

int fail(const Error& error) {
  return fail(error.message);
}

int fail(std::string_view message) {
  print_error(fmt::format("writ: {}", message));
  return kBroken;
}

std::string show(const codec::Json& object, std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr || value->is_null()) return {};
  if (const auto* text = value->if_string()) return *text;
  return value->dump();
}

std::string members_text(const codec::Json& object, std::size_t columns) {
  std::string out;
  for (const auto& [name, value] : *object.if_object())
    out += fmt::format("{:<{}} {}\n", name, columns, show(object, name));
  return out;
}

std::string list_text(const codec::Json& answer, std::string_view name,
                      std::string (*line)(const codec::Json&), std::string_view none) {
  std::string out;
  const auto* list = answer.find(name);
  if (list == nullptr || list->if_array() == nullptr) return out;
  for (const auto& element : *list->if_array()) out += line(element) + "\n";
  const auto* next = answer.find_string("next");
  if (next != nullptr) out += fmt::format("there is more: go on with --after {}\n", *next);
  return out.empty() ? std::string(none) : out;
}

}  // namespace writ::cli
