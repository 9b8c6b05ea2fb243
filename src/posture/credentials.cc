// Credentials: shared, unbound, old, without an end, and lying about in files.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "base/characters.h"
#include "files/files.h"
#include "posture/fixes.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

namespace fs = std::filesystem;
using inventory::CredentialType;
using inventory::Kind;

constexpr std::string_view kMadeOverTheApi = "it was made over the API, and the audit never has credentials";

struct Shared {
  std::string what;   // "the secret", "the key `k1`"
  bool here = false;  // Writ itself takes it; else it is only said to be there
  std::vector<const ListedIdentity*> by;
};

// What more than one identity authenticates with, or is said to. By what it is.
std::vector<Shared> shared_credentials(const Scene& scene) {
  std::map<std::string, Shared> all;
  const auto add = [&](const std::string& key, std::string what, bool here, const ListedIdentity& each) {
    auto& shared = all[key];
    shared.what = std::move(what);
    shared.here = here;
    if (std::ranges::find(shared.by, &each) == shared.by.end()) shared.by.push_back(&each);
  };
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_in_use()) continue;
    if (each->secret_hash) add("secret " + *each->secret_hash, "the secret", true, each);
    for (const auto& key : each->keys) {
      const auto thumbprint = key.thumbprint();
      add("key " + thumbprint, fmt::format("the key {}", thumbprint), true, each);
    }
    for (const auto& credential : each->credentials) {
      if (credential.id.empty() || credential.type == CredentialType::kSecret ||
          credential.type == CredentialType::kKey)
        continue;
      const auto type = inventory::credential_type_name(credential.type);
      add(fmt::format("{} {}", type, credential.id), fmt::format("the {} `{}`", type, credential.id), false,
          each);
    }
  }
  std::vector<Shared> shared;
  for (auto& [key, each] : all)
    if (each.by.size() > 1) shared.push_back(std::move(each));
  return shared;
}

std::vector<std::string> ids_of(const Shared& shared) {
  std::vector<std::string> ids;
  for (const ListedIdentity* each : shared.by) ids.push_back((*each)->id);
  return ids;
}

std::string new_credential(std::span<const std::string> ids) {
  std::string text = "inventory:\n  identities:\n";
  for (const auto& id : ids) text += fmt::format("    - id: {0}\n      jwks_file: keys/{0}.jwks.json\n", id);
  return text;
}

// As a file may be called everywhere. Ids that differ have names that do.
std::string file_word(std::string_view id) {
  std::string name;
  for (const char letter : id) {
    const bool plain = is_letter_or_digit(letter) || letter == '-' || letter == '_' || letter == '.';
    name += plain ? std::string(1, letter) : fmt::format("-{:02x}", static_cast<unsigned char>(letter));
  }
  return name;
}

// The private half is where nobody reads it who reads the configuration.
std::string new_key_command(std::string_view id) {
  // When it is run again, the key is there already and its public half stays as it is.
  return fmt::format(
      "mkdir -p keys && writ keys generate \"$HOME\"/{0}.jwk > /dev/null && writ keys public "
      "\"$HOME\"/{0}.jwk > keys/{0}.jwks.json",
      file_word(id));
}

// A key pair of its own, in the place of what it comes with now.
Remedy with_new_keys(Remedy remedy, const Scene& scene, std::span<const ListedIdentity* const> all) {
  const YamlText yaml(scene.config_lines());
  std::vector<std::optional<TextEdit>> edits;
  std::string command;
  for (const ListedIdentity* each : all) {
    if (each->node == nullptr) {
      remedy.by_hand = each->over_api ? "it was made over the API, so it is changed there and not in a file"
                                      : "it was imported, so what it comes with is changed in its source";
      remedy.command.clear();
      return remedy;
    }
    const auto id = (*each)->id;
    command += (command.empty() ? "" : " && ") + new_key_command(id);
    const auto file = fmt::format("keys/{}.jwks.json", file_word(id));
    if (each->node->find("jwks_file") != nullptr) {
      edits.push_back(yaml.put(*each->node, "jwks_file", file));
      if (each->node->find("secret_hash") != nullptr)
        edits.push_back(yaml.take_out(*each->node, "secret_hash"));
    } else if (each->node->find("secret_hash") != nullptr) {
      edits.push_back(yaml.replace(*each->node, "secret_hash", "jwks_file", file));
    } else {
      edits.push_back(yaml.put(*each->node, "jwks_file", file));
    }
  }
  remedy.command = std::move(command);
  return with_edits(std::move(remedy), scene, edits);
}

