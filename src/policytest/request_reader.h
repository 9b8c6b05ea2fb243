// RequestReader: from the layers of one request to the request, checked against the configuration. Private to
// policytest; used while a file is read.
#pragma once

#include <optional>

#include "policytest/layers.h"
#include "policytest/suite.h"

namespace writ::policytest {

class RequestReader {
 public:
  // All are borrowed. The world is the suite's; `now` its instant.
  RequestReader(const inventory::Change& world, Instant now, files::Source& source)
      : world_(world), now_(now), source_(source) {}

  // `at` is the test or step that the request is of, for messages. Nothing when there are errors.
  std::optional<RequestSpec> request(const Layers& layers, const files::YamlNode& at);
  std::optional<Expectation> expectation(const Layers& layers, const files::YamlNode& at);

  // An instant: text as RFC 3339 has it, seconds since the epoch, or a duration from `base` on (`+10m`,
  // `-1h30m`).
  std::optional<Instant> instant(const files::YamlNode& node, std::string_view what, Instant base);

 private:
  std::optional<std::string> claim(const Layers& layers, std::string_view name);
  std::optional<Instant> time_claim(const Layers& layers, std::string_view name, Instant base);
  std::optional<TokenSpec> token(const Layers& layers, const files::YamlNode& at, Instant time);
  std::vector<token::Actor> actors(const files::YamlNode& node);
  std::optional<Target> target(const Layers& layers, const files::YamlNode& at);
  std::optional<Target> issue_target(const files::YamlNode& node);
  bool read_line(const files::YamlNode& node, Target& target);
  std::optional<cedar::EntityUid> entity(const files::YamlNode& node, std::string_view what);
  std::optional<cedar::EntityUid> action(const files::YamlNode& node, const inventory::Api& api);
  const inventory::Api* api(const files::YamlNode& node);
  std::optional<std::string> code(const files::YamlNode& node);

  const inventory::Change& world_;
  const Instant now_;
  files::Source& source_;
};

}  // namespace writ::policytest
