// The parts of an image that a shortcut is looked for in, and their words.
#pragma once

namespace xr::audit {

/// What a classifier is shown.
enum class View {
  file,       ///< format, width, height, aspect ratio, channels, bit depth
  histogram,  ///< grey levels, wherever they are
  ring,       ///< the outermost 4 pixels of a 32 x 32 thumbnail
  border,     ///< the thumbnail with its middle 20 x 20 pixels black
  whole,      ///< the thumbnail
  tags        ///< DICOM: site, station, view position, manufacturer, model, modality
};

[[nodiscard]] const char* view_name(View view);         ///< "ring", in audit.json
[[nodiscard]] const char* view_title(View view);        ///< "Border", for a chart
[[nodiscard]] const char* view_description(View view);  ///< "sees only the border"
[[nodiscard]] const char* view_source(View view);       ///< behind "AUROC 0.84 from": "the border alone"
/// What follows where the class can be told by it; not for `whole`.
[[nodiscard]] const char* view_consequence(View view);

}  // namespace xr::audit
