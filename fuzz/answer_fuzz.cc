// What an API answers, where it decides (gateway/answer_reader.h): what goes out is valid JSON that holds
// only elements that stay, each as it came, and the answer of one resource is not changed.
#include <cstdint>
#include <cstdlib>

#include "codec/json.h"
#include "gateway/answer_reader.h"

namespace {

using writ::codec::Json;
using writ::gateway::AnswerReader;

void require(bool holds) {
  if (!holds) std::abort();
}

const AnswerReader& list_reader(const char* elements) {
  static const auto of_items = AnswerReader::make({.attributes = {{"tenant", "/tenant"}},
                                                   .id = "/id",
                                                   .elements = "/items",
                                                   .keep = {"/total", "/page/size"}})
                                   .value();
  static const auto of_whole =
      AnswerReader::make({.attributes = {{"tenant", "/tenant"}}, .id = "/id", .elements = "."}).value();
  return *elements == '.' ? of_whole : of_items;
}

void check_list(const AnswerReader& reader, const std::string& text) {
  auto read = reader.read(text, "Billing::Invoice", "all", {});
  if (!read.answer.unreadable.empty()) return;
  std::size_t stays = 0;
  for (auto& element : read.answer.elements) {
    element.permitted = element.facts && !element.id.empty() && element.id.size() % 2 == 0;
    if (element.permitted) ++stays;
  }
  const auto out = std::move(read).take_body(reader);
  const auto json = writ::codec::parse_json(out, {.max_bytes = out.size()});
  require(json.has_value());
  const Json* list = reader.spec().elements == "." ? &*json : json->find("items");
  require(list != nullptr && list->is_array() && list->if_array()->size() == stays);
  for (const Json& element : *list->if_array()) require(element.is_object());
  require(out.size() <= text.size() + 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_list(list_reader("/items"), text);
  check_list(list_reader("."), text);
  static const auto one =
      AnswerReader::make({.attributes = {{"tenant", "/tenant"}, {"n", "/a/b"}}, .id = "/id"}).value();
  auto read = one.read(text, "Billing::Invoice", "7", {});
  if (read.answer.unreadable.empty()) {
    writ::cedar::Arena arena;
    (void)read.answer.facts(arena, nullptr);
  }
  require(std::move(read).take_body(one) == text);
  return 0;
}
