#include "config/imported.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <system_error>
#include <unordered_map>

#include "config/world.h"
#include "files/files.h"
#include "files/folder.h"

namespace writ::config {
namespace {

using inventory::Identity;

constexpr std::string_view kEnding = ".json";

const files::YamlNode* imported_node(const Config& config) {
  const auto* inventory = config.root != nullptr ? config.root->find("inventory") : nullptr;
  const auto* node = inventory != nullptr ? inventory->find("imported") : nullptr;
  return node != nullptr && node->kind == files::YamlNode::Kind::kText ? node : nullptr;
}

using Linked = std::unordered_map<std::string, std::size_t>;  // import's id → which of the declared

Linked find_links(const Config& config, const std::vector<Identity>& declared, files::Issues& issues) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < declared.size(); ++i) places[declared[i].id] = i;
  Linked links;
  for (const files::YamlNode& node : config.identities) {
    const auto* list = node.find("imported");
    const auto* id = node.find("id");
    const auto place = id != nullptr ? places.find(id->text) : places.end();
    if (list == nullptr || place == places.end()) continue;
    if (list->items.size() > intake::kMaxLinks)
      issues.error(
          {config.file.string(), list->line, list->column},
          fmt::format("identity `{}` is linked to more than {} imports", id->text, intake::kMaxLinks));
    for (const files::YamlNode& link : list->items) {
      const auto [first, added] = links.try_emplace(link.text, place->second);
      if (!added)
        issues.error(
            {config.file.string(), link.line, link.column},
            fmt::format("`{}` is linked already, to identity `{}`", link.text, declared[first->second].id),
            "one identity of another system is one identity here: remove one of the links");
    }
  }
  return links;
}

void report_unknown(const Config& config, const Linked& left, files::Issues& issues) {
  for (const files::YamlNode& node : config.identities) {
    const auto* list = node.find("imported");
    if (list == nullptr) continue;
    for (const files::YamlNode& link : list->items) {
      if (left.contains(link.text))
        issues.error({config.file.string(), link.line, link.column},
                     fmt::format("`{}` was not imported", link.text),
                     "`writ inventory import` shows the ids; they begin with the name of the import");
    }
  }
}

}  // namespace

std::optional<std::filesystem::path> imports_folder(const Config& config) {
  const auto* node = imported_node(config);
  if (node == nullptr) return std::nullopt;
  return config.file.parent_path() / std::filesystem::path(node->text);
}

std::filesystem::path import_file(const std::filesystem::path& folder, std::string_view name) {
  return folder / (std::string(name) + std::string(kEnding));
}

std::vector<intake::Import> read_imports(const std::filesystem::path& folder, files::Issues& issues) {
  std::vector<intake::Import> imports;
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) return imports;
  const auto found = files::look_into(folder,
                                      {.use =
                                           [](std::string_view name, const files::FileStamp&) {
                                             return files::ends_like(name, kEnding) ? files::FileUse::kRead
                                                                                    : files::FileUse::kNone;
                                           },
                                       .subfolders = false,
                                       .unusable = "it is not an import",
                                       .help = "only `writ inventory import` writes into this folder"},
                                      issues);
  for (const auto& file : found.files) {
    const auto text = files::read_regular_file(file.path, intake::kMaxFileBytes);
    auto import = text ? intake::parse_import(*text) : std::unexpected(text.error());
    if (!import) {
      issues.error({file.path.string()}, import.error().message, "import the source again, with --apply");
    } else if (import_file(folder, import->name) != file.path) {
      issues.error({file.path.string()},
                   fmt::format("it is the import `{}`, which is kept in {}", import->name,
                               import_file(folder, import->name).string()),
                   "give the file its name back");
    } else {
      imports.push_back(*std::move(import));
    }
  }
  return imports;
}

std::vector<intake::Listed> read_links(const Config& config) {
  std::vector<intake::Listed> listed;
  for (const files::YamlNode& node : config.identities) {
    const auto* id = node.find("id");
    if (id == nullptr) continue;
    const auto* kind = node.find("kind");
    listed.push_back({id->text, {}, kind != nullptr ? inventory::kind_from_name(kind->text) : std::nullopt});
    if (const auto* list = node.find("imported"))
      for (const files::YamlNode& link : list->items) listed.back().linked.push_back(link.text);
  }
  return listed;
}

void add_imported(const Config& config, std::vector<Identity>& declared, files::Issues& issues) {
  const auto folder = imports_folder(config);
  auto links = find_links(config, declared, issues);
  if (!folder) return report_unknown(config, links, issues);
  const auto names = user_names(config);
  std::unordered_map<std::string, std::string> ids;  // of the declared
  for (const Identity& identity : declared) ids.emplace(identity.id, identity.id);
  for (auto& import : read_imports(*folder, issues)) {
    const auto file = import_file(*folder, import.name).string();
    for (auto& [id, record] : import.records) {
      auto identity = intake::identity_of(record);
      if (!identity) {
        issues.error({file}, identity.error().message, "import the source again, with --apply");
        continue;
      }
      if (const auto link = links.find(id); link != links.end()) {
        Identity& owner = declared[link->second];
        if (owner.kind != identity->kind)
          issues.warning(
              {file}, fmt::format("`{}` is of kind {}, and identity `{}`, which is linked to it, of kind {}",
                                  id, kind_name(identity->kind), owner.id, kind_name(owner.kind)));
        if (!owner.evidence.is_array()) owner.evidence = codec::Json::array();
        owner.evidence.push(std::move(identity->evidence.if_array()->front()));
        links.erase(link);
      } else if (ids.contains(id)) {
        issues.error({file}, fmt::format("`{}` is the id of an identity of the configuration, too", id),
                     fmt::format("link them by `imported: [\"{}\"]` under another id", id));
      } else if (const auto problem = inventory::id_problem(*identity, names)) {
        issues.error({file}, *problem, "import under another name (--as)");
      } else {
        declared.push_back(*std::move(identity));
      }
    }
  }
  report_unknown(config, links, issues);
}

}  // namespace writ::config
