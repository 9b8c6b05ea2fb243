// Kubernetes: ServiceAccounts with their roles, as `kubectl get
// serviceaccounts,roles,rolebindings,clusterroles, clusterrolebindings -A -o yaml` (or json) prints them
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). A `List`, a list of one kind as the API
// answers it (ServiceAccountList), single objects, or YAML documents one after the other.
#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <map>
#include <set>

#include "files/yaml.h"
#include "intake/node.h"

namespace writ::intake {
namespace {

using codec::Json;
using inventory::Kind;

constexpr std::string_view kAccounts = "system:serviceaccounts";
constexpr std::string_view kAccount = "system:serviceaccount:";
constexpr std::string_view kEverybody = "system:authenticated";
// That are told of all accounts together. One binding of a group gives its rules to each of them.
constexpr std::size_t kMaxGiven = 2'000'000;

class KubernetesReader {
 public:
  explicit KubernetesReader(Findings& findings) : findings_(findings) {}

  void add(const Json& json, const File& file) {
    const ExportNode root(json, file, findings_.issues());
    if (json.is_object() && json.find("items") != nullptr) {
      const auto meta = root.object("metadata");
      if (meta && meta->text("continue"))
        return root.wrong("is one page of several: `metadata.continue` is set",
                          "list all objects in one answer");
      // The items of a ServiceAccountList do not say again what they are.
      auto kind = root.text("kind").value_or("List");
      kind.resize(kind.size() - (kind.ends_with("List") ? std::string_view("List").size() : 0));
      return root.each("items", [&](const ExportNode& item) { sort(item, kind, file); });
    }
    if (!json.is_object() || json.find("kind") == nullptr)
      return root.wrong("is not of Kubernetes: it has no `kind`", "write it with `kubectl get ... -o json`");
    sort(root, {}, file);
  }

  void finish() {
    for (const Object& each : accounts_) read_account(node_of(each));
    for (const Object& each : roles_) read_role(node_of(each), each.kind);
    aggregate();
    for (const Object& each : bindings_) read_binding(node_of(each), each.kind);
    if (given_ > kMaxGiven)
      findings_.issues().error({},
                               fmt::format("bindings give more than {} rules to service accounts", kMaxGiven),
                               "import parts of the cluster under names of their own (--as)");
  }

 private:
  struct Object {
    const Json* json;
    const File* file;
    std::string kind;
  };
  ExportNode node_of(const Object& object) const {
    return ExportNode(*object.json, *object.file, findings_.issues());
  }

  // `of_list`: what the items of the list are, where it says so.
  void sort(const ExportNode& object, const std::string& of_list, const File& file) {
    const auto kind = object.text("kind").value_or(of_list);
    if (kind.empty()) return object.wrong("has no `kind`", "write it with `kubectl get ... -o json`");
    auto* objects = kind == "ServiceAccount"                                ? &accounts_
                    : kind == "Role" || kind == "ClusterRole"               ? &roles_
                    : kind == "RoleBinding" || kind == "ClusterRoleBinding" ? &bindings_
                                                                            : nullptr;
    if (objects == nullptr) return findings_.leave_out("objects of kind " + kind);
    objects->push_back({&object.json(), &file, kind});
  }

  void read_account(const ExportNode& account) {
    const auto meta = account.object("metadata");
    if (!meta) return account.wrong("has no `metadata`");
    const auto name = meta->required("name");
    if (!name) return;
    const auto space = meta->text("namespace").value_or("default");
    Found found{.native = space + "/" + *name,
                .kind = Kind::kService,
                .kind_by = "kind is ServiceAccount",
                .file = account.file().name};
    found.name = *name;
    found.created_at = meta->date("creationTimestamp");
    // A cloud's identity that it stands for.
    meta->each_member("annotations", [&](std::string_view key, const ExportNode& value) {
      const auto* text = value.json().if_string();
      if (text == nullptr) return;
      if (key == "eks.amazonaws.com/role-arn") found.aliases.push_back("arn:" + *text);
      if (key == "azure.workload.identity/client-id") found.aliases.push_back("client:" + *text);
      if (key == "iam.gke.io/gcp-service-account") found.aliases.push_back("gcp:" + *text);
    });
    account.each("secrets", [&](const ExportNode& secret) {
      found.credentials.push_back({.type = inventory::CredentialType::kToken,
                                   .id = secret.text("name").value_or(""),
                                   .strength = "bearer token that does not expire"});
    });
    found.aliases.push_back("serviceaccount:" + found.native);
    by_space_[space].push_back(found.native);
    findings_.add(std::move(found));
  }

  static std::string role_key(std::string_view kind, std::string_view space, std::string_view name) {
    return fmt::format("{} {}/{}", kind, kind == "Role" ? space : "", name);
  }

