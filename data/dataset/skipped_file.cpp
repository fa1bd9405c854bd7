#include "data/dataset/skipped_file.h"

namespace xr::data {

const char* name_of(SkipKind kind) {
  switch (kind) {
    case SkipKind::unreadable:
      return "unreadable";
    case SkipKind::not_an_image:
      return "not-an-image";
    case SkipKind::unreachable:
      return "unreachable";
    case SkipKind::role:
      return "role";
    case SkipKind::outside:
      return "outside";
    case SkipKind::no_picture:
      return "no-picture";
    case SkipKind::unlabelled:
      return "unlabelled";
  }
  return "unknown";
}

}  // namespace xr::data
