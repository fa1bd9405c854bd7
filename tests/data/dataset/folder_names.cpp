#include "data/dataset/folder_names.h"

#include <catch2/catch.hpp>

using namespace xr::data;

using Names = std::vector<std::string>;

TEST_CASE("folder names: words end at capitals, numbers and whatever is no letter") {
  CHECK(words_of("ManualMask_2") == Names{"manual", "mask", "2"});
  CHECK(words_of("COVID-19") == Names{"covid", "19"});
  CHECK(words_of("R\xC3\xB6ntgen bild") == Names{"r\xC3\xB6ntgen", "bild"});
  CHECK(words_of("Train") == Names{"train"});
  CHECK(words_of("_ .").empty());
}

TEST_CASE("folder names: splits") {
  for (const char* name : {"train", "Training", "TRAIN_SET", "trainingData", "trainset", "TRAINDATA", "trn"})
    CHECK(split_named(name) == Split::train);
  for (const char* name : {"testset", "testdata", "tst", "Test Images"})
    CHECK(split_named(name) == Split::test);
  for (const char* name : {"valset", "dev", "VALID"}) CHECK(split_named(name) == Split::validation);
  for (const char* name : {"set", "data", "train_covid", "trains", "contest", "images"})
    CHECK_FALSE(split_named(name).has_value());
  for (const char* name : {"train_old", "my test", "Train2"}) CHECK(looks_like_split(name));
  for (const char* name : {"train", "Test", "trainset", "contest", "covid"})
    CHECK_FALSE(looks_like_split(name));
}

TEST_CASE("folder names: folders of pictures") {
  for (const char* name : {"images", "IMG", "X-ray", "CXR", "png"}) CHECK(is_image_folder(name));
  for (const char* name : {"images_001", "xray old", "covid", ""}) CHECK_FALSE(is_image_folder(name));
}

TEST_CASE("folder names: the picture that a mask belongs to") {
  CHECK(masked_picture("a/1_mask.png") == "a/1");
  CHECK(masked_picture("1-segmentation_02.png") == "1");
  CHECK(masked_picture("b/x.y_Mask.png") == "b/x.y");
  for (const char* name : {"a/mask.png", "a/_mask.png.txt", "1mask.png", "12mask.png", "1_unmask.png",
                           "1_.png", "1.png", "mask_1.png", ""})
    CHECK(masked_picture(name).empty());
}

TEST_CASE("folder names: leftovers in any case") {
  for (const char* name : {"__MACOSX", "Thumbs.db", "THUMBS.DB", "desktop.ini", "@eaDir"})
    CHECK(is_leftover(name));
  CHECK_FALSE(is_leftover("thumbs"));
}

TEST_CASE("folder names: numbered parts of a set") {
  CHECK(are_numbered({"images_001", "images_002"}));
  CHECK(are_numbered({"part1", "Part2"}));
  CHECK_FALSE(are_numbered({"images_001"}));
  CHECK_FALSE(are_numbered({"images_001", "part_002"}));
  CHECK_FALSE(are_numbered({"images_001", "images"}));
  CHECK_FALSE(are_numbered({"stage1", "stage2"}));
  Names many;
  for (int i = 0; i < 30; ++i) many.push_back("x" + std::to_string(i));
  CHECK_FALSE(are_numbered(many));
  many.emplace_back("x30");
  CHECK(are_numbered(many));
}
