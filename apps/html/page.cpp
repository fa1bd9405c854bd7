#include "apps/html/page.h"

#include <fmt/core.h>

#include "engine/io/atomic_file.h"

namespace xr::html {

Page::Page(std::string title, Markup subtitle) : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void Page::section(const std::string& heading) {
  if (sections_ > 0) body_ += Markup::raw("</section>\n");
  ++sections_;
  body_ += Markup::raw(fmt::format("<section id=\"s{}\">", sections_)) + element("h2", heading) +
           Markup::raw("\n");
  contents_ += element("a", heading, fmt::format("href=\"#s{}\"", sections_));
}

void Page::heading(const Markup& text) {
  add(element("h3", text));
}

std::string Page::str() const {
  // The policy lets the page load nothing but its own style and pictures, whatever a file name holds.
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src data:\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{}</title>\n<style>{}</style>\n</head>\n"
      "<body>\n<header>{}{}</header>\n",
      escape(title_), style_sheet(), element("h1", title_).str(),
      subtitle_.empty() ? "" : html::paragraph(subtitle_).str());
  if (sections_ > 2) text += element("nav", contents_, "aria-label=\"Contents\"").str() + "\n";
  text += "<main>\n" + body_.str();
  if (sections_ > 0) text += "</section>\n";
  return text + "</main>\n</body>\n</html>\n";
}

void Page::write(const std::filesystem::path& path) const {
  engine::write_file_atomically(path, str());
}

}  // namespace xr::html
