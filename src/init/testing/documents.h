// For tests: drafts of documents that are written as YAML, and the whole of what init makes of them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "init/folder.h"
#include "init/render.h"
#include "policy/load.h"
#include "policytest/reader.h"
#include "policytest/run.h"

namespace writ::init::testing {

inline constexpr std::string_view kHead = "openapi: 3.1.0\ninfo: {title: Orders API, version: '1'}\n";

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("writ-init-{}-{}", ::getpid(), ++number);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What follows the head.
inline Reading reading_of(const std::string& text) {
  files::Issues issues;
  const auto document = Document::parse(std::string(kHead) + text, "openapi.yaml", issues);
  for (const auto& issue : issues.all()) ADD_FAILURE() << render(issue);
  return document ? read_operations(*document) : Reading{};
}

inline Draft draft_of(const std::string& text, Settings settings = {}) {
  auto draft = make_draft(reading_of(text), std::move(settings));
  if (!draft) ADD_FAILURE() << draft.error().message;
  return draft ? *std::move(draft) : Draft{};
}

// "GET /orders/{id} getOrder Order {id}", one a line.
inline std::string routes_of(const Draft& draft) {
  std::string out;
  for (const auto& route : draft.routes)
    out += fmt::format("{} {} {} {} {}\n", route.method, route.path, route.action, route.type, route.id);
  return out;
}

inline std::string notes_of(const Draft& draft) {
  std::string out;
  for (const auto& note : draft.notes)
    out += fmt::format("{}{}: {}\n", note.not_routed ? "! " : "", note.place, note.text);
  return out;
}

// Writes the folder, loads it as `writ check` does, and runs its tests. Empty: all is well; else what is not.
inline std::string tried(const Draft& draft) {
  const auto credentials = make_credentials(true);
  if (!credentials) return credentials.error().message;
  const TemporaryFolder folder;
  const auto written = write_folder(folder.path(), render(draft, *credentials), Overwrite::kNever);
  if (!written) return written.error().message;
  files::Issues issues;
  const auto loaded = policy::load(folder.path() / "writ.yaml", issues);
  std::string out;
  // A path may look like a pattern: that is a warning, and the document's.
  const auto add_issues = [&] {
    for (const auto& issue : issues.all())
      if (issue.severity == files::Severity::kError ||
          issue.message.find(" in the path `") == std::string::npos)
        out += render(issue) + "\n";
  };
  add_issues();
  if (!loaded) return out;
  const bool owned =
      std::ranges::any_of(draft.types, [&](const auto& type) { return draft.tells_owner(type); });
  if (loaded->policies.count != (owned ? 10 : 9)) out += "there are other policies than init's\n";
  if (loaded->routes->size() != draft.routes.size()) out += "not all routes are there\n";
  const auto suite =
      policytest::read_suite(folder.path() / "policies" / (draft.api + ".test.yaml"), *loaded, issues);
  if (issues.has_errors()) add_issues();
  if (!suite) return out;
  auto shared = policytest::Shared::make(*loaded);
  if (!shared) return shared.error().message;
  const auto result = policytest::run_suite(*shared, *suite, loaded->policies.snapshot);
  if (!result) return result.error().message;
  for (const auto& test : result->tests)
    if (test.failure)
      out += fmt::format("{}: expected {}, got {}\n", test.test->name, test.failure->expected,
                         test.failure->got);
  return out;
}

}  // namespace writ::init::testing
