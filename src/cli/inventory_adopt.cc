// writ inventory adopt: callers that were seen and are not in the inventory, into a file that somebody
// reviews, and from there into a patch of the configuration (docs/inventory.md).
#include <fmt/format.h>

#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/loaded.h"
#include "cli/log_parts.h"
#include "cli/output.h"
#include "files/files.h"
#include "posture/adopt.h"

namespace writ::cli {
namespace {

struct InventoryAdoptOptions {
  std::string config = "writ.yaml", out, reviewed, at;
  std::vector<std::string> audit;
  std::uint64_t since_days = 0;
  bool json = false, users = false;
};

codec::Json json_of(const std::vector<posture::SeenCaller>& callers) {
  auto list = codec::Json::array();
  for (const auto& each : callers) {
    auto one = codec::Json::object({{"caller", each.name}, {"seen", caller_word(each.by)}});
    if (!each.issuer.empty()) one.set("issuer", each.issuer);
    if (!each.claimed.empty())
      one.set("claimed",
              codec::json_texts(std::vector<std::string>(each.claimed.begin(), each.claimed.end())));
    one.set("requests", static_cast<std::int64_t>(each.requests));
    one.set("first", inventory::date_text(each.first));
    one.set("last", inventory::date_text(each.last));
    list.push(std::move(one));
  }
  return list;
}

int review(const InventoryAdoptOptions& options) {
  const auto now = instant_of(options.at);
  if (!now) return fail(now.error());
  const auto loaded = load_configuration(options.config);
  if (!loaded) return fail(loaded.error());
  const auto log = log_parts(options.audit, loaded->config);
  if (!log) return fail(log.error());
  const Instant since =
      options.since_days > 0 ? *now - std::chrono::days(options.since_days) : Instant::min();
  const auto seen = posture::find_seen(*log, loaded->config, since, *now);
  if (!seen) return fail(seen.error());
  const auto callers = posture::find_callers(*log, loaded->config, since, *now, options.users);
  if (!callers) return fail(callers.error());
  const bool none = seen->empty() && callers->callers.empty();
  if (options.json) {
    auto list = codec::Json::array();
    for (const auto& each : *seen)
      list.push(codec::Json::object({{"client", each.client},
                                     {"api", each.api},
                                     {"issuers", codec::json_texts(each.issuers)},
                                     {"requests", static_cast<std::int64_t>(each.requests)},
                                     {"first", inventory::date_text(each.first)},
                                     {"last", inventory::date_text(each.last)}}));
    print_json(codec::Json::object({{"clients", std::move(list)},
                                    {"callers", json_of(callers->callers)},
                                    {"left_out", static_cast<std::int64_t>(callers->left_out)}}));
    return none ? kNo : kYes;
  }
  if (none) return print_text("nobody was seen that the inventory does not have"), kNo;
  const auto text = posture::review_file(*seen, *callers);
  if (options.out.empty()) return print_exact(text), kYes;
  // What somebody has filled in is not written over.
  if (const auto written = files::create_private_file(options.out, text); !written)
    return fail(written.error());
  print_text(fmt::format("{} are written to {}: say for each what it is, then --reviewed {}",
                         seen->size() + callers->callers.size(), options.out, options.out));
  return kYes;
}

int adopt(const InventoryAdoptOptions& options) {
  const auto loaded = load_configuration(options.config);
  if (!loaded) return fail(loaded.error());
  const auto text = files::read_file(options.reviewed, posture::kMaxReviewBytes);
  if (!text) return fail(text.error());
  files::Issues issues;
  const auto reviewed = posture::read_review(*text, options.reviewed, loaded->config, issues);
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (issues.has_errors())
    return fail(
        fmt::format("{}: {}, so nothing was adopted", options.reviewed, number_of(issues.errors(), "error")));
  const auto undecided = reviewed.undecided + reviewed.callers.undecided;
  if (reviewed.is_empty())
    return print_error(fmt::format("nothing is adopted: {} are undecided, {} are nobody", undecided,
                                   reviewed.left + reviewed.callers.left)),
           kNo;
  const auto written = files::read_file(loaded->config.file, files::kMaxYamlBytes);
  if (!written) return fail(written.error());
  const auto patch = posture::adoption(reviewed, loaded->config, *written);
  if (!patch) return fail(patch.error());
  print_exact(*patch);
  if (undecided > 0) print_error(fmt::format("{} are still undecided", undecided));
  return kYes;
}

}  // namespace

void add_inventory_adopt(Command& inventory) {
  auto options = std::make_shared<InventoryAdoptOptions>();
  auto& command = inventory.add("adopt",
                                "callers that were seen and that the inventory does not have: into a file to "
                                "review, then into a patch");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--audit", options->audit,
                 "files of the audit log, or their folder; the configuration's if not given");
  command.option("--since-days", options->since_days, "look at the last so many days; all if not given")
      .between(1, 36500);
  command.option("--at", options->at, "as of which instant: 2026-03-02T09:00:00Z; now if not given");
  command.option("--out", options->out, "the file to write what was seen into; printed if not given")
      .excludes("--reviewed");
  command.option("--reviewed", options->reviewed,
                 "the file, with what each caller is: prints a patch of the configuration");
  command.flag("--users", options->users, "also users of providers who were permitted and are not listed");
  command.flag("--json", options->json, "print JSON").excludes("--out");
  command.runs([options] { return options->reviewed.empty() ? review(*options) : adopt(*options); });
}

}  // namespace writ::cli
