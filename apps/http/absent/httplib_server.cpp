// In place of httplib_server.cpp where cpp-httplib was not found.
#include "apps/http/server.h"

namespace xr::http {

std::string library() {
  return {};
}

std::unique_ptr<Server> Server::listen(const ServerSettings& /*settings*/, Handler /*handler*/) {
  throw Error(
      library_missing,
      fmt::format("the program was built without an HTTP server: install {} and build again", package));
}

}  // namespace xr::http