  // A rule as people say it: "get on deployments.apps".
  static std::string text_of_rule(const ExportNode& rule) {
    std::vector<std::string> on;
    // The core group is called by an empty text.
    std::vector<std::string> groups;
    const auto* list = rule.json().find("apiGroups");
    if (list != nullptr && list->if_array() != nullptr) {
      for (const auto& group : *list->if_array())
        if (const auto* name = group.if_string()) groups.push_back(*name);
    }
    for (const auto& resource : rule.texts("resources")) {
      // Resources of two groups may have one name. Those of the core group have it alone.
      if (groups.empty()) on.push_back(resource);
      for (const auto& group : groups) on.push_back(group.empty() ? resource : resource + "." + group);
    }
    for (const auto& url : rule.texts("nonResourceURLs")) on.push_back(url);
    const auto names = rule.texts("resourceNames");
    return fmt::format("{} on {}{}", fmt::join(rule.texts("verbs"), ","), fmt::join(on, ","),
                       names.empty() ? "" : fmt::format(" named {}", fmt::join(names, ",")));
  }

  void read_role(const ExportNode& role, const std::string& kind) {
    const auto meta = role.object("metadata");
    const auto name = meta ? meta->required("name") : std::nullopt;
    if (!name) return;
    auto& own = rules_[role_key(kind, meta->text("namespace").value_or("default"), *name)];
    role.each("rules", [&](const ExportNode& rule) { own.rules.push_back(text_of_rule(rule)); });
    meta->each_member("labels", [&](std::string_view label, const ExportNode& value) {
      if (const auto* text = value.json().if_string()) own.labels.emplace(label, *text);
    });
    const auto aggregation = role.object("aggregationRule");
    if (kind != "ClusterRole" || !aggregation) return;
    aggregation->each("clusterRoleSelectors",
                      [&](const ExportNode& selector) { own.selectors.push_back(selector_of(selector)); });
  }

  using Labels = std::map<std::string, std::string, std::less<>>;
  using Selector = std::vector<std::function<bool(const Labels&)>>;

  // https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
  static Selector selector_of(const ExportNode& selector) {
    Selector all;
    selector.each_member("matchLabels", [&](std::string_view label, const ExportNode& value) {
      const auto* text = value.json().if_string();
      if (text == nullptr) return value.wrong("must be a string");
      all.push_back([label = std::string(label), text = *text](const Labels& labels) {
        const auto found = labels.find(label);
        return found != labels.end() && found->second == text;
      });
    });
    selector.each("matchExpressions", [&](const ExportNode& expression) {
      const auto label = expression.required("key"), how = expression.required("operator");
      if (!label || !how) return;
      const bool wants = *how == "In" || *how == "Exists";
      if (!wants && *how != "NotIn" && *how != "DoesNotExist")
        return expression.wrong(fmt::format("has the operator `{}`", *how),
                                "expected In, NotIn, Exists or DoesNotExist");
      const bool by_value = *how == "In" || *how == "NotIn";
      all.push_back([label = *label, wants, by_value,
                     values = expression.texts("values")](const Labels& labels) {
        const auto found = labels.find(label);
        const bool is_there =
            found != labels.end() && (!by_value || std::ranges::find(values, found->second) != values.end());
        return is_there == wants;
      });
    });
    return all;
  }

  // With what the cluster fills in, also where the export is of files that leave it to the cluster: a role
  // that is made of others has their rules.
  void aggregate() {
    for (auto& [key, role] : rules_) {
      if (role.selectors.empty()) continue;
      std::set<std::string_view> seen{key};
      std::vector<const Role*> ahead{&role};
      std::vector<std::string> rules = role.rules;
      while (!ahead.empty()) {
        const Role& of = *ahead.back();
        ahead.pop_back();
        for (const auto& [other_key, other] : rules_) {
          const bool chosen =
              other_key.starts_with("ClusterRole ") &&
              std::ranges::any_of(of.selectors, [&](const Selector& selector) {
                return std::ranges::all_of(selector, [&](const auto& test) { return test(other.labels); });
              });
          if (!chosen || !seen.insert(other_key).second) continue;
          rules.insert(rules.end(), other.rules.begin(), other.rules.end());
          ahead.push_back(&other);
        }
      }
      std::ranges::sort(rules);
      rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
      role.aggregated = std::move(rules);
    }
  }

