#include "apps/audit/page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/html/chart.h"
#include "apps/html/page.h"
#include "apps/html/picture.h"
#include "apps/html/table.h"
#include "data/dataset/npz_dataset.h"
#include "data/image/resize.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

using html::Align;
using html::Markup;

constexpr int picture_side = 160;
constexpr std::size_t max_pairs_shown = 24, faces_of_class = 48;

/// The image at most `picture_side` pixels wide and high.
std::optional<data::Image> picture_of(const Scan& scan, std::size_t index) {
  try {
    const data::Image grey =
        data::is_npz(scan.directory)
            ? data::with_channels(data::read_npz_image(scan.directory, scan.images[index].sample), 1)
            : data::read_image(scan.directory / scan.images[index].sample.path, 1);
    const double scale = static_cast<double>(picture_side) / std::max(grey.width, grey.height);
    return data::resize(grey, std::max(1, static_cast<int>(grey.width * scale)),
                        std::max(1, static_cast<int>(grey.height * scale)));
  } catch (const Error&) {
    return std::nullopt;
  }
}

Markup pair_pictures(const Audit& audit, bool across_splits) {
  std::vector<html::Thumbnail> items;
  for (const CopyPair& pair : audit.copies.pairs) {
    const ImageFacts &a = audit.scan.images[pair.a], &b = audit.scan.images[pair.b];
    if ((a.split != b.split) != across_splits || items.size() == max_pairs_shown) continue;
    auto first = picture_of(audit.scan, pair.a), second = picture_of(audit.scan, pair.b);
    if (!first || !second) continue;
    const std::string kind = pair.kind == CopyKind::exact
                                 ? "the same pixels"
                                 : fmt::format("correlation {:.4f}{}", pair.aligned_correlation,
                                               pair.cut > 0.045 ? " of what both show" : "");
    items.push_back({{std::move(*first), std::move(*second)},
                     fmt::format("{} beside {}", a.sample.path, b.sample.path),
                     Markup(a.sample.path) + Markup::raw("<br>") + Markup(b.sample.path) +
                         Markup::raw("<br>") + Markup(kind)});
  }
  return items.empty() ? Markup() : html::thumbnails(items);
}

/// The mean of a class's thumbnails: what all of them share.
html::Thumbnail mean_picture(const Scan& scan, std::size_t class_index) {
  std::vector<std::uint64_t> sum(thumbnail_pixels);
  std::size_t count = 0;
  for (const ImageFacts& image : scan.images) {
    if (!is_of(image, class_index)) continue;
    ++count;
    for (std::size_t i = 0; i < thumbnail_pixels; ++i) sum[i] += image.print.thumbnail[i];
  }
  data::Image mean{thumbnail_side, thumbnail_side, 1, {}};
  for (const std::uint64_t value : sum)
    mean.pixels.push_back(static_cast<std::uint8_t>(count == 0 ? 0 : value / count));
  const std::string& name = scan.class_names[class_index];
  return {{data::resize(mean, picture_side, picture_side)},
          fmt::format("mean of all images of class {}", name),
          Markup(fmt::format("{}: mean of {}", name, counted(count, "image")))};
}

void add_shortcuts(html::Page& page, const Audit& audit) {
  if (audit.shortcuts.results.empty()) return;
  html::BarChart bars;
  bars.title = "How well simple classifiers tell the classes apart";
  bars.axis.label = "AUROC";
  bars.axis.low = 0.4;
  bars.axis.high = 1.0;
  bars.lines = {{0.5, "guessing"}};
  bars.note = fmt::format(
      "Area under the ROC curve of cross-validated logistic regressions on {}, with its approximate 95% "
      "interval. Images of one patient and copies are never learned from and asked about in one go.",
      images_text(audit.shortcuts.images, audit.shortcuts.groups));
  for (const ShortcutResult& result : audit.shortcuts.results) {
    if (!result.auc) continue;
    html::Bar bar;
    bar.name = view_title(result.view);
    if (audit.scan.class_names.size() > 2)
      bar.name += fmt::format(" ({} against the others)", audit.scan.class_names[result.class_index]);
    bar.value = *result.auc;
    if (result.interval) bar.low = result.interval->low, bar.high = result.interval->high;
    bar.text = fmt::format("{:.2f}", *result.auc);
    bars.bars.push_back(bar);
  }
  page.add(html::chart(bars));
  page.paragraph(
      "Where the mean images of the classes differ outside of the lungs, a network may learn the "
      "difference:");
  std::vector<html::Thumbnail> means;
  for (std::size_t c = 0; c < audit.scan.class_names.size(); ++c)
    means.push_back(mean_picture(audit.scan, c));
  page.add(html::thumbnails(means));
}

