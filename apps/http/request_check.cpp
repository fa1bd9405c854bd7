#include "apps/http/request_check.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace xr::http {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? lower(name.data()) : std::string();
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_loopback(std::string_view host) {
  in_addr address{};
  const std::string name = lower(host);
  if (::inet_pton(AF_INET, name.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  return name == "localhost" || name == "::1";
}

std::string host_name(std::string_view host_header) {
  std::string_view name = host_header, rest;
  if (name.starts_with('[')) {
    const std::size_t end = name.find(']');
    if (end == std::string_view::npos) return {};
    rest = name.substr(end + 1);
    name = name.substr(1, end - 1);
    if (!is_address(std::string(name))) return {};
  } else if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
    rest = name.substr(colon);
    name = name.substr(0, colon);
  }
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return {};
  return lower(name);
}

bool is_host_allowed(std::string_view host_header, const std::string& bound) {
  const std::string name = host_name(host_header);
  if (name.empty()) return false;
  if (is_loopback(name)) return true;
  if (is_loopback(bound)) return false;
  return is_address(name) || name == lower(bound) || name == machine_name();
}

bool is_own_site(std::string_view host_header, std::string_view sec_fetch_site, std::string_view origin) {
  if (!sec_fetch_site.empty() && sec_fetch_site != "same-origin" && sec_fetch_site != "none") return false;
  return origin.empty() || lower(origin) == "http://" + lower(host_header);
}

}  // namespace xr::http
