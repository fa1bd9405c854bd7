// The list of evaluated images, one image, and the report.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/html/table.h"
#include "apps/text/text.h"
#include "apps/xrtrain/serve/layout.h"
#include "apps/xrtrain/serve/pages.h"

namespace xr::apps::serve {

using html::Markup;

namespace {

template <class Value>
struct Choice {
  Value value;
  const char *name, *text;
};
constexpr Choice<Show> shows[] = {{Show::all, "all", "all"},
                                  {Show::errors, "errors", "errors"},
                                  {Show::certain_errors, "certain", "certain errors (from 0.9 on)"},
                                  {Show::near_threshold, "near", "near the threshold (within 0.1)"}};
constexpr Choice<Sort> sorts[] = {{Sort::error, "error", "error, largest first"},
                                  {Sort::probability, "probability", "probability, largest first"},
                                  {Sort::name, "name", "name"}};

template <class Value, std::size_t Count>
const Choice<Value>& choice_of(const Choice<Value> (&choices)[Count], Value value) {
  return *std::ranges::find(choices, value, &Choice<Value>::value);
}

template <class Value, std::size_t Count>
void take_choice(const Choice<Value> (&choices)[Count], const std::map<std::string, std::string>& query,
                 const char* name, Value& value) {
  const auto given = query.find(name);
  if (given == query.end()) return;
  for (const Choice<Value>& choice : choices)
    if (choice.name == given->second) value = choice.value;
}

template <class Value, std::size_t Count>
Markup select_box(const Choice<Value> (&choices)[Count], const char* name, const char* label, Value chosen) {
  Markup options;
  for (const Choice<Value>& choice : choices)
    options += html::element(
        "option", choice.text,
        fmt::format("value=\"{}\"{}", choice.name, choice.value == chosen ? " selected=\"selected\"" : ""));
  return html::element("label", Markup(label) + Markup::raw(" ") +
                                    html::element("select", options, fmt::format("name=\"{}\"", name)));
}

Markup filter_form(const ListQuery& query) {
  return html::element("form",
                       select_box(shows, "show", "Show", query.show) +
                           select_box(sorts, "sort", "Sort by", query.sort) +
                           html::element("button", "Apply", "type=\"submit\""),
                       "method=\"get\" action=\"/images\" class=\"filter\"");
}

Markup verdict_of(const ImageRow& row) {
  if (!row.known) return "truth unknown";
  return html::element("span", row.wrong ? "wrong" : "right",
                       row.wrong ? "class=\"wrong\"" : "class=\"right\"");
}

double probability_of(const ServedRun& run, const ImageRow& row, std::size_t class_index) {
  return run.predictions.test.probabilities[row.number * run.info.class_names.size() + class_index];
}

/// ": mass, edema. Largest error: edema, 0.3123", behind "right"; ": true mass; predicted edema. ..." behind "wrong".
std::string label_prediction_of(const ServedRun& run, const ImageRow& row) {
  if (!row.known) return fmt::format("; predicted {}", row.predicted);
  std::string text = row.predicted == row.truth
                         ? fmt::format(": {}", row.truth)
                         : fmt::format(": true {}; predicted {}", row.truth, row.predicted);
  if (row.error > 0)
    text +=
        fmt::format(". Largest error: {}, {}", run.info.class_names[row.worst], probability_text(row.error));
  return text;
}

/// ": covid predicted as normal, 0.9132", behind "wrong".
std::string prediction_of(const ServedRun& run, const ImageRow& row) {
  if (run.has_labels()) return label_prediction_of(run, row);
  const std::string number = probability_text(row.probability);
  if (row.predicted == row.truth) return fmt::format(": {}, {}", row.truth, number);
  return fmt::format(": {} predicted as {}, {}", row.truth, row.predicted, number);
}

Markup item_of(const ServedRun& run, const ImageRow& row, const ListQuery& query) {
  const std::string page = fmt::format("/images/{}?{}", row.number, query.text());
  const Markup picture =
      run.file_of(row)
          ? Markup::raw(fmt::format(
                "<img loading=\"lazy\" src=\"/images/{}/thumbnail.png\" alt=\"X-ray\" width=\"256\" "
                "height=\"256\"/>",
                row.number))
          : html::element("span", "the file is not there", "class=\"absent\"");
  const Markup text = html::element("span", text::one_line(row.path), "class=\"name\"") +
                      html::element("span", verdict_of(row) + Markup(prediction_of(run, row)));
  return html::element("li", link(page, picture + text));
}

/// "Previous 1 2 ... 9 Next"
Markup page_links(const ListQuery& query, std::size_t pages) {
  if (pages < 2) return {};
  const auto entry = [&](std::size_t page, const std::string& text) {
    return link(fmt::format("/images?{}&page={}", query.text(), page), text,
                page == query.page ? "aria-current=\"page\"" : "");
  };
  Markup links;
  if (query.page > 1) links += entry(query.page - 1, "Previous");
  std::size_t last = 0;
  for (std::size_t page = 1; page <= pages; ++page) {
    if (page != 1 && page != pages && (page + 2 < query.page || page > query.page + 2)) continue;
    if (page != last + 1) links += html::element("span", "…");
    links += entry(page, std::to_string(page));
    last = page;
  }
  if (query.page < pages) links += entry(query.page + 1, "Next");
  return html::element("nav", links, "aria-label=\"Pages of the list\"");
}

Markup figure(const std::string& source, const std::string& alternative, const Markup& caption) {
  return html::element("figure", Markup::raw(fmt::format("<img src=\"{}\" alt=\"{}\"/>", html::escape(source),
                                                         html::escape(alternative))) +
                                     html::element("figcaption", caption));
}

Markup pictures_of(const ServedRun& run, const ImageRow& row, std::size_t class_index,
                   const ListQuery& query) {
  if (!run.file_of(row))
    return html::paragraph(
        fmt::format("The file {} is not in {}. If the images moved, start xrtrain serve with --data.",
                    text::one_line(row.path), text::one_line(run.data.string())));
  const std::vector<std::string>& names = run.info.class_names;
  Markup others;
  for (std::size_t c = 0; c < names.size() && names.size() <= 20; ++c)
    others += link(fmt::format("/images/{}?{}&class={}", row.number, query.text(), c), names[c],
                   c == class_index ? "aria-current=\"true\"" : "");
  return html::columns(
      {figure(fmt::format("/images/{}/picture.png", row.number), "The X-ray", "The X-ray"),
       figure(fmt::format("/images/{}/map.png?class={}", row.number, class_index),
              fmt::format("The X-ray as the network sees it, and beside it where it finds evidence for {}",
                          names[class_index]),
              fmt::format("Grad-CAM map for {}. Bright: evidence for it.", names[class_index])) +
           (others.empty() ? Markup()
                           : html::element("nav", Markup("Map for ") + others, "aria-label=\"Maps\""))});
}

Markup neighbours(const ServedRun& run, const ImageRow& row, const ListQuery& query) {
  const std::vector<const ImageRow*> rows = select_rows(run.rows, query.show, query.sort);
  const auto here = std::ranges::find(rows, &row);
  Markup links;
  const auto to = [&](const ImageRow* other, const char* text, const char* relation) {
    links += link(fmt::format("/images/{}?{}", other->number, query.text()), text,
                  fmt::format("rel=\"{}\"", relation));
  };
  if (here != rows.end() && here != rows.begin()) to(*(here - 1), "Previous image", "prev");
  if (here != rows.end() && here + 1 != rows.end()) to(*(here + 1), "Next image", "next");
  const std::size_t page =
      here == rows.end() ? 1 : static_cast<std::size_t>(here - rows.begin()) / rows_of_page + 1;
  links += link(fmt::format("/images?{}&page={}", query.text(), page), "Back to the list");
  return html::element("nav", links, "aria-label=\"Images\"");
}

Markup probabilities_of(const ServedRun& run, const ImageRow& row) {
  const std::vector<std::string>& names = run.info.class_names;
  std::vector<html::Column> columns{{run.has_labels() ? "label" : "class"},
                                    {"probability", html::Align::right}};
  if (run.has_labels()) {
    columns.push_back({"threshold", html::Align::right});
    columns.push_back({"predicted"});
    columns.push_back({"true"});
  }
  html::Table table(columns);
  for (std::size_t c = 0; c < names.size(); ++c) {
    const double probability = probability_of(run, row, c);
    std::vector<Markup> cells{names[c], probability_text(probability)};
    if (run.has_labels()) {
      const float target = run.predictions.test.images->targets[row.number * names.size() + c];
      cells.emplace_back(probability_text(run.thresholds.labels[c]));
      cells.emplace_back(probability >= run.thresholds.labels[c] ? "yes" : "no");
      cells.emplace_back(!data::is_known(target) ? "unknown" : target > 0.5f ? "yes" : "no");
    }
    table.row(std::move(cells));
  }
  return table.markup();
}

}  // namespace

std::string ListQuery::text() const {
  return fmt::format("show={}&sort={}", choice_of(shows, show).name, choice_of(sorts, sort).name);
}

ListQuery parse_list_query(const std::map<std::string, std::string>& query) {
  ListQuery result;
  take_choice(shows, query, "show", result.show);
  take_choice(sorts, query, "sort", result.sort);
  if (const auto page = query.find("page"); page != query.end()) {
    std::size_t number = 0;
    const std::string& text = page->second;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && number > 0)
      result.page = number;
  }
  return result;
}

