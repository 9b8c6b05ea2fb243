// The parameters `limit` and `after` of a request for a list (control/page.h).
#pragma once

#include <string>

#include "api/own_api.h"
#include "control/page.h"

namespace writ::api {

Answer<control::Page> page_of(const http::Request& request);
Answer<control::IdPage> id_page_of(const http::Request& request);
// What `after` is for what follows.
std::string next_page(const control::Page::Place& last);
std::string next_page(const std::string& last_id);

}  // namespace writ::api