  void read_binding(const ExportNode& binding, const std::string& own_kind) {
    const auto meta = binding.object("metadata");
    const auto ref = binding.object("roleRef");
    const auto name = ref ? ref->required("name") : std::nullopt;
    const auto kind = ref ? ref->required("kind") : std::nullopt;
    if (!meta || !name || !kind) return;
    const bool cluster = own_kind == "ClusterRoleBinding";
    const auto space = meta->text("namespace").value_or("default");
    const auto where = cluster ? std::string("in all namespaces") : "in namespace " + space;
    std::vector<std::string> grants;
    const auto rules = rules_.find(role_key(*kind, space, *name));
    if (rules == rules_.end()) {
      grants.push_back(fmt::format("{} {} {} (its rules are not in the export)", *kind, *name, where));
    } else {
      const Role& role = rules->second;
      for (const auto& rule : role.selectors.empty() ? role.rules : role.aggregated)
        grants.push_back(fmt::format("{} {} ({} {})", rule, where, *kind, *name));
    }
    binding.each("subjects", [&](const ExportNode& subject) {
      const auto whose = subject.text("kind").value_or("");
      const auto id = subject.text("name").value_or("");
      if (whose == "ServiceAccount")
        return grant(subject.text("namespace").value_or(space) + "/" + id, grants);
      // An account may also be bound by the name that it has as a user.
      if (whose == "User" && id.starts_with(kAccount)) {
        auto native = id.substr(kAccount.size());
        std::ranges::replace(native, ':', '/');
        return grant(native, grants);
      }
      if (whose != "Group" || !(id == kEverybody || id.starts_with(kAccounts)))
        return findings_.leave_out("grants of users and groups");
      for (const auto& [each, natives] : by_space_) {
        const bool meant = id == kEverybody || id == kAccounts || id == fmt::format("{}:{}", kAccounts, each);
        for (const auto& native : meant ? natives : std::vector<std::string>()) grant(native, grants);
      }
    });
  }

  void grant(const std::string& native, const std::vector<std::string>& grants) {
    Found* found = findings_.find(native);
    if (found == nullptr) return findings_.leave_out("grants of service accounts that are not in the export");
    given_ += grants.size();
    if (given_ <= kMaxGiven) found->grants.insert(found->grants.end(), grants.begin(), grants.end());
  }

  Findings& findings_;
  std::vector<Object> accounts_, roles_, bindings_;
  std::size_t given_ = 0;
  struct Role {
    std::vector<std::string> rules;
    Labels labels;
    std::vector<Selector> selectors;      // any of them chooses; none: it is made of no others
    std::vector<std::string> aggregated;  // its own and theirs
  };
  std::map<std::string, Role, std::less<>> rules_;
  std::map<std::string, std::vector<std::string>, std::less<>> by_space_;
};

// Whether the line is a mark, alone or with a comment: `---` begins a document of YAML, `...` ends one.
bool is_mark(std::string_view line, std::string_view mark) {
  if (!line.starts_with(mark)) return false;
  const auto rest = line.find_first_not_of(" \t\r", mark.size());
  return rest == line.npos || (line[rest] == '#' && rest > mark.size());
}

// Not comments alone, as stand in front of the first document.
bool has_content(std::string_view text) {
  for (std::size_t at = text.find_first_not_of(" \t\r\n"); at != text.npos;
       at = text.find_first_not_of(" \t\r\n", at)) {
    if (text[at] != '#') return true;
    at = std::min(text.find('\n', at), text.size());
  }
  return false;
}

// YAML has documents one after the other. Each with how many lines there are before it.
template <class Visit>
void each_document(std::string_view text, Visit visit) {
  std::size_t begin = 0;
  int line = 0, first = 0;
  const auto end = [&](std::size_t stop, std::size_t next) {
    const auto one = text.substr(begin, stop - begin);
    if (has_content(one)) visit(one, first);
    begin = next;
    first = line;
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto stop = std::min(text.find('\n', at), text.size());
    const auto row = text.substr(at, stop - at);
    ++line;
    if (is_mark(row, "---") || is_mark(row, "...")) end(at, std::min(stop + 1, text.size()));
    at = stop + 1;
  }
  end(text.size(), text.size());
}

// Lines of a document are counted from the beginning of the file.
void add_issues(const files::Issues& found, int lines_before, files::Issues& issues) {
  for (const auto& each : found.all()) {
    auto place = each.place;
    if (place.line > 0) place.line += lines_before;
    if (each.severity == files::Severity::kError) {
      issues.error(std::move(place), each.message, each.help, each.excerpt);
    } else {
      issues.warning(std::move(place), each.message, each.help, each.excerpt);
    }
  }
}

}  // namespace

void read_kubernetes(const std::vector<File>& files, Findings& findings) {
  KubernetesReader reader(findings);
  std::deque<Json> trees;  // they are pointed to
  for (const File& file : files) {
    const auto first = file.text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || file.text[first] == '{' || file.text[first] == '[') {
      auto json = parse_export(file, findings.issues());
      if (json) reader.add(trees.emplace_back(*std::move(json)), file);
      continue;
    }
    each_document(file.text, [&](std::string_view text, int lines_before) {
      files::Issues here;
      auto yaml = files::parse_yaml(text, file.name, here);
      add_issues(here, lines_before, findings.issues());
      if (yaml) reader.add(trees.emplace_back(to_json(*yaml)), file);
    });
  }
  reader.finish();
}

}  // namespace writ::intake
