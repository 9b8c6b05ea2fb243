#include "http/net/send_queue.h"

#include <cstring>

namespace writ::http {
namespace {
constexpr std::size_t kRecordBytes = 16 * 1024;  // RFC 8446 §5.1: what one record holds
}  // namespace

// A record for each buffer would be one for each line end: what is small is put together. When it has to be
// sent again, the same buffers make the same bytes.
std::string_view SendQueue::next_record() const {
  thread_local char gathered[kRecordBytes];
  const auto bytes = [](const asio::const_buffer& buffer) { return static_cast<const char*>(buffer.data()); };
  if (count_ - first_ == 1 || buffers_[first_].size() >= kRecordBytes)
    return {bytes(buffers_[first_]), std::min(buffers_[first_].size(), kRecordBytes)};
  std::size_t size = 0;
  for (std::size_t i = first_; i < count_; ++i) {
    const std::size_t part = std::min(buffers_[i].size(), kRecordBytes - size);
    std::memcpy(gathered + size, bytes(buffers_[i]), part);
    size += part;
  }
  return {gathered, size};
}

SendQueue::Sent SendQueue::send(TlsSession& tls) {
  while (!empty()) {
    const auto record = next_record();
    std::size_t sent = 0;
    switch (tls.write(record.data(), record.size(), sent)) {
      case TlsSession::Step::kDone:
        sent_off(sent);
        break;
      case TlsSession::Step::kWantWrite:
        return Sent::kBlocked;
      default:
        return Sent::kFailed;
    }
  }
  clear();
  return Sent::kAll;
}

}  // namespace writ::http
