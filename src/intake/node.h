// ExportNode: a value of a JSON export that knows where it stands, so that a message can name the place:
// "`value[3].appId` must be a string".
//
// Members that nobody asks for are passed over: exports have hundreds, and say them all again in the next
// version. A member that is asked for and has another type is an error. Nodes are views; a child must not
// outlive its parent.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "intake/found.h"

namespace writ::intake {

class ExportNode {
 public:
  ExportNode(const codec::Json& json, const File& file, files::Issues& issues)
      : json_(&json), file_(&file), issues_(&issues) {}

  const codec::Json& json() const noexcept { return *json_; }
  bool has(std::string_view member) const;  // and it is not null
  // Absent, null and empty are the same.
  std::optional<std::string> text(std::string_view member) const;
  // Reports what is absent.
  std::optional<std::string> required(std::string_view member) const;
  // A string, or a number as one.
  std::optional<std::string> id(std::string_view member) const;
  bool flag(std::string_view member, bool otherwise) const;
  std::optional<Instant> date(std::string_view member) const;
  // Seconds or milliseconds since 1970, as a number or a string of digits; 0 is absent.
  std::optional<Instant> seconds(std::string_view member) const;
  std::optional<Instant> milliseconds(std::string_view member) const;
  std::vector<std::string> texts(std::string_view member) const;

  // The object of that name; nothing where there is none.
  std::optional<ExportNode> object(std::string_view member) const;
  // Each item of a list, which must be an object.
  template <std::invocable<const ExportNode&> Visit>
  void each(std::string_view member, Visit visit) const {
    if (const auto list = child(member)) list->each_item(visit);
  }
  template <std::invocable<const ExportNode&> Visit>
  void each_item(Visit visit) const {
    const auto* items = json_->if_array();
    if (items == nullptr) return wrong("must be a list");
    for (std::size_t i = 0; i < items->size(); ++i) {
      ExportNode item((*items)[i], *file_, *issues_);
      item.parent_ = this;
      item.index_ = i;
      if (item.json_->is_object()) {
        visit(item);
      } else {
        item.wrong("must be an object");
      }
    }
  }
  // Each member of an object.
  template <std::invocable<std::string_view, const ExportNode&> Visit>
  void each_member(std::string_view member, Visit visit) const {
    const auto map = object(member);
    if (!map) return;
    for (const auto& [name, value] : *map->json_->if_object()) {
      ExportNode item(value, *file_, *issues_);
      item.parent_ = &*map;
      item.member_ = name;
      visit(std::string_view(name), item);
    }
  }

  // Reports about this value.
  void wrong(std::string_view problem, std::string help = {}) const;
  const File& file() const noexcept { return *file_; }

 private:
  std::optional<ExportNode> child(std::string_view member) const;
  std::string place() const;

  const codec::Json* json_;
  const File* file_;
  files::Issues* issues_;
  const ExportNode* parent_ = nullptr;
  std::string_view member_ = {};
  std::size_t index_ = 0;
};

// The whole file. Nothing when it cannot be read, which is reported with the place.
std::optional<codec::Json> parse_export(const File& file, files::Issues& issues);

// What reads one source. It reports into the findings' issues, and goes on to find more.
using Reader = void (*)(const std::vector<File>& files, Findings& findings);

void read_keycloak(const std::vector<File>& files, Findings& findings);
void read_entra(const std::vector<File>& files, Findings& findings);
void read_okta(const std::vector<File>& files, Findings& findings);
void read_kubernetes(const std::vector<File>& files, Findings& findings);
void read_spire(const std::vector<File>& files, Findings& findings);
void read_aws(const std::vector<File>& files, Findings& findings);
void read_github(const std::vector<File>& files, Findings& findings);
void read_scim(const std::vector<File>& files, Findings& findings);
void read_csv(const std::vector<File>& files, Findings& findings);

}  // namespace writ::intake
