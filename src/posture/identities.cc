// Identities: who answers for them, whether anybody needs them, and who uses them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "posture/fixes.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

using inventory::Kind;
using inventory::Status;

std::string kind_and_id(const ListedIdentity& each) {
  return fmt::format("{} `{}`", inventory::kind_name(each->kind), each->id);
}

// What the configuration would say of it beside what it says.
std::string said_of(const ListedIdentity& each, std::string_view line) {
  return fmt::format("inventory:\n  identities:\n    - id: {}\n      {}\n", each->id, line);
}

bool has_owner(const ListedIdentity& each) {
  return each->owner || (each->kind == Kind::kAgent && each->sponsor);
}

// A machine that answers for another one is nobody who can be asked. Who is not listed may be a person.
bool has_person(const Scene& scene, const ListedIdentity& each) {
  const auto is_person = [&](const std::optional<std::string>& id) {
    const ListedIdentity* owner = id ? scene.find(*id) : nullptr;
    return id && (owner == nullptr || !owner->is_machine());
  };
  return is_person(each->owner) || (each->kind == Kind::kAgent && is_person(each->sponsor));
}

// Whoever is lapsed may do nothing until somebody says that they are still there.
bool has_left(const ListedIdentity* owner) {
  return owner != nullptr && owner->status >= Status::kLapsed;
}

std::string suspend(const ListedIdentity& each) {
  return fmt::format("writ inventory suspend {}", shell_word(each->id));
}

// A date for its review, where there is none that is to come.
Remedy reviewed(Remedy remedy, const Scene& scene, const ListedIdentity& each) {
  const auto date = in_three_months(scene.now());
  if (each.over_api)
    remedy.command = fmt::format("writ inventory review {} --until {}", shell_word(each->id), date);
  remedy.change = said_of(each, "review_by: " + date);
  return with_keys(std::move(remedy), scene, each, {{"review_by", date}});
}

}  // namespace

void look_no_owner(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use() || has_person(scene, each)) continue;
    Exhibit why{.fact = "it has no `owner`"};
    for (const auto& owner : {each->owner, each->sponsor})
      if (const auto* machine = owner ? scene.find(*owner) : nullptr) why = scene.declared(*machine);
    found(checked, {each->id},
          has_owner(each) ? fmt::format("no person answers for {}: its owner is a machine", kind_and_id(each))
                          : fmt::format("nobody answers for {}", kind_and_id(each)),
          {scene.declared(each), std::move(why)},
          with_keys({.what = "name the person that answers for it",
                     .change = said_of(each, "owner: PERSON"),
                     .blanks = {{"PERSON", "who answers for it"}}},
                    scene, each, {{"owner", "PERSON"}}));
  }
}

void look_owner_gone(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_in_use()) continue;
    const auto is_gone = [&](const std::optional<std::string>& person) {
      const ListedIdentity* owner = person ? scene.find(*person) : nullptr;
      return has_left(owner);
    };
    for (const auto& person : {each->owner, each->sponsor}) {
      if (!is_gone(person)) continue;
      const ListedIdentity* owner = scene.find(*person);
      Remedy remedy{.what = "hand it over to somebody that is there, or suspend it",
                    .command = {},
                    .change = said_of(each, "owner: PERSON"),
                    .blanks = {{"PERSON", "who answers for it from now on"}}};
      if (is_gone(each->owner) && is_gone(each->sponsor)) {
        remedy = with_keys(std::move(remedy), scene, each, {{"owner", "PERSON"}, {"sponsor", "PERSON"}});
      } else {
        remedy = with_keys(std::move(remedy), scene, each,
                           {{is_gone(each->owner) ? "owner" : "sponsor", "PERSON"}});
      }
      found(checked, {each->id, *person},
            fmt::format("`{}` answers for {}, and is {}", *person, kind_and_id(each),
                        inventory::status_name(owner->status)),
            {scene.declared(each), scene.declared(*owner)}, std::move(remedy));
      break;
    }
  }
  for (const auto& [place, grant] : scene.loaded().world.grants) {
    const ListedIdentity* owner = grant.owner ? scene.find(*grant.owner) : nullptr;
    if (!has_left(owner) || grant.lapses_at() <= scene.now()) continue;
    const auto* item = item_with(node_at(scene, {"inventory", "grants"}), "id", grant.id);
    Remedy remedy{
        .what = "hand the grant over to somebody that is there, or revoke it",
        .change = fmt::format("inventory:\n  grants:\n    - id: {}\n      owner: PERSON\n", grant.id),
        .blanks = {{"PERSON", "who answers for it from now on"}}};
    if (item == nullptr) {
      remedy.by_hand = "it was made over the API, so it is changed there and not in a file";
    } else {
      remedy = with_edits(std::move(remedy), scene,
                          {YamlText(scene.config_lines()).put(*item, "owner", "PERSON")});
    }
    found(checked, {grant.id, *grant.owner},
          fmt::format("`{}` answers for the grant `{}`, and is {}", *grant.owner, grant.id,
                      inventory::status_name(owner->status)),
          {{.fact = fmt::format("the grant `{}` is in force", grant.id), .place = place},
           scene.declared(*owner)},
          std::move(remedy));
  }
  for (const auto& exception : scene.config().exceptions) {
    const ListedIdentity* owner = scene.find(exception.owner);
    if (!has_left(owner) || exception.until <= scene.now()) continue;
    found(checked, {fmt::format("exception {}", exception.finding), exception.owner},
          fmt::format("`{}` answers for the exception `{}`, and is {}", exception.owner, exception.finding,
                      inventory::status_name(owner->status)),
          {{.fact = fmt::format("`owner: {}`", exception.owner), .place = exception.place},
           scene.declared(*owner)},
          {.what = "mend the finding, or let somebody that is there answer for the exception",
           .change = "posture:\n  exceptions:\n    - owner: PERSON\n",
           .by_hand = "whether it is still to be excepted is for whoever comes after that person to say"});
  }
}

