// Reference: the worker process around the reference crate (fuzz/differential/reference), spoken to in lines.
//
// Questions may be sent ahead of answers, as many as one likes; both pipes are served together, so neither
// side waits for the other with a full pipe. Not thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"

namespace writ::differential {

class Reference {
 public:
  static Result<std::unique_ptr<Reference>> start(const std::string& program);
  ~Reference();
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  // Hands over one line, without its end; sends what can be sent without waiting.
  void send(std::string_view line);
  // The next answer, in the order of the questions. Fails with kUnavailable when the process has ended or is
  // silent for kPatienceSeconds.
  Result<std::string> receive();

  static constexpr int kPatienceSeconds = 300;

 private:
  Reference(pid_t child, int to, int from) : child_(child), to_(to), from_(from) {}
  // Moves bytes in both directions; waits at most so long for the first.
  bool serve(int timeout_ms);
  bool read_some();
  void write_some();

  pid_t child_;
  int to_;
  int from_;
  std::string outgoing_;
  std::string incoming_;
  std::deque<std::string> answers_;
  bool ended_ = false;
};

}  // namespace writ::differential
