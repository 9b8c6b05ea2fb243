#include "policy/policy_texts.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

#include "cedar/schema_syntax.h"
#include "crypto/hash.h"
#include "files/files.h"
#include "policy/policies.h"

namespace writ::policy {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxReadings = 3;

// What stands among policies and is read elsewhere: their tests, the tasks that `writ rightsize` proposes
// with them, and what the configuration itself names.
class Neighbours {
 public:
  explicit Neighbours(const config::Config& config) {
    add(config.file);
    for (const auto& path : config.policies.schemas) add(path);
    if (config.policies.entities) add(*config.policies.entities);
  }
  bool contains(std::string_view name, const files::FileStamp& stamp) const {
    return is_policy_test(name) || files::ends_like(name, ".task.json") ||
           std::ranges::any_of(named_, [&](const files::FileStamp& named) { return named.same_file(stamp); });
  }

 private:
  void add(const fs::path& path) {
    const auto stamp = files::stamp_of(path);
    if (stamp != files::FileStamp{}) named_.push_back(stamp);
  }
  std::vector<files::FileStamp> named_;
};

// A folder stands for the policies in it.
void find_policies(const config::Config& config, PolicyFiles& found, files::Issues& issues) {
  const Neighbours neighbours(config);
  const files::FolderRules rules{
      .ignore = config.policies.ignore,
      .use =
          [&](std::string_view name, const files::FileStamp& stamp) {
            if (files::ends_like(name, kPolicyEnding)) return files::FileUse::kRead;
            return neighbours.contains(name, stamp) ? files::FileUse::kElsewhere : files::FileUse::kNone;
          },
      .unusable = "this file is among the policies, but nothing would read it",
      .help = "name it *.cedar, move it away, or let `policies.ignore` name it",
  };
  for (const auto& path : config.policies.policies) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      found.add(TextKind::kPolicies, path);
      continue;
    }
    auto folder = files::look_into(path, rules, issues);
    if (folder.files.empty())
      issues.error({files::shown(path)},
                   "there is no *.cedar file in this folder: everything would be refused");
    for (auto& file : folder.files) found.files.push_back({TextKind::kPolicies, std::move(file)});
    std::ranges::move(folder.seen, std::back_inserter(found.seen));
    std::ranges::move(folder.left_out, std::back_inserter(found.left_out));
  }
}

fs::path plain(const fs::path& path) {
  return fs::absolute(path).lexically_normal();
}

void append_part(std::string& out, std::string_view part) {
  fmt::format_to(std::back_inserter(out), "{}:", part.size());
  out += part;
}

// A file that is reached twice, by a link or by another name, is read once. That its text is the same too is
// looked at because some file systems number two files alike.
class TextReader {
 public:
  TextReader(const config::Config& config, files::Issues& issues)
      : texts_{{}, config.limits.max_chain, config.calendars},
        // An empty parent is the working folder.
        folder_(plain(config.file).parent_path()),
        issues_(issues) {}

  void read(const PolicyFiles::File& each) {
    const auto& path = each.file.path;
    struct stat then {};
    auto text = files::read_regular_file(path, max_bytes(each.kind), &then);
    if (!text) return issues_.error({files::shown(path)}, text.error().message);
    changed_ = changed_ || files::stamp_of(then) != each.file.stamp;
    auto& same = read_[{each.kind, each.file.stamp.device, each.file.stamp.number}];
    for (const auto& other : same) {
      if (*other == *text) return;
    }
    const bool had_room = bytes_ <= kMaxTextsBytes;
    bytes_ += text->size();
    if (bytes_ > kMaxTextsBytes) {
      if (had_room)
        issues_.error({files::shown(path)},
                      fmt::format("with this file, the policies have more than {} bytes", kMaxTextsBytes));
      return;
    }
    same.push_back(std::make_shared<const std::string>(*std::move(text)));
    texts_.files.push_back({each.kind, plain(path).lexically_relative(folder_).generic_string(),
                            files::shown(path), same.back()});
  }

  // Whether a file was another than the one that was found.
  bool changed() const { return changed_; }
  PolicyTexts take() { return std::move(texts_); }

 private:
  static std::size_t max_bytes(TextKind kind) {
    return kind == TextKind::kSchema     ? cedar::kMaxSchemaBytes
           : kind == TextKind::kEntities ? kMaxEntitiesBytes
                                         : kMaxPolicyFileBytes;
  }

  PolicyTexts texts_;
  const fs::path folder_;
  files::Issues& issues_;
  bool changed_ = false;
  std::size_t bytes_ = 0;
  std::map<std::tuple<TextKind, std::uint64_t, std::uint64_t>,
           std::vector<std::shared_ptr<const std::string>>>
      read_;
};

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

bool is_policy_test(std::string_view name) noexcept {
  return files::ends_like(name, ".test.yaml") || files::ends_like(name, ".test.yml");
}

void PolicyFiles::add(TextKind kind, const fs::path& path) {
  files.push_back({kind, {path, files::stamp_of(path)}});
  seen.push_back(files.back().file);
}

PolicyFiles find_policy_files(const config::Config& config, files::Issues& issues) {
  PolicyFiles found;
  for (const auto& path : config.policies.schemas) found.add(TextKind::kSchema, path);
  find_policies(config, found, issues);
  if (config.policies.entities) found.add(TextKind::kEntities, *config.policies.entities);
  return found;
}

// Half of one state and half of the next was never meant by anyone.
PolicyTexts read_policy_texts(const config::Config& config, files::Issues& issues) {
  for (int reading = 1;; ++reading) {
    files::Issues found;
    const auto files = find_policy_files(config, found);
    TextReader reader(config, found);
    for (const auto& each : files.files) reader.read(each);
    files::Issues ignored;
    const bool still_so = !reader.changed() && find_policy_files(config, ignored).seen == files.seen;
    if (!still_so && reading < kMaxReadings) continue;
    if (!still_so)
      found.error({files::shown(config.file)},
                  "its policy files changed during each of several reads, so they may be half of one "
                  "state and half of another",
                  "try again when nothing writes to them");
    issues.append(found);
    auto texts = reader.take();
    const auto is_schema = [](const auto& each) { return each.kind == TextKind::kSchema; };
    // Fewer, where two names lead to one file.
    const auto wanted = std::ranges::count_if(files.files, is_schema);
    texts.schemas_whole = std::ranges::count_if(texts.files, is_schema) == wanted || !found.has_errors();
    texts.left_out = files.left_out;
    return texts;
  }
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

}  // namespace writ::policy
