// The one translation unit that compiles Boost.Asio.
#include "http/net/asio.h"

#include <boost/asio/impl/src.hpp>
