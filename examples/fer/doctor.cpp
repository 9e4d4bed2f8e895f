#include "doctor.hpp"

#include <cstdio>

#include <octet/graph/graph_file.hpp>

#include "report.hpp"

namespace fer {

using namespace octet;

TreatedProgram quantize_with_doctor(const QuantizeOptions& options, const Model& model,
                                    const octet::QuantizeOptions& begin, const BatchSource& images,
                                    const Splits& splits, ThreadPool& pool) {
  const ImageDataset& judges = splits.validation;
  if (judges.size() == 0)
    fail(options.data.path, ": expected validation images for --doctor to judge by, got none");
  std::printf("the doctor judges by the %lld images of validation\n",
              static_cast<long long>(judges.size()));
  if (judges.pixels == splits.test.pixels)
    std::printf("they are the test images too: what test says of its choices is flattered\n");
  const LoadedGraph<float> loaded = load_graph<float>(options.model);
  TreatedProgram treated =
      octet::quantize_with_doctor(loaded.graph, images, judges, model.pipeline(),
                                  {.quantize = begin, .pool = &pool, .progress = stdout});
  const DoctorReport& report = treated.doctor;
  std::string applied;
  for (const Treatment& treatment : report.treatments)
    if (treatment.applied) applied += (applied.empty() ? "" : "; ") + treatment.name;
  std::printf(
      "\napplied: %s\nvalidation accuracy: float32 %s\n  int8 before %s\n  int8 after  %s\n\n",
      applied.empty() ? "nothing, for nothing pays" : applied.c_str(),
      percent_with_interval(report.in_float.accuracy()).c_str(),
      percent_with_interval(report.before.accuracy()).c_str(),
      percent_with_interval(report.after.accuracy()).c_str());
  return treated;
}

}  // namespace fer
