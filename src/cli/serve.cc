// writ serve: Writ itself, until SIGTERM or Ctrl-C. And writ dev: the same for a developer's own machine,
// which watches its files, shows each decision, and offers what would permit those that were refused.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

#include "audit/record.h"
#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/decision_lines.h"
#include "cli/output.h"
#include "http/inherited.h"
#include "http/source.h"
#include "policy/file_watch.h"
#include "server/app.h"
#include "server/takeover.h"

namespace writ::cli {
namespace {

constexpr std::string_view kFiles = "files";
// What this process sends to itself when another one has its listening sockets.
constexpr int kGivenAway = SIGUSR1;

struct ServeOptions {
  std::string config = "writ.yaml";
  std::string data;
  bool accept_clock = false;
  std::optional<std::uint64_t> accept_lost_audit;
  bool inherit = false;
  bool dev = false;
  std::string folder = ".";  // of the configuration, for `writ dev`
};

// Signals are waited for, not handled: nothing runs in the middle of something else. Blocked before the
// first thread starts, so that every thread inherits it.
sigset_t awaited_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGHUP);
  ::sigaddset(&signals, kGivenAway);
  return signals;
}

std::optional<policy::Loaded> load(const ServeOptions& options) {
  files::Issues issues;
  auto loaded = policy::load(options.config, issues);
  for (const auto& issue : issues.all()) print_error(render(issue));
  if (!loaded)
    fail(fmt::format("not started: {} in the configuration; `writ check` shows all that is wrong",
                     number_of(issues.errors(), "error")));
  return loaded;
}

// Reads the configuration again, with its policies. Whatever is wrong with them, what is in force stays in
// force. `at_once`: a developer does not wait for tokens that lack what policies read.
void reload_policies(server::App& app, std::string_view cause, bool at_once) {
  const auto done =
      app.policies().reload({.cause = cause, .actor = {}, .request_id = {}, .at_once = at_once});
  if (!done) return static_cast<void>(fail(done.error()));
  // Nobody asked, and there is nothing new.
  if (cause == kFiles && !done->changed && !done->waiting && !done->issues.has_errors()) return;
  for (const auto& issue : done->issues.all()) print_error(render(issue));
  if (done->issues.has_errors()) {
    print_error(
        fmt::format("writ: {}, what is in force stays in force", number_of(done->issues.errors(), "error")));
  } else if (done->held) {
    print_error(fmt::format("writ: the files are those that were rolled back, policies {} stay in force",
                            done->revision));
  } else if (done->waiting) {
    print_error(fmt::format("writ: policies {} take force at {}, {} stay in force until then",
                            done->waiting->revision, audit::format_time(done->waiting->until),
                            done->revision));
  } else {
    print_error(fmt::format("writ: policies {} in force", done->revision));
  }
}

std::string urls_beside(const server::App& app) {
  std::string text;
  if (!app.gateway_url().empty()) text += ", gateway on " + app.gateway_url();
  if (!app.operator_url().empty()) text += ", operators on " + app.operator_url();
  return text;
}

// Whoever can read a key in dev/ can be any user, and what is printed is not for others: nobody but this
// machine gets in.
std::optional<std::string> exposed(const config::Config& config) {
  const auto is_loopback = [](const config::ListenAddress& listen) {
    return listen.address == "::1" || listen.address.starts_with("127.");
  };
  for (const auto& [name, listen] : {std::pair("api", std::optional(config.api_listen)),
                                     {"gateway", config.gateway_listen},
                                     {"operator", config.operator_listen}})
    if (listen && !is_loopback(*listen))
      return fmt::format("`writ dev` listens on this machine alone, and `{}` is `{}`; `writ serve` runs it",
                         name, listen->text());
  return std::nullopt;
}

// As a command line in the same folder names it.
std::string config_of(const ServeOptions& options) {
  return (std::filesystem::path(options.folder) / "writ.yaml").lexically_normal().string();
}

void print_hints(const server::App& app, const ServeOptions& options) {
  print_error(
      fmt::format("writ: for development only; tokens for trying: writ token for USER --through APP "
                  "--config {}\nwrit: send requests to {}; each decision is a line here",
                  config_of(options), app.gateway_url().empty() ? app.api_url() : app.gateway_url()));
}

std::vector<config::ListenAddress> listeners_of(const config::Config& config) {
  std::vector<config::ListenAddress> all{config.api_listen};
  for (const auto* more : {&config.gateway_listen, &config.operator_listen})
    if (*more) all.push_back(**more);
  return all;
}

server::Wanted wanted_by(const config::Config& config) {
  return [all = listeners_of(config)](std::string_view address, std::uint16_t port) {
    return std::ranges::any_of(all, [&](const config::ListenAddress& listen) {
      return listen.port == port && http::Address::parse(listen.address) == http::Address::parse(address);
    });
  };
}

// From the process that runs with the same data folder, if one does.
Result<std::unique_ptr<server::Predecessor>> take_over_sockets(const config::Config& config) {
  const auto open_others = [&]() -> Result<void> {
    for (const auto& listen : listeners_of(config)) TRY(http::listen_ahead(listen.address, listen.port));
    return {};
  };
  auto taken = TRY(server::Predecessor::take_over(config.data, wanted_by(config), open_others));
  print_error(taken != nullptr ? "writ: has taken over from the process before, which has ended"
                               : "writ: no process runs with this data folder; nothing is taken over");
  return taken;
}

