// When Writ's own code stops the process, the case at hand is written to a file first.
#pragma once

#include <string>

namespace writ::differential {

// Installs the handlers. One file per process.
void save_crashes_to(const std::string& file);

// Names the case at hand for as long as it lives. The line is borrowed.
class CrashNote {
 public:
  explicit CrashNote(const std::string& line);
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;
};

}  // namespace writ::differential
