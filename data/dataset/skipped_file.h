// A file that is not used, and why.
#pragma once

#include <string>

namespace xr::data {

enum class SkipKind {
  unreadable,    ///< It may be an image, but cannot be read as one.
  not_an_image,  ///< Another kind of file.
  unreachable,   ///< A broken link, a loop of links, a pipe, a folder that may not be read.
  role,          ///< In a folder for masks or annotations, or a mask file.
  outside,       ///< An image outside every class folder, or in a folder that is not used.
  no_picture,    ///< A DICOM file of another kind: a report, an index.
  unlabelled,    ///< An image that a table of labels does not name.
};

/// "unreadable", "not-an-image", ...
[[nodiscard]] const char* name_of(SkipKind kind);

struct SkippedFile {
  std::string path;    ///< Relative to the folder that was given, with '/'.
  std::string reason;  ///< One line.
  SkipKind kind = SkipKind::unreadable;
};

}  // namespace xr::data
