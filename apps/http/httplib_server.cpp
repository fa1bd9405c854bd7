#include <fmt/core.h>
#include <httplib.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "apps/http/request_check.h"
#include "apps/http/server.h"

namespace xr::http {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t max_target_bytes = 2048;
constexpr milliseconds drain_limit{1'000};

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left));
}

/// A connection that ends at a deadline, however little a client sends or takes at a time. Without `override`, because
/// versions of the library differ in what a stream has.
class DeadlineStream final : public httplib::Stream {
 public:
  DeadlineStream(int socket, milliseconds idle, Clock::time_point deadline)
      : socket_(socket), idle_(static_cast<int>(idle.count())), deadline_(deadline) {}

  // NOLINTBEGIN(modernize-use-override)
  virtual bool is_readable() const { return begin_ < end_ || is_ready(POLLIN); }
  virtual bool wait_readable() const { return is_readable(); }
  virtual bool is_writable() const { return is_ready(POLLOUT); }
  virtual bool wait_writable() const { return is_writable(); }
  virtual ssize_t read(char* bytes, std::size_t size) {
    if (begin_ == end_) {
      if (!is_ready(POLLIN)) return -1;
      const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (got <= 0) return got;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    const std::size_t count = std::min(size, end_ - begin_);
    std::memcpy(bytes, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  virtual ssize_t write(const char* bytes, std::size_t size) {
    if (!is_ready(POLLOUT)) return -1;
    return ::send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  virtual void get_remote_ip_and_port(std::string& ip, int& port) const { ip.clear(), port = 0; }
  virtual void get_local_ip_and_port(std::string& ip, int& port) const { ip.clear(), port = 0; }
  virtual int socket() const { return socket_; }
  virtual time_t duration() const { return 0; }
  // NOLINTEND(modernize-use-override)

 private:
  [[nodiscard]] bool is_ready(short events) const {
    const int limit = std::min(idle_, remaining_ms(deadline_));
    if (limit == 0) return false;
    pollfd one{socket_, events, 0};
    return ::poll(&one, 1, limit) > 0;
  }

  int socket_, idle_;
  Clock::time_point deadline_;
  std::array<char, 16'384> buffer_{};
  std::size_t begin_ = 0, end_ = 0;
};

/// What the client still sends is read for a moment: closed at once, the connection would lose the answer.
void close_gently(int socket) {
  ::shutdown(socket, SHUT_WR);
  const auto deadline = Clock::now() + drain_limit;
  std::array<char, 16'384> rest{};
  for (pollfd one{socket, POLLIN, 0}; ::poll(&one, 1, remaining_ms(deadline)) > 0;)
    if (::recv(socket, rest.data(), rest.size(), 0) <= 0) break;
}

/// The library's server on connections of our own.
class Connections final : public httplib::Server {
 public:
  explicit Connections(const ServerSettings& settings) : settings_(settings) {}
  ~Connections() override {
    const socket_t never_used = svr_sock_.exchange(INVALID_SOCKET);
    if (never_used != INVALID_SOCKET) ::close(never_used);
  }

  /// Cuts all connections, and those that are made from now on.
  void cut() {
    const std::lock_guard lock(mutex_);
    cut_ = true;
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    const bool taken = take(socket);
    bool done = false;
    if (taken) {
      DeadlineStream stream(socket, settings_.idle_limit, Clock::now() + settings_.total_limit);
      bool closed = false;
      done = process(stream, closed);
      if (done) close_gently(socket);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(socket);
    ::close(socket);
    return done;
  }

  bool take(int socket) {
    const std::lock_guard lock(mutex_);
    if (!cut_) open_.insert(socket);
    return !cut_;
  }

  /// Later versions also take the addresses of both ends.
  template <class AnyStream>
  bool process(AnyStream& stream, bool& closed) {
    const std::string nobody;
    if constexpr (requires { this->process_request(stream, true, closed, nullptr); })
      return this->process_request(stream, true, closed, nullptr);
    else
      return this->process_request(stream, nobody, 0, nobody, 0, true, closed, nullptr);
  }

  ServerSettings settings_;
  std::mutex mutex_;
  std::set<int> open_;
  bool cut_ = false;
};

Response refusal(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text) + "\n", {}};
}

void send(const Response& from, httplib::Response& to) {
  to.status = from.status;
  to.set_header("Content-Security-Policy",
                from.policy.empty() ? "default-src 'none'; frame-ancestors 'none'" : from.policy);
  to.set_header("X-Content-Type-Options", "nosniff");
  to.set_header("X-Frame-Options", "DENY");
  to.set_header("Referrer-Policy", "no-referrer");
  to.set_header("Cross-Origin-Resource-Policy", "same-origin");
  to.set_header("Cross-Origin-Opener-Policy", "same-origin");
  to.set_header("Cache-Control", "no-store");
  if (from.status == 405) to.set_header("Allow", "GET, HEAD, POST");
  to.set_content(from.body, from.type);
}

/// The length of a POST's body; nothing unless it is a number.
std::optional<std::uint64_t> length_of(const httplib::Request& request) {
  const std::string text = request.get_header_value("Content-Length");
  if (request.get_header_value_count("Content-Length") != 1 || text.empty() || text.size() > 18 ||
      !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return std::stoull(text);
}

class HttplibServer final : public Server {
 public:
  HttplibServer(const ServerSettings& settings, Handler handler)
      : settings_(settings), handler_(std::move(handler)), server_(settings) {
    server_.new_task_queue = [threads = settings.threads] { return new httplib::ThreadPool(threads); };
    server_.set_keep_alive_max_count(1);
    server_.set_payload_max_length(settings.max_body_bytes);
    // Without the library's SO_REUSEPORT, with which two servers share a port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (const std::optional<Response> refused = refuse(request)) {
        send(*refused, response);
      } else if (request.method == "POST") {
        return httplib::Server::HandlerResponse::Unhandled;  // its body comes first
      } else {
        answer(request, {}, response);
      }
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response,
                              const httplib::ContentReader& read) { take_body(request, response, read); });
    server_.set_expect_100_continue_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          const std::optional<Response> refused = refuse(request);
          if (refused) send(*refused, response);
          return refused ? refused->status : 100;
        });
    bind();
  }

  [[nodiscard]] int port() const override { return port_; }
  void run() override {
    started_ = true;
    if (!stopping_) server_.listen_after_bind();
    finished_ = true;
  }
  void stop() override {
    stopping_ = true;
    server_.cut();
    // The library's stop() has no effect on a server that is about to start.
    while (started_ && !finished_ && !server_.is_running()) std::this_thread::sleep_for(milliseconds(5));
    if (started_ && !finished_) server_.stop();
  }

 private:
  void bind() {
    const auto place = [this] { return fmt::format("{} port {}", settings_.host, settings_.port); };
    const int failure = why_not_bound();
    if (failure == EADDRINUSE)
      throw Error(address_in_use, fmt::format("{} is in use by another program", place()));
    XR_CHECK(failure == 0, "cannot listen on {}: {}", place(),
             failure < 0 ? "that is not an address of this machine" : std::strerror(failure));
    port_ = settings_.port;
    const bool bound = settings_.port == 0 ? (port_ = server_.bind_to_any_port(settings_.host)) > 0
                                           : server_.bind_to_port(settings_.host, settings_.port);
    XR_CHECK(bound, "cannot listen on {}", place());
  }

  /// The library does not report why it cannot bind: tried before. -1: there is no such address.
  [[nodiscard]] int why_not_bound() const {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    if (::getaddrinfo(settings_.host.c_str(), std::to_string(settings_.port).c_str(), &hints, &found) != 0)
      return -1;
    int failure = -1;
    for (const addrinfo* one = found; one != nullptr && failure != 0; one = one->ai_next) {
      const int socket = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
      if (socket < 0) continue;
      const int yes = 1;
      (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      failure = ::bind(socket, one->ai_addr, one->ai_addrlen) == 0 && ::listen(socket, 1) == 0 ? 0 : errno;
      ::close(socket);
    }
    ::freeaddrinfo(found);
    return failure;
  }

  /// Before the body of a POST is read.
  [[nodiscard]] std::optional<Response> refuse(const httplib::Request& request) const {
    const std::string host = request.get_header_value("Host");
    if (request.get_header_value_count("Host") != 1 || !is_host_allowed(host, settings_.host))
      return refusal(421, "This server answers to the address of this machine only.");
    if (request.get_header_value_count("Origin") > 1 ||
        request.get_header_value_count("Sec-Fetch-Site") > 1 ||
        !is_own_site(host, request.get_header_value("Sec-Fetch-Site"), request.get_header_value("Origin")))
      return refusal(403,
                     "Requests of other web pages are refused. Type the address into the browser instead.");
    if (request.target.size() > max_target_bytes) return refusal(414, "The address is too long.");
    if (request.has_header("Range")) return refusal(416, "Parts of an answer cannot be asked for.");
    if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
    if (request.method != "POST") return refusal(405, "Use GET or POST.");
    if (request.get_header_value("Content-Type") != "application/octet-stream" ||
        request.has_header("Content-Encoding"))
      return refusal(415, "Send the bytes of the file as they are, as application/octet-stream.");
    const std::optional<std::uint64_t> length = length_of(request);
    if (!length || request.has_header("Transfer-Encoding")) return refusal(411, "Send Content-Length.");
    if (*length > settings_.max_body_bytes) return too_large();
    return std::nullopt;
  }

  [[nodiscard]] Response too_large() const {
    return refusal(413, fmt::format("The file is larger than {} MB.", settings_.max_body_bytes / 1'000'000));
  }

  void take_body(const httplib::Request& request, httplib::Response& response,
                 const httplib::ContentReader& read) const {
    std::string body;
    const std::uint64_t length = length_of(request).value_or(0);
    body.reserve(length);
    const bool whole = read([&](const char* bytes, std::size_t size) {
      if (body.size() + size > settings_.max_body_bytes) return false;
      body.append(bytes, size);
      return true;
    });
    if (!whole || body.size() != length)
      send(refusal(408, "The file did not arrive as a whole."), response);
    else
      answer(request, std::move(body), response);
  }

  void answer(const httplib::Request& from, std::string body, httplib::Response& response) const {
    Request request{from.method == "HEAD" ? "GET" : from.method, from.path, {}, std::move(body)};
    for (const auto& [name, value] : from.params) request.query.emplace(name, value);
    try {
      send(handler_(request), response);
    } catch (const std::bad_alloc&) {
      send(refusal(503, "Out of memory."), response);
    } catch (const std::exception& error) {
      send(refusal(500, error.what()), response);
    }
  }

  ServerSettings settings_;
  Handler handler_;
  Connections server_;
  int port_ = 0;
  std::atomic<bool> started_{false}, stopping_{false}, finished_{false};
};

}  // namespace

std::string library() {
  return fmt::format("cpp-httplib {}", CPPHTTPLIB_VERSION);
}

std::unique_ptr<Server> Server::listen(const ServerSettings& settings, Handler handler) {
  return std::make_unique<HttplibServer>(settings, std::move(handler));
}

}  // namespace xr::http
