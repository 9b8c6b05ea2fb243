#include "http/h2/frame_meter.h"

#include <algorithm>

namespace writ::http {
namespace {

using namespace h2;

// RFC 9113 §6.
enum Type : unsigned char {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
  kPriority = 2,
};
constexpr unsigned char kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;

std::string_view flood_of(unsigned char type) {
  switch (type) {
    case kResetStream:
      return "too many RST_STREAM frames";
    case kPing:
      return "too many PING frames";
    case kWindowUpdate:
      return "too many WINDOW_UPDATE frames";
    case kPriority:
      return "too many PRIORITY frames";
    case kContinuation:
      return "too many CONTINUATION frames";
    default:
      return "too many frames that carry nothing";
  }
}

}  // namespace

void FrameMeter::see(std::string_view bytes, Time now) {
  fill(now);
  const std::size_t preface = std::min(preface_left_, bytes.size());
  preface_left_ -= preface;
  bytes.remove_prefix(preface);
  while (!bytes.empty()) {
    if (header_size_ < header_.size()) {
      const std::size_t part = std::min(header_.size() - header_size_, bytes.size());
      std::copy_n(bytes.begin(), part, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
      header_size_ += part;
      bytes.remove_prefix(part);
      if (header_size_ < header_.size()) return;
      begin_frame();
    }
    const std::size_t part = std::min(payload_left_, bytes.size());
    payload_left_ -= part;
    bytes.remove_prefix(part);
    if (payload_left_ > 0) return;
    end_frame();
  }
}

void FrameMeter::begin_frame() {
  payload_left_ = (std::size_t{header_[0]} << 16) | (std::size_t{header_[1]} << 8) | header_[2];
  const unsigned char type = header_[3], flags = header_[4];
  switch (type) {
    case kData:
      // An end is something to say; padding is not.
      if (payload_left_ == 0 && (flags & kEndStream) == 0) {
        pay(kCostOfEmptyData, "too many empty DATA frames");
      } else if ((flags & kPadded) != 0) {
        pay(kCostOfControl, "too many padded DATA frames");
      } else {
        earn(kEarnedByData);
      }
      return;
    case kHeaders:
      earn(kEarnedByRequest);
      block_open_ = true;
      block_bytes_ = payload_left_;
      break;
    case kContinuation:
      pay(kCostOfControl, flood_of(type));
      block_bytes_ += payload_left_;
      break;
    case kSettings:
      pay((flags & kAck) != 0 ? kCostOfControl : kCostOfSettings, "too many SETTINGS frames");
      return;
    case kGoAway:
      pay(kCostOfSettings, "too many GOAWAY frames");
      return;
    default:
      pay(kCostOfControl, flood_of(type));
      return;
  }
  if (block_bytes_ > max_block_bytes_) flood_ = "a block of header fields is too large";
}

void FrameMeter::end_frame() noexcept {
  header_size_ = 0;
  begun_ = true;
  const unsigned char type = header_[3], flags = header_[4];
  if ((type == kHeaders || type == kContinuation) && (flags & kEndHeaders) != 0) block_open_ = false;
}

void FrameMeter::fill(Time now) noexcept {
  // In whole steps, so that no time is lost to rounding.
  constexpr auto kStep = std::chrono::milliseconds(1000 / kResetsPerSecond);
  const auto steps = (now - filled_at_) / kStep;
  if (steps <= 0) return;
  filled_at_ += steps * kStep;
  const auto few = std::min<std::int64_t>(steps, kCredit);
  earn(few * (kCreditPerSecond / kResetsPerSecond));
  resets_ = std::min(resets_ + few, kResets);
}

void FrameMeter::pay(std::int64_t cost, std::string_view what) noexcept {
  credit_ -= cost;
  if (credit_ < 0 && flood_.empty()) flood_ = what;
}

void FrameMeter::earn(std::int64_t credit) noexcept {
  credit_ = std::min(credit_ + credit, kCredit);
}

void FrameMeter::note_answered(std::size_t data_bytes) noexcept {
  if (data_bytes >= kUsefulBytes) earn(kEarnedByAnswered);
}

void FrameMeter::note_asked() noexcept {
  earn(kEarnedByAnswered);
}

void FrameMeter::note_reset(Time now) noexcept {
  fill(now);
  if (--resets_ < 0 && flood_.empty()) flood_ = "too many requests that were reset or refused";
}

}  // namespace writ::http
