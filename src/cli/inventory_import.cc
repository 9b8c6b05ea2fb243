// writ inventory import: what an export of another system would change about the inventory, and with --apply
// the change itself. It works on the configuration's folder and asks no server.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/output.h"
#include "config/imported.h"
#include "files/files.h"

namespace writ::cli {
namespace {

using codec::Json;

constexpr std::size_t kShown = 20;  // of each kind of difference, for people
constexpr std::string_view kDefaultFolder = "inventory/imported";

struct InventoryImportOptions {
  std::string source, name, config = "writ.yaml";
  std::vector<std::string> files;
  bool apply = false, json = false;
};

// A file of another source is wrong in each of its lines: the first ones tell.
void print(const files::Issues& issues) {
  const auto& all = issues.all();
  for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i) print_error(render(all[i]));
  if (all.size() > kShown) print_error(fmt::format("... and {} more", all.size() - kShown));
}

std::string titled_list(std::string_view title, const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  std::string out = fmt::format("{} ({})\n", title, ids.size());
  for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i) out += fmt::format("  {}\n", ids[i]);
  if (ids.size() > kShown) out += fmt::format("  ... and {} more (--json lists all)\n", ids.size() - kShown);
  return out;
}

std::string text_of(const intake::Difference& difference) {
  std::string out = titled_list("added", difference.added);
  std::vector<std::string> changed;
  for (const auto& each : difference.changed)
    changed.push_back(fmt::format("{}: {}", each.id, fmt::join(each.what, ", ")));
  out += titled_list("changed", changed);
  out += titled_list("no longer seen", difference.gone);
  out += titled_list("seen again", difference.back);
  if (difference.same > 0) out += fmt::format("unchanged: {}\n", difference.same);
  return out;
}

Json json_of(const intake::Difference& difference) {
  Json changed = Json::array();
  for (const auto& each : difference.changed)
    changed.push(Json::object({{"id", each.id}, {"what", codec::json_texts(each.what)}}));
  return Json::object({{"added", codec::json_texts(difference.added)},
                       {"changed", std::move(changed)},
                       {"no_longer_seen", codec::json_texts(difference.gone)},
                       {"seen_again", codec::json_texts(difference.back)},
                       {"unchanged", static_cast<std::int64_t>(difference.same)}});
}

std::optional<std::vector<intake::File>> read_files(const std::vector<std::string>& names,
                                                    files::Issues& issues) {
  std::vector<intake::File> files;
  for (const auto& name : names) {
    auto text = files::read_regular_file(name, intake::kMaxFileBytes);
    if (!text) {
      issues.error({name}, text.error().message);
      continue;
    }
    // What it is called, and not where it lay.
    files.push_back({std::filesystem::path(name).filename().string(), *std::move(text)});
  }
  return issues.has_errors() ? std::nullopt : std::optional(std::move(files));
}

Result<void> write_import(const std::filesystem::path& folder, const intake::Import& import) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return failure(ErrorCode::kIo, fmt::format("{}: {}", folder.string(), failed.message()));
  return files::put_private_file(config::import_file(folder, import.name), import_text(import));
}

// What was kept of it before; empty at the first import.
std::optional<intake::Import> before(std::vector<intake::Import>& imports, intake::Source source,
                                     const std::string& name, files::Issues& issues) {
  const auto found = std::ranges::find(imports, name, &intake::Import::name);
  if (found == imports.end()) return intake::Import{.source = source, .name = name, .records = {}};
  if (found->source != source) {
    issues.error({name},
                 fmt::format("the import `{}` is of {}, and these files are said to be of {}", name,
                             source_name(found->source), source_name(source)),
                 "give this one a name of its own (--as)");
    return std::nullopt;
  }
  auto import = std::move(*found);
  imports.erase(found);
  return import;
}

