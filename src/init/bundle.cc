#include "init/bundle.h"

#include <deque>
#include <map>

#include "files/document.h"
#include "files/files.h"
#include "init/document.h"

namespace writ::init {
namespace {

using codec::Json;
namespace fs = std::filesystem;

constexpr std::string_view kFiles = "x-writ-files";

// RFC 6901 §3 and §6: as a part of a pointer in a fragment.
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
  return out;
}

class Bundler {
 public:
  Bundler(const fs::path& file, std::size_t max_bytes) : left_(max_bytes) {
    std::error_code none;
    folder_ = fs::weakly_canonical(fs::absolute(file, none).parent_path(), none);
    known_.emplace(file.filename().string(), "#");
  }

  void bundle(Json& root, const std::string& name) {
    follow(root, name);
    // Each may refer to others in turn.
    for (std::size_t i = 0; i < read_.size(); ++i) follow(read_[i].second, std::string(read_[i].first));
    if (read_.empty()) return;
    Json::Object all;
    for (auto& [file, json] : read_) all.emplace_back(file, std::move(json));
    root.if_object()->emplace_back(std::string(kFiles), Json(std::move(all)));
  }

 private:
  void follow(Json& json, const std::string& from) {
    if (auto* list = json.if_array())
      for (Json& each : *list) follow(each, from);
    auto* members = json.if_object();
    if (members == nullptr) return;
    for (auto& [name, value] : *members) {
      if (name != "$ref" || value.if_string() == nullptr) {
        follow(value, from);
      } else if (auto made = reference(*value.if_string(), from); !made.empty()) {
        value = Json(std::move(made));
      }
    }
  }

  // The same reference within the one tree. Empty: it stays as it is.
  std::string reference(const std::string& text, const std::string& from) {
    const auto hash = std::min(text.find('#'), text.size());
    const auto target = percent_decoded(std::string_view(text).substr(0, hash));
    const auto pointer = text.substr(std::min(hash + 1, text.size()));
    if (target.find("://") != target.npos || target.starts_with('/')) return {};
    const auto file =
        target.empty() ? from : (fs::path(from).parent_path() / target).lexically_normal().generic_string();
    const auto& place = place_of(file);
    return place.empty() ? std::string() : place + pointer;
  }

  // Where the file stands in the tree: "#", "#/x-writ-files/resources~1order.yaml". Empty: it cannot be read.
  const std::string& place_of(const std::string& file) {
    const auto [at, is_new] = known_.try_emplace(file);
    if (!is_new || file.starts_with("..") || read_.size() == kMaxBundledFiles) return at->second;
    std::error_code error;
    const auto real = fs::canonical(folder_ / file, error);
    if (error || real.lexically_relative(folder_).generic_string().starts_with("..")) return at->second;
    const auto text = files::read_regular_file(real, left_);
    files::Issues issues;
    auto json = text ? files::parse_document(*text, file, issues) : std::nullopt;
    if (!json) return at->second;
    left_ -= text->size();
    read_.emplace_back(file, *std::move(json));
    return at->second = "#/" + std::string(kFiles) + "/" + escaped(file);
  }

  fs::path folder_;
  std::size_t left_;
  std::map<std::string, std::string, std::less<>> known_;  // place_of()
  std::deque<std::pair<std::string, Json>> read_;
};

}  // namespace

void bundle(Json& root, const fs::path& file, std::size_t max_bytes) {
  Bundler(file, max_bytes).bundle(root, file.filename().string());
}

}  // namespace writ::init