Remedy own_credentials(const Scene& scene, const Shared& shared) {
  // The first one keeps what it has.
  const auto ids = ids_of(shared);
  const std::span<const std::string> others(ids.begin() + 1, ids.end());
  if (!shared.here)
    return {.what = fmt::format("give {} one of its own", fmt::join(others, ", ")),
            .by_hand =
                "it is no key or secret of this configuration: make another one where it was made, and name "
                "that in "
                "`credentials`"};
  return with_new_keys({.what = fmt::format("give {} a key pair of its own, and take out what is shared",
                                            fmt::join(others, ", ")),
                        .change = new_credential(others),
                        .first = "bring the new private key to where it runs, so that it signs with it"},
                       scene, std::span(shared.by).subspan(1));
}

bool has_key(const ListedIdentity& each) {
  return !each->keys.empty();
}

}  // namespace

void look_shared_credential(const Scene& scene, Checked& checked) {
  for (const Shared& shared : shared_credentials(scene)) {
    auto ids = ids_of(shared);
    std::vector<Exhibit> evidence{
        {.fact = fmt::format("{} is the same for {}", shared.what, fmt::join(ids, ", "))}};
    for (const ListedIdentity* each : shared.by) evidence.push_back(scene.declared(*each));
    auto what = fmt::format("{} identities have one credential: {}", ids.size(), fmt::join(ids, ", "));
    auto remedy = own_credentials(scene, shared);
    found(checked, std::move(ids), std::move(what), std::move(evidence), std::move(remedy));
  }
  for (const ListedIdentity& each : scene.identities())
    if (each.over_api && each.is_machine()) untold(checked, each->id, kMadeOverTheApi);
}

void look_two_environments(const Scene& scene, Checked& checked) {
  if (std::ranges::none_of(scene.identities(),
                           [](const ListedIdentity& each) { return each->environment.has_value(); })) {
    checked.not_computable = "no identity says its `environment`";
    return;
  }
  for (const Shared& shared : shared_credentials(scene)) {
    std::set<std::string> environments;
    for (const ListedIdentity* each : shared.by)
      if ((*each)->environment) environments.insert(*(*each)->environment);
    if (environments.size() < 2) {
      for (const ListedIdentity* each : shared.by)
        if (!(*each)->environment) untold(checked, (*each)->id, "it does not say its `environment`");
      continue;
    }
    auto ids = ids_of(shared);
    std::vector<Exhibit> evidence;
    for (const ListedIdentity* each : shared.by) {
      auto shown = scene.declared(*each);
      shown.fact += fmt::format(", environment `{}`", (*each)->environment.value_or("unknown"));
      evidence.push_back(std::move(shown));
    }
    auto remedy = own_credentials(scene, shared);
    found(checked, std::move(ids),
          fmt::format("{} is good in {}", shared.what, fmt::join(environments, " and ")), std::move(evidence),
          std::move(remedy));
  }
}

void look_bearer_secret(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    if (each.over_api) {
      untold(checked, each->id, kMadeOverTheApi);
      continue;
    }
    if (!each->secret_hash) continue;
    const auto* known = inventory::credential_of(*each.identity, CredentialType::kSecret);
    if (known != nullptr && known->bound.value_or(false)) continue;
    found(
        checked, {each->id},
        fmt::format("`{}` shows who it is by a secret, which is good for whoever has a copy", each->id),
        {scene.declared(each),
         {.fact = has_key(each) ? "it has a `secret_hash` beside its keys" : "it has a `secret_hash`"}},
        with_new_keys({.what = "give it a key pair (private_key_jwt), and bind its tokens with DPoP or mTLS",
                       .change = new_credential(std::vector{each->id}),
                       .first = "bring the new private key to where it runs, so that it signs with it"},
                      scene, std::array{&each}));
  }
}

void look_unbound_tokens(const Scene& scene, Checked& checked) {
  if (checked.not_computable = scene.without_log(); !checked.not_computable.empty()) return;
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    const UseOf* use = scene.seen()->identity(each->id);
    if (use == nullptr || use->unbound == 0) continue;
    found(checked, {each->id},
          fmt::format("{} of {} permitted requests with `{}` used a token that is bound to no key",
                      use->unbound, use->permits, each->id),
          {scene.declared(each), scene.record("the last such request", use->last_unbound)},
          {.what =
               "let it ask for tokens with a DPoP proof or over mTLS, then refuse tokens that are not bound",
           .command = {},
           .change = fmt::format("@id(\"{0}-binds-its-tokens\")\nforbid (principal == {1}::\"{0}\", action, "
                                 "resource)\nunless {{ context.token.senderBound }};\n",
                                 each->id, inventory::cedar_type(each->kind)),
           .by_hand = "until its client sends proofs, the policy would refuse all that it does; and the "
                      "finding goes when such requests are older than what --since-days looks at"});
  }
}