std::string suggestions_text(const std::vector<intake::Suggestion>& suggested) {
  std::string out;
  for (std::size_t i = 0; i < std::min(suggested.size(), kShown); ++i)
    out += fmt::format("suggested link: `{}` and `{}` are both called `{}`\n", suggested[i].one,
                       suggested[i].other, suggested[i].alias);
  if (suggested.size() > kShown)
    out += fmt::format("... and {} more (--json lists all)\n", suggested.size() - kShown);
  if (!suggested.empty())
    out +=
        "nothing was linked; to link them, write `imported: [\"ID\"]` at the identity in the configuration\n";
  return out;
}

int import(const InventoryImportOptions& options) {
  files::Issues issues;
  const auto source = intake::source_from_name(options.source);
  const auto& name = options.name.empty() ? options.source : options.name;
  if (!source || !intake::valid_import_name(name))
    return fail(fmt::format(
        "`{}` is not the name of an import, expected up to 32 letters, digits, `-`, `_` and `.`", name));
  auto config = config::draft_config(options.config, issues);
  if (!config) return print(issues), kBroken;
  issues = {};  // `writ check` is for those
  const auto folder = config::imports_folder(*config);
  const auto target = folder.value_or(config->file.parent_path() / kDefaultFolder);
  auto imports = config::read_imports(target, issues);
  const auto files = read_files(options.files, issues);
  if (!files) return print(issues), kBroken;
  auto kept = before(imports, *source, name, issues);
  if (!kept) return print(issues), kBroken;
  intake::Findings findings(issues);
  read_source(*source, *files, findings);
  if (issues.has_errors()) {
    print(issues);
    return fail("nothing was imported");
  }
  const bool whole_new = kept->records.empty();
  auto merged = merge(*kept, findings, SystemClock().now());
  if (!merged) return fail(merged.error());
  const bool writes = options.apply && (!merged->difference.empty() || whole_new);
  if (writes) {
    if (const auto done = write_import(target, merged->after); !done) return fail(done.error());
  }
  const bool empty = merged->difference.empty();
  auto difference = json_of(merged->difference);
  auto text = text_of(merged->difference);
  imports.push_back(std::move(merged->after));
  std::ranges::sort(imports, {}, &intake::Import::name);
  const auto listed_identities = config::read_links(*config);
  const auto suggested = suggested_links(imports, listed_identities);
  if (options.json) {
    Json left_out = Json::object();
    for (const auto& [what, count] : findings.left_out())
      left_out.set(what, static_cast<std::int64_t>(count));
    Json links = Json::array();
    for (const auto& each : suggested)
      links.push(Json::object({{"one", each.one}, {"other", each.other}, {"both_called", each.alias}}));
    difference.set("left_out", std::move(left_out));
    difference.set("suggested_links", std::move(links));
    difference.set("applied", writes);
    print_json(difference);
    return kYes;
  }
  for (const auto& [what, count] : findings.left_out()) text += fmt::format("left out: {} {}\n", count, what);
  text += suggestions_text(suggested);
  if (writes) {
    text += fmt::format("written to {}\n", config::import_file(target, name).string());
    if (!folder)
      text += fmt::format("to list them, add `imported: {}` to `inventory` in {}\n", kDefaultFolder,
                          options.config);
  } else {
    text += empty ? "nothing changes\n" : "nothing was written; --apply does it\n";
  }
  print_text(text);
  return kYes;
}

}  // namespace

void add_inventory_import(Command& inventory) {
  auto options = std::make_shared<InventoryImportOptions>();
  auto& command = inventory.add(
      "import",
      "read identities from an export of another system; shows the difference, and --apply writes it");
  command.option("source", options->source, "what the files are an export of")
      .required()
      .one_of(intake::source_names());
  command.option("files", options->files, "the files of one export, all of them").required();
  command.option("--as", options->name,
                 "the name of the import, when there are several of a source; ids begin with it");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.flag("--apply", options->apply, "write it into the folder of imports");
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return import(*options); });
}

}  // namespace writ::cli
