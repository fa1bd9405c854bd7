// Layouts that differ from a usual one by little.
#include "tests/data/dataset/layout_tree.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

TEST_CASE("layout: how many equal file names make siblings suspicious") {
  CHECK(layout_of(tree_of({"a/lungs", "a/plain", "b"}, 2)).notices.empty());  // two may be chance
  TreeScan scan = tree_of({"a/lungs", "a/plain", "b"});
  for (int i = 10; i < 30; ++i) add_file(scan.tree, "a/plain/" + std::to_string(i) + ".png");
  CHECK(given_notice(layout_of(scan), notice_id::equal_file_names).count == 4);  // all of the smaller folder
  for (int i = 50; i < 55; ++i) add_file(scan.tree, "a/lungs/" + std::to_string(i) + ".png");
  CHECK(layout_of(scan).notices.empty());  // 4 of 9
  const Layout both = layout_of(tree_of({"a/lungs", "a/plain", "b/lungs", "b/plain"}));
  CHECK(given_notice(both, notice_id::equal_file_names).count == 8);
  CHECK(given_notice(both, notice_id::equal_file_names).names == Names{"a/lungs", "a/plain"});
}

TEST_CASE("layout: masks are used where that is wanted") {
  TreeScan scan = tree_of({"a", "b"}, 1);
  add_file(scan.tree, "a/0_mask.png");
  const Layout layout = layout_of(scan, {.skip_folders = {false, {}}});
  CHECK(paths_of(layout, Split::train) == Names{"a/0.png", "a/0_mask.png", "b/0.png"});
}

TEST_CASE("layout: classes that are called as masks") {
  CHECK(layout_of(tree_of({"a", "b", "mask"})).class_names == Names{"a", "b", "mask"});
  CHECK(layout_of(tree_of({"faces", "masks"})).class_names == Names{"faces", "masks"});
  CHECK(layout_of(tree_of({"a", "b", "masks"}), {.known_classes = {"a", "b", "masks"}}).class_names ==
        Names{"a", "b", "masks"});
}

TEST_CASE("layout: outer folders beside something else") {
  const Layout empty = layout_of(tree_of({"outer/a", "outer/b", "notes/"}));
  CHECK(empty.root == "outer");
  CHECK(empty.class_names == Names{"a", "b"});
  TreeScan scan = tree_of({"set/a", "set/b"});
  add_file(scan.tree, "lost.png");
  CHECK(layout_of(scan).root.empty());
  CHECK(layout_of(tree_of({"images"}), {.classes_from_table = true}).root.empty());
}

TEST_CASE("layout: splits inside the classes that hold folders of pictures") {
  const Layout layout =
      layout_of(tree_of({"covid/train/jpg", "covid/train/png", "covid/test/jpg", "covid/test/png",
                         "normal/train/jpg", "normal/train/png", "normal/test/jpg", "normal/test/png"},
                        1));
  CHECK(layout.class_names == Names{"covid", "normal"});
  CHECK(layout.part(Split::test).images.size() == 4);
}

TEST_CASE("layout: one folder of pictures in each split") {
  const Layout layout =
      layout_of(tree_of({"train/images/a", "train/images/b", "test/images/a", "test/images/b"}));
  CHECK(layout.class_names == Names{"a", "b"});
  CHECK(layout.part(Split::test).images.size() == 8);
  const Layout one_class = layout_of(tree_of({"train/covid/left", "train/normal/left", "test/covid/left"}));
  CHECK(one_class.class_names == Names{"covid", "normal"});
  CHECK(layout_of(tree_of({"train/images/x", "test/images/x"}), {.known_classes = {"images", "other"}})
            .class_names == Names{"images"});
}

TEST_CASE("layout: folders of splits that are classes, that are empty, or that lie in one class") {
  const Layout named = layout_of(tree_of({"other", "train"}), {.known_classes = {"other", "train"}});
  CHECK_FALSE(named.has_splits);
  CHECK(named.class_names == Names{"other", "train"});
  CHECK(layout_of(tree_of({"Train/a", "Train/b", "training/", "test/a", "test/b"})).has_splits);
  CHECK(layout_of(tree_of({"a/train", "a/test", "a/val/", "b/train", "b/test"})).has_splits);
  CHECK_THAT(error_of([] {
               (void)layout_of(tree_of({"a/train", "a/test", "b/train"}));
             }),
             contains("'b' holds folders named as splits, but not train/ and test/ alone"));
  const Layout one =
      layout_of(tree_of({"covid/train", "covid/test"}), {.known_classes = {"covid", "normal"}});
  CHECK(one.part(Split::test).images.size() == 4);
}

TEST_CASE("layout: folders that every class has") {
  TreeScan scan = tree_of({"A/covid", "A/normal", "B/covid", "B/normal"});
  CHECK(notice_of(layout_of(scan), notice_id::same_folders_in_classes) != nullptr);
  add_file(scan.tree, "A/lost.png");
  CHECK(notice_of(layout_of(scan), notice_id::same_folders_in_classes) == nullptr);
  CHECK(notice_of(layout_of(tree_of({"a/jpg", "a/png", "b/jpg", "b/png"})),
                  notice_id::same_folders_in_classes) == nullptr);
  CHECK(notice_of(layout_of(tree_of({"a/left", "b/left"})), notice_id::same_folders_in_classes) == nullptr);
}

TEST_CASE("layout: folders without images beside splits and classes") {
  const Layout notes = layout_of(tree_of({"train/a", "train/b", "test/a", "test/b", "notes/"}));
  CHECK(notes.notices.empty());
  const Layout in_one = layout_of(tree_of({"train/a", "train/b", "test/a", "test/b/"}));
  CHECK(in_one.notices.empty());
  const Layout known = layout_of(tree_of({"covid", "normal/"}), {.known_classes = {"covid", "normal"}});
  CHECK(known.class_names == Names{"covid"});
  CHECK(given_notice(known, notice_id::empty_class_folder).names == Names{"normal"});
}

TEST_CASE("layout: masks are in no class, whatever the order of the names") {
  const Layout layout = layout_of(tree_of({"a", "masks", "normal"}));
  CHECK(layout.part(Split::train).images.size() == 8);
  CHECK(given_notice(layout, notice_id::role_folders_skipped).count == 4);
}
