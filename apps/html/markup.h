// Markup: HTML that is well-formed by construction, and the escaping of everything else.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xr::html {

/// The text for an element's content or a quoted attribute: & < > " ' as character references; bytes that are
/// no UTF-8 and characters that neither HTML nor XML allow become U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

/// RFC 4648, with padding.
[[nodiscard]] std::string base64(std::span<const std::byte> bytes);

/// A piece of a page. Plain text becomes Markup by being escaped, without a further word; only raw() takes
/// text as it is, so that forgetting to escape is impossible.
class Markup {
 public:
  Markup() = default;
  Markup(std::string_view text) : html_(escape(text)) {}               // NOLINT(google-explicit-constructor)
  Markup(const char* text) : Markup(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)
  Markup(const std::string& text) : Markup(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  /// `html` must be well-formed.
  [[nodiscard]] static Markup raw(std::string html);

  [[nodiscard]] const std::string& str() const { return html_; }
  [[nodiscard]] bool empty() const { return html_.empty(); }
  Markup& operator+=(const Markup& other);

 private:
  std::string html_;
};

[[nodiscard]] Markup operator+(Markup left, const Markup& right);

/// <name attributes>content</name>; `attributes` as they are ("class=\"wide\"").
[[nodiscard]] Markup element(std::string_view name, const Markup& content, std::string_view attributes = {});

/// What a check found. Shown with a shape and a word, never by colour alone.
enum class Verdict { ok, warning, serious };
[[nodiscard]] std::string_view verdict_name(Verdict verdict);
[[nodiscard]] Markup badge(Verdict verdict);
/// A framed box: badge, heading, text below. `id` names the finding for programs (data-id).
[[nodiscard]] Markup callout(Verdict verdict, const Markup& heading, const Markup& body = {},
                             std::string_view id = {});

[[nodiscard]] Markup paragraph(const Markup& content);
/// Small print.
[[nodiscard]] Markup note(const Markup& content);
[[nodiscard]] Markup code(std::string_view text);
/// A block of lines as they are, for commands; long lines wrap.
[[nodiscard]] Markup code_block(std::string_view text);
[[nodiscard]] Markup bullet_list(const std::vector<Markup>& items);
/// Folded away until it is opened; printed open where the browser can.
[[nodiscard]] Markup details(const Markup& summary, const Markup& body);
/// Side by side where the page is wide enough, below one another on a phone.
[[nodiscard]] Markup columns(const std::vector<Markup>& parts);
/// For tables: side by side only where the page has room for the whole width of each, also in print.
[[nodiscard]] Markup beside(const std::vector<Markup>& parts);
/// The text without its elements, escaped: for an attribute.
[[nodiscard]] std::string attribute_text(const Markup& markup);

}  // namespace xr::html
