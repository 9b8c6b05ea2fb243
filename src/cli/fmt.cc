// writ fmt: lays out policy files. Only white space moves; a file that does not parse is left as it is.
#include <fmt/format.h>
#include <iostream>
#include <iterator>

#include "cedar/format.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "files/files.h"
#include "policy/policies.h"

namespace writ::cli {
namespace {

struct FmtOptions {
  std::vector<std::string> files;
  bool check = false;
  std::size_t width = 80;
};

void print_issues(std::string_view file, std::string_view text, const std::vector<cedar::Issue>& issues) {
  for (const cedar::Issue& issue : issues) print_error(cedar::render_issue(file, text, issue));
}

int format_standard_input(const FmtOptions& options) {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const auto formatted = cedar::format_policies(text, {.width = options.width});
  if (!formatted) {
    print_issues("-", text, formatted.error());
    return kBroken;
  }
  if (options.check) return *formatted == text ? kYes : kNo;
  std::cout << *formatted;
  return kYes;
}

// Answers kNo for a file that is, or with --check would be, laid out anew.
int format_file(const std::string& file, const FmtOptions& options) {
  const auto text = files::read_regular_file(file, policy::kMaxPolicyFileBytes);
  if (!text) return fail(text.error());
  const auto formatted = cedar::format_policies(*text, {.width = options.width});
  if (!formatted) {
    print_issues(file, *text, formatted.error());
    return kBroken;
  }
  if (*formatted == *text) return kYes;
  print_text(file);
  if (options.check) return kNo;
  if (const auto written = files::replace_file(file, *formatted); !written) return fail(written.error());
  return kNo;
}

// A folder stands for the policies in it. Nothing when something in it cannot be read.
std::optional<std::vector<std::string>> files_of(const FmtOptions& options) {
  std::vector<std::string> files;
  files::Issues issues;
  const files::FolderRules rules{
      .use = [](std::string_view, const files::FileStamp&) { return files::FileUse::kRead; },
      .concerns = [](std::string_view name) { return files::ends_like(name, policy::kPolicyEnding); },
  };
  for (const std::string& name : options.files) {
    std::error_code error;
    if (!std::filesystem::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    for (const auto& file : files::look_into(name, rules, issues).files) files.push_back(file.path.string());
  }
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (issues.has_errors()) return std::nullopt;
  return files;
}

int format(const FmtOptions& options) {
  if (options.files.empty()) return format_standard_input(options);
  const auto files = files_of(options);
  if (!files) return kBroken;
  int worst = kYes;
  for (const std::string& file : *files) {
    const int status = format_file(file, options);
    // That a file was laid out is what was asked for, unless it was only to be checked.
    if (status == kBroken || options.check) worst = std::max(worst, status);
  }
  return worst;
}

}  // namespace

void add_fmt(Command& program) {
  auto options = std::make_shared<FmtOptions>();
  auto& command = program.add("fmt", "lay out policy files, and name those that changed");
  command.option("files", options->files,
                 "*.cedar files, or folders of them (default: standard input to standard output)");
  command.flag("--check", options->check, "change nothing; exit 1 if a file would change");
  command.option("--width", options->width, "bytes in a line").between(20, 1000).shows_default();
  command.runs([options] { return format(*options); });
}

}  // namespace writ::cli
