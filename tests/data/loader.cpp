#include "octet/data/loader.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>

#include "few_threads.hpp"
#include "message_of.hpp"
#include "octet/data/transforms.hpp"

using octet::Batch;
using octet::ImageDataset;
using octet::LastBatch;
using octet::Loader;
using octet::LoaderOptions;
using octet::Order;
using octet::Pipeline;

namespace {

// Images of 5 x 4 whose pixels tell their number.
ImageDataset numbered(int count) {
  ImageDataset data;
  data.class_names = {"a", "b", "c"};
  for (int i = 0; i < count; ++i) {
    octet::Image image(5, 4, 1, static_cast<std::uint8_t>(i));
    image.at(0, 0) = 255;
    data.add(image, i % 3);
  }
  return data;
}

Pipeline augmentation() {
  return {octet::random_flip(), octet::random_crop({.padding = 1}), octet::random_contrast(),
          octet::random_erasing(), octet::normalize()};
}

std::vector<Batch> epoch(Loader& loader, std::int64_t number, std::int64_t step = 0) {
  std::vector<Batch> batches;
  Batch batch;
  for (loader.start(number, step); loader.next(batch);) batches.push_back(batch);
  return batches;
}

void check_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].images == b[i].images);
    CHECK(a[i].labels == b[i].labels);
    CHECK(a[i].targets == b[i].targets);
    CHECK(a[i].indices == b[i].indices);
    CHECK(a[i].step == b[i].step);
  }
}

}  // namespace

