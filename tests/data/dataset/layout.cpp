// Small replicas of the layouts of public sets, by name, and of what people make of them.
#include "tests/data/dataset/layout_tree.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

TEST_CASE("layout: the folders of masks of the COVID-19 Radiography Database are skipped") {
  const TreeScan scan =
      tree_of({"COVID/images", "COVID/masks", "Lung_Opacity/images", "Lung_Opacity/masks", "Normal/images",
               "Normal/masks", "Viral Pneumonia/images", "Viral Pneumonia/masks"});
  const Layout layout = layout_of(scan);
  CHECK(layout.class_names == Names{"COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"});
  CHECK_FALSE(layout.has_splits);
  CHECK(layout.part(Split::train).images.size() == 16);
  for (const std::string& path : paths_of(layout, Split::train))
    CHECK(path.find("/images/") != std::string::npos);
  REQUIRE(notice_of(layout, notice_id::role_folders_skipped) != nullptr);
  CHECK(given_notice(layout, notice_id::role_folders_skipped).count == 16);
  CHECK(given_notice(layout, notice_id::role_folders_skipped).names == Names{"masks"});
  CHECK(layout.notices.size() == 1);

  const Layout all = layout_of(scan, {.skip_folders = {false, {}}});
  CHECK(all.part(Split::train).images.size() == 32);
  REQUIRE(notice_of(all, notice_id::equal_file_names) != nullptr);
  CHECK(given_notice(all, notice_id::equal_file_names).names == Names{"COVID/images", "COVID/masks"});
  const Layout masks = layout_of(scan, {.skip_folders = {false, {"IMAGES"}}});
  CHECK(paths_of(masks, Split::train)[0] == "COVID/masks/0.png");
  CHECK(given_notice(masks, notice_id::folders_skipped).count == 16);
}

TEST_CASE("layout: named folders are skipped anywhere") {
  const Layout layout =
      layout_of(tree_of({"train/a/images", "train/a/masks", "train/b", "test/a", "test/b", "VAL/a", "VAL/b"}),
                {.skip_folders = {true, {"val"}}});
  CHECK_FALSE(layout.part(Split::validation).present);
  CHECK(layout.part(Split::train).images.size() == 8);
  CHECK(given_notice(layout, notice_id::folders_skipped).names == Names{"VAL", "masks"});
  CHECK(given_notice(layout, notice_id::folders_skipped).count == 12);
}

TEST_CASE("layout: names of folders of masks") {
  for (const char* name : {"mask", "masks", "Masks", "annotations", "labels", "lung masks", "infection_masks",
                           "ManualMask", "segmentation", "Ground Truth"}) {
    INFO(name);
    CHECK(is_mask_folder(name));
    const Layout layout = layout_of(tree_of({std::string("a/") + name, "a/images", "b"}));
    CHECK(layout.part(Split::train).images.size() == 8);
  }
  for (const char* name : {"unmasked", "images", "masked faces", "labelled images", "PA", ""})
    CHECK_FALSE(is_mask_folder(name));
}

TEST_CASE("layout: images and masks above the classes") {
  const TreeScan scan = tree_of({"images/covid", "images/normal", "masks/covid", "masks/normal"});
  const Layout layout = layout_of(scan);
  CHECK(layout.root == "images");
  CHECK(layout.class_names == Names{"covid", "normal"});
  CHECK(given_notice(layout, notice_id::role_folders_skipped).count == 8);
  const Layout in_splits = layout_of(tree_of({"train/images/a", "train/images/b", "train/labels/a",
                                              "test/images/a", "test/images/b", "test/labels/b"}));
  CHECK(in_splits.class_names == Names{"a", "b"});
  CHECK(in_splits.part(Split::train).images.size() == 8);
  CHECK(given_notice(in_splits, notice_id::role_folders_skipped).count == 8);
}

TEST_CASE("layout: mask files beside their pictures are skipped") {
  TreeScan scan = tree_of({"a", "b"}, 2);
  for (const char* path :
       {"a/0_mask.png", "a/0_mask_1.png", "a/9_mask.png", "b/1-segmentation.png", "b/mask.png"})
    add_file(scan.tree, path);
  for (FolderTree& folder : scan.tree.folders) std::ranges::sort(folder.images);
  const Layout layout = layout_of(scan);
  CHECK(paths_of(layout, Split::train) ==
        Names{"a/0.png", "a/1.png", "a/9_mask.png", "b/0.png", "b/1.png", "b/mask.png"});
  CHECK(given_notice(layout, notice_id::mask_files_skipped).count == 3);
}

