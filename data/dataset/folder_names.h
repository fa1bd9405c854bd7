// What the names of folders and files usually mean in sets of images: splits, masks, leftovers of archives.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xr::data {

enum class Split { train, validation, test };

/// "train", "val", "test": the usual name of its folder.
[[nodiscard]] const char* name_of(Split split);

[[nodiscard]] std::string lower_case(std::string_view text);

/// The words of a name in lower case: "ManualMask_2" has manual, mask, 2. Anything but letters and digits
/// separates, so do a capital after a small letter and the border of a number; bytes above 127 are letters.
[[nodiscard]] std::vector<std::string> words_of(std::string_view name);

/// The split that a folder of this name holds: train, Training, TRAIN_SET, trainingData; test, Testing; val,
/// valid, validation, dev; in any case.
[[nodiscard]] std::optional<Split> split_named(std::string_view name);
/// One of its words is the name of a split, but the whole is not: "train_old", "my test", "Train2".
[[nodiscard]] bool looks_like_split(std::string_view name);

/// A folder of pictures of masks, annotations or the like: "masks", "lung masks", "Annotations", "labels".
[[nodiscard]] bool is_mask_folder(std::string_view name);
/// A folder of the pictures themselves, beside others with masks: "images", "img", "CXR".
[[nodiscard]] bool is_image_folder(std::string_view name);
/// The name without extension of the picture that this file is a mask of: "a/1" for "a/1_mask.png"; empty if
/// it does not look like a mask.
[[nodiscard]] std::string masked_picture(const std::string& path);

/// What archives and systems leave behind: __MACOSX, Thumbs.db, desktop.ini, @eaDir; hidden files not
/// included.
[[nodiscard]] bool is_leftover(std::string_view name);

/// Names that are numbered parts of one set, or patients, and no classes: images_001, images_002; part1,
/// part2; patient00001 ...; p10, p11 with sub-folders p10000032.
[[nodiscard]] bool are_numbered(const std::vector<std::string>& names);

}  // namespace xr::data
