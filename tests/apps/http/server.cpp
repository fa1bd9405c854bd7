// The server against clients that mean no good. Without cpp-httplib there is none to test.
#include "apps/http/server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/apps/http/raw_client.h"

namespace xr::http::test {

namespace {

using std::chrono::milliseconds;

ServerSettings small_settings() {
  ServerSettings settings;
  settings.max_body_bytes = 1000;
  settings.threads = 2;
  return settings;
}

/// A server that answers with what it was asked, until the end of the test.
class Running {
 public:
  explicit Running(const ServerSettings& settings = small_settings())
      : server_(Server::listen(settings,
                               [this](const Request& request) {
                                 ++calls_;
                                 if (request.path == "/throw") throw std::runtime_error("it failed");
                                 return Response{200, "text/plain", request.path + "|" + request.body, {}};
                               })),
        thread_([this] { server_->run(); }) {}
  ~Running() {
    server_->stop();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  [[nodiscard]] int port() const { return server_->port(); }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  std::atomic<int> calls_{0};
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

bool is_built() {
  if (library().empty()) WARN("the build has no cpp-httplib: nothing was checked");
  return !library().empty();
}

}  // namespace

TEST_CASE("a server answers with headers that keep other pages out") {
  if (!is_built()) return;
  Running server;
  const Answer answer = get(server.port(), "/a%20b?x=1");
  CHECK(answer.status == 200);
  CHECK(answer.body == "/a b|");
  CHECK(answer.headers.at("content-security-policy") == "default-src 'none'; frame-ancestors 'none'");
  CHECK(answer.headers.at("x-content-type-options") == "nosniff");
  CHECK(answer.headers.at("cross-origin-resource-policy") == "same-origin");
  CHECK(answer.headers.at("cache-control") == "no-store");
  CHECK(!answer.headers.contains("access-control-allow-origin"));
  CHECK(post(server.port(), "/p", "bytes").body == "/p|bytes");
  const Answer failed = get(server.port(), "/throw");
  CHECK(failed.status == 500);
  CHECK(failed.body == "it failed\n");
}

TEST_CASE("a server refuses other hosts, other sites and other methods without calling anything") {
  if (!is_built()) return;
  Running server;
  const int port = server.port();
  const std::string host = "Host: 127.0.0.1\r\n";
  CHECK(get(port, "/", {{"Host", "evil.example"}}).status == 421);
  CHECK(ask(port, "GET / HTTP/1.1\r\n\r\n").status == 421);
  CHECK(ask(port, "GET / HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n").status == 421);
  CHECK(get(port, "/", {{"Sec-Fetch-Site", "cross-site"}}).status == 403);
  CHECK(post(port, "/", "x", {{"Origin", "http://evil.example"}}).status == 403);
  CHECK(post(port, "/", "x", {{"Origin", "null"}}).status == 403);
  CHECK(ask(port, "OPTIONS / HTTP/1.1\r\n" + host + "\r\n").status == 405);
  CHECK(ask(port, "PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx").status == 405);
  CHECK(get(port, "/", {{"Range", "bytes=0-1"}}).status == 416);
  CHECK(get(port, "/" + std::string(4000, 'a')).status == 414);
  CHECK(server.calls() == 0);
  CHECK(get(port, "/", {{"Sec-Fetch-Site", "same-origin"}}).status == 200);
}

TEST_CASE("a server takes bodies that are small, plain and whole") {
  if (!is_built()) return;
  Running server;
  const int port = server.port();
  const std::string head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n";
  CHECK(post(port, "/", std::string(1001, 'x')).status == 413);
  CHECK(ask(port, head + "Content-Length: 99999999999\r\n\r\nx").status == 413);
  CHECK(ask(port, head + "Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n").status == 413);
  CHECK(ask(port, head + "\r\n").status == 411);
  CHECK(ask(port, head + "Content-Length: -1\r\n\r\n").status == 411);
  CHECK(ask(port, head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx").status == 411);
  CHECK(ask(port, head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n").status == 411);
  CHECK(post(port, "/", "x", {{"Content-Encoding", "gzip"}}).status == 415);
  for (const char* type :
       {"text/plain", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"})
    CHECK(post(port, "/", "x", {{"Content-Type", type}}).status == 415);
  CHECK(server.calls() == 0);
  CHECK(post(port, "/", std::string(1000, 'x')).status == 200);
}

TEST_CASE("slow clients are cut, and the others are served") {
  if (!is_built()) return;
  ServerSettings settings = small_settings();
  settings.idle_limit = milliseconds(400);
  settings.total_limit = milliseconds(800);
  Running server(settings);
  const auto drip = [&](const std::string& start) {
    RawClient client(server.port());
    (void)client.send(start);
    int sent = 0;  // a byte at a time, never idle for long
    while (sent < 300 && client.send("a")) {
      std::this_thread::sleep_for(milliseconds(50));
      ++sent;
    }
    return sent;
  };
  CHECK(drip("GET / HTTP/1.1\r\nHost: ") < 300);
  CHECK(
      drip(
          "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 900"
          "\r\n\r\n") < 300);
  CHECK(server.calls() == 0);
  // More of them than threads, which say nothing at all.
  RawClient first(server.port()), second(server.port()), third(server.port());
  CHECK(get(server.port(), "/").status == 200);
  CHECK(first.receive().find("200 OK") == std::string::npos);
}

TEST_CASE("a server that stops cuts the connections that are open") {
  if (!is_built()) return;
  ServerSettings settings = small_settings();
  settings.idle_limit = settings.total_limit = std::chrono::hours(1);
  auto server = std::make_unique<Running>(settings);
  RawClient waiting(server->port());
  CHECK(waiting.send("GET / HTTP/1.1\r\n"));
  CHECK(get(server->port(), "/").status == 200);  // and the first has a thread
  server.reset();
  CHECK(waiting.receive().find("200 OK") == std::string::npos);
}

TEST_CASE("a port that is taken is an error of its own") {
  if (!is_built()) return;
  Running server;
  ServerSettings settings = small_settings();
  settings.port = server.port();
  try {
    (void)Server::listen(settings, {});
    FAIL("two servers on one port");
  } catch (const Error& error) {
    CHECK(error.code() == address_in_use);
    CHECK_THAT(error.what(), Catch::Matchers::Contains(std::to_string(server.port())));
  }
  settings.host = "no such name.invalid";
  CHECK_THROWS_AS(Server::listen(settings, {}), Error);
}

}  // namespace xr::http::test
