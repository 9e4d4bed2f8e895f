// fer predict: the expression on a picture of any size.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <octet/data/transforms/resize.hpp>
#include <octet/interop/image.hpp>

#include "commands.hpp"
#include "model.hpp"

namespace fer {

using namespace octet;

namespace {

std::vector<double> softmax_of(const Tensor<float>& logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> shares;
  double sum = 0;
  for (const float logit : logits) {
    shares.push_back(std::exp(static_cast<double>(logit) - static_cast<double>(top)));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace

int predict(const PredictOptions& options) {
  const Model model = load_model(options.model);
  const Pipeline pipeline = model.pipeline();
  ThreadPool pool(options.threads);
  Workspace workspace(model.program, {.pool = &pool});
  for (const std::string& path : options.images) {
    const Image image = read_image(path, model.C() == 1 ? Channels::gray : Channels::rgb);
    const Image face = image.H == model.H() && image.W == model.W()
                           ? image
                           : resize_image(image, model.H(), model.W());
    Tensor<float> input = pipeline(face);
    const TensorView<const float> batch(input.data(), input.shape().with_batch(1));
    // The first run on a picture brings weights and memory into the caches.
    model.program.predict(batch, workspace);
    const auto start = std::chrono::steady_clock::now();
    const Tensor<float> logits = model.program.predict(batch, workspace);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;

    const std::vector<double> shares = softmax_of(logits);
    const auto best =
        static_cast<std::size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
    std::printf("%s (%lld x %lld): %s, %.2f ms\n", printable(path).c_str(),
                static_cast<long long>(image.W), static_cast<long long>(image.H),
                model.card.class_names[best].c_str(), taken.count());
    for (std::size_t c = 0; c < shares.size(); ++c)
      std::printf("  %-12s %6.2f %%\n", model.card.class_names[c].c_str(), 100 * shares[c]);
  }
  return 0;
}

}  // namespace fer
