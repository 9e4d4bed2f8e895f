// Convolutions that do the work of the batch norms around them, against those batch norms and the
// plain convolutions one after the other, at pixels around a block and a chunk of them.
#include "octet/kernels/pointwise_f32.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"
#include "octet/kernels/depthwise_normalized.hpp"

using namespace octet;
using namespace octet::kernels;

namespace {

AlignedVector<float> values(std::int64_t count, std::uint64_t stream, double low = -1) {
  const Random random{17, stream};
  AlignedVector<float> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(random.uniform(i, low, 1));
  return result;
}

/// The largest difference, as a share of the largest value.
double difference(const AlignedVector<float>& actual, const AlignedVector<float>& expected) {
  double largest = 0, most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = (std::max)(largest, std::fabs(static_cast<double>(expected[i])));
    most = (std::max)(most, std::fabs(static_cast<double>(actual[i] - expected[i])));
    if (actual[i] != actual[i]) return INFINITY;
  }
  return most / largest;
}

DeferredNormalization<float> normalization(std::int64_t channels, std::uint64_t stream) {
  return {values(channels, stream), values(channels, stream + 1), values(channels, stream + 2),
          -0.25f, 0.5f};
}
DeferredGradient<float> rest(std::int64_t channels, std::uint64_t stream) {
  return {normalization(channels, stream), values(channels, stream + 3),
          values(channels, stream + 4)};
}

/// What forward and backward have in common for both kinds of convolution.
template <class Forward, class PlainForward, class Backward, class PlainBackward>
void compare(const Conv2dShape& s, std::int64_t weights, const Forward& forward,
             const PlainForward& plain_forward, const Backward& backward,
             const PlainBackward& plain_backward) {
  const std::int64_t in = s.N * s.H * s.W, out = s.N * s.OH * s.OW;
  const auto x = values(in * s.C, 1), w = values(weights, 2), dy = values(out * s.OC, 3);
  const auto before = normalization(s.C, 10);
  const auto after = rest(s.OC, 20);
  AlignedVector<float> normalized(x.size()), y(dy.size()), gradient(dy.size()), dx(x.size());
  AlignedVector<float> dw(w.size());
  before.compute(in, x.data(), normalized.data());
  plain_forward(normalized, w, y);
  after.compute(out, y.data(), dy.data(), gradient.data());
  plain_backward(normalized, gradient, w, dw, dx);
  BlockSums<float> sums;
  sums.start(pieces(in, before.sum_rows), s.C);
  before.sum(0, in, x.data(), dx.data(), 0, sums);
  ThreadPool pool(2);
  AlignedVector<float> mean(static_cast<std::size_t>(s.OC)), variance(mean.size());
  batch_statistics<float>(out, s.OC, y.data(), mean.data(), variance.data(), pool);

  for (const StoreThrough through : {StoreThrough::caches, StoreThrough::memory}) {
    CAPTURE(static_cast<int>(through));
    BlockMoments<float> moments;
    BlockSums<float> gathered;
    AlignedVector<float> actual(y.size()), actual_dx(x.size()), actual_dw(w.size());
    forward(x, &before, w, actual, &moments, through, pool);
    CHECK(actual == y);
    AlignedVector<float> actual_mean(mean.size()), actual_variance(mean.size());
    batch_statistics(moments, actual_mean.data(), actual_variance.data(), pool);
    CHECK(difference(actual_mean, mean) < 1e-5);
    CHECK(difference(actual_variance, variance) < 1e-5);
    backward(x, dy, PointwiseNeighbours{&before, &gathered, &after, y.data()}, w, actual_dw,
             actual_dx, through, pool);
    CHECK(actual_dx == dx);
    CHECK(difference(actual_dw, dw) < 1e-5);
    for (const auto member : {&BlockSums<float>::gradients, &BlockSums<float>::products}) {
      const auto total = [&](const BlockSums<float>& blocks) {
        const AlignedVector<float>& all = blocks.*member;
        const std::vector<double> sum =
            sum_of_blocks(static_cast<std::int64_t>(all.size()) / s.C, s.C, all.data(), pool);
        return AlignedVector<float>(sum.begin(), sum.end());
      };
      CHECK(difference(total(gathered), total(sums)) < 1e-4);
    }
  }
}

Conv2dShape depthwise_shape(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C,
                            std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                            std::int64_t multiplier = 1) {
  Conv2dShape s{.N = N, .H = H, .W = W, .C = C};
  s.groups = C;
  s.OC = C * multiplier;
  s.KH = s.KW = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = pad;
  s.OH = (H + 2 * pad - kernel) / stride + 1;
  s.OW = (W + 2 * pad - kernel) / stride + 1;
  return s;
}

}  // namespace

