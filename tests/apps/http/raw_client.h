// A socket to a server on this machine, for requests as a test writes them.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace xr::http::test {

class RawClient {
 public:
  /// Connects to 127.0.0.1. Throws std::runtime_error.
  explicit RawClient(int port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False once the server has closed the connection.
  bool send(std::string_view bytes);
  /// All that comes until the server closes; for half a minute at most.
  [[nodiscard]] std::string receive();

 private:
  int socket_;
};

struct Answer {
  int status = 0;                              ///< 0: none came
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

using Headers = std::map<std::string, std::string>;

/// Sends a whole request and takes the answer apart.
[[nodiscard]] Answer ask(int port, std::string_view request);
/// With Host: 127.0.0.1:port, unless `headers` has another.
[[nodiscard]] Answer get(int port, const std::string& target, Headers headers = {});
/// As application/octet-stream with its length, unless `headers` has others.
[[nodiscard]] Answer post(int port, const std::string& target, const std::string& body, Headers headers = {});

}  // namespace xr::http::test