void look_owner_not_listed(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    // Of an agent its sponsor is enough.
    const bool by_sponsor = each->kind == Kind::kAgent && each->sponsor;
    const auto& person = each->owner ? each->owner : by_sponsor ? each->sponsor : std::nullopt;
    if (!person || scene.find(*person) != nullptr) continue;
    if (each->owner && by_sponsor && scene.find(*each->sponsor) != nullptr) continue;
    const std::string_view key = each->owner ? "owner" : "sponsor";
    Remedy remedy{
        .what = each->owner ? "list the person, and let the identity act only while that person is there"
                            : "list the person",
        .change = fmt::format("inventory:\n  identities:\n    - {{id: {}, kind: user}}\n", *person)};
    const YamlText yaml(scene.config_lines());
    const auto* list = node_at(scene, {"inventory", "identities"});
    std::vector<std::optional<TextEdit>> edits{
        list != nullptr ? yaml.add_item(*list, fmt::format("{{id: {}, kind: user}}", yaml_word(*person)))
                        : std::nullopt};
    if (each->owner) {
      remedy.change += fmt::format("    - id: {}\n      needs_owner: true\n", each->id);
      if (each.node != nullptr) edits.push_back(yaml.put(*each.node, "needs_owner", "true"));
    }
    remedy = with_edits(std::move(remedy), scene, edits);
    found(checked, {each->id, *person},
          fmt::format("the {} of {}, `{}`, is not listed, so nobody notices when that person leaves", key,
                      kind_and_id(each), *person),
          {scene.declared(each), {.fact = fmt::format("`{}: {}`; no identity has this id", key, *person)}},
          std::move(remedy));
  }
}

void look_stopped_with_credentials(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (each.status != Status::kRetired && each.status != Status::kExpired) continue;
    if (each.over_api) {
      untold(checked, each->id, "it was made over the API, and the audit never has credentials");
      continue;
    }
    const bool signs = !each->keys.empty(), shows = !each->workloads.empty() || !each->certificates.empty();
    if (!each->secret_hash && !each->previous_secret && !signs && !shows) continue;
    const YamlText yaml(scene.config_lines());
    std::vector<std::optional<TextEdit>> edits;
    for (const std::string_view key :
         {"secret_hash", "previous_secret", "jwks_file", "workload", "certificates"})
      if (each.node != nullptr && each.node->find(key) != nullptr)
        edits.push_back(yaml.take_out(*each.node, key));
    found(checked, {each->id},
          fmt::format("{} is {}, and its {} still there", kind_and_id(each),
                      inventory::status_name(each.status),
                      each->secret_hash || each->previous_secret ? "secret is"
                      : signs                                    ? "keys are"
                                                                 : "rules of its workload are"),
          {scene.declared(each)},
          with_edits({.what = "take what it comes with out of the configuration; keep the id, so that nobody "
                              "else gets it",
                      .change = fmt::format(
                          "inventory:\n  identities:\n    - {{id: {}, kind: {}, status: retired}}\n",
                          each->id, inventory::kind_name(each->kind))},
                     scene, edits));
  }
}

