// DecisionLines: each decision as a line while Writ runs, read from its audit log. A refusal comes with the
// command that explains it, and with what would have permitted it.
//
// Begins at the log's end. A thread of its own reads, until this is destroyed.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace writ::cli {

class DecisionLines {
 public:
  // `config` is the file whose policies decide. `print` is called on the thread that reads.
  DecisionLines(std::filesystem::path log, std::string config, std::function<void(std::string_view)> print);

 private:
  void follow(const std::stop_token& stop) const;

  std::filesystem::path log_;
  std::string config_;
  std::function<void(std::string_view)> print_;
  std::uintmax_t from_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace writ::cli
