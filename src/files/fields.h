// Fields: one map of the configuration, read key by key. Whatever is wrong is reported with its place, and
// reading goes on, so that one run shows all mistakes.
//
// An unknown key is an error that names the allowed ones. A key without a value, behind a text in a map
// between
// `{` and `}`, is most often the rest of that text, which has a comma: that is what the error says, once, and
// the text counts as whole. A value that cannot be used counts as absent after
// it was reported: the caller checks `issues` at the end, once. Used while reading a file, on one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/issue.h"
#include "files/yaml.h"

namespace writ::files {

// The file that is being read. Relative paths in it start at its folder.
struct Source {
  std::string file;
  std::filesystem::path folder;
  Issues& issues;
  // A key that is there has a value. Otherwise one without counts as absent, which in a configuration could
  // be more than was meant: `tenants:` would be any tenant.
  bool keys_need_values = false;

  Place place(const YamlNode& node) const { return {file, node.line, node.column}; }
  void error(const YamlNode& node, std::string message, std::string help = {}) {
    issues.error(place(node), std::move(message), std::move(help));
  }
  std::filesystem::path resolve(std::string_view path) const { return folder / std::filesystem::path(path); }
};

class Fields {
 public:
  // `what` names the map in messages: "listen", "an identity". An absent node is an empty map.
  Fields(const YamlNode* node, Source& source, std::string_view what,
         std::initializer_list<std::string_view> allowed)
      : Fields(node, source, what, std::span(allowed.begin(), allowed.size())) {}
  Fields(const YamlNode* node, Source& source, std::string_view what,
         std::span<const std::string_view> allowed);

  // Null when the key is absent or has no value.
  const YamlNode* find(std::string_view key) const;
  // Reports an absent key.
  const YamlNode* require(std::string_view key) const;

  // Each reports a value of another kind or outside the limits.
  std::optional<std::string> text(std::string_view key, std::size_t max_bytes = 1024) const;
  std::optional<std::string> required_text(std::string_view key, std::size_t max_bytes = 1024) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  std::optional<bool> boolean(std::string_view key) const;
  // One of the choices, as its index.
  std::optional<std::size_t> choice(std::string_view key,
                                    std::initializer_list<std::string_view> choices) const;
  // A list; empty when the key is absent.
  const std::vector<YamlNode>& list(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key, std::size_t max_bytes = 1024) const;

  Source& source() const noexcept { return source_; }
  // Where the map begins; of an absent one, nowhere.
  const YamlNode& node() const noexcept { return *node_; }

 private:
  void join_cut_texts(std::span<const std::string_view> allowed);

  const YamlNode* node_;
  std::shared_ptr<const YamlNode> joined_;  // the map, where it was mended
  Source& source_;
  std::string what_;
};

// Reports a node that is no text, empty, or too long.
std::optional<std::string> read_text(const YamlNode& node, Source& source, std::string_view what,
                                     std::size_t max_bytes = 1024);

// The content of a file that a node names. Reports a file that cannot be read.
std::optional<std::string> read_file(const YamlNode& node, Source& source, std::size_t max_bytes = 8 << 20);

}  // namespace writ::files