TEST_CASE("pointwise: a convolution between two batch norms equals all three one by one") {
  struct Case {
    const char* name;
    std::int64_t pixels, C, OC;
  };
  const GemmImplementation& row = select_gemm();
  if (!row.product) return;
  for (const Case& c : {Case{"one pixel below a block", 95, 8, 16}, Case{"a block", 96, 16, 65},
                        Case{"one pixel above", 97, 17, 7}, Case{"a block of sums", 384, 64, 64},
                        Case{"one above", 385, 65, 6}, Case{"several chunks", 4000, 24, 130}}) {
    CAPTURE(c.name);
    const Conv2dShape s{.N = 1, .W = c.pixels, .C = c.C, .OW = c.pixels, .OC = c.OC};
    REQUIRE(is_narrow_pointwise(s));
    ThreadPool one(1);
    compare(
        s, c.C * c.OC,
        [&](const auto& x, const auto* before, const auto& w, auto& y, auto* moments,
            StoreThrough through, ThreadPool& pool) {
          pointwise_forward(row, s, x.data(), before, w.data(), nullptr, y.data(), moments, through,
                            pool);
        },
        [&](const auto& x, const auto& w, auto& y) {
          conv2d_forward<float>(s, x.data(), w.data(), {}, y.data(), one);
        },
        [&](const auto& x, const auto& dy, const PointwiseNeighbours& neighbours, const auto& w,
            auto& dw, auto& dx, StoreThrough through, ThreadPool& pool) {
          pointwise_backward(row, s, x.data(), dy.data(), neighbours, w.data(), dw.data(),
                             dx.data(), through, pool);
        },
        [&](const auto& x, const auto& dy, const auto& w, auto& dw, auto& dx) {
          conv2d_backward_weight<float>(s, x.data(), dy.data(), dw.data(), one);
          conv2d_backward_input<float>(s, dy.data(), w.data(), dx.data(), one);
        });
  }
}

TEST_CASE("pointwise: gradients have the same bits whatever the cache") {
  const GemmImplementation& row = select_gemm();
  if (!row.product) return;
  const Conv2dShape s{.N = 3, .W = 7001, .C = 24, .OW = 7001, .OC = 130};
  const auto x = values(s.N * s.W * s.C, 1), dy = values(s.N * s.W * s.OC, 2);
  const auto w = values(s.C * s.OC, 3);
  ThreadPool pool(2);
  const auto gradients = [&](std::int64_t cache_KiB) {
    std::pair<AlignedVector<float>, AlignedVector<float>> result;
    result.first.resize(w.size());
    result.second.resize(x.size());
    pointwise_backward(row, s, x.data(), dy.data(), {}, w.data(), result.first.data(),
                       result.second.data(), StoreThrough::caches, pool, cache_KiB * 1024);
    return result;
  };
  CHECK(gradients(128) == gradients(2048));
  CHECK(gradients(512) == gradients(2048));
}

TEST_CASE("depthwise: a convolution between two batch norms equals all three one by one") {
  struct Case {
    const char* name;
    std::int64_t N, H, W, C, KH, stride, pad, multiplier;
  };
  for (const Case& c :
       {Case{"one band", 5, 6, 7, 17, 3, 1, 1, 1}, Case{"bands", 2, 41, 40, 96, 3, 1, 1, 1},
        Case{"stride 2", 3, 40, 33, 96, 3, 2, 1, 1},
        Case{"stride 2 without padding", 3, 9, 8, 16, 3, 2, 0, 1},
        Case{"rows that no window sees", 1, 30, 40, 128, 1, 3, 0, 1},
        Case{"5 x 5", 2, 30, 40, 112, 5, 1, 2, 1}, Case{"multiplier 2", 2, 9, 9, 16, 3, 1, 1, 2}}) {
    CAPTURE(c.name);
    const Conv2dShape s = depthwise_shape(c.N, c.H, c.W, c.C, c.KH, c.stride, c.pad, c.multiplier);
    ThreadPool one(1);
    compare(
        s, c.KH * c.KH * s.OC,
        [&](const auto& x, const auto* before, const auto& w, auto& y, auto* moments,
            StoreThrough through, ThreadPool& pool) {
          depthwise_forward_normalized(s, x.data(), before, w.data(), nullptr, y.data(), moments,
                                       through, pool);
        },
        [&](const auto& x, const auto& w, auto& y) {
          depthwise_forward<float>(s, x.data(), w.data(), {}, y.data(), one);
        },
        [&](const auto& x, const auto& dy, const PointwiseNeighbours& neighbours, const auto& w,
            auto& dw, auto& dx, StoreThrough through, ThreadPool& pool) {
          depthwise_backward_normalized(s, x.data(), dy.data(), neighbours, w.data(), dw.data(),
                                        dx.data(), through, pool);
        },
        [&](const auto& x, const auto& dy, const auto& w, auto& dw, auto& dx) {
          depthwise_backward_weight<float>(s, x.data(), dy.data(), dw.data(), one);
          depthwise_backward_input<float>(s, dy.data(), w.data(), dx.data(), one);
        });
  }
}

TEST_CASE("depthwise: gradients and sums have the same bits whatever the cache") {
  for (const Conv2dShape& s :
       {depthwise_shape(2, 41, 23, 48, 3, 1, 1), depthwise_shape(2, 41, 23, 48, 3, 2, 1),
        depthwise_shape(2, 41, 23, 48, 5, 1, 2)}) {
    CAPTURE(s.KH);
    CAPTURE(s.stride_h);
    const auto x = values(s.N * s.H * s.W * s.C, 1), w = values(s.KH * s.KW * s.C, 2);
    const auto dy = values(s.N * s.OH * s.OW * s.C, 3), y = values(s.N * s.OH * s.OW * s.C, 4);
    const auto before = normalization(s.C, 10);
    const auto after = rest(s.C, 20);
    ThreadPool pool(2);
    const auto gradients = [&](std::int64_t cache_KiB) {
      AlignedVector<float> dw(w.size()), dx(x.size());
      BlockSums<float> sums;
      depthwise_backward_normalized(s, x.data(), dy.data(), {&before, &sums, &after, y.data()},
                                    w.data(), dw.data(), dx.data(), StoreThrough::caches, pool,
                                    cache_KiB * 1024);
      return std::vector{dw, dx, sums.gradients, sums.products};
    };
    CHECK(gradients(32) == gradients(2048));
    CHECK(gradients(256) == gradients(2048));
  }
}
