#include "cli/decision_lines.h"

#include <chrono>
#include <fmt/format.h>
#include <fstream>

#include "cli/offer.h"
#include "cli/records.h"
#include "codec/json.h"

namespace writ::cli {
namespace {

constexpr auto kPause = std::chrono::milliseconds(50);

std::uintmax_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

}  // namespace

DecisionLines::DecisionLines(std::filesystem::path log, std::string config,
                             std::function<void(std::string_view)> print)
    : log_(std::move(log)),
      config_(std::move(config)),
      print_(std::move(print)),
      from_(size_of(log_)),
      thread_([this](const std::stop_token& stop) { follow(stop); }) {}

void DecisionLines::follow(const std::stop_token& stop) const {
  auto from = from_;
  RecordLines lines;
  while (!stop.stop_requested()) {
    // A file that was rotated begins anew.
    if (size_of(log_) < from) from = 0;
    std::ifstream file(log_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(from));
    std::string line;
    // What has no end yet is being written.
    while (std::getline(file, line) && !file.eof()) {
      from += line.size() + 1;
      const auto record = codec::parse_json(line);
      if (!record) continue;
      print_(lines.next(*record));
      for (const auto& more : {explaining(*record, config_), offer_of(*record)})
        if (!more.empty()) print_(more);
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace writ::cli
