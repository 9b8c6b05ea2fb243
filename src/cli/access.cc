// writ access: who reaches what, by the configuration alone (docs/access.md).
#include "cli/access.h"

#include <algorithm>
#include <fmt/format.h>

#include "access/asker.h"
#include "access/change.h"
#include "access/change_page.h"
#include "access/overview.h"
#include "access/page.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "control/own_api.h"
#include "files/files.h"

namespace writ::cli {
namespace {

constexpr std::string_view kCut = "there are more chains than were looked at: follow fewer with --links";

struct AccessOptions {
  std::string config = "writ.yaml";
  std::string id, api, action, resource, at;
  std::string before, after, reads, html;
  std::vector<std::string> apis;
  std::optional<std::uint64_t> links;
  bool json = false, csv = false, all = false, quick = false, strict = false;
};

struct Asked {
  std::shared_ptr<const inventory::Snapshot> inventory;
  std::unique_ptr<access::Asker> asker;
};

Result<Asked> asked_of(const policy::Loaded& loaded, Instant at, access::KnownAnswers* known = nullptr) {
  const auto& declared = loaded.world.declared;
  auto inventory = TRY(inventory::Snapshot::empty()->with(declared.identities, declared.apis));
  auto asker = TRY(access::Asker::make(*inventory, *loaded.policies.snapshot, at, known));
  return Asked{std::move(inventory), std::move(asker)};
}

// A configuration, ready to be asked.
struct ReadyForAccess : Asked {
  policy::Loaded loaded;
};

Result<std::unique_ptr<ReadyForAccess>> ready_for_access(const std::string& named, Instant at,
                                                         access::KnownAnswers* known = nullptr) {
  auto made = std::make_unique<ReadyForAccess>(ReadyForAccess{{}, TRY(load_configuration(named))});
  static_cast<Asked&>(*made) = TRY(asked_of(made->loaded, at, known));
  return made;
}

int show_access(const AccessOptions& options, const std::vector<access::Row>& rows,
                const access::Heading& heading) {
  if (options.json) {
    print_json(access::to_json(rows, heading));
  } else {
    options.csv ? print_exact(access::to_csv(rows, heading)) : print_text(access::to_text(rows, heading));
    if (options.csv && heading.cut) print_error(kCut);
  }
  return std::ranges::any_of(rows, [](const access::Row& row) { return row.reached.may(); }) ? kYes : kNo;
}

// What no policy decides, of these APIs; of all of them when there are none.
access::OpenToAll open_of(const policy::Loaded& loaded, const std::vector<std::string>& apis = {}) {
  const auto concerns = [&](const std::string& api) {
    return apis.empty() || std::ranges::find(apis, api) != apis.end();
  };
  access::OpenToAll open;
  for (const auto& route : loaded.world.routes) {
    if (route.is_public && concerns(route.api))
      open.public_routes.push_back({route.api, route.method, route.path});
  }
  for (const auto& upstream : loaded.world.upstreams) {
    if (!upstream.enforced && concerns(upstream.api)) open.observed.push_back(upstream.api);
  }
  return open;
}

void add_open_to_all(const policy::Loaded& loaded, const std::vector<std::string>& apis,
                     access::Heading& heading) {
  auto open = open_of(loaded, apis);
  heading.public_routes = std::move(open.public_routes);
  heading.observed = std::move(open.observed);
}

// `whose`: only chains with this identity. `only_may`: what is never is left out.
int answer(const AccessOptions& options, const std::string& whose, const access::TargetFilter& filter,
           bool only_may) {
  const auto at = instant_of(options.at);
  if (!at) return fail(at.error());
  const auto world = ready_for_access(options.config, *at);
  if (!world) return fail(world.error());
  if (const auto named = check_names((*world)->loaded, filter.api, filter.action); !named)
    return fail(named.error());
  auto& asker = *(*world)->asker;
  auto answered = asker.ask({.of = whose,
                             .filter = filter,
                             .links = asker.links(options.links),
                             .never = !only_may,
                             .witness = !options.quick});
  if (!answered) return fail(answered.error());
  const auto apis = filter.api.empty() ? std::vector<std::string>() : std::vector{filter.api};
  add_open_to_all((*world)->loaded, apis, answered->heading);
  return show_access(options, answered->rows, answered->heading);
}

int access_diff(const AccessOptions& options) {
  const auto at = instant_of(options.at);
  if (!at) return fail(at.error());
  // What the change does not touch is asked once for both.
  access::KnownAnswers known;
  const auto before = ready_for_access(options.before, *at, &known);
  if (!before) return fail(before.error());
  const auto after = ready_for_access(options.after, *at, &known);
  if (!after) return fail(after.error());
  auto& old_one = *(*before)->asker;
  auto& new_one = *(*after)->asker;
  const std::size_t links = std::max(old_one.links(options.links), new_one.links(options.links));
  auto change = access::changes_between(old_one, new_one, {.links = links});
  access::compare(open_of((*before)->loaded), open_of((*after)->loaded), change);
  if (!options.html.empty()) {
    const auto page = report::page("What a change gives and takes",
                                   access::change_part(change, options.before, options.after));
    // Who can reach what is for nobody else to read.
    const auto written = files::put_private_file(options.html, page);
    if (!written) return fail(written.error());
    print_text(fmt::format("written to {}", options.html));
  } else if (options.json) {
    auto json = access::to_json(change);
    const auto counts = known.counts();
    json.set("answers", codec::Json::object({{"asked", static_cast<std::int64_t>(counts.asked)},
                                             {"known", static_cast<std::int64_t>(counts.known)}}));
    print_json(json);
  } else {
    options.csv ? print_exact(access::changes_csv(change)) : print_text(access::changes_text(change));
    if (change.cut) print_error(kCut);
  }
  return change.empty() ? kYes : kNo;
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

int classes(const AccessOptions& options) {
  const auto at = instant_of(options.at);
  if (!at) return fail(at.error());
  const auto world = ready_for_access(options.config, *at);
  if (!world) return fail(world.error());
  if (const auto named = check_names((*world)->loaded, options.api, options.action); !named)
    return fail(named.error());
  auto& asker = *(*world)->asker;
  const auto answered =
      asker.classes({.api = options.api,
                     .action = options.action,
                     .reads = listed(options.reads),
                     .names = options.strict ? access::Names::kStrict : access::Names::kExchanged,
                     .links = asker.links(options.links)});
  if (!answered) return fail(answered.error());
  if (options.json) {
    print_json(answered->json());
  } else {
    options.csv ? print_exact(answered->csv()) : print_text(answered->text());
    if (answered->cut) print_error(kCut);
  }
  return answered->found() ? kNo : kYes;
}

// The APIs that were named, or all but Writ's own.
Result<std::vector<std::string>> apis_of(const std::vector<std::string>& named,
                                         const inventory::Snapshot& inventory) {
  std::vector<std::string> apis;
  for (const std::string& id : named) {
    if (inventory.find_api(id) == nullptr)
      return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", id));
    if (std::ranges::find(apis, id) == apis.end()) apis.push_back(id);
  }
  if (!apis.empty()) return apis;
  for (const auto* api : inventory.apis())
    if (api->id != control::kOwnApi) apis.push_back(api->id);
  return apis;
}

int report_access(const AccessOptions& options) {
  const auto at = instant_of(options.at);
  if (!at) return fail(at.error());
  const auto loaded = load_configuration(options.config);
  if (!loaded) return fail(loaded.error());
  for (const auto& api : options.apis)
    if (const auto named = check_names(*loaded, api); !named) return fail(named.error());
  const auto part = access_part(
      *loaded, *at,
      {.apis = options.apis, .reads = options.reads, .links = options.links, .quick = options.quick});
  if (!part) return fail(part.error());
  // Who can reach what is for nobody else to read.
  const auto written = files::put_private_file(options.html, report::page("Who can reach what", *part));
  if (!written) return fail(written.error());
  print_text(fmt::format("written to {}", options.html));
  return kYes;
}

void add_common(Command& command, const std::shared_ptr<AccessOptions>& options) {
  command.option("--at", options->at, "the instant from which on: 2026-03-02T09:00:00Z, or +10m from now");
  command
      .option("--links", options->links,
              "how far to follow acts_for; as far as max_chain allows if not given")
      .between(0, 8);
  command.flag("--json", options->json, "print JSON").excludes("--csv");
  command.flag("--csv", options->csv, "print CSV, a line for each chain");
}

void add_asking(Command& command, const std::shared_ptr<AccessOptions>& options) {
  command.option("--config", options->config, "the configuration file").shows_default();
  add_common(command, options);
  command.flag("--quick", options->quick, "do not look for a request that is permitted");
}

}  // namespace

Result<report::Markup> access_part(const policy::Loaded& loaded, Instant at,
                                   const AccessPartOptions& options) {
  const auto asked = TRY(asked_of(loaded, at));
  auto& asker = *asked.asker;
  const auto apis = TRY(apis_of(options.apis, *asked.inventory));
  const std::size_t links = asker.links(options.links);
  auto answered = TRY(asker.ask({.links = links, .never = true, .witness = !options.quick}));
  add_open_to_all(loaded, apis, answered.heading);
  std::erase_if(answered.rows, [&](const access::Row& row) {
    return std::ranges::find(apis, row.target.api->id) == apis.end();
  });
  std::vector<access::ClassesAnswered> all;
  for (const std::string& api : apis)
    all.push_back(
        TRY(asker.classes({.api = api, .action = {}, .reads = listed(options.reads), .links = links})));
  return access::access_part({.asker = asker,
                              .answered = answered,
                              .overview = access::overview_of(asker, answered, apis),
                              .classes = std::move(all)});
}

void add_access(Command& program) {
  auto& access = program.add("access", "who reaches what, through which chain");

  auto of = std::make_shared<AccessOptions>();
  auto& of_command = access.add("of", "what an identity reaches, as subject, client or actor");
  of_command.option("id", of->id, "the id of an identity").required();
  of_command.option("--api", of->api, "only this API");
  of_command.flag("--all", of->all, "show what is never reached too");
  add_asking(of_command, of);
  of_command.runs([of] { return answer(*of, of->id, {.api = of->api}, !of->all); });

  auto to = std::make_shared<AccessOptions>();
  auto& to_command = access.add("to", "who reaches an API, an action, a resource");
  to_command.option("api", to->api, "the id of an API").required();
  to_command.option("--action", to->action, "an action of the API; `issue`: tokens for it");
  to_command.option("--resource", to->resource, "as Cedar writes it: 'Billing::Invoice::\"inv-1001\"'");
  to_command.flag("--all", to->all, "show who never does too");
  add_asking(to_command, to);
  to_command.runs([to] {
    access::TargetFilter filter{.api = to->api, .action = to->action};
    if (!to->resource.empty()) filter.resource = to->resource;
    return answer(*to, {}, filter, !to->all);
  });

  auto path = std::make_shared<AccessOptions>();
  auto& path_command = access.add("path", "the chains by which an identity reaches an API");
  path_command.option("id", path->id, "the id of an identity").required();
  path_command.option("api", path->api, "the id of an API").required();
  add_asking(path_command, path);
  path_command.runs([path] { return answer(*path, path->id, {.api = path->api}, true); });

  auto alike = std::make_shared<AccessOptions>();
  auto& classes_command = access.add("classes", "which callers an API cannot tell apart");
  classes_command.option("api", alike->api, "the id of an API").required();
  classes_command.option("--action", alike->action, "only this action");
  classes_command.option("--reads", alike->reads, "the claims that the API itself reads: sub,scope");
  classes_command.flag("--strict", alike->strict, "do not exchange the callers' own names");
  classes_command.option("--config", alike->config, "the configuration file").shows_default();
  classes_command.option("--at", alike->at,
                         "the instant from which on: 2026-03-02T09:00:00Z, or +10m from now");
  classes_command.option("--links", alike->links, "how far to follow acts_for").between(0, 8);
  classes_command.flag("--json", alike->json, "print JSON").excludes("--csv");
  classes_command.flag("--csv", alike->csv, "print CSV: a line for each chain of a class, and each finding");
  classes_command.runs([alike] { return classes(*alike); });

  auto page = std::make_shared<AccessOptions>();
  auto& report_command =
      access.add("report", "one HTML page: who reaches what, and what APIs cannot tell apart");
  report_command.option("apis", page->apis, "the ids of the APIs to show; all but Writ's own if not given");
  report_command.option("--html", page->html, "the file to write").required();
  report_command.option("--reads", page->reads, "the claims that the APIs themselves read: sub,scope");
  report_command.option("--config", page->config, "the configuration file").shows_default();
  report_command.option("--at", page->at,
                        "the instant from which on: 2026-03-02T09:00:00Z, or +10m from now");
  report_command.option("--links", page->links, "how far to follow acts_for").between(0, 8);
  report_command.flag("--quick", page->quick, "do not look for requests that are permitted");
  report_command.runs([page] { return report_access(*page); });

  auto change = std::make_shared<AccessOptions>();
  auto& diff_command = access.add("diff", "what a change gives and takes, by identity");
  diff_command.option("old", change->before, "a configuration file, or the folder of writ.yaml").required();
  diff_command.option("new", change->after, "the same after the change").required();
  add_common(diff_command, change);
  diff_command.option("--html", change->html, "write one HTML page to this file")
      .excludes("--json")
      .excludes("--csv");
  diff_command.runs([change] { return access_diff(*change); });
}

}  // namespace writ::cli