void look_dormant(const Scene& scene, Checked& checked) {
  const auto limit = scene.limits().dormant;
  const Instant oldest = scene.now() - limit;
  const auto covered = scene.covered();
  const auto no_log = scene.without_log();
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || each.status != Status::kActive) continue;
    std::optional<Instant> last;
    std::optional<Shown> shown;
    if (const UseOf* use = scene.seen() != nullptr ? scene.seen()->identity(each->id) : nullptr) {
      shown = use->last;
      last = use->last.at;
    }
    for (const auto& credential : each->credentials)
      if (credential.last_used_at && (!last || *credential.last_used_at > *last)) {
        last = credential.last_used_at;
        shown.reset();
      }
    const auto remedy = with_keys({.what = "suspend it, and retire it when nobody misses it",
                                   .command = each.over_api ? suspend(each) : std::string(),
                                   .change = said_of(each, "status: suspended")},
                                  scene, each, {{"status", "suspended"}});
    if (last) {
      if (*last >= oldest) continue;
      const auto fact = fmt::format("last used {}", inventory::date_text(*last));
      found(checked, {each->id},
            fmt::format("{} was last used {} days ago", kind_and_id(each),
                        std::chrono::floor<std::chrono::days>(scene.now() - *last).count()),
            {scene.declared(each),
             shown ? scene.record(fact, *shown)
                   : Exhibit{.fact = fact + ", by what is known of its credentials", .date = *last}},
            remedy);
    } else if (!no_log.empty()) {
      untold(checked, each->id, no_log);
    } else if (const auto made = each->created_at ? each->created_at : scene.made_at(each);
               made && *made > oldest) {
      continue;  // it is too young to be dormant
    } else if (*covered < limit) {
      untold(checked, each->id,
             fmt::format("the log covers {} days, and an identity is dormant after {}", covered->count(),
                         limit.count()));
    } else {
      found(checked, {each->id}, fmt::format("{} was never used", kind_and_id(each)),
            {scene.declared(each),
             {.fact = fmt::format("no permitted request since {}, where the log begins",
                                  inventory::date_text(*scene.seen()->first())),
              .date = scene.seen()->first()}},
            remedy);
    }
  }
}

void look_review_overdue(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (each.status != Status::kLapsed) continue;
    found(checked, {each->id}, fmt::format("the review of {} is overdue", kind_and_id(each)),
          {scene.declared(each),
           {.fact = fmt::format("`review_by: {}`", inventory::date_text(*each->review_by)),
            .date = each->review_by}},
          reviewed({.what = "confirm that it is needed as it is, or retire it",
                    .first = "whoever answers for it has to look whether it is needed as it is"},
                   scene, each));
  }
}

void look_never_reviewed(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use() || each->review_by || each->reviewed_at || each->expires_at)
      continue;
    if (scene.seen() != nullptr && scene.seen()->reviewed().contains(each->id)) continue;
    found(checked, {each->id}, fmt::format("{} has no end, and nobody is to review it", kind_and_id(each)),
          {scene.declared(each), {.fact = "it has no `expires_at`, `reviewed_at` or `review_by`"}},
          reviewed({.what = "say until when it is needed, or when it is reviewed"}, scene, each));
  }
}

void look_third_party(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_machine() || !each.is_in_use()) continue;
    std::optional<std::string> provider = each->provider;
    if (const auto* said = each->attributes.find_string("provider"); said != nullptr && !provider)
      provider = *said;
    if (!provider) {
      if (each->kind == Kind::kAgent)
        untold(checked, each->id, "nobody says who runs it: it has no `provider`");
      continue;
    }
    if (each->expires_at || each->review_by) continue;
    found(
        checked, {each->id, *provider},
        fmt::format("{} is run by `{}`, and its access has no end", kind_and_id(each), *provider),
        {scene.declared(each),
         {.fact = fmt::format("`provider: {}`", *provider)},
         {.fact = "it has no `expires_at` and no `review_by`"}},
        reviewed({.what = "let its access end, or have it reviewed, before the contract does"}, scene, each));
  }
}

void look_person_behind_machine(const Scene& scene, Checked& checked) {
  if (checked.not_computable = scene.without_log(); !checked.not_computable.empty()) return;
  for (const auto& [id, used] : scene.seen()->operating()) {
    const auto& [use, action] = used;
    const ListedIdentity* each = scene.find(id);
    if (each != nullptr && !each->is_in_use()) continue;
    std::vector<Exhibit> evidence{scene.record(
        fmt::format("{} requests to Writ's own API for nobody; the last one: {}", use.permits, action),
        use.last)};
    if (each != nullptr) evidence.insert(evidence.begin(), scene.declared(*each));
    found(
        checked, {id},
        fmt::format("`{}` operates Writ with a machine's credential, and the audit names no person", id),
        std::move(evidence),
        {.what = "let operators sign in, and exchange their token for one to Writ: then each act has a name",
         .change = fmt::format("@id(\"operators-are-people\")\nforbid (principal, action, resource == "
                               "Writ::Api::\"writ\")\nunless {{ context has user }};\n"),
         .by_hand = fmt::format("operators have to sign in first, and exchange their token for one to `{}` "
                                "(`writ token exchange`); the finding goes when such requests are older than "
                                "what --since-days looks at",
                                scene.config().api_audience)});
  }
}

}  // namespace writ::posture
