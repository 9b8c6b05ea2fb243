// Kubernetes: ServiceAccounts with their roles, as `kubectl get
// serviceaccounts,roles,rolebindings,clusterroles, clusterrolebindings -A -o yaml` (or json) prints them
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). A `List`, single objects, or YAML
// documents one after the other.
#include <deque>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "files/yaml.h"
#include "intake/node.h"

namespace writ::intake {
namespace {

using codec::Json;
using inventory::Kind;

constexpr std::string_view kAccounts = "system:serviceaccounts";

class KubernetesReader {
 public:
  explicit KubernetesReader(Findings& findings) : findings_(findings) {}

  void add(const Json& json, const File& file) {
    const ExportNode root(json, file, findings_.issues());
    if (json.is_object() && json.find("items") != nullptr)
      return root.each("items", [&](const ExportNode& item) { sort(item.json(), file); });
    if (!json.is_object() || json.find("kind") == nullptr)
      return root.wrong("is not of Kubernetes: it has no `kind`", "write it with `kubectl get ... -o json`");
    sort(json, file);
  }

  void finish() {
    for (const auto& [json, file] : accounts_) read_account(ExportNode(*json, *file, findings_.issues()));
    for (const auto& [json, file] : roles_) read_role(ExportNode(*json, *file, findings_.issues()));
    for (const auto& [json, file] : bindings_) read_binding(ExportNode(*json, *file, findings_.issues()));
  }

 private:
  using Object = std::pair<const Json*, const File*>;

  void sort(const Json& object, const File& file) {
    const auto* kind = object.find_string("kind");
    if (kind == nullptr) return findings_.leave_out("objects without a kind");
    if (*kind == "ServiceAccount") {
      accounts_.emplace_back(&object, &file);
    } else if (*kind == "Role" || *kind == "ClusterRole") {
      roles_.emplace_back(&object, &file);
    } else if (*kind == "RoleBinding" || *kind == "ClusterRoleBinding") {
      bindings_.emplace_back(&object, &file);
    } else {
      findings_.leave_out("objects of kind " + *kind);
    }
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

  void read_role(const ExportNode& role) {
    const auto meta = role.object("metadata");
    const auto name = meta ? meta->required("name") : std::nullopt;
    if (!name) return;
    auto& rules = rules_[role_key(*role.text("kind"), meta->text("namespace").value_or("default"), *name)];
    role.each("rules", [&](const ExportNode& rule) {
      auto on = rule.texts("resources");
      for (const auto& url : rule.texts("nonResourceURLs")) on.push_back(url);
      const auto names = rule.texts("resourceNames");
      rules.push_back(fmt::format("{} on {}{}", fmt::join(rule.texts("verbs"), ","), fmt::join(on, ","),
                                  names.empty() ? "" : fmt::format(" named {}", fmt::join(names, ","))));
    });
  }

  void read_binding(const ExportNode& binding) {
    const auto meta = binding.object("metadata");
    const auto ref = binding.object("roleRef");
    const auto name = ref ? ref->required("name") : std::nullopt;
    const auto kind = ref ? ref->required("kind") : std::nullopt;
    if (!meta || !name || !kind) return;
    const bool cluster = binding.text("kind") == "ClusterRoleBinding";
    const auto space = meta->text("namespace").value_or("default");
    const auto where = cluster ? std::string("in all namespaces") : "in namespace " + space;
    std::vector<std::string> grants;
    const auto rules = rules_.find(role_key(*kind, space, *name));
    if (rules == rules_.end()) {
      grants.push_back(fmt::format("{} {} {} (its rules are not in the export)", *kind, *name, where));
    } else {
      for (const auto& rule : rules->second)
        grants.push_back(fmt::format("{} {} ({} {})", rule, where, *kind, *name));
    }
    binding.each("subjects", [&](const ExportNode& subject) {
      const auto whose = subject.text("kind").value_or("");
      const auto id = subject.text("name").value_or("");
      if (whose == "ServiceAccount")
        return grant(subject.text("namespace").value_or(space) + "/" + id, grants);
      if (whose != "Group" || !id.starts_with(kAccounts))
        return findings_.leave_out("grants of users and groups");
      for (const auto& [each, natives] : by_space_) {
        if (id != kAccounts && id != fmt::format("{}:{}", kAccounts, each)) continue;
        for (const auto& native : natives) grant(native, grants);
      }
    });
  }

  void grant(const std::string& native, const std::vector<std::string>& grants) {
    Found* found = findings_.find(native);
    if (found == nullptr) return findings_.leave_out("grants of service accounts that are not in the export");
    found->grants.insert(found->grants.end(), grants.begin(), grants.end());
  }

  Findings& findings_;
  std::vector<Object> accounts_, roles_, bindings_;
  std::map<std::string, std::vector<std::string>, std::less<>> rules_, by_space_;
};

// YAML has documents one after the other, JSON has one. Lines are counted through.
std::vector<std::pair<std::string, int>> documents(const std::string& text) {
  std::vector<std::pair<std::string, int>> all;
  std::string one;
  int line = 0, first = 0;
  const auto end = [&] {
    if (one.find_first_not_of(" \t\r\n") != one.npos)
      all.emplace_back(std::string(static_cast<std::size_t>(first), '\n') + one, first);
    one.clear();
    first = line;
  };
  for (std::size_t at = 0; at < text.size();) {
    auto stop = text.find('\n', at);
    if (stop == text.npos) stop = text.size();
    std::string_view row(text.data() + at, stop - at);
    if (row.ends_with('\r')) row.remove_suffix(1);
    ++line;
    if (row == "---") {
      end();
    } else {
      one.append(row).push_back('\n');
    }
    at = stop + 1;
  }
  end();
  return all;
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
    for (const auto& [text, line] : documents(file.text)) {
      auto yaml = files::parse_yaml(text, file.name, findings.issues());
      if (yaml) reader.add(trees.emplace_back(to_json(*yaml)), file);
    }
  }
  reader.finish();
}

}  // namespace writ::intake
