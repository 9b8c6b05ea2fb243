// A log for bench/posture.py: records that are chained as Writ chains them, of identities that are called as
// there, over 162 days.
//
//   posture_log FILE RECORDS IDENTITIES
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iostream>

#include "audit/chain.h"
#include "base/check.h"

namespace writ {
namespace {

constexpr std::uint64_t kStart = 1'780'000'000, kSeconds = 14'000'000;
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;

void write_log(const char* path, std::uint64_t records, std::uint64_t identities) {
  std::ofstream file(path, std::ios::binary);
  audit::Head head;
  std::string lines;
  const std::string_view policies[] = {"all"};
  for (std::uint64_t i = 0; i < records; ++i) {
    // Every tenth is a service.
    const auto client = fmt::format("id-{}", i * 7 % identities / 10 * 10 + 4);
    const auto resource = fmt::format("Shop::Order::\"{}\"", i), order = fmt::format("/orders/{}", i);
    const auto at = instant_from_unix_seconds(static_cast<std::int64_t>(kStart + i * kSeconds / records));
    const audit::Decision decision{
        .point = "gateway",
        .effect = "permit",
        .request_id = "01J8Z0C7T3W5Q9N2M4K6H8F0D1",
        .subject = client,
        .client = client,
        .api = "shop",
        .action = "Shop::Action::\"read\"",
        .resource = resource,
        .claims = {{"purpose", "support"}, {"tenant", "north"}},
        .issued_at = at,
        .token_id = "b5c7e9f0-1234-4abc-9def-001122334455",
        .policies = policies,
        .permits = "[[0]]",
        .policy_revision = "5f2c96aab6f3f96dfb7d8ea0dd135e5bd3de354302211fc5d89ee172996175c8",
        .method = "GET",
        .path = order,
        .peer = "192.0.2.1"};
    audit::append_line(lines, head, audit::make_record(at, decision).members);
    if (lines.size() < kWriteBytes) continue;
    file << lines;
    lines.clear();
  }
  file << lines;
  file.close();
  WRIT_CHECK(file.good());
}

}  // namespace
}  // namespace writ

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: posture_log FILE RECORDS IDENTITIES\n";
    return 2;
  }
  writ::write_log(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
}
