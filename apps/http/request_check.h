// Who may ask a server that is meant for the browser of this machine.
#pragma once

#include <string>
#include <string_view>

namespace xr::http {

/// Whether a name means this machine alone: 127.x.x.x, ::1, localhost.
[[nodiscard]] bool is_loopback(std::string_view host);

/// "127.0.0.1" of "127.0.0.1:8520", "::1" of "[::1]:8520"; empty if it is neither a name nor an address with an optional
/// port.
[[nodiscard]] std::string host_name(std::string_view host_header);

/// Whether a request with this Host header may be answered by a server that is bound to `bound`. Bound to the loopback
/// address: its names alone, with any port (a tunnel has its own). Elsewhere also `bound`, this machine's name, and any
/// address in numbers: DNS rebinding needs a name.
[[nodiscard]] bool is_host_allowed(std::string_view host_header, const std::string& bound);

/// Whether the browser made the request for a page of this server, or for the person who typed the address: by
/// Sec-Fetch-Site ("same-origin" or "none") and Origin ("http://" and Host), as far as they are there.
[[nodiscard]] bool is_own_site(std::string_view host_header, std::string_view sec_fetch_site,
                               std::string_view origin);

}  // namespace xr::http