void look_password(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    const auto& all = each->credentials;
    const auto password = std::ranges::find(all, CredentialType::kPassword, &inventory::Credential::type);
    if (password == all.end()) continue;
    found(
        checked, {each->id}, fmt::format("`{}` is a machine and has a password", each->id),
        {scene.declared(each), {.fact = fmt::format("a credential of type `password` `{}`", password->id)}},
        {.what = "give it a key pair, and take the password away where it is good",
         .change = new_credential(std::vector{each->id}),
         .by_hand = "the password is good in another system: take it away there, and out of `credentials`"});
  }
}

namespace {

struct Held {
  CredentialType type;
  std::string id;
  const inventory::Credential* known;  // null: nothing is said of it
  std::string name() const {
    const auto type_name = inventory::credential_type_name(type);
    return id.empty() ? fmt::format("the {}", type_name) : fmt::format("the {} `{}`", type_name, id);
  }
};

// Those that Writ itself takes first, then those that are only said to be.
std::vector<Held> credentials_of(const ListedIdentity& each) {
  std::vector<Held> all;
  const auto known = [&](CredentialType type, std::string_view id) {
    return inventory::credential_of(*each.identity, type, id);
  };
  if (each->secret_hash) all.push_back({CredentialType::kSecret, {}, known(CredentialType::kSecret, {})});
  for (const auto& key : each->keys) {
    const std::string id = key.kid().value_or(key.thumbprint());
    all.push_back({CredentialType::kKey, id, known(CredentialType::kKey, id)});
  }
  for (const auto& credential : each->credentials) {
    const bool here = std::ranges::any_of(all, [&](const Held& held) { return held.known == &credential; });
    // Of a federation nothing is kept that could grow old.
    if (!here && credential.type != CredentialType::kFederation)
      all.push_back({credential.type, credential.id, &credential});
  }
  return all;
}

// What is said of a credential: when it was made, where `made` says so, and that it ends in a year.
Remedy with_dates(Remedy remedy, const Scene& scene, const ListedIdentity& each, const Held& held,
                  bool made) {
  const auto today = inventory::date_text(std::chrono::floor<std::chrono::days>(scene.now()));
  const auto end = in_a_year(scene.now());
  const auto type = inventory::credential_type_name(held.type);
  const auto kid = held.type == CredentialType::kKey ? fmt::format(", kid: {}", yaml_word(held.id)) : "";
  const auto said = fmt::format("{{type: {}{}, {}expires_at: {}}}", type, kid,
                                made ? fmt::format("created_at: {}, ", today) : "", end);
  remedy.change = fmt::format("inventory:\n  identities:\n    - id: {}\n      credentials:\n        - {}\n",
                              each->id, said);
  if (each.node == nullptr) {
    remedy.by_hand = "it was imported: replace it in its source, and import again";
    return remedy;
  }
  const YamlText yaml(scene.config_lines());
  std::vector<std::optional<TextEdit>> edits;
  const auto* list = each.node->find("credentials");
  const files::YamlNode* item = nullptr;
  if (held.known != nullptr && list != nullptr) {
    const auto at = static_cast<std::size_t>(held.known - each->credentials.data());
    if (at < list->items.size()) item = &list->items[at];
  }
  if (item != nullptr) {
    if (made) edits.push_back(yaml.put(*item, "created_at", today));
    edits.push_back(yaml.put(*item, "expires_at", end));
  } else if (list != nullptr) {
    edits.push_back(yaml.add_item(*list, said));
  } else {
    edits.push_back(yaml.put(*each.node, "credentials", fmt::format("[{}]", said)));
  }
  return with_edits(std::move(remedy), scene, edits);
}

}  // namespace

void look_ageing(const Scene& scene, Checked& checked) {
  const Instant oldest = scene.now() - scene.limits().credential;
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    if (each.over_api) {
      untold(checked, each->id, kMadeOverTheApi);
      continue;
    }
    for (const Held& held : credentials_of(each)) {
      const auto created = held.known != nullptr ? held.known->created_at : std::nullopt;
      if (!created) {
        untold(checked, each->id,
               "nobody says when its credential was made (`credentials: [{created_at: …}]`)");
        continue;
      }
      if (*created >= oldest) continue;
      found(checked, {each->id},
            fmt::format("{} of `{}` is {} days old", held.name(), each->id,
                        std::chrono::floor<std::chrono::days>(scene.now() - *created).count()),
            {scene.declared(each),
             {.fact = fmt::format("`created_at: {}`", inventory::date_text(*created)), .date = created}},
            with_dates({.what = "replace it, and say when it was made and until when it is good",
                        .first = "replace it where it is used"},
                       scene, each, held, true));
    }
  }
}