void add_sources(html::Page& page, const Audit& audit, const Check& check) {
  const nlohmann::json& table = check.figures["table"];
  if (table.empty()) return;
  std::vector<html::Column> columns = {{"Source", Align::left}};
  // Of several labels: with and without the one that the verdict rests on.
  std::vector<std::string> names = audit.scan.class_names;
  if (audit.scan.task == data::Task::multi_label) {
    names.clear();
    for (const auto& item : table.front()["classes"].items()) names.push_back(item.key());
  }
  for (const std::string& name : names) columns.push_back({name, Align::right});
  html::Table rows(columns, "Images of each class by source");
  for (const nlohmann::json& row : table) {
    std::vector<Markup> cells = {row["source"].get<std::string>()};
    for (const std::string& name : names)
      cells.emplace_back(std::to_string(row["classes"][name].get<std::size_t>()));
    rows.row(cells);
  }
  page.add(rows.markup());
}

void add_balance(html::Page& page, const Audit& audit, const Check& check) {
  std::vector<html::Column> columns = {{"Split", Align::left}};
  for (const std::string& name : audit.scan.class_names) columns.push_back({name, Align::right});
  const bool labels = audit.scan.task == data::Task::multi_label;
  html::Table rows(columns,
                   labels ? "Images with each label, of those of which it is known" : "Images of each class");
  for (const std::string& split : audit.scan.splits) {
    std::vector<Markup> cells = {split};
    for (const std::string& name : audit.scan.class_names) {
      const nlohmann::json& count = check.figures["splits"][split][name];
      cells.emplace_back(
          labels ? fmt::format("{} of {}", count["with"].get<std::size_t>(),
                               count["with"].get<std::size_t>() + count["without"].get<std::size_t>())
                 : std::to_string(count.get<std::size_t>()));
    }
    rows.row(cells);
  }
  page.add(rows.markup());
}

/// Some images of each class, evenly chosen, so that the eye can look for what no check knows.
void add_faces(html::Page& page, const Audit& audit) {
  page.section("A look at the images");
  page.note("Evenly chosen, as the network sees them: squares of 64 x 64 pixels.");
  for (std::size_t c = 0; c < audit.scan.class_names.size(); ++c) {
    std::vector<const ImageFacts*> images;
    for (const ImageFacts& image : audit.scan.images)
      if (is_of(image, c)) images.push_back(&image);
    const std::size_t shown = std::min(images.size(), faces_of_class), columns = 8;
    if (shown == 0) continue;
    const std::size_t lines = (shown + columns - 1) / columns;
    data::Image sheet{
        static_cast<int>(columns) * thumbnail_side, static_cast<int>(lines) * thumbnail_side, 1, {}};
    sheet.pixels.assign(columns * lines * thumbnail_pixels, 255);
    for (std::size_t i = 0; i < shown; ++i) {
      const Thumbnail& thumbnail = images[i * images.size() / shown]->print.thumbnail;
      for (std::size_t y = 0; y < thumbnail_side; ++y)
        std::copy_n(
            &thumbnail[y * thumbnail_side], thumbnail_side,
            &sheet.pixels[((i / columns * thumbnail_side + y) * columns + i % columns) * thumbnail_side]);
    }
    page.heading(audit.scan.class_names[c]);
    page.add(html::picture(sheet, fmt::format("{} images of class {}", shown, audit.scan.class_names[c])));
  }
}

}  // namespace

std::string audit_page(const Audit& audit, const std::string& command) {
  const Scan& scan = audit.scan;
  html::Page page(
      "Audit of " + scan.directory.filename().string(),
      fmt::format("{}, {}: the worst finding is {}", counted(scan.images.size(), "image"),
                  counted(scan.class_names.size(), "class", "classes"), html::verdict_name(audit.verdict())));
  for (const Check& check : audit.checks) {
    page.section(check.title);
    std::vector<Markup> details(check.details.begin(), check.details.end());
    page.badge(check.verdict, check.text, details.empty() ? Markup() : html::bullet_list(details),
               id_name(check.id));
    if (check.name == "shortcuts") add_shortcuts(page, audit);
    if (check.name == "sources") add_sources(page, audit, check);
    if (check.name == "balance") add_balance(page, audit, check);
    if (check.name != "duplicates") continue;
    for (const bool across : {true, false})
      if (const Markup pictures = pair_pictures(audit, across); !pictures.empty()) {
        page.heading(across ? "In two splits" : "Within a split");
        page.add(pictures);
      }
  }
  add_faces(page, audit);
  page.section("How this was made");
  page.add(html::code_block(command));
  page.note(
      "Serious: results on these images will mislead. Warning: worth a look before training. Everything on "
      "this page, and more of it, is in audit.json. Not a medical device.");
  return page.str();
}

}  // namespace xr::audit
