#include "policy/revisions.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "codec/json.h"
#include "files/files.h"

namespace writ::policy {
namespace {

namespace fs = std::filesystem;
using codec::Json;

constexpr std::string_view kEnding = ".json";
constexpr std::string_view kChoice = "choice";
constexpr std::string_view kMinted = "minted";
constexpr std::size_t kMaxMintedBytes = std::size_t{64} << 20;
// All texts together; those of a policy file and of entities have limits of their own.
constexpr std::size_t kMaxKeptBytes = std::size_t{1} << 30;
constexpr std::size_t kRevisionDigits = 64;
constexpr std::size_t kTimeDigits = 15;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}

// "001764110123456-ab34....json": by time, then by revision. Others are not ours.
std::optional<KeptRevision> kept_from_name(std::string_view name) {
  if (name.size() != kTimeDigits + 1 + kRevisionDigits + kEnding.size() || !name.ends_with(kEnding))
    return std::nullopt;
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(name.begin(), name.begin() + kTimeDigits, time);
  const auto revision = name.substr(kTimeDigits + 1, kRevisionDigits);
  if (error != std::errc() || end != name.begin() + kTimeDigits || *end != '-' || !is_hex(revision))
    return std::nullopt;
  return KeptRevision{std::string(revision), Instant(Duration(time))};
}

std::unexpected<Error> io_failure(std::string_view doing, const fs::path& path,
                                  const std::error_code& error) {
  return failure(ErrorCode::kIo, fmt::format("cannot {} `{}`: {}", doing, path.string(), error.message()));
}

std::unexpected<Error> corrupt(const fs::path& path, std::string_view why) {
  return failure(ErrorCode::kCorrupt,
                 fmt::format("`{}` is not what Writ kept there: {}", path.string(), why));
}

// Milliseconds, each beginning followed by its end: since the epoch, and since the week began.
Json to_json(const context::Calendar& calendar) {
  Json spans = Json::array(), hours = Json::array();
  for (const auto& each : calendar.spans) {
    spans.push(unix_millis(each.from));
    spans.push(unix_millis(each.until));
  }
  for (const auto& each : calendar.hours) {
    hours.push(std::int64_t{each.from.count()});
    hours.push(std::int64_t{each.until.count()});
  }
  return Json::object({{"name", calendar.name}, {"spans", std::move(spans)}, {"hours", std::move(hours)}});
}

std::vector<std::pair<Duration, Duration>> pairs_in(const Json& json, std::string_view name) {
  std::vector<std::pair<Duration, Duration>> pairs;
  const Json* found = json.find(name);
  const auto* list = found != nullptr ? found->if_array() : nullptr;
  for (std::size_t i = 0; list != nullptr && i + 1 < list->size(); i += 2) {
    const auto *from = (*list)[i].if_int(), *until = (*list)[i + 1].if_int();
    if (from != nullptr && until != nullptr) pairs.emplace_back(Duration(*from), Duration(*until));
  }
  return pairs;
}

context::Calendar calendar_from_json(const Json& json) {
  const auto* name = json.find_string("name");
  context::Calendar calendar{name != nullptr ? *name : "", {}, {}};
  for (const auto& [from, until] : pairs_in(json, "spans"))
    calendar.spans.push_back({Instant(from), Instant(until)});
  for (const auto& [from, until] : pairs_in(json, "hours")) calendar.hours.push_back({from, until});
  return calendar;
}

Json to_json(const PolicyTexts& texts) {
  Json files = Json::array(), calendars = Json::array();
  for (const auto& calendar : texts.calendars) calendars.push(to_json(calendar));
  for (const auto& file : texts.files)
    files.push(Json::object({{"kind", kind_name(file.kind)}, {"path", file.path}, {"text", *file.text}}));
  return Json::object({{"max_chain", static_cast<std::int64_t>(texts.max_chain)},
                       {"calendars", std::move(calendars)},
                       {"files", std::move(files)}});
}

std::optional<TextKind> kind_from_name(std::string_view name) {
  for (const auto kind : {TextKind::kPolicies, TextKind::kSchema, TextKind::kEntities})
    if (name == kind_name(kind)) return kind;
  return std::nullopt;
}

// What lacks something has another revision than its name says, so nothing is looked at twice here.
PolicyTexts texts_from_json(const Json& json) {
  PolicyTexts texts;
  if (const auto* chain = json.find("max_chain"); chain != nullptr && chain->is_int())
    texts.max_chain = static_cast<std::size_t>(*chain->if_int());
  if (const auto* calendars = json.find("calendars");
      calendars != nullptr && calendars->if_array() != nullptr)
    for (const Json& calendar : *calendars->if_array())
      texts.calendars.push_back(calendar_from_json(calendar));
  const auto* files = json.find("files");
  if (files == nullptr || files->if_array() == nullptr) return texts;
  for (const Json& file : *files->if_array()) {
    const auto *kind = file.find_string("kind"), *path = file.find_string("path"),
               *text = file.find_string("text");
    const auto known = kind != nullptr ? kind_from_name(*kind) : std::nullopt;
    if (!known || path == nullptr || text == nullptr) continue;
    texts.files.push_back({*known, *path, *path, std::make_shared<const std::string>(*text)});
  }
  return texts;
}

}  // namespace

