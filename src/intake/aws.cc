// AWS: the credential report of an account (CSV, `aws iam get-credential-report`, its Content decoded;
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html). Who logs in at the
// console is a user, the others are services.
#include <algorithm>
#include <fmt/format.h>

#include "intake/csv_text.h"
#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Credential;
using inventory::CredentialType;
using inventory::Kind;

constexpr std::string_view kNeeded[] = {"user",
                                        "arn",
                                        "user_creation_time",
                                        "password_enabled",
                                        "password_last_used",
                                        "password_last_changed",
                                        "mfa_active",
                                        "access_key_1_active",
                                        "access_key_1_last_rotated",
                                        "access_key_1_last_used_date",
                                        "access_key_2_active",
                                        "access_key_2_last_rotated",
                                        "access_key_2_last_used_date"};

class AwsReader {
 public:
  AwsReader(const File& file, Findings& findings) : file_(file), findings_(findings) {}

  bool take_header(const std::vector<std::string>& header) {
    for (const auto needed : kNeeded) {
      if (std::ranges::find(header, needed) != header.end()) continue;
      findings_.issues().error(
          {file_.name, 1, 1},
          fmt::format("it is not a credential report of AWS: there is no column `{}`", needed),
          "decode the member `Content` of `aws iam get-credential-report` from base64");
      return false;
    }
    header_ = header;
    return true;
  }

  void take_row(const CsvRow& row) {
    row_ = &row;
    const auto user = cell("user"), arn = cell("arn");
    if (user.empty() || arn.empty()) return wrong("`user` or `arn` is empty");
    const bool root = user == "<root_account>";
    const bool console = flag("password_enabled") || root;
    Found found{.native = arn,
                .kind = console ? Kind::kUser : Kind::kService,
                .kind_by = root      ? "the root account"
                           : console ? "password_enabled is true"
                                     : "password_enabled is " + cell("password_enabled"),
                .file = file_.name};
    found.name = user;
    found.created_at = date("user_creation_time");
    if (console) {
      Credential password{.type = CredentialType::kPassword,
                          .strength = flag("mfa_active") ? "password and a second factor" : "password alone"};
      password.created_at = date("password_last_changed");
      password.last_used_at = date("password_last_used");
      add(std::move(password), found);
    }
    for (const auto* key : {"access_key_1", "access_key_2"}) {
      if (!flag(std::string(key) + "_active")) continue;
      Credential credential{
          .type = CredentialType::kToken, .id = key, .strength = "access key, a shared secret"};
      credential.created_at = date(std::string(key) + "_last_rotated");
      credential.last_used_at = date(std::string(key) + "_last_used_date");
      credential.bound = false;
      add(std::move(credential), found);
    }
    for (const auto* certificate : {"cert_1", "cert_2"}) {
      if (!flag(std::string(certificate) + "_active")) continue;
      Credential credential{
          .type = CredentialType::kCertificate, .id = certificate, .strength = "signing certificate"};
      credential.created_at = date(std::string(certificate) + "_last_rotated");
      add(std::move(credential), found);
    }
    if (root) found.grants.emplace_back("everything in the account");
    found.aliases.push_back("arn:" + arn);
    findings_.add(std::move(found));
  }

 private:
  static void add(Credential credential, Found& found) {
    if (credential.last_used_at && (!found.last_used_at || *credential.last_used_at > *found.last_used_at))
      found.last_used_at = credential.last_used_at;
    found.credentials.push_back(std::move(credential));
  }

  std::string cell(std::string_view column) const {
    const auto at = std::ranges::find(header_, column);
    return at != header_.end() ? row_->cells[static_cast<std::size_t>(at - header_.begin())] : std::string();
  }

  // The report says one of these where it knows nothing.
  static bool is_not_known(std::string_view text) {
    return text.empty() || text == "N/A" || text == "no_information" || text == "not_supported";
  }

  // A table calculation writes it in capitals. What is neither is no `false`: a key would be left out.
  bool flag(std::string_view column) const {
    const auto text = cell(column);
    if (text == "true" || text == "TRUE" || text == "True") return true;
    if (text != "false" && text != "FALSE" && text != "False" && !is_not_known(text))
      wrong(fmt::format("`{}` is `{}`, expected true or false", column, text));
    return false;
  }

  std::optional<Instant> date(std::string_view column) const {
    const auto text = cell(column);
    if (is_not_known(text)) return std::nullopt;
    const auto read = lenient_date(text);
    if (!read) wrong(fmt::format("`{}` is `{}`, which is not a date", column, text));
    return read;
  }

  void wrong(std::string message) const {
    findings_.issues().error({file_.name, row_->line, 1}, std::move(message));
  }

  const File& file_;
  Findings& findings_;
  std::vector<std::string> header_;
  const CsvRow* row_ = nullptr;
};

}  // namespace

void read_aws(const std::vector<File>& files, Findings& findings) {
  for (const File& file : files) {
    AwsReader reader(file, findings);
    read_rows(
        file, findings.issues(), [&](const auto& header) { return reader.take_header(header); },
        [&](const CsvRow& row) { reader.take_row(row); });
  }
}

}  // namespace writ::intake
