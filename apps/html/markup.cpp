#include "apps/html/markup.h"

#include <fmt/core.h>

#include <cstdint>

namespace xr::html {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// Length of the well-formed UTF-8 character at the start of `text` (not empty) that XML 1.0 allows, else 0.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 ? (first != 0x7F ? 1 : 0) : (first == '\t' || first == '\n' ? 1 : 0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  const std::uint32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0xA0;  // no C1 controls
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF, no_character = (code & 0xFFFEu) == 0xFFFEu;
  return code < least || code > 0x10FFFF || surrogate || no_character ? 0 : length;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    switch (length == 0 ? '\0' : text.front()) {
      case '\0':
        result += replacement;
        break;
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::string base64(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t b = 0; b < 3; ++b)
      group = (group << 8) | (b < count ? std::to_integer<std::uint32_t>(bytes[i + b]) : 0u);
    for (std::size_t d = 0; d < 4; ++d) result += d <= count ? digits[(group >> (18 - 6 * d)) & 63u] : '=';
  }
  return result;
}

Markup Markup::raw(std::string html) {
  Markup result;
  result.html_ = std::move(html);
  return result;
}

Markup& Markup::operator+=(const Markup& other) {
  html_ += other.html_;
  return *this;
}

Markup operator+(Markup left, const Markup& right) {
  left += right;
  return left;
}

Markup element(std::string_view name, const Markup& content, std::string_view attributes) {
  return Markup::raw(
      fmt::format("<{0}{1}{2}>{3}</{0}>", name, attributes.empty() ? "" : " ", attributes, content.str()));
}

std::string_view verdict_name(Verdict verdict) {
  return verdict == Verdict::ok ? "ok" : verdict == Verdict::warning ? "warning" : "serious";
}

Markup badge(Verdict verdict) {
  // A tick in a circle, an exclamation mark in a triangle, a cross in an octagon.
  const char* shape =
      verdict == Verdict::ok
          ? R"(<circle cx="8" cy="8" r="7"/><path class="sign" d="M4.5 8.5 7 11l4.5-5.5"/>)"
      : verdict == Verdict::warning
          ? R"(<path d="M8 1 15.5 15H.5z"/><path class="sign" d="M8 6v4m0 2v.6"/>)"
          : R"(<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z"/><path class="sign" d="m5 5 6 6m0-6-6 6"/>)";
  const std::string_view name = verdict_name(verdict);
  return Markup::raw(fmt::format(
      R"(<span class="badge {0}"><svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">{1}</svg>{0}</span>)",
      name, shape));
}

Markup callout(Verdict verdict, const Markup& heading, const Markup& body, std::string_view id) {
  std::string attributes = fmt::format("class=\"callout {}\"", verdict_name(verdict));
  if (!id.empty()) attributes += fmt::format(" data-id=\"{}\"", escape(id));
  return element("div", element("p", badge(verdict) + Markup::raw(" ") + element("strong", heading)) + body,
                 attributes);
}

Markup paragraph(const Markup& content) {
  return element("p", content);
}

Markup note(const Markup& content) {
  return element("p", content, "class=\"note\"");
}

Markup code(std::string_view text) {
  return element("code", text);
}

Markup code_block(std::string_view text) {
  return element("pre", element("code", text));
}

Markup bullet_list(const std::vector<Markup>& items) {
  Markup list;
  for (const Markup& item : items) list += element("li", item);
  return items.empty() ? Markup() : element("ul", list);
}

Markup details(const Markup& summary, const Markup& body) {
  return element("details", element("summary", summary) + body);
}

Markup columns(const std::vector<Markup>& parts) {
  Markup content;
  for (const Markup& part : parts) content += element("div", part);
  return element("div", content, "class=\"columns\"");
}

Markup beside(const std::vector<Markup>& parts) {
  Markup content;
  for (const Markup& part : parts) content += element("div", part);
  return element("div", content, "class=\"beside\"");
}

std::string attribute_text(const Markup& markup) {
  std::string result;
  bool within = false;  // a tag: text has its angle brackets escaped
  for (const char c : markup.str()) {
    if (c == '<') within = true;
    if (!within) result += c;
    if (c == '>') within = false;
  }
  return result;
}

}  // namespace xr::html
