// writ entities: put, get, delete, import and list the facts that are pushed, over /v1.
#include <algorithm>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "files/files.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxLinesBytes = std::size_t{4} << 30;
constexpr std::size_t kBatchLines = 5'000;
constexpr std::size_t kBatchBytes = 512 * 1024;

struct EntitiesOptions : ApiOptions {
  std::string entity;  // Billing::Order::"o-17"
  std::string type;
  std::string file;
};

std::string text_of(const codec::Json& answer) {
  return answer.dump();
}

std::string entities_text(const codec::Json& answer) {
  std::string out;
  if (const auto* list = answer.find("entities"); list != nullptr && list->if_array() != nullptr) {
    for (const auto& entity : *list->if_array()) out += entity.dump() + "\n";
  }
  if (const auto* next = answer.find_string("next"))
    out += fmt::format("there is more: go on with --after {}\n", *next);
  return out.empty() ? "nothing" : out;
}

Result<std::string> read_input(const std::string& file) {
  return files::read_file(file, kMaxLinesBytes);
}

int put(const EntitiesOptions& options) {
  const auto text = read_input(options.file);
  if (!text) return fail(text.error());
  const auto entity = codec::parse_json(*text);
  if (!entity) return fail(entity.error());
  return call_api(options, "PUT", "/v1/entities", text_of, *entity);
}

int call_one(const EntitiesOptions& options, std::string method) {
  const auto uid = cedar::parse_entity(options.entity);
  if (!uid) {
    print_error(fmt::format("`{}` is not an entity, such as Billing::Order::\"o-17\"", options.entity));
    return kBroken;
  }
  return call_api(options, std::move(method), "/v1/entities", text_of, std::nullopt,
                  {{"type", uid->type}, {"id", uid->id}});
}

// In pieces that a server takes; each is done whole or not at all.
int import(const EntitiesOptions& options) {
  const auto text = read_input(options.file);
  if (!text) return fail(text.error());
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  std::size_t first = 1, changed = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    std::size_t size = 0, lines = 0;
    while (size < rest.size() && lines < kBatchLines) {
      const auto end = std::min(rest.find('\n', size), rest.size() - 1) + 1;
      if (lines > 0 && end > kBatchBytes) break;
      size = end;
      ++lines;
    }
    const auto answer = remote->post_lines("/v1/entities", std::string(rest.substr(0, size)));
    if (!answer || answer->status != 200) {
      print_error(fmt::format("of the lines from {} to {} none was taken, {} entities before them were",
                              first, first + lines - 1, changed));
      return report(answer, options.json, text_of);
    }
    const auto json = codec::parse_json(answer->body);
    const auto* count = json ? json->find("changed") : nullptr;
    if (count != nullptr && count->if_int() != nullptr) changed += static_cast<std::size_t>(*count->if_int());
    rest.remove_prefix(size);
    first += lines;
  }
  print_text(fmt::format("{} entities changed", changed));
  return kYes;
}

}  // namespace

void add_entities(Command& program) {
  auto options = std::make_shared<EntitiesOptions>();
  auto& entities = program.add("entities", "put, get, delete, import and list the facts that are pushed");

  auto& put_one = add_api_command(entities, "put", "put an entity", *options);
  put_one.option("file", options->file, "its JSON: {\"uid\": …, \"attrs\": …, \"parents\": …}").required();
  put_one.runs([options] { return put(*options); });
  for (const auto& [name, method, help] :
       {std::tuple{"get", "GET", "print an entity"}, std::tuple{"delete", "DELETE", "take an entity away"}}) {
    auto& command = add_api_command(entities, name, help, *options);
    command.option("entity", options->entity, "as policies write it: Billing::Order::\"o-17\"").required();
    command.runs([options, method = std::string(method)] { return call_one(*options, method); });
  }
  auto& lines = add_api_command(entities, "import", "put the entities of a file, one in each line", *options);
  lines.option("file", options->file, "JSON lines").required();
  lines.runs([options] { return import(*options); });
  auto& list = add_list_command(entities, "list", "list the entities of a type", *options);
  list.option("type", options->type, "such as Billing::Order").required();
  list.runs([options] {
    return call_api(*options, "GET", "/v1/entities", entities_text, std::nullopt, {{"type", options->type}});
  });
}

}  // namespace writ::cli
