// Which ends of jobs somebody is still to be told of, kept beside the jobs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "jobs/job.h"
#include "jobs/machine.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// A job with a webhook that has ended.
struct Delivery {
  Job job;
  std::string output;         // of a completed job
  std::uint32_t attempt = 1;  // to deliver it; the fencing token
  [[nodiscard]] Ticket ticket() const { return {job.id, attempt}; }
};

// The step that ends a job which has a webhook also writes down that it is to be delivered, due at
// once (News::on_delivery). It is kept until it is settled, or as long as the job. Any thread; as
// Store's functions.
class DeliveryStore {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  // Up to `most` of those that are due, the longest due first. Each is due again after `lease`, in
  // case nobody settles it.
  virtual void claim_deliveries(Executor& home, std::size_t most, Duration lease,
                                Done<std::vector<Delivery>> done) = 0;
  // Over (none), or due again after so long. Changes nothing when it has been claimed again since.
  virtual void settle_delivery(Executor& home, Ticket delivery, std::optional<Duration> again,
                               Done<void> done) = 0;

 protected:
  ~DeliveryStore() = default;
};

}  // namespace sluice::jobs
