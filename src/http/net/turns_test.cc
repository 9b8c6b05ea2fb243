#include "http/net/turns.h"

#include <gtest/gtest.h>
#include <string>

namespace writ::http::turns_test {
namespace {

TEST(Turns, OthersAreServedBetweenTwoPieces) {
  asio::io_context context{1};
  Turns turns(context);
  std::string order;
  for (const char piece : {'1', '2', '3'}) {
    turns.add([&, piece] {
      order += piece;
      asio::post(context, [&order] { order += '-'; });
    });
  }
  asio::post(context, [&order] { order += 'a'; });
  context.run();
  EXPECT_EQ(order, "1a2-3--");
}

TEST(Turns, APieceThatThrowsHoldsUpNoOther) {
  asio::io_context context{1};
  Turns turns(context);
  int done = 0;
  turns.add([] { throw 1; });
  turns.add([&] { ++done; });
  EXPECT_THROW(context.run(), int);
  context.run();
  turns.add([&] { ++done; });
  context.restart();
  context.run();
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace writ::http::turns_test
