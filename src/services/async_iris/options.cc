#include "services/async_iris/options.h"

#include "config/fields.h"

namespace sluice::async_iris {

void describe(config::Fields<AsyncIrisOptions>& f) {
  using O = AsyncIrisOptions;
  f.about("async_iris",
          "A classifier by jobs: POST /predict gives a job's id, GET /job/{job_id} its result.");
  f.field("sample", &O::sample, "The rows that POST /predict/test asks with.");
  f.field("classes", &O::classes, "The names of the classes, in the order of the output's columns.")
      .entries(0, 10'000);
  f.field("model_name", &O::model_name, "What /metadata calls the model; empty: as the target.");
  f.field("output", &O::output,
          "The output of the target with a probability for each class; empty: its only "
          "floating-point one.");
  f.field("above", &O::above, "Every value of the input must be larger than this; null: any.");
  f.field("below", &O::below, "Every value of the input must be smaller than this; null: any.");
  f.field("log_result", &O::log_result, "Whether the log names the class that was predicted.");
}

}  // namespace sluice::async_iris
