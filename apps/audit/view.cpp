#include "apps/audit/view.h"

#include <cstddef>

namespace xr::audit {

const char* view_name(View view) {
  static constexpr const char* names[] = {"file", "histogram", "ring", "border", "whole", "tags"};
  return names[static_cast<std::size_t>(view)];
}

const char* view_title(View view) {
  static constexpr const char* titles[] = {"Format, size and kind of file",
                                           "Grey levels alone",
                                           "Border (outer eighth)",
                                           "All but the middle",
                                           "Whole image",
                                           "DICOM tags of site, machine and view"};
  return titles[static_cast<std::size_t>(view)];
}

const char* view_source(View view) {
  static constexpr const char* texts[] = {"the file alone (format, size, kind)",
                                          "grey levels alone",
                                          "the border alone (outer eighth of each side)",
                                          "all but the middle",
                                          "the whole image (32 x 32 pixels)",
                                          "DICOM tags alone (site, machine, view)"};
  return texts[static_cast<std::size_t>(view)];
}

const char* view_description(View view) {
  static constexpr const char* texts[] = {
      "sees only format, size and kind of the file",
      "sees only how often each grey level occurs",
      "sees only the border (the outer eighth of each side)",
      "sees the image with its middle (five eighths of each side) blacked out",
      "sees the whole image at 32 x 32 pixels",
      "sees only the DICOM tags of site, station, view position, manufacturer, model and modality"};
  return texts[static_cast<std::size_t>(view)];
}

const char* view_consequence(View view) {
  switch (view) {
    case View::ring:
      return "the class can be told from the border, where there is little or nothing of the lungs";
    case View::border:
      return "the class can be told without the middle, though parts of the lungs remain visible around it";
    case View::file:
      return "the class can be told from the files alone; a network does not see format and size, but it may "
             "see what goes with them: compression, sharpness, the place that the images come from";
    case View::tags:
      return "the class can be told from where and how the images were made; a network does not see the tags, but "
             "machines, sites and views leave their marks in the pixels";
    default:
      return "brightness and contrast differ between the classes, by the disease or by how the images were "
             "made";
  }
}

}  // namespace xr::audit
