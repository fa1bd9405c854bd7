#include "apps/xrtrain/serve/layout.h"

#include <fmt/core.h>

namespace xr::apps::serve {

using html::Markup;

Markup link(const std::string& address, const Markup& text, const std::string& attributes) {
  return html::element(
      "a", text,
      fmt::format("href=\"{}\"{}{}", html::escape(address), attributes.empty() ? "" : " ", attributes));
}

std::string layout(const std::string& title, Tab tab, const Markup& content) {
  const auto entry = [tab](Tab of, const char* address, const char* text) {
    return link(address, text, tab == of ? "aria-current=\"page\"" : "");
  };
  const Markup links =
      entry(Tab::home, "/", "Predict") + entry(Tab::images, "/images", "Images") + link("/report", "Report");
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{}</title>\n"
      "<link rel=\"icon\" href=\"data:,\"/>\n<link rel=\"stylesheet\" href=\"/style.css\"/>\n"
      "<script src=\"/script.js\" defer=\"defer\"></script>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n{}\n{}\n</header>\n<main id=\"main\">\n{}</main>\n</body>\n"
      "</html>\n",
      html::escape(title), html::element("nav", links, "aria-label=\"Pages\"").str(),
      html::element("h1", title).str(), content.str());
}

Markup medical_warning() {
  return html::callout(html::Verdict::warning, "Not a medical device.",
                       html::paragraph("For research. No output is a diagnosis, and nothing here may be used "
                                       "to treat anyone."));
}

std::string probability_text(double probability) {
  return fmt::format("{:.4f}", probability);
}

}  // namespace xr::apps::serve
