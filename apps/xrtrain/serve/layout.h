// What all pages of `xrtrain serve` have.
#pragma once

#include <string>

#include "apps/html/markup.h"

namespace xr::apps::serve {

enum class Tab { home, images, none };

/// A page with the links to the others above it.
[[nodiscard]] std::string layout(const std::string& title, Tab tab, const html::Markup& content);
/// A link.
[[nodiscard]] html::Markup link(const std::string& address, const html::Markup& text,
                                const std::string& attributes = {});
/// "Not a medical device."
[[nodiscard]] html::Markup medical_warning();
/// A number of a probability, as predict prints it: "0.8312".
[[nodiscard]] std::string probability_text(double probability);

}  // namespace xr::apps::serve