void look_endless(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    if (each.over_api) {
      untold(checked, each->id, kMadeOverTheApi);
      continue;
    }
    for (const Held& held : credentials_of(each)) {
      const auto end = held.known != nullptr ? held.known->expires_at : std::nullopt;
      // Nobody will be there to see it.
      if (end && *end < scene.now() + std::chrono::days(3653)) continue;
      const auto why =
          end ? fmt::format("`expires_at: {}`, in more than ten years", inventory::date_text(*end))
              : std::string("no `expires_at` in its `credentials`");
      found(
          checked, {each->id}, fmt::format("{} of `{}` has no end", held.name(), each->id),
          {scene.declared(each), {.fact = why, .date = end}},
          with_dates({.what = "say until when it is good, and replace it by then"}, scene, each, held, false),
          held.type == CredentialType::kKey ? Weight::kLow : Weight::kMedium);
      break;  // one for each identity: the fix is the same
    }
  }
}

namespace {

// Keys that say what they are: how they begin, and how many letters come then, at least.
struct Issued {
  std::string_view begin;
  std::size_t letters;
};
constexpr Issued kIssued[] = {{"writ_ak_", 73}, {"AKIA", 16},  {"ghp_", 36},        {"gho_", 36},
                              {"ghs_", 36},     {"ghu_", 36},  {"github_pat_", 60}, {"glpat-", 20},
                              {"xoxb-", 20},    {"xoxp-", 20}, {"sk_live_", 20},    {"AIza", 35}};

bool has_issued(std::string_view text, const Issued& issued) {
  const auto is_letter = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '_' || letter == '-';
  };
  for (auto at = text.find(issued.begin); at != text.npos; at = text.find(issued.begin, at + 1)) {
    const auto rest = text.substr(at + issued.begin.size(), issued.letters);
    if (at > 0 && is_letter(text[at - 1])) continue;  // in the middle of something else
    if (rest.size() == issued.letters && std::ranges::all_of(rest, is_letter)) return true;
  }
  return false;
}

// What a file has that is worth having; empty: nothing that is known.
std::string_view secret_in(std::string_view text, std::string_view name) {
  if (text.find("PRIVATE KEY-----") != std::string_view::npos) return "a private key";
  if (name.ends_with(".secret")) return "a secret";
  if (std::ranges::any_of(kIssued, [&](const Issued& each) { return has_issued(text, each); }))
    return "an API key";
  const auto json = codec::parse_json(text);
  if (!json) return {};
  const auto is_private = [](const codec::Json& key) {
    return key.find_string("kty") != nullptr &&
           (key.find_string("d") != nullptr || key.find_string("k") != nullptr);
  };
  if (is_private(*json)) return "a private key";
  const auto* keys = json->find("keys");
  if (keys != nullptr && keys->if_array() != nullptr && std::ranges::any_of(*keys->if_array(), is_private))
    return "a private key";
  return {};
}

}  // namespace

void look_secret_files(const Scene& scene, Checked& checked) {
  constexpr std::uintmax_t kMostBytes = 64 * 1024;
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(scene.config().file, error).parent_path();
  // Shown as the configuration was named, where that leads there.
  const fs::path named = scene.config().file.parent_path();
  const bool leads_there = fs::equivalent(named.empty() ? "." : named, folder, error) && !error;
  const fs::path data = fs::weakly_canonical(scene.config().data, error);
  std::vector<fs::path> files;
  std::size_t looked_at = 0;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    std::error_code ignored;
    if (at->is_directory(ignored)) {
      // Writ's own data is guarded by its own rules.
      if (name.starts_with('.') || at->path() == data || at.depth() >= 8) at.disable_recursion_pending();
      continue;
    }
    if (++looked_at > scene.limits().files) {
      untold(checked, folder.string(),
             fmt::format("there are more files than the {} that are looked into", scene.limits().files));
      break;
    }
    if (at->is_regular_file(ignored) && at->file_size(ignored) <= kMostBytes) files.push_back(at->path());
  }
  if (error) untold(checked, folder.string(), fmt::format("it cannot be read: {}", error.message()));
  std::ranges::sort(files);
  for (const auto& file : files) {
    const auto text = writ::files::read_regular_file(file, kMostBytes);
    if (!text) {
      untold(checked, file.string(), "it cannot be read");
      continue;
    }
    const auto what = secret_in(*text, file.filename().string());
    if (what.empty()) continue;
    const auto shown = fs::relative(file, folder, error).string();
    found(checked, {shown}, fmt::format("{} lies beside the configuration, in `{}`", what, shown),
          {{.fact = std::string(what),
            .place = {leads_there ? (named / shown).string() : file.string(), 1, 1}}},
          {.what = "take it away from there, replace it, and keep the new one where only its owner reads it",
           .command = fmt::format("mv -n -- {} \"$HOME\"/", shell_word(shown)),
           .change = {},
           .first = "whoever could read it may have a copy, so replace it where it is good; and if the "
                    "configuration names the file, name its new place there"});
  }
}

}  // namespace writ::posture
