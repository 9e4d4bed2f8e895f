// Batches of a dataset, prepared on threads ahead of their use.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/random.hpp"
#include "octet/data/batch.hpp"
#include "octet/data/dataset.hpp"
#include "octet/data/transforms/pipeline.hpp"

namespace octet::inline OCTET_ABI {

/// The order of the images in an epoch: as in the dataset, or another random one in every epoch.
enum class Order { sequential, shuffled };
/// What becomes of the last images if they are too few for a whole batch.
enum class LastBatch { keep, drop };

struct LoaderOptions {
  std::int64_t batch = 32;
  Order order = Order::shuffled;
  LastBatch last_batch = LastBatch::keep;
  /// Order and augmentation of an epoch depend on the seed and the epoch's number alone.
  std::uint64_t seed = 0;
  /// Threads that prepare batches; with 0 next() prepares them itself. They never change a bit.
  int threads = 1;
  /// How many batches may be ready before they are asked for.
  int prefetch = 3;
  /// mixup, CutMix: applied to each batch in this order.
  std::vector<BatchTransform> batch_transforms = {};
};

/// Goes through a dataset in batches:
///
///     Loader loader(data.train, {random_flip(), normalize()}, {.batch = 256, .seed = 1});
///     Batch batch;
///     for (int epoch = 0; epoch < 20; ++epoch)
///       for (loader.start(epoch); loader.next(batch);) ...
///
/// Batch s of epoch e is the same for any number of threads, and after any start(e, s). The dataset
/// must outlive the loader.
template <class = WhenUsed>
class BasicLoader {
 public:
  /// Fails if the options make no sense; throws std::system_error if the system gives fewer
  /// threads.
  BasicLoader(const ImageDataset& dataset, Pipeline pipeline, LoaderOptions options = {})
      : BasicLoader(Idle{}, dataset, std::move(pipeline), std::move(options)) {
    constexpr std::int64_t most = (std::int64_t{1} << 31) - 1;
    if (options_.batch < 1 || options_.batch > most)
      fail("loader: expected a batch from 1 to ", most, ", got ", options_.batch);
    if (options_.threads < 0) fail("loader: expected at least 0 threads, got ", options_.threads);
    if (options_.prefetch < 1)
      fail("loader: expected a prefetch of at least 1 batch, got ", options_.prefetch);
    if (dataset_.size() == 0) fail("loader: expected a dataset with images, got an empty one");
    if (steps() == 0)
      fail("loader: ", dataset_.size(), " images do not fill a batch of ", options_.batch,
           ", and the incomplete batch is dropped");
    image_shape_ = pipeline_.output_shape(dataset_.image_shape());
    slots_.resize(static_cast<std::size_t>(options_.threads ? options_.prefetch : 1));
    start(0);
    for (int i = 0; i < options_.threads; ++i) workers_.emplace_back([this] { work(); });
  }
  BasicLoader(const BasicLoader&) = delete;
  BasicLoader& operator=(const BasicLoader&) = delete;
  ~BasicLoader() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  const LoaderOptions& options() const { return options_; }
  const ImageDataset& dataset() const { return dataset_; }
  /// [H, W, C] of the images in a batch.
  const Shape& image_shape() const { return image_shape_; }
  /// Batches in an epoch.
  std::int64_t steps() const {
    return options_.last_batch == LastBatch::drop ? dataset_.size() / options_.batch
                                                  : pieces(dataset_.size(), options_.batch);
  }
  /// Images in an epoch.
  std::int64_t images() const { return (std::min)(steps() * options_.batch, dataset_.size()); }

  /// Goes to step `step` of epoch `epoch`: the next batch is that one.
  void start(std::int64_t epoch, std::int64_t step = 0) {
    if (epoch < 0 || step < 0 || step > steps())
      fail("loader: expected an epoch of at least 0 and a step from 0 to ", steps(), ", got epoch ",
           epoch, ", step ", step);
    std::unique_lock lock(mutex_);
    // Batches under way belong to the old place: nobody may claim another one, then wait for them.
    claimed_ = steps();
    ready_.wait(lock, [&] { return busy_ == 0; });
    epoch_ = epoch;
    order_.resize(static_cast<std::size_t>(dataset_.size()));
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    if (options_.order == Order::shuffled)
      stream(Purpose::order, epoch).shuffle(std::span<std::int64_t>(order_));
    for (Slot& slot : slots_) slot.state = Slot::State::free;
    claimed_ = taken_ = step;
    lock.unlock();
    wake_.notify_all();
  }

