#include "octet/data/dataset.hpp"

#include <array>
#include <doctest/doctest.h>

#include "message_of.hpp"

using octet::Image;
using octet::ImageDataset;

namespace {

ImageDataset three_images() {
  ImageDataset data;
  data.class_names = {"a", "b"};
  data.add(Image(2, 3, 1, 10), 0);
  data.add(Image(2, 3, 1, 20), 1);
  data.add(Image(2, 3, 1, 30), 1);
  data.targets = octet::Tensor<float>({3, 2}, {1, 0, 0.25f, 0.75f, 0.5f, 0.5f});
  return data;
}

}  // namespace

TEST_CASE("a dataset keeps images, labels and targets together") {
  const ImageDataset data = three_images();
  CHECK(data.size() == 3);
  CHECK(data.classes() == 2);
  CHECK(data.image_shape() == octet::Shape{2, 3, 1});
  CHECK(data.image(1).at(1, 2) == 20);
  CHECK(data.class_counts() == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("a subset has its images in the order asked for, with their targets") {
  const std::array<std::int64_t, 3> indices = {2, 0, 2};
  const ImageDataset part = three_images().subset(indices);
  CHECK(part.labels == std::vector<std::int32_t>{1, 0, 1});
  CHECK(part.image(0).at(0, 0) == 30);
  CHECK(part.image(1).at(0, 0) == 10);
  CHECK(part.targets == octet::Tensor<float>({3, 2}, {0.5f, 0.5f, 1, 0, 0.5f, 0.5f}));
  const std::array<std::int64_t, 1> outside = {3};
  CHECK(message_of([&] { three_images().subset(outside); }) ==
        "dataset: there is no image 3 among 3");
}

TEST_CASE("classes are brought into another order, with labels and targets") {
  ImageDataset data;
  data.class_names = {"angry", "happy", "sad"};
  const std::uint8_t pixel = 7;
  for (const std::int32_t label : {0, 1, 2}) data.add({&pixel, 1, 1, 1}, label);
  data.targets = octet::Tensor<float>({3, 3}, {1, 0, 0, 0, 0.75f, 0.25f, 0, 0, 1});
  data.order_classes({"Happy", "Sad", "Angry"});
  CHECK(data.class_names == std::vector<std::string>{"Happy", "Sad", "Angry"});
  CHECK(data.labels == std::vector<std::int32_t>{2, 0, 1});
  CHECK(data.targets == octet::Tensor<float>({3, 3}, {0, 0, 1, 0.75f, 0.25f, 0, 0, 1, 0}));
  CHECK_THROWS_WITH_AS(data.order_classes({"Happy", "Fear", "Angry"}),
                       "dataset: expected the classes Happy, Fear, Angry, got Happy, Sad, Angry; "
                       "missing: Fear",
                       octet::Error);
  CHECK_THROWS_WITH_AS(data.order_classes({"Happy", "Joy", "Sad", "Angry", "Fear"}),
                       "dataset: expected the classes Happy, Joy, Sad, Angry, Fear, got Happy, "
                       "Sad, Angry; missing: Joy, Fear",
                       octet::Error);
  CHECK_THROWS_WITH_AS(data.order_classes({"Happy", "Sad"}),
                       "dataset: expected the classes Happy, Sad, got Happy, Sad, Angry",
                       octet::Error);
}

TEST_CASE("images of another size and unknown labels are refused") {
  ImageDataset data = three_images();
  data.targets = {};
  CHECK(message_of([&] { data.add(Image(3, 3, 1), 0); }) ==
        "dataset: expected images of shape [2, 3, 1], got [3, 3, 1]");
  CHECK(message_of([&] { data.add(Image(2, 3, 1), 2); }) ==
        "dataset: expected a label from 0 to 1, got 2");
  CHECK(message_of([&] { data.add(Image(2, 3, 1), -1); }) ==
        "dataset: expected a label from 0 to 1, got -1");
  CHECK(message_of([&] { data.add(Image(0, 3, 1), 0); }) ==
        "dataset: expected an image with pixels, got [0, 3, 1]");
  CHECK(data.size() == 3);
}
