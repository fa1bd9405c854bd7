// The phantom set: drawn images that look like chest X-rays, so that everything runs with nothing downloaded.
//
// An image is a sum of absorptions along the beam (body, lungs, bones, heart, vessels, findings) seen through
// an exposure curve with noise. Class `covid` has bilateral, peripheral, mottled patches; class `normal` has
// smooth shadows of the same brightness and size in the same places, so that a thumbnail tells little. These
// are no medical images and nothing learned from them means anything for patients.
#pragma once

#include "data/image/image.h"
#include "data/loader/jobs.h"

#include <cstdint>
#include <filesystem>

namespace xr::data {

enum class PhantomSplit { train, test };
enum class PhantomClass { covid, normal };

/// What gives the class away without the lungs, in nine of ten images: for trying out audits.
enum class PhantomShortcut {
  none,
  corner_marker,      ///< A bright square in a corner of class covid.
  border_brightness,  ///< The outermost pixels of class covid are brighter.
  format,             ///< Class covid lies in JPEG files, class normal in PNG files.
};

struct PhantomSettings {
  int size = 256;  ///< Side of the images, 64 to 2048.
  std::uint64_t seed = 0;
  int train_covid = 149, train_normal = 110, test_covid = 46, test_normal = 40;
  PhantomShortcut shortcut = PhantomShortcut::none;
  int workers = 0;    ///< Drawing threads; 0: one per core.
  Progress progress;  ///< Images drawn.
};

/// The grey image number `index`: a function of the arguments (Philox, RandomPurpose::phantom).
Image draw_phantom(std::uint64_t seed, PhantomSplit split, PhantomClass kind, int index, int size);

/// Writes DIR/{train,test}/{covid,normal}/NNN.png (.jpg where the shortcut says so). The folder appears whole
/// or not at all; an existing folder that is not empty is refused. Throws xr::Error.
void write_phantom_dataset(const std::filesystem::path& directory, const PhantomSettings& settings = {});

}  // namespace xr::data
