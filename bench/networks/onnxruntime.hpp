// onnxruntime, where its library is installed: nothing of it is needed to compile this.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// Its version, empty if there is no library. It is looked for as the environment variable
/// OCTET_ONNXRUNTIME says, a path, and else as libonnxruntime.so.1 and libonnxruntime.so.
std::string onnxruntime_version();

/// A model in its memory, for one input {N, ...} and one output of float32.
class OnnxSession {
 public:
  /// `model` is an ONNX file. Both tensors must outlive this. Throws std::runtime_error with
  /// onnxruntime's sentence.
  OnnxSession(std::string_view model, int threads, std::vector<float>& input,
              const std::vector<std::int64_t>& input_shape, std::vector<float>& output,
              const std::vector<std::int64_t>& output_shape);
  void run();

 private:
  using Handle = std::unique_ptr<void, void (*)(void*)>;
  Handle options_, memory_, session_, input_, output_;
};

}  // namespace bench
