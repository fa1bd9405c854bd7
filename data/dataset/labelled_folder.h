// The images of a folder with the labels of a table.
#pragma once

#include "data/dataset/image_folder.h"
#include "data/dataset/label_table.h"
#include "data/dataset/layout.h"

namespace xr::data {

/// Puts the images that the table names into train, validation and test, with classes or targets and patients
/// (those of `patients` if it is given, else the table's own), each in path order, and sets task and
/// class_names. Splits are those of the lists, else of the table, else of the layout. Images without labels,
/// with contradicting ones or in no list go to Dataset::skipped, with a notice for each kind.
///
/// `known`: classes or labels of a trained model, which the samples then have; of a label that the table lacks
/// all targets are unknown. Empty: those of the table that images have.
///
/// Throws xr::Error: what read_label_table and read_split_lists throw, table_unmatched if the table names none
/// of the images, and for a class that is not known.
void label_images(Dataset& dataset, const Layout& layout, const LabelSettings& settings,
                  const PatientTable& patients, const std::vector<std::string>& known = {});

}  // namespace xr::data
