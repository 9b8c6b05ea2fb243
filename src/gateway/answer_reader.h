// AnswerReader: what an API's own answer tells of the resources in it (`decide: on response` of a route, and
// `on read`), and what of it goes out once that is decided.
//
//   attributes: { tenant: answer /tenant }            the answer is the resource
//   elements: /items, id: /id                         it is a list of resources; pointers are in each of them
//
// An answer is read in one way or not at all: JSON with no member twice, no member that another reader could
// take for one that is read (codec/twin.h), values of the types that the schema has. What is missing counts
// as missing only where the schema says that it may be, and never what a guard goes by (`tenant`). A resource
// that is permitted goes out as the bytes that came; of a list each element that stays does, beside it only
// what the route keeps.
//
// Pure; a reader is immutable and thread-safe. What it read is not, and lives by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "enforce/answer.h"

namespace writ::gateway {

// As configuration says it. Pointers are RFC 6901's.
struct AnswerSpec {
  // Of the resource, or of each element: name, pointer.
  std::vector<std::pair<std::string, std::string>> attributes = {};
  // Where the id stands, a text or an integer. Of one resource it has to be the one that was asked for;
  // empty: it is not looked at. Of elements it is needed.
  std::string id = {};
  std::optional<std::string> elements = {};  // the list; `.`: the whole answer
  // Beside the list, what tells nothing of the elements that are taken out: numbers, texts and booleans.
  std::vector<std::string> keep = {};
  // What is asked of each element; empty: as of the route.
  std::string element_action = {}, element_type = {};
  // `decide: on read`: the path that tells of the resource, as `/orders/{order}` does for what happens at
  // `/orders/{order}/payments`. It is asked for by GET before. Empty: the answer to the request itself tells.
  std::string read = {};

  bool operator==(const AnswerSpec&) const = default;
};

inline constexpr std::size_t kMaxElements = 10'000;  // of one answer

// `answer /tenant`, where an attribute of a route says where it comes from: the pointer.
std::optional<std::string_view> answer_pointer(std::string_view text) noexcept;

class AnswerReader {
 public:
  // Fails with kInvalid.
  static Result<AnswerReader> make(AnswerSpec spec);

  bool is_list() const noexcept { return spec_.elements.has_value(); }
  const AnswerSpec& spec() const noexcept { return spec_; }
  // What is awaited of the route's own resource. Of none when elements are resources of another kind: then
  // that is decided without them.
  const std::vector<std::string>& awaited() const noexcept { return awaited_; }

  class Read;
  // `told` is what the route says of each resource beside the answer, empty when nothing. Never fails: what
  // cannot be read says so.
  Read read(std::string body, std::string_view resource_type, std::string_view resource_id,
            enforce::Attributes told) const;

  // What was read of a resource before something that goes on after its decision: by the attributes of the
  // spec.
  using Held = std::vector<std::optional<codec::Json>>;
  enforce::AnswerFacts facts(std::shared_ptr<const Held> held, std::string_view type,
                             enforce::Attributes told) const;

 private:
  explicit AnswerReader(AnswerSpec spec) : spec_(std::move(spec)) {}
  std::optional<std::string> read_list(Read& read, std::string_view type,
                                       const enforce::Attributes& told) const;
  template <class Find>
  enforce::AnswerFacts facts_found(Find find, std::string_view type, enforce::Attributes told) const;
  void append(std::string& out, const Read& read, const codec::Json& json,
              std::vector<std::string>& path) const;
  bool leads_to_kept(const std::vector<std::string>& path) const;

  AnswerSpec spec_;
  std::vector<std::string> awaited_;
  // Of one resource: the names in the pointers of the attributes, and behind them in that of the id.
  std::vector<std::vector<std::string>> pointers_;
  std::string list_;                            // its pointer; empty: the whole answer
  std::vector<std::vector<std::string>> kept_;  // the names in the pointers of `keep` ...
  std::vector<std::string> list_names_;         // ... and in that of the list
};

class AnswerReader::Read {
 public:
  enforce::ApiAnswer answer;
  // What goes out, once the answer is decided: the body that came, or the list with what stays in it.
  std::string take_body(const AnswerReader& reader) &&;
  // Of `decide: on read`; else null.
  const std::shared_ptr<const Held>& held() const noexcept { return held_; }

 private:
  friend class AnswerReader;
  std::string body_;
  std::shared_ptr<const codec::Json> json_;  // of a list
  std::vector<std::string_view> texts_;      // of the elements, in body_
  std::shared_ptr<const Held> held_;
};

}  // namespace writ::gateway
