#include "jobs/partial_reports.h"

#include <utility>

namespace sluice::jobs {

void PartialReports::add(const Part& part) {
  if (over_) return;
  output_->add(part);
  untold_ = true;
  arm();
}

void PartialReports::arm() {
  if (over_ || !untold_ || telling_ || timer_ != 0) return;
  timer_ = home_.run_at(next_, [this] {
    timer_ = 0;
    tell();
  });
}

void PartialReports::tell() {
  untold_ = false;
  telling_ = true;
  next_ = home_.now() + kReportEvery;
  store_.report_progress(home_, ticket_, output_->so_far(),
                         [reports = weak_from_this()](const Result<>& result) {
                           if (const auto self = reports.lock()) self->told(result);
                         });
}

void PartialReports::told(const Result<>& result) {
  telling_ = false;
  if (!result) {
    // Who runs the job hears of a lost attempt by its lease. A store that is away hears later.
    over_ =
        result.error().code == ErrorCode::kConflict || result.error().code == ErrorCode::kNotFound;
    untold_ = true;
  }
  arm();
}

}  // namespace sluice::jobs
