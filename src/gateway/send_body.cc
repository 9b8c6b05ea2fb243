#include "gateway/send_body.h"

#include <memory>

namespace writ::gateway {
namespace {

using Shared = std::shared_ptr<BodyToSend>;

void send_piece(const Shared& body, std::string_view piece);

void read_piece(const Shared& body) {
  body->exchange.read_body([body](Result<std::string_view> piece) {
    if (body->over) return;
    if (!piece) return body->gone();
    send_piece(body, *piece);
  });
}

void send_piece(const Shared& body, std::string_view piece) {
  auto done = [body, last = piece.empty()](http::CallResult<void> sent) {
    // An upstream may have answered without taking all of the body.
    if (!body->over && sent && !last) read_piece(body);
  };
  if (body->passed) body->passed(piece.size());
  if (piece.empty()) {
    const auto& trailers = body->exchange.trailers();
    const bool pass = body->trailers != nullptr && !trailers.empty();
    body->call.finish_body(std::move(done),
                           pass ? body->trailers->upstream_trailers(trailers) : http::Headers());
  } else {
    body->call.write_body(piece, std::move(done));
  }
}

}  // namespace

void send_body(BodyToSend given) {
  const auto body = std::make_shared<BodyToSend>(std::move(given));
  if (!body->read) return read_piece(body);
  if (body->read->empty()) return body->call.finish_body([](http::CallResult<void>) {});
  body->call.write_body(*body->read, [body](http::CallResult<void> sent) {
    if (!body->over && sent) body->call.finish_body([body](http::CallResult<void>) {});
  });
}

}  // namespace writ::gateway
