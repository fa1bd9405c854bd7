// A self-contained HTML page: one file, no network, no script. Readable on a phone, printable, light or dark
// as the reader's system is set.
#pragma once

#include <filesystem>
#include <string>

#include "apps/html/markup.h"

namespace xr::html {

class Page {
 public:
  /// `title` heads the page and names it in the browser; `subtitle` stands below it.
  explicit Page(std::string title, Markup subtitle = {});
  /// Opens a section with a heading, which the page's table of contents lists.
  void section(const std::string& heading);
  /// A heading within the section.
  void heading(const Markup& text);
  void add(const Markup& markup) { body_ += markup + Markup::raw("\n"); }
  void paragraph(const Markup& text) { add(html::paragraph(text)); }
  void note(const Markup& text) { add(html::note(text)); }
  void badge(Verdict verdict, const Markup& heading, const Markup& body = {}, std::string_view id = {}) {
    add(callout(verdict, heading, body, id));
  }
  /// The whole file.
  [[nodiscard]] std::string str() const;
  /// Whole or not at all.
  void write(const std::filesystem::path& path) const;

 private:
  std::string title_;
  Markup subtitle_, contents_, body_;
  int sections_ = 0;
};

/// The style sheet of every page.
[[nodiscard]] std::string_view style_sheet();

}  // namespace xr::html
