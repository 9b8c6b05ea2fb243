#include "server/policy_texts.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/schema_syntax.h"
#include "crypto/hash.h"
#include "server/files.h"
#include "server/policies.h"

namespace writ::server {
namespace {

namespace fs = std::filesystem;

// The files that the configuration means, in a stable order: a folder stands for its *.cedar files.
std::vector<fs::path> policy_files(const PolicySettings& settings, Issues& issues) {
  std::vector<fs::path> files;
  for (const auto& path : settings.policies) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const auto first = files.size();
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.path().extension() == ".cedar") files.push_back(entry.path());
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
    if (files.size() == first)
      issues.error({path.string()}, "there is no *.cedar file in this folder: everything would be refused");
  }
  return files;
}

fs::path plain(const fs::path& path) {
  return fs::absolute(path).lexically_normal();
}

void append_part(std::string& out, std::string_view part) {
  fmt::format_to(std::back_inserter(out), "{}:", part.size());
  out += part;
}

}  // namespace

std::string_view kind_name(TextKind kind) noexcept {
  switch (kind) {
    case TextKind::kPolicies:
      return "policies";
    case TextKind::kSchema:
      return "schema";
    case TextKind::kEntities:
      return "entities";
  }
  return "policies";
}

PolicyTexts read_policy_texts(const Config& config, Issues& issues) {
  PolicyTexts texts{{}, config.limits.max_chain, config.calendars};
  // An empty parent is the working folder.
  const auto folder = plain(config.file).parent_path();
  const auto add = [&](TextKind kind, const fs::path& path, std::size_t max_bytes) {
    auto text = read_file(path, max_bytes);
    if (!text) return issues.error({path.string()}, text.error().message);
    texts.files.push_back({kind, plain(path).lexically_relative(folder).generic_string(), path.string(),
                           std::make_shared<const std::string>(*std::move(text))});
  };
  for (const auto& path : config.policies.schemas) add(TextKind::kSchema, path, cedar::kMaxSchemaBytes);
  for (const auto& path : policy_files(config.policies, issues))
    add(TextKind::kPolicies, path, kMaxPolicyFileBytes);
  if (config.policies.entities) add(TextKind::kEntities, *config.policies.entities, kMaxEntitiesBytes);
  return texts;
}

std::string revision_of(const PolicyTexts& texts) {
  std::string all;
  append_part(all, "writ policies 1");
  append_part(all, std::to_string(texts.max_chain));
  append_part(all, std::to_string(texts.calendars.size()));
  for (const auto& calendar : texts.calendars) append_part(all, calendar.text());
  for (const auto& file : texts.files) {
    append_part(all, kind_name(file.kind));
    append_part(all, file.path);
    append_part(all, crypto::as_bytes(crypto::sha256(*file.text)));
  }
  return crypto::hex(crypto::sha256(all));
}

}  // namespace writ::server
