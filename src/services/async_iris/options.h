// What can be said of a mount of the asynchronous classifier.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/describe.h"

namespace sluice::async_iris {

struct AsyncIrisOptions {
  // The test input of POST /predict/test.
  std::vector<std::vector<double>> sample = {{5.1, 3.5, 1.4, 0.2}};
  // The names of the classes, in the order of the output's columns.
  std::vector<std::string> classes = {"setosa", "versicolor", "virginica"};
  std::string model_name;  // what /metadata calls it; empty: as the target
  std::string output;      // of the target; empty: its only floating-point one
  // Every value of the input lies between these, which are not allowed themselves.
  std::optional<double> above = 0.0;
  std::optional<double> below = 10.0;
  bool log_result = true;
};
void describe(config::Fields<AsyncIrisOptions>& f);

}  // namespace sluice::async_iris
