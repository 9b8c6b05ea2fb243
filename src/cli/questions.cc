#include "cli/questions.h"

#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

#include "cli/output.h"

namespace writ::cli {
namespace {

constexpr int kTries = 5;
constexpr std::size_t kMaxTypedBytes = 4096;

std::string trimmed(const std::string& line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

bool may_ask() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

std::optional<std::string> ask(const Prompt& question) {
  const auto shown = question.about.empty() ? question.otherwise : question.about;
  for (int i = 0; i < kTries; ++i) {
    fmt::print(stderr, "{}{}: ", question.what, shown.empty() ? "" : fmt::format(" [{}]", shown));
    std::fflush(stderr);
    std::string line;
    if (!std::getline(std::cin, line)) {
      print_error("");
      return std::nullopt;
    }
    auto answer = trimmed(line);
    if (answer.empty()) answer = question.otherwise;
    if (answer.size() > kMaxTypedBytes) {
      print_error(fmt::format("an answer has at most {} bytes", kMaxTypedBytes));
    } else if (answer.empty() && question.needed) {
      print_error("an answer is needed; Ctrl-C ends it");
    } else if (auto wrong = answer.empty() || !question.wrong ? std::nullopt : question.wrong(answer)) {
      print_error(*wrong);
    } else {
      return answer;
    }
  }
  return std::nullopt;
}

}  // namespace writ::cli
