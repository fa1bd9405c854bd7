// An HTTP server for pages that are meant for one browser on this machine.
//
// Other web pages that the same browser shows cannot use it: a name in Host that is not this machine's (DNS rebinding) and
// requests that another site makes are refused (request_check.h), and no answer lets another site read it. Every
// connection serves one request, has so long and no longer for it, and waits for one of a fixed number of threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kernels/common/error.h"

namespace xr::http {

/// What other programs' builds need for it.
inline constexpr const char* package = "libcpp-httplib-dev";

/// "cpp-httplib 0.11.4", or empty where this build has none.
[[nodiscard]] std::string library();

/// Codes of errors.
inline constexpr ErrorCode address_in_use{"address-in-use"};
inline constexpr ErrorCode library_missing{"http-library-missing"};

struct Request {
  std::string method;                        ///< "GET" or "POST"; a HEAD is a GET whose answer is not sent
  std::string path;                          ///< decoded, without the query
  std::map<std::string, std::string> query;  ///< decoded; of a name that is there twice the first
  std::string body;                          ///< of a POST
};

struct Response {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body;
  std::string policy;  ///< Content-Security-Policy; empty: nothing may be loaded
};

struct ServerSettings {
  std::string host = "127.0.0.1";               ///< an address of this machine, or a name of it
  int port = 0;                                 ///< 0: one that is free
  std::size_t max_body_bytes = 64'000'000;      ///< of a POST; beyond it 413
  std::size_t threads = 8;                      ///< connections that are served at the same time
  std::chrono::milliseconds idle_limit{5'000};  ///< for the next bytes of a client
  std::chrono::milliseconds total_limit{
      60'000};  ///< for a request as a whole to arrive, and for the answer to leave
};

class Server {
 public:
  /// Called by several threads. What it throws is answered with 500.
  using Handler = std::function<Response(const Request&)>;

  /// Listens, and answers nobody yet. A POST must be application/octet-stream with a length, which no form of another
  /// site can send. Throws Error: library_missing, address_in_use, or others that name host and port.
  [[nodiscard]] static std::unique_ptr<Server> listen(const ServerSettings& settings, Handler handler);
  virtual ~Server() = default;

  [[nodiscard]] virtual int port() const = 0;
  /// Answers until stop(), which another thread calls. Connections that are open then are cut.
  virtual void run() = 0;
  virtual void stop() = 0;
};

}  // namespace xr::http
