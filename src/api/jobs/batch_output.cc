#include "api/jobs/batch_output.h"

#include <utility>
#include <vector>

#include "http/json/writer.h"

namespace sluice::api::jobs {

namespace {

using sluice::jobs::JobState;
using sluice::jobs::JobView;

// Attached to its exchange, and used on that one's loop only.
class LineStream {
 public:
  LineStream(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id,
             bool completed)
      : exchange_(exchange), store_(*desk.store.batches()) {
    read_.id = std::move(id);
    read_.completed = completed;
  }

  void start() {
    const http::HeaderList headers{{"Cache-Control", "no-store"}};
    exchange_.start_stream({200, "application/jsonl", &headers});
    next();
  }

 private:
  void next() {
    if (exchange_.cancelled()) return end();
    store_.read_batch(exchange_.loop(), read_, [this](Result<std::vector<JobView>> page) {
      // A stream that has begun cannot become an error; what is missing can be asked for again.
      if (!page || page->empty() || exchange_.cancelled()) return end();
      write(*page);
    });
  }
  void write(const std::vector<JobView>& page) {
    std::string text;
    for (const JobView& view : page) {
      append_line(text, view);
      text += '\n';
    }
    read_.after = page.back().job.line;
    if (exchange_.write_stream(text)) {
      next();
    } else {
      exchange_.on_writable([this] { next(); });
    }
  }
  void end() {
    // This object goes with the exchange, after whoever called has returned.
    exchange_.loop().post([&exchange = exchange_] { exchange.end_stream(); });
  }

  http::Exchange& exchange_;
  sluice::jobs::BatchStore& store_;
  sluice::jobs::BatchStore::Read read_;
};

}  // namespace

void append_line(std::string& out, const JobView& view) {
  const sluice::jobs::Job& job = view.job;
  json::Writer writer(out);
  writer.begin_object().field("line", job.line);
  if (!job.custom_id.empty()) writer.field("custom_id", job.custom_id);
  writer.field("job", job.id);
  if (job.state == JobState::kCompleted) {
    writer.key("output").raw(view.output.empty() ? "null" : view.output);
  } else {
    writer.field("status", to_string(job.state));
    writer.key("error").begin_object();
    writer.field("code", to_string(job.error ? job.error->code : ErrorCode::kCancelled));
    writer.field("message", job.error ? job.error->message : "it was cancelled");
    writer.end_object();
  }
  writer.end_object();
}

void stream_lines(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id,
                  bool completed) {
  exchange.attach<LineStream>(exchange, desk, std::move(id), completed).start();
}

}  // namespace sluice::api::jobs