// Until a signal ends it, which it returns.
int run_app(server::App& app, const ServeOptions& options, const sigset_t& signals,
            const std::atomic<bool>& given_away) {
  int received = 0;
  for (::sigwait(&signals, &received); received == SIGHUP || (received == kGivenAway && !given_away);
       ::sigwait(&signals, &received)) {
    if (received == kGivenAway) continue;  // somebody else sent it
    // First: it must not depend on whether the policies can be read.
    if (const auto reopened = app.reopen_audit(); !reopened) static_cast<void>(fail(reopened.error()));
    reload_policies(app, "signal", options.dev);
  }
  return received;
}

int serve(ServeOptions options, std::unique_ptr<server::Takeover> gave = nullptr);

// Its work is done, and another process has its sockets.
int hand_over(ServeOptions options, std::unique_ptr<server::Takeover> takeover, int status) {
  if (takeover->hand_over()) return status;
  print_error("writ: the process that took over has ended before it listened; this one starts again");
  // What was accepted then is done.
  options.inherit = options.accept_clock = false;
  options.accept_lost_audit.reset();
  return serve(std::move(options), std::move(takeover));
}

// `gave`: it had given its sockets away, and takes them back.
int serve(ServeOptions options, std::unique_ptr<server::Takeover> gave) {
  const auto signals = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that closes while it is being written to is an error of that write alone.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that may not grow: the audit answers it by refusing, not by dying.
  std::signal(SIGXFSZ, SIG_IGN);
  if (auto taken = http::take_inherited_sockets(); !taken) return fail(taken.error());
  auto loaded = load(options);
  if (!loaded) return kBroken;
  if (!options.data.empty()) loaded->config.data = options.data;
  if (const auto problem = options.dev ? exposed(loaded->config) : std::nullopt) return fail(*problem);
  if (gave != nullptr)
    if (const auto taken = gave->take_back(wanted_by(loaded->config)); !taken) return fail(taken.error());
  gave.reset();
  std::unique_ptr<server::Predecessor> predecessor;
  if (options.inherit) {
    auto taken = take_over_sockets(loaded->config);
    if (!taken) return fail(taken.error());
    predecessor = *std::move(taken);
  }
  const auto data = loaded->config.data;
  const bool watched = options.dev || loaded->config.policies.watch;
  const auto log = data / loaded->config.audit.file;
  auto app = server::App::start(*std::move(loaded), options.accept_clock, options.accept_lost_audit);
  if (!app) return fail(app.error());
  if (predecessor != nullptr) predecessor->listening();
  predecessor.reset();
  print_error(fmt::format("writ: ready on {}{}, policies {}", (*app)->api_url(), urls_beside(**app),
                          (*app)->policies().get()->revision));
  std::optional<DecisionLines> lines;
  if (options.dev) {
    print_hints(**app, options);
    lines.emplace(log, config_of(options), [](std::string_view text) {
      print_text(text);
      std::fflush(stdout);
    });
  }
  std::atomic<bool> given_away = false;
  auto takeover = server::Takeover::offer(data, [&given_away] {
    given_away = true;
    ::kill(::getpid(), kGivenAway);
  });
  if (!takeover)
    print_error(
        fmt::format("writ: `--inherit` cannot take over from this process: {}", takeover.error().message));
  std::optional<policy::FileWatch> watch;
  if (watched)
    watch.emplace(policy::look_at_configured(options.config),
                  [&app, dev = options.dev] { reload_policies(**app, kFiles, dev); });
  const int received = run_app(**app, options, signals, given_away);
  watch.reset();
  print_error(fmt::format("writ: {}, stopping", received == kGivenAway ? "another process takes over"
                                                : received == SIGINT   ? "interrupted"
                                                                       : "told to stop"));
  // A second one ends it at once. What this process sends to itself does not.
  auto ending = signals;
  ::sigdelset(&ending, kGivenAway);
  ::pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
  // Ctrl-C is somebody who waits, and so is the next process; anything else may have a load balancer in
  // front.
  if (received != SIGINT && received != kGivenAway) (*app)->drain();
  if (takeover) (*takeover)->end_offer();
  const int status = (*app)->stop() ? kYes : fail("stopped, but some work did not finish");
  if (received != kGivenAway) return status;
  // The data folder is the other one's now.
  lines.reset();
  app->reset();
  return hand_over(std::move(options), *std::move(takeover), status);
}

}  // namespace

void add_serve(Command& program) {
  auto options = std::make_shared<ServeOptions>();
  auto& command = program.add("serve", "run Writ");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--data", options->data, "the data folder, instead of the configuration's");
  command.flag("--accept-clock", options->accept_clock,
               "start even though the audit log was written later than the clock says");
  command.flag(
      "--inherit", options->inherit,
      "take the listening sockets over from the process that runs with this data folder, which then ends");
  command.option("--accept-lost-audit", options->accept_lost_audit,
                 "start without the audit log that was lost; the number of its last known record");
  command.runs([options] { return serve(*options); });
}

void add_dev(Command& program) {
  auto options = std::make_shared<ServeOptions>();
  options->dev = true;
  auto& command =
      program.add("dev", "run Writ on your own machine: watch files, show decisions, offer policies");
  command.option("folder", options->folder, "the folder of the configuration").shows_default();
  command.runs([options] {
    options->config = (std::filesystem::path(options->folder) / "writ.yaml").string();
    return serve(*options);
  });
}

}  // namespace writ::cli
