#include "tests/apps/http/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <stdexcept>

namespace xr::http::test {

RawClient::RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

RawClient::~RawClient() {
  ::close(socket_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawClient::receive() {
  std::string text(1 << 16, '\0'), all;
  for (pollfd one{socket_, POLLIN, 0}; ::poll(&one, 1, 30'000) > 0;) {
    const ssize_t got = ::recv(socket_, text.data(), text.size(), 0);
    if (got <= 0) break;
    all.append(text, 0, static_cast<std::size_t>(got));
  }
  return all;
}

Answer ask(int port, std::string_view request) {
  RawClient client(port);
  (void)client.send(request);
  const std::string text = client.receive();
  Answer answer;
  const std::size_t end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return answer;
  answer.status = std::stoi(text.substr(9, 3));
  answer.body = text.substr(end + 4);
  for (std::size_t line = text.find("\r\n") + 2; line < end + 2;) {
    const std::size_t stop = text.find("\r\n", line), colon = text.find(": ", line);
    std::string name = text.substr(line, colon - line);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = text.substr(colon + 2, stop - colon - 2);
    line = stop + 2;
  }
  return answer;
}

namespace {

std::string request_text(const std::string& first_line, const Headers& headers) {
  std::string text = first_line + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
  return text + "\r\n";
}

}  // namespace

Answer get(int port, const std::string& target, Headers headers) {
  headers.emplace("Host", "127.0.0.1:" + std::to_string(port));
  return ask(port, request_text("GET " + target, headers));
}

Answer post(int port, const std::string& target, const std::string& body, Headers headers) {
  headers.emplace("Host", "127.0.0.1:" + std::to_string(port));
  headers.emplace("Content-Type", "application/octet-stream");
  headers.emplace("Content-Length", std::to_string(body.size()));
  return ask(port, request_text("POST " + target, headers) + body);
}

}  // namespace xr::http::test
