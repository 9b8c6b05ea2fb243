// The one translation unit that compiles Boost.Asio and the part of Beast that http uses.
#include "http/net/asio.h"

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
