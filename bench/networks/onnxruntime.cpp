#include "onnxruntime.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#if __has_include(<dlfcn.h>)
#include <dlfcn.h>
#endif

namespace bench {

namespace {

/// The places of what is used in OrtApi, onnxruntime's table of C functions, to which new versions
/// only add at the end.
enum class Place {
  GetErrorMessage = 2,
  CreateEnv = 3,
  CreateSessionFromArray = 8,
  Run = 9,
  CreateSessionOptions = 10,
  SetSessionGraphOptimizationLevel = 23,
  SetIntraOpNumThreads = 24,
  SetInterOpNumThreads = 25,
  CreateTensorWithDataAsOrtValue = 49,
  CreateCpuMemoryInfo = 69,
  ReleaseStatus = 93,
  ReleaseMemoryInfo = 94,
  ReleaseSession = 95,
  ReleaseValue = 96,
  ReleaseSessionOptions = 100
};

struct ApiBase {
  void* const* (*api)(std::uint32_t version);
  const char* (*version)();
};

const ApiBase* base() {
#if __has_include(<dlfcn.h>)
  static const ApiBase* const found = []() -> const ApiBase* {
    const char* const told = std::getenv("OCTET_ONNXRUNTIME");
    void* library = dlopen(told ? told : "libonnxruntime.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library && !told) library = dlopen("libonnxruntime.so", RTLD_NOW | RTLD_LOCAL);
    if (!library && told) {
      std::fprintf(stderr, "OCTET_ONNXRUNTIME: %s\n", dlerror());
      std::exit(2);
    }
    void* const get = library ? dlsym(library, "OrtGetApiBase") : nullptr;
    if (told && !get) {
      std::fprintf(stderr, "OCTET_ONNXRUNTIME: expected a library of onnxruntime, got %s\n", told);
      std::exit(2);
    }
    return get ? reinterpret_cast<const ApiBase* (*)()>(get)() : nullptr;
  }();
  return found;
#else
  return nullptr;
#endif
}

void* function(Place place) {
  static void* const* const table = base()->api(1);
  return table[static_cast<std::size_t>(place)];
}
/// Calls what answers with a status, which is null if all is well.
template <class... Arguments>
void call(Place place, Arguments... arguments) {
  void* const status = reinterpret_cast<void* (*)(Arguments...)>(function(place))(arguments...);
  if (!status) return;
  const std::string sentence =
      reinterpret_cast<const char* (*)(void*)>(function(Place::GetErrorMessage))(status);
  reinterpret_cast<void (*)(void*)>(function(Place::ReleaseStatus))(status);
  throw std::runtime_error("onnxruntime: " + sentence);
}
template <Place place>
void release(void* object) {
  if (object) reinterpret_cast<void (*)(void*)>(function(place))(object);
}

/// Everything that onnxruntime does happens in one environment, which lasts as long as the process.
void* environment() {
  static void* const made = [] {
    constexpr int warnings = 2;
    void* object = nullptr;
    call(Place::CreateEnv, warnings, "octet", &object);
    return object;
  }();
  return made;
}

}  // namespace

std::string onnxruntime_version() { return base() ? base()->version() : ""; }

OnnxSession::OnnxSession(std::string_view model, int threads, std::vector<float>& input,
                         const std::vector<std::int64_t>& input_shape, std::vector<float>& output,
                         const std::vector<std::int64_t>& output_shape)
    : options_(nullptr, &release<Place::ReleaseSessionOptions>),
      memory_(nullptr, &release<Place::ReleaseMemoryInfo>),
      session_(nullptr, &release<Place::ReleaseSession>),
      input_(nullptr, &release<Place::ReleaseValue>),
      output_(nullptr, &release<Place::ReleaseValue>) {
  constexpr int all_optimizations = 99, arena_allocator = 1, default_memory = 0, float32 = 1;
  void* made = nullptr;
  call(Place::CreateSessionOptions, &made);
  options_.reset(made);
  call(Place::SetSessionGraphOptimizationLevel, made, all_optimizations);
  call(Place::SetIntraOpNumThreads, made, threads);
  call(Place::SetInterOpNumThreads, made, 1);
  call(Place::CreateSessionFromArray, environment(), static_cast<const void*>(model.data()),
       model.size(), options_.get(), &made);
  session_.reset(made);
  call(Place::CreateCpuMemoryInfo, arena_allocator, default_memory, &made);
  memory_.reset(made);
  const auto tensor = [&](std::vector<float>& values, const std::vector<std::int64_t>& shape) {
    call(Place::CreateTensorWithDataAsOrtValue, memory_.get(), static_cast<void*>(values.data()),
         values.size() * sizeof(float), shape.data(), shape.size(), float32, &made);
    return made;
  };
  input_.reset(tensor(input, input_shape));
  output_.reset(tensor(output, output_shape));
}

void OnnxSession::run() {
  const char* const input_name = "input";
  const char* const output_name = "output";
  const void* const input = input_.get();
  void* output = output_.get();
  const void* const no_options = nullptr;
  call(Place::Run, session_.get(), no_options, &input_name, &input, std::size_t{1}, &output_name,
       std::size_t{1}, &output);
}

}  // namespace bench
