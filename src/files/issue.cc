#include "files/issue.h"

#include <fmt/format.h>

namespace writ::files {
namespace {

std::string_view severity_name(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

void append_indented(std::string& out, std::string_view text, std::string_view indent) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.append("\n").append(indent).append(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

void Issues::error(Place place, std::string message, std::string help, std::string excerpt) {
  issues_.push_back(
      {Severity::kError, std::move(place), std::move(message), std::move(help), std::move(excerpt)});
  ++errors_;
}

void Issues::warning(Place place, std::string message, std::string help, std::string excerpt) {
  issues_.push_back(
      {Severity::kWarning, std::move(place), std::move(message), std::move(help), std::move(excerpt)});
}

void Issues::append(const Issues& others) {
  issues_.insert(issues_.end(), others.issues_.begin(), others.issues_.end());
  errors_ += others.errors_;
}

std::string render(const Issue& issue) {
  std::string out = issue.place.file;
  if (issue.place.line > 0) out += fmt::format(":{}:{}", issue.place.line, issue.place.column);
  if (!out.empty()) out += ": ";
  out += fmt::format("{}: {}", severity_name(issue.severity), issue.message);
  append_indented(out, issue.excerpt, "  ");
  if (!issue.help.empty()) append_indented(out, "help: " + issue.help, "  ");
  return out;
}

codec::Json to_json(const Issue& issue) {
  auto json = codec::Json::object({{"severity", severity_name(issue.severity)}, {"file", issue.place.file}});
  if (issue.place.line > 0) {
    json.set("line", issue.place.line);
    json.set("column", issue.place.column);
  }
  json.set("message", issue.message);
  if (!issue.help.empty()) json.set("help", issue.help);
  if (!issue.excerpt.empty()) json.set("excerpt", issue.excerpt);
  return json;
}

}  // namespace writ::files
