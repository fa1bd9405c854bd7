#include "apps/html/table.h"

#include <fmt/core.h>

#include "kernels/common/error.h"

namespace xr::html {

namespace {

const char* align_class(Align align) {
  return align == Align::left ? "class=\"l\"" : align == Align::right ? "class=\"r\"" : "class=\"c\"";
}

// Focusable, so that it can be scrolled with the keyboard.
Markup scrolling(const Markup& table, bool wide = false) {
  return element("div", table,
                 fmt::format(R"(class="scroll{}" tabindex="0" role="group")", wide ? " wide" : ""));
}

/// Classes of a confusion matrix that fit beside one another on a phone.
constexpr std::size_t max_on_a_phone = 4;

}  // namespace

void Table::row(std::vector<Markup> cells) {
  XR_CHECK(cells.size() <= columns_.size(), "a row of {} cells in a table of {} columns", cells.size(),
           columns_.size());
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

Markup Table::markup() const {
  Markup head, body;
  for (const Column& column : columns_)
    head += element("th", column.name, fmt::format("scope=\"col\" {}", align_class(column.align)));
  for (const std::vector<Markup>& cells : rows_) {
    Markup row;
    for (std::size_t i = 0; i < cells.size(); ++i)
      row += i == 0 ? element("th", cells[i], fmt::format("scope=\"row\" {}", align_class(columns_[i].align)))
                    : element("td", cells[i],
                              fmt::format("{} data-name=\"{}\"", align_class(columns_[i].align),
                                          attribute_text(columns_[i].name)));
    body += element("tr", row);
  }
  Markup content;
  if (!caption_.empty()) content += element("caption", caption_);
  content += element("thead", element("tr", head)) + element("tbody", body);
  return scrolling(element("table", content, "class=\"rows\""));
}

Markup facts(const std::vector<std::pair<Markup, Markup>>& rows) {
  Markup list;
  for (const auto& [name, value] : rows) list += element("div", element("dt", name) + element("dd", value));
  return rows.empty() ? Markup() : element("dl", list);
}

Markup confusion_matrix(const std::vector<std::string>& class_names, std::span<const std::int64_t> counts,
                        const Markup& caption) {
  const std::size_t n = class_names.size();
  XR_CHECK(counts.size() == n * n, "a confusion matrix of {} classes needs {} counts, but has {}", n, n * n,
           counts.size());
  Markup head = element("th", "actual \xE2\x86\x93 predicted \xE2\x86\x92", "scope=\"col\"");
  Markup body;
  for (const std::string& name : class_names) head += element("th", name, "scope=\"col\" class=\"c\"");
  for (std::size_t actual = 0; actual < n; ++actual) {
    std::int64_t total = 0;
    for (std::size_t c = 0; c < n; ++c) total += counts[actual * n + c];
    Markup row = element("th", class_names[actual], "scope=\"row\" class=\"l\"");
    for (std::size_t c = 0; c < n; ++c) {
      const std::int64_t count = counts[actual * n + c];
      const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0.0;
      row += element(
          "td",
          element("strong", fmt::format("{}", count)) + Markup::raw("<br/>") +
              element("small", total > 0 ? fmt::format("{:.1f}%", 100.0 * share) : "-"),
          fmt::format("class=\"cell{}\" style=\"--share:{:.0f}%\"", actual == c ? " hit" : "", 60.0 * share));
    }
    body += element("tr", row);
  }
  Markup content;
  if (!caption.empty()) content += element("caption", caption);
  content += element("thead", element("tr", head)) + element("tbody", body);
  return scrolling(element("table", content, "class=\"confusion\""), n > max_on_a_phone);
}

}  // namespace xr::html