TEST_CASE("layout: siblings with equal file names are told, patients are not") {
  const Layout layout = layout_of(tree_of({"a/lungs", "a/plain", "b"}));
  REQUIRE(notice_of(layout, notice_id::equal_file_names) != nullptr);
  CHECK(given_notice(layout, notice_id::equal_file_names).count == 4);
  CHECK(layout.part(Split::train).images.size() == 12);
  Names patients = {"b"};
  for (int i = 0; i < 20; ++i) patients.push_back("a/p" + std::to_string(i));
  CHECK(layout_of(tree_of(patients)).notices.empty());
}

TEST_CASE("layout: the usual names of splits in any case") {
  struct Names3 {
    const char *train, *test, *validation;
  };
  for (const Names3& names :
       {Names3{"Train", "Test", "Val"}, Names3{"Training", "Testing", "Validation"},
        Names3{"TRAIN", "TEST", "VALID"}, Names3{"training_set", "test_set", "dev"},
        Names3{"train-images", "Test Data", "validation set"}, Names3{"trainData", "testing", "val"}}) {
    INFO(names.train);
    Names folders;
    for (const char* split : {names.train, names.test, names.validation})
      for (const char* name : {"/covid", "/normal"}) folders.push_back(split + std::string(name));
    const Layout layout = layout_of(tree_of(folders));
    CHECK(layout.has_splits);
    CHECK(layout.class_names == Names{"covid", "normal"});
    for (const LayoutPart& part : layout.parts) CHECK(part.images.size() == 8);
    CHECK(layout.part(Split::validation).folder == names.validation);
    CHECK(notice_of(layout, notice_id::split_names) != nullptr);
  }
  const Layout plain = layout_of(tree_of({"train/a", "train/b", "test/a", "test/b"}));
  CHECK(plain.notices.empty());
}

TEST_CASE("layout: folders beside the splits and names that look like splits are told") {
  const Layout layout =
      layout_of(tree_of({"train/a", "train/b", "test/a", "test/b", "extra/a", "unlabelled"}));
  CHECK(given_notice(layout, notice_id::folders_not_used).names == Names{"extra", "unlabelled"});
  CHECK(given_notice(layout, notice_id::folders_not_used).count == 8);
  const Layout suspicious = layout_of(tree_of({"train_old", "test_old"}));
  CHECK_FALSE(suspicious.has_splits);
  CHECK(given_notice(suspicious, notice_id::split_not_recognised).names == Names{"test_old", "train_old"});
  CHECK(code_of(tree_of({"train/a", "Training/a", "test/a"})) == error_code::layout_ambiguous);
  CHECK(layout_of(tree_of({"train/a", "train/b", "Training/", "test/a", "test/b"})).has_splits);
  const Layout empty = layout_of(tree_of({"train/a", "train/b", "test/a", "test/b", "val/a/"}));
  CHECK_FALSE(empty.part(Split::validation).present);
  CHECK(notice_of(empty, notice_id::empty_split_folder) != nullptr);
}

TEST_CASE("layout: splits inside the classes") {
  const TreeScan scan = tree_of({"covid/train", "covid/test", "normal/train", "normal/test", "normal/val"});
  const Layout layout = layout_of(scan);
  CHECK(layout.has_splits);
  CHECK(layout.class_names == Names{"covid", "normal"});
  CHECK(layout.part(Split::train).images.size() == 8);
  CHECK(layout.part(Split::test).images[4].class_index == 1);
  CHECK(layout.part(Split::test).images[4].path == "normal/test/0.png");
  CHECK(layout.part(Split::validation).images.size() == 4);
  CHECK(notice_of(layout, notice_id::split_in_classes) != nullptr);

  CHECK(code_of(tree_of({"covid/train", "covid/test", "normal"})) == error_code::layout_ambiguous);
  CHECK(code_of(tree_of({"covid/train", "covid/test", "normal/train", "normal/test", "normal/more"})) ==
        error_code::layout_ambiguous);
  CHECK(code_of(tree_of({"covid/train", "normal/train"})) == error_code::layout_ambiguous);
}

TEST_CASE("layout: two sets side by side are not taken for classes") {
  // COVID-QU-Ex: each with its own splits, classes, images and masks.
  Names folders;
  for (const char* set : {"Infection Segmentation Data", "Lung Segmentation Data"})
    for (const char* split : {"Train", "Test", "Val"})
      for (const char* name : {"COVID-19", "Non-COVID", "Normal"})
        for (const char* role : {"images", "lung masks"})
          folders.push_back(fmt::format("{}/{}/{}/{}", set, split, name, role));
  CHECK(code_of(tree_of(folders)) == error_code::layout_ambiguous);
  std::erase_if(folders, [](const std::string& folder) { return folder.starts_with("Infection"); });
  const Layout one = layout_of(tree_of(folders));
  CHECK(one.root == "Lung Segmentation Data");
  CHECK(one.class_names == Names{"COVID-19", "Non-COVID", "Normal"});
  CHECK(one.part(Split::test).images.size() == 12);
  CHECK(given_notice(one, notice_id::role_folders_skipped).count == 36);
  const Layout hospitals = layout_of(tree_of({"A/covid", "A/normal", "B/covid", "B/normal"}));
  CHECK(given_notice(hospitals, notice_id::same_folders_in_classes).names == Names{"covid", "normal"});
}