  /// Gives the next batch of the epoch; false when it is over. The memory that `batch` has is
  /// used again.
  bool next(Batch& batch) {
    if (taken_ == steps()) return false;
    if (workers_.empty()) {
      fill(batch, taken_, picture_);
      ++taken_;
      return true;
    }
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[static_cast<std::size_t>(taken_) % slots_.size()];
    ready_.wait(lock, [&] { return slot.state == Slot::State::full; });
#if defined(__cpp_exceptions)
    if (slot.error) std::rethrow_exception(slot.error);
#endif
    std::swap(batch, slot.batch);
    slot.state = Slot::State::free;
    ++taken_;
    lock.unlock();
    wake_.notify_all();
    return true;
  }

 private:
  // Where this constructor has ended, an exception of the other one calls the destructor, which
  // ends the threads that have begun.
  struct Idle {};
  BasicLoader(Idle, const ImageDataset& dataset, Pipeline pipeline, LoaderOptions options)
      : dataset_(dataset), pipeline_(std::move(pipeline)), options_(std::move(options)) {}

  struct Slot {
    enum class State { free, full };
    State state = State::free;
    Batch batch;
    std::exception_ptr error;
  };
  enum class Purpose : std::uint64_t { order, image, batch };

  Random stream(Purpose purpose, std::int64_t epoch) const {
    return Random(options_.seed)
        .substream(static_cast<std::uint64_t>(purpose))
        .substream(static_cast<std::uint64_t>(epoch));
  }

  void fill(Batch& batch, std::int64_t step, Picture& picture) const {
    const std::int64_t first = step * options_.batch;
    const std::int64_t count = (std::min)(options_.batch, dataset_.size() - first);
    const std::int64_t classes = dataset_.classes(), elements = image_shape_.elements();
    batch.epoch = epoch_;
    batch.step = step;
    batch.indices.assign(order_.begin() + first, order_.begin() + first + count);
    batch.labels.resize(static_cast<std::size_t>(count));
    reshape(batch.images, image_shape_.with_batch(count));
    reshape(batch.targets, dataset_.has_targets() ? Shape{count, classes} : Shape{0, classes});
    const Random images = stream(Purpose::image, epoch_);
    for (std::int64_t row = 0; row < count; ++row) {
      const std::int64_t index = batch.indices[static_cast<std::size_t>(row)];
      pipeline_.apply(dataset_.image(index), images.substream(static_cast<std::uint64_t>(index)),
                      picture);
      if (!(picture.shape() == image_shape_))
        fail("loader: expected the pipeline to make images of shape ", image_shape_, ", got ",
             picture.shape(), " for image ", index,
             "; a transform that changes the shape needs an output_shape");
      std::copy_n(picture.pixels.data(), elements, batch.images.data() + row * elements);
      batch.labels[static_cast<std::size_t>(row)] =
          dataset_.labels[static_cast<std::size_t>(index)];
      if (dataset_.has_targets())
        std::copy_n(dataset_.targets.data() + index * classes, classes,
                    batch.targets.data() + row * classes);
    }
    const Random batches =
        stream(Purpose::batch, epoch_).substream(static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < options_.batch_transforms.size(); ++i)
      options_.batch_transforms[i].apply(batch, classes, batches.substream(i));
  }

  static void reshape(Tensor<float>& tensor, const Shape& shape) {
    // A tensor that was moved from keeps its shape, without the elements.
    if (!(tensor.shape() == shape) || tensor.elements() != shape.elements())
      tensor = Tensor<float>(shape);
  }

  void work() {
    Picture picture;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] {
        return stopping_ ||
               (claimed_ < steps() && claimed_ < taken_ + static_cast<std::int64_t>(slots_.size()));
      });
      if (stopping_) return;
      const std::int64_t step = claimed_++;
      Slot& slot = slots_[static_cast<std::size_t>(step) % slots_.size()];
      slot.error = nullptr;
      ++busy_;
      lock.unlock();
#if defined(__cpp_exceptions)
      try {
        fill(slot.batch, step, picture);
      } catch (...) {
        slot.error = std::current_exception();
      }
#else
      fill(slot.batch, step, picture);
#endif
      lock.lock();
      slot.state = Slot::State::full;
      --busy_;
      ready_.notify_all();
    }
  }

  const ImageDataset& dataset_;
  Pipeline pipeline_;
  LoaderOptions options_;
  Shape image_shape_;
  std::vector<std::int64_t> order_;
  std::int64_t epoch_ = 0;
  /// Steps below claimed_ are ready or under way; steps below taken_ were given away.
  std::int64_t claimed_ = 0, taken_ = 0;
  int busy_ = 0;
  bool stopping_ = false;
  std::vector<Slot> slots_;
  Picture picture_;
  std::mutex mutex_;
  std::condition_variable wake_, ready_;
  std::vector<std::thread> workers_;
};
using Loader = BasicLoader<>;

}  // namespace octet::inline OCTET_ABI