Revisions::Revisions(const fs::path& data, std::size_t kept)
    : folder_(data / kRevisionsFolder), kept_(kept) {}

fs::path Revisions::file_of(const KeptRevision& kept) const {
  return folder_ / fmt::format("{:0{}}-{}{}", kept.since.time_since_epoch().count(), kTimeDigits,
                               kept.revision, kEnding);
}

Result<std::vector<KeptRevision>> Revisions::list() const {
  std::vector<KeptRevision> all;
  std::error_code error;
  if (!fs::exists(folder_, error)) return all;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (auto kept = kept_from_name(entry->path().filename().string())) all.push_back(*std::move(kept));
  }
  if (error) return io_failure("read", folder_, error);
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return a.since != b.since ? a.since > b.since : a.revision < b.revision;
  });
  return all;
}

Result<KeptRevision> Revisions::find(std::string_view prefix) const {
  if (prefix.size() < kMinRevisionPrefix || !is_hex(prefix))
    return failure(ErrorCode::kInvalid,
                   fmt::format("`{}` is not a revision, expected at least its first {} digits", prefix,
                               kMinRevisionPrefix));
  std::optional<KeptRevision> found;
  const auto all = TRY(list());
  for (const auto& kept : all) {
    if (!kept.revision.starts_with(prefix)) continue;
    // The same one twice is what a crash leaves between making the new file and removing the old.
    if (found && found->revision != kept.revision)
      return failure(ErrorCode::kConflict, fmt::format("more than one revision begins with `{}`", prefix));
    if (!found) found = kept;
  }
  if (!found) return failure(ErrorCode::kNotFound, fmt::format("there is no kept revision `{}`", prefix));
  return *std::move(found);
}

Result<PolicyTexts> Revisions::read(const KeptRevision& kept) const {
  const auto path = file_of(kept);
  const auto text = TRY(files::read_file(path, kMaxKeptBytes));
  const auto json = codec::parse_json(text, {.max_bytes = kMaxKeptBytes});
  if (!json) return corrupt(path, json.error().message);
  auto texts = texts_from_json(*json);
  if (revision_of(texts) != kept.revision) return corrupt(path, "its revision does not match");
  return texts;
}

Result<void> Revisions::keep(const PolicyTexts& texts, const std::string& revision, Instant now) {
  // The caller named no folder: that one is missing is not for it to mend.
  if (auto made = files::make_private_folder(folder_); !made)
    return failure(ErrorCode::kIo, std::move(made).error().message);
  std::error_code error;
  const KeptRevision kept{revision, now};
  TRY(files::put_private_file(file_of(kept), to_json(texts).dump()));
  const auto all = TRY(list());
  for (const auto& other : all) {
    if (other.revision == revision && other.since != now) fs::remove(file_of(other), error);
  }
  return forget_oldest(revision);
}

Result<void> Revisions::forget_oldest(const std::string& newest) {
  const auto all = TRY(list());
  const auto chosen = TRY(choice());
  std::size_t count = all.size();
  for (auto oldest = all.rbegin(); oldest != all.rend() && count > kept_; ++oldest) {
    const bool needed =
        oldest->revision == newest ||
        (chosen && (oldest->revision == chosen->revision || oldest->revision == chosen->instead_of));
    std::error_code error;
    if (!needed && fs::remove(file_of(*oldest), error)) --count;
  }
  return {};
}

Result<std::optional<RevisionChoice>> Revisions::choice() const {
  const auto path = folder_ / kChoice;
  const auto text = files::read_file(path, 4096);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  const auto json = codec::parse_json(*text);
  const auto* revision = json ? json->find_string("revision") : nullptr;
  const auto* instead_of = json ? json->find_string("instead_of") : nullptr;
  if (revision == nullptr || instead_of == nullptr) return corrupt(path, "it names no revisions");
  return RevisionChoice{*revision, *instead_of};
}

Result<void> Revisions::choose(const RevisionChoice& choice) {
  return files::put_private_file(
      folder_ / kChoice,
      Json::object({{"revision", choice.revision}, {"instead_of", choice.instead_of}}).dump());
}

Result<Json> Revisions::minted() const {
  const auto path = folder_ / kMinted;
  const auto text = files::read_file(path, kMaxMintedBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return Json();
  if (!text) return std::unexpected(text.error());
  auto json = codec::parse_json(*text, {.max_bytes = kMaxMintedBytes});
  if (!json) return corrupt(path, json.error().message);
  return *std::move(json);
}

Result<void> Revisions::keep_minted(const Json& minted) {
  if (auto made = files::make_private_folder(folder_); !made)
    return failure(ErrorCode::kIo, std::move(made).error().message);
  return files::put_private_file(folder_ / kMinted, minted.dump());
}

Result<void> Revisions::clear_choice() {
  return files::remove_file(folder_ / kChoice);
}

}  // namespace writ::policy