TEST_CASE("layout: outer folders are entered and leftovers ignored") {
  TreeScan scan = tree_of({"chest_xray/chest_xray/train/NORMAL", "chest_xray/chest_xray/train/PNEUMONIA",
                           "chest_xray/chest_xray/test/NORMAL", "chest_xray/chest_xray/test/PNEUMONIA"});
  scan.ignored = {"chest_xray/__MACOSX"};
  const Layout layout = layout_of(scan);
  CHECK(layout.root == "chest_xray/chest_xray");
  CHECK(given_notice(layout, notice_id::outer_folder).names == Names{"chest_xray/chest_xray"});
  CHECK(given_notice(layout, notice_id::leftovers_ignored).names == Names{"__MACOSX"});
  CHECK(layout.part(Split::train).images[0].path == "chest_xray/chest_xray/train/NORMAL/0.png");
  // As it is downloaded: the same again beside its splits.
  const Layout twice = layout_of(tree_of({"chest_xray/train/a", "chest_xray/train/b", "chest_xray/test/a",
                                          "chest_xray/test/b", "chest_xray/chest_xray/train/a"}));
  CHECK(twice.root == "chest_xray");
  CHECK(given_notice(twice, notice_id::folders_not_used).names == Names{"chest_xray"});
  CHECK(layout_of(tree_of({"covid"})).root.empty());
  CHECK(layout_of(tree_of({"set/covid"}), {.known_classes = {"set"}}).root.empty());
}

TEST_CASE("layout: folders without images are no classes, unless nothing else is left") {
  const Layout layout = layout_of(tree_of({"covid", "normal", "notes/"}));
  CHECK(layout.class_names == Names{"covid", "normal"});
  CHECK(given_notice(layout, notice_id::empty_class_folder).names == Names{"notes"});
  CHECK(layout_of(tree_of({"covid", "normal/"})).class_names == Names{"covid", "normal"});
  const Layout beside = layout_of(tree_of({"a", "b", "masks"}));
  CHECK(beside.class_names == Names{"a", "b"});
  CHECK(given_notice(beside, notice_id::role_folders_skipped).count == 4);
  CHECK(layout_of(tree_of({"mask", "no mask"})).class_names == Names{"mask", "no mask"});
  TreeScan files = tree_of({"a", "b"});
  add_file(files.tree, "lost.png");
  CHECK(given_notice(layout_of(files), notice_id::images_beside_folders).count == 1);
}

TEST_CASE("layout: numbered parts and patients are no classes") {
  CHECK(code_of(tree_of({"images_001/images", "images_002/images"})) == error_code::labels_needed);  // NIH
  CHECK(code_of(tree_of({"train/patient00001/study1", "train/patient00002/study1",
                         "valid/patient64541/study1"})) == error_code::labels_needed);  // CheXpert
  CHECK(code_of(tree_of({"files/p10/p10000032/s50414267", "files/p10/p10000764/s57375967",
                         "files/p11/p11000011/s51029426", "files/p11/p11000183/s51967845"})) ==
        error_code::labels_needed);  // MIMIC-CXR
  Names many;
  for (int i = 0; i < 40; ++i) many.push_back("x" + std::to_string(i));
  CHECK(code_of(tree_of(many, 1)) == error_code::labels_needed);
  CHECK(layout_of(tree_of({"0", "1"})).class_names == Names{"0", "1"});
  CHECK(layout_of(tree_of({"0_NORMAL", "1_COVID"})).class_names == Names{"0_NORMAL", "1_COVID"});
  CHECK(layout_of(tree_of({"grade1", "grade2"})).class_names == Names{"grade1", "grade2"});
}

TEST_CASE("layout: with classes from a table all images of a split are taken") {
  const Layout nih =
      layout_of(tree_of({"images_001/images", "images_002/images"}), {.classes_from_table = true});
  CHECK(nih.part(Split::train).images.size() == 8);
  CHECK_FALSE(nih.has_splits);
  const Layout chexpert =
      layout_of(tree_of({"CheXpert/train/patient1/study1", "CheXpert/valid/patient2/study1"}),
                {.classes_from_table = true});
  CHECK(chexpert.has_splits);
  CHECK(chexpert.part(Split::train).images.size() == 4);
  CHECK(chexpert.part(Split::validation).images.size() == 4);
  CHECK(layout_of(tree_of({"images", "masks"}), {.classes_from_table = true})
            .part(Split::train)
            .images.size() == 4);
}
