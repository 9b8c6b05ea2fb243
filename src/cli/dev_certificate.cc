// writ dev-certificate: TLS for a developer's own machine.
#include <chrono>
#include <filesystem>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "files/files.h"
#include "http/tls/development.h"

namespace writ::cli {
namespace {

constexpr int kMaxDays = 365;

struct DevCertificateOptions {
  std::string folder;
  std::vector<std::string> names = {};
  std::int64_t days = 30;
};

int make(const DevCertificateOptions& options) {
  const auto names =
      options.names.empty() ? std::vector<std::string>{"localhost", "127.0.0.1", "::1"} : options.names;
  const auto made = http::make_development_certificate(names, std::chrono::days(options.days));
  if (!made) return fail(made.error());
  const std::filesystem::path folder = options.folder;
  if (auto done = files::make_private_folder(folder); !done) return fail(done.error());
  // The key first: a certificate whose key is another one is worse than none.
  for (const auto& [name, content] : {std::pair("server.key", made->identity.key->expose()),
                                      {"server.pem", std::string_view(made->identity.chain)},
                                      {"ca.pem", std::string_view(made->ca)}})
    if (auto done = files::put_private_file(folder / name, content); !done) return fail(done.error());
  print_text(
      fmt::format("for {} days, and for development only; the listener:\n"
                  "  tls: {{certificates: [{{chain: {}, key: {}}}]}}\n"
                  "and whoever calls it trusts the CA, which has signed nothing else:\n"
                  "  curl --cacert {} https://{}:PORT/\n",
                  options.days, (folder / "server.pem").string(), (folder / "server.key").string(),
                  (folder / "ca.pem").string(), names.front()));
  return kYes;
}

}  // namespace

void add_dev_certificate(Command& program) {
  auto options = std::make_shared<DevCertificateOptions>();
  auto& command = program.add("dev-certificate",
                              "make a certificate for TLS on your own machine, and the CA to trust for it");
  command
      .option("folder", options->folder,
              "the folder for server.pem, server.key and ca.pem; new ones take the place of old")
      .required();
  command.option(
      "--name", options->names,
      "a host name or an address that it is for, in place of localhost, 127.0.0.1 and ::1; may stand "
      "several times");
  command.option("--days", options->days, "how long it is good").between(1, kMaxDays).shows_default();
  command.runs([options] { return make(*options); });
}

}  // namespace writ::cli