TEST_CASE("the loader gives every image once an epoch, with its own label and pixels") {
  const ImageDataset data = numbered(23);
  Loader loader(data, {}, {.batch = 5});
  CHECK(loader.steps() == 5);
  CHECK(loader.images() == 23);
  std::vector<std::int64_t> seen;
  for (const Batch& batch : epoch(loader, 0)) {
    CHECK(batch.images.shape() == octet::Shape{batch.size(), 5, 4, 1});
    CHECK(!batch.has_targets());
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      const std::int64_t index = batch.indices[static_cast<std::size_t>(row)];
      CHECK(batch.labels[static_cast<std::size_t>(row)] == index % 3);
      CHECK(batch.images[row * 20] == 1.0f);
      CHECK(batch.images[row * 20 + 19] == static_cast<float>(index) * (1.0f / 255));
      seen.push_back(index);
    }
  }
  CHECK(!std::is_sorted(seen.begin(), seen.end()));
  std::sort(seen.begin(), seen.end());
  for (std::int64_t i = 0; i < 23; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("the last batch is kept or dropped, the order may stay") {
  const ImageDataset data = numbered(7);
  Loader kept(data, {}, {.batch = 3, .order = Order::sequential});
  const std::vector<Batch> batches = epoch(kept, 4);
  REQUIRE(batches.size() == 3);
  CHECK(batches[1].indices == std::vector<std::int64_t>{3, 4, 5});
  CHECK(batches[2].indices == std::vector<std::int64_t>{6});
  Loader dropped(data, {}, {.batch = 3, .last_batch = LastBatch::drop});
  CHECK(dropped.steps() == 2);
  CHECK(dropped.images() == 6);
  CHECK(epoch(dropped, 0).size() == 2);
}

TEST_CASE("the order depends on seed and epoch, and on nothing else") {
  const ImageDataset data = numbered(50);
  Loader one(data, {}, {.batch = 50, .seed = 1});
  Loader two(data, {}, {.batch = 50, .seed = 2});
  const auto order = [](Loader& loader, std::int64_t number) {
    return epoch(loader, number)[0].indices;
  };
  const auto first = order(one, 0), second = order(one, 1);
  CHECK(first != second);
  CHECK(first != order(two, 0));
  CHECK(order(one, 0) == first);
}

TEST_CASE("any number of threads and any prefetch give the same bits") {
  ImageDataset data = numbered(60);
  data.targets = octet::Tensor<float>({60, 3}, 1.0f / 3);
  const auto run = [&](int threads, int prefetch) {
    Loader loader(data, augmentation(),
                  {.batch = 7,
                   .seed = 3,
                   .threads = threads,
                   .prefetch = prefetch,
                   .batch_transforms = {octet::mixup(), octet::cutmix()}});
    std::vector<Batch> batches = epoch(loader, 0);
    for (Batch& batch : epoch(loader, 1)) batches.push_back(std::move(batch));
    return batches;
  };
  const std::vector<Batch> reference = run(0, 1);
  CHECK(!(reference[0].images == reference[9].images));
  for (const int threads : {1, 2, 4})
    for (const int prefetch : {1, 2, 5}) {
      CAPTURE(threads);
      CAPTURE(prefetch);
      check_equal(run(threads, prefetch), reference);
    }
}

TEST_CASE("an image is augmented alike wherever in the epoch it comes") {
  const ImageDataset data = numbered(40);
  const auto by_number = [&](const LoaderOptions& options) {
    Loader loader(data, augmentation(), options);
    std::vector<std::vector<float>> images(40);
    for (const Batch& batch : epoch(loader, 3))
      for (std::int64_t row = 0; row < batch.size(); ++row) {
        const float* const pixels = batch.images.data() + row * 20;
        images[static_cast<std::size_t>(batch.indices[static_cast<std::size_t>(row)])].assign(
            pixels, pixels + 20);
      }
    return images;
  };
  const auto images = by_number({.batch = 40, .order = Order::shuffled, .seed = 5});
  CHECK(by_number({.batch = 7, .order = Order::shuffled, .seed = 5}) == images);
  CHECK(by_number({.batch = 40, .order = Order::sequential, .seed = 5}) == images);
  CHECK(by_number({.batch = 40, .order = Order::sequential, .seed = 6}) != images);
}

TEST_CASE("a start in the middle of an epoch goes on with the same bits") {
  const ImageDataset data = numbered(40);
  for (const int threads : {0, 2}) {
    const LoaderOptions options = {.batch = 4, .seed = 9, .threads = threads};
    Loader whole(data, augmentation(), options);
    std::vector<Batch> rest = epoch(whole, 2);
    rest.erase(rest.begin(), rest.begin() + 6);
    Loader resumed(data, augmentation(), options);
    check_equal(epoch(resumed, 2, 6), rest);
    Batch batch;
    resumed.start(0);
    CHECK(resumed.next(batch));
    check_equal(epoch(resumed, 2, 6), rest);
    resumed.start(2, 10);
    CHECK(!resumed.next(batch));
  }
}

TEST_CASE("a transform's failure reaches the caller, from any thread") {
  const ImageDataset data = numbered(8);
  const octet::Transform broken = {"broken", [](octet::Picture&, const octet::Random&) {
                                     octet::fail("broken: this one always fails");
                                   }};
  for (const int threads : {0, 1, 3}) {
    Loader loader(data, {broken}, {.batch = 2, .threads = threads});
    Batch batch;
    CHECK(message_of([&] { loader.next(batch); }) == "broken: this one always fails");
  }
}

TEST_CASE("a batch may be moved away") {
  const ImageDataset data = numbered(20);
  for (const int threads : {0, 1}) {
    CAPTURE(threads);
    Loader loader(data, augmentation(),
                  {.batch = 2, .threads = threads, .batch_transforms = {octet::mixup()}});
    const std::vector<Batch> copies = epoch(loader, 0);
    std::vector<Batch> kept;
    Batch batch;
    for (loader.start(0); loader.next(batch);) kept.push_back(std::move(batch));
    check_equal(kept, copies);
  }
}

TEST_CASE("a transform that changes the shape without saying so is told, from any thread") {
  const ImageDataset data = numbered(8);
  const octet::Transform halved = {"halved", [](octet::Picture& picture, const octet::Random&) {
                                     std::fill_n(picture.next(2, 2), 4, 0.0f);
                                     picture.replace(2, 2);
                                   }};
  for (const int threads : {0, 1}) {
    CAPTURE(threads);
    Loader loader(data, {halved}, {.batch = 2, .order = Order::sequential, .threads = threads});
    Batch batch;
    CHECK(message_of([&] { loader.next(batch); }) ==
          "loader: expected the pipeline to make images of shape [5, 4, 1], got [2, 2, 1] for "
          "image 0; a transform that changes the shape needs an output_shape");
  }
}

TEST_CASE("options that cannot be are refused") {
  const ImageDataset data = numbered(3);
  const auto complaint = [&](const LoaderOptions& options) {
    return message_of([&] { Loader(data, {}, options); });
  };
  CHECK(complaint({.batch = 0}) == "loader: expected a batch from 1 to 2147483647, got 0");
  CHECK(complaint({.batch = (std::numeric_limits<std::int64_t>::max)()}) ==
        "loader: expected a batch from 1 to 2147483647, got 9223372036854775807");
  CHECK(complaint({.threads = -1}) == "loader: expected at least 0 threads, got -1");
  CHECK(complaint({.prefetch = 0}) == "loader: expected a prefetch of at least 1 batch, got 0");
  CHECK(complaint({.batch = 4, .last_batch = LastBatch::drop}) ==
        "loader: 3 images do not fill a batch of 4, and the incomplete batch is dropped");
  CHECK(message_of([] { Loader(ImageDataset{}, {}); }) ==
        "loader: expected a dataset with images, got an empty one");
  Loader loader(data, {}, {.batch = 2});
  CHECK(message_of([&] { loader.start(0, 3); }) ==
        "loader: expected an epoch of at least 0 and a step from 0 to 2, got epoch 0, step 3");
}

#if OCTET_TEST_FEW_THREADS
TEST_CASE("loader: throws where the system gives fewer threads") {
  const ImageDataset data = numbered(4);
  CHECK(throws_where_threads_are_few([&] { Loader loader(data, {}, {.threads = 100000}); }));
}
#endif
