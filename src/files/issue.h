// What is wrong with the operator's files: a list, each entry with its place, so that one run shows
// everything.
//
// Configuration, policies and routes report into the same list; `writ check` prints it, `writ serve` refuses
// to start while it holds an error. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace writ::files {

// A place in a file, counted from 1; line 0 means the file as a whole.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

enum class Severity { kError, kWarning };

struct Issue {
  Severity severity;
  Place place;
  std::string message;
  std::string help;     // what to do; may be empty
  std::string excerpt;  // the source with the place underlined; may be empty
};

class Issues {
 public:
  void error(Place place, std::string message, std::string help = {}, std::string excerpt = {});
  void warning(Place place, std::string message, std::string help = {}, std::string excerpt = {});

  void append(const Issues& others);

  const std::vector<Issue>& all() const noexcept { return issues_; }
  bool has_errors() const noexcept { return errors_ > 0; }
  std::size_t errors() const noexcept { return errors_; }
  std::size_t warnings() const noexcept { return issues_.size() - errors_; }

 private:
  std::vector<Issue> issues_;
  std::size_t errors_ = 0;
};

// "writ.yaml:12:3: error: unknown key `isuer`", then the excerpt and the help, indented.
std::string render(const Issue& issue);
codec::Json to_json(const Issue& issue);

}  // namespace writ::files