std::string list_page(const ServedRun& run, const ListQuery& query) {
  const std::vector<const ImageRow*> rows = select_rows(run.rows, query.show, query.sort);
  const std::size_t pages = std::max<std::size_t>(1, (rows.size() + rows_of_page - 1) / rows_of_page);
  ListQuery shown = query;
  shown.page = std::min(query.page, pages);
  const std::size_t begin = (shown.page - 1) * rows_of_page,
                    end = std::min(rows.size(), begin + rows_of_page);
  Markup items;
  for (std::size_t i = begin; i < end; ++i) items += item_of(run, *rows[i], shown);
  const std::string range =
      rows.empty() ? std::string("no image") : fmt::format("{} to {} of {}", begin + 1, end, rows.size());
  const std::string what = (run.split() == "test" ? "Test" : "Validation") +
                           std::string(" images with the predictions of the selected checkpoint");
  Markup content = html::paragraph(fmt::format("{}: {}.", what, range)) + filter_form(shown);
  content += rows.empty() ? html::paragraph("None of the images is like that.")
                          : html::element("ul", items, "class=\"images\"");
  content += page_links(shown, pages);
  return layout("Evaluated images", Tab::images, content);
}

std::string image_page(const ServedRun& run, const ImageRow& row, std::size_t class_index,
                       const ListQuery& query) {
  Markup content = neighbours(run, row, query);
  content += html::paragraph(verdict_of(row) + Markup(prediction_of(run, row)));
  content += pictures_of(run, row, class_index, query);
  content += probabilities_of(run, row) + html::note("Not a medical device.");
  return layout(text::one_line(row.path), Tab::none, content);
}

std::string error_page(const std::string& text) {
  return layout("Not found", Tab::none, html::paragraph(text));
}

std::string report_page(std::string report) {
  constexpr std::string_view body = "<body>\n";
  if (const std::size_t place = report.find(body); place != std::string::npos)
    report.insert(
        place + body.size(),
        "<nav aria-label=\"Pages\"><a href=\"/\">Predict</a><a href=\"/images\">Images</a></nav>\n");
  return report;
}

}  // namespace xr::apps::serve
